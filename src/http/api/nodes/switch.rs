//! Nodes of instances: start and stop.
//!
//! Source: docs/contract/dcs-v2.md, section 2.4.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::instance::NodeSwitch;
use crate::engine::Engine;
use crate::http::context::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::extract::mandatory_object;
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation;

/// Describes the operation.
pub(in crate::http) fn described() -> Description {
    describe(&operation::SWITCH_NODES, "Starts or stops nodes of an instance; without ids, all")
        .takes::<SwitchBody>()
        .answers_any(200, "text/plain")
}

/// `PUT …/nodes/status`: starts or stops nodes.
///
/// Known quirk: the answer is a text, `job_id:` and the id.
pub(in crate::http) async fn switch_nodes(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let body: SwitchBody = mandatory_object(&call.body)?;
    let switch =
        NodeSwitch::new(body.action.as_deref().unwrap_or_default(), &body.node_ids.unwrap_or_default())?;
    let job_id = engine
        .switch_nodes(instance, switch, call.origin)
        .await
        .map_err(ApiError::failing_with(&codes::INSTANCE_SAVE_FAILED))?;
    Ok(HttpResponse::Ok().insert_header(ContentType::plaintext()).body(format!("job_id:{job_id}")))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NodeSwitch)]
struct SwitchBody {
    action: Option<String>,
    node_ids: Option<Vec<String>>,
}
