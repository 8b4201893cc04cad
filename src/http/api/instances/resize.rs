//! Instances: give another size. v1.0 calls it extend, v2 resize.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.13; docs/contract/dcs-v2.md, section 2.5.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::instance::ResizeOrder;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine};
use crate::http::context::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Flexible, only_v2, text};
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation;

/// Describes the operation. What is paid in advance is answered with its order, the rest without a body.
pub(in crate::http) fn described() -> Vec<Description> {
    vec![
        describe(&operation::RESIZE_INSTANCE, "Gives an instance another size")
            .takes::<ResizeBody>()
            .answers_nothing(),
    ]
}

/// `POST …/extend` and `POST …/resize`: gives an instance another size.
pub(in crate::http) async fn resize_instance(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let body: ResizeBody = mandatory_object(&call.body)?;
    let may_wait = body.may_wait(call.api)?;
    let order_id = engine
        .resize_instance(call.api, instance, body.order(call.api)?, may_wait, call.origin)
        .await
        .map_err(ApiError::failing_with(&codes::INSTANCE_SAVE_FAILED))?;
    Ok(match (call.api, order_id) {
        (ApiVersion::V2, Some(order_id)) => HttpResponse::Ok().json(OrderView { order_id }),
        _ => HttpResponse::NoContent().finish(),
    })
}

#[derive(Deserialize, ToSchema)]
#[schema(as = InstanceResize)]
struct ResizeBody {
    new_capacity: Option<Flexible>,
    spec_code: Option<String>,
    #[schema(value_type = Option<String>)]
    change_type: Option<Value>,
    #[schema(value_type = Option<Vec<String>>)]
    available_zones: Option<Value>,
    #[schema(value_type = Option<Vec<String>>)]
    node_list: Option<Value>,
    /// False: it waits for the window of maintenance.
    #[schema(value_type = Option<bool>)]
    execute_immediately: Option<Value>,
}

impl ResizeBody {
    /// Returns whether the change waits for the window of maintenance. On v1.0 none does.
    ///
    /// # Errors
    /// `InvalidBody`.
    fn may_wait(&self, api: ApiVersion) -> Result<bool, Refusal> {
        let at_once: Option<Flexible> = only_v2(api, self.execute_immediately.clone())?;
        Ok(at_once.as_ref().and_then(Flexible::boolean) == Some(false))
    }

    /// Returns the order. v1.0 knows capacity and product only.
    ///
    /// # Errors
    /// `InvalidBody`.
    fn order(self, api: ApiVersion) -> Result<ResizeOrder, Refusal> {
        Ok(ResizeOrder {
            capacity_gb: self.new_capacity.as_ref().and_then(Flexible::number),
            product: text(self.spec_code),
            kind: text(only_v2(api, self.change_type)?),
            zones: only_v2(api, self.available_zones)?.unwrap_or_default(),
            nodes: only_v2(api, self.node_list)?.unwrap_or_default(),
        })
    }
}

/// The order by which a size is paid in advance.
#[derive(Serialize)]
struct OrderView {
    order_id: String,
}
