//! Whether an instance sees the addresses of its clients.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::instance::InstanceSwitch;
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::api::config::{JobView, job_begun};
use crate::http::context::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::extract::mandatory_object;
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation;

/// Describes the operations.
pub(super) fn described() -> Vec<Description> {
    vec![
        describe(
            &operation::SWITCH_CLIENT_IPS,
            "Has an instance see the addresses of its clients, or no longer",
        )
        .takes::<ClientIpsBody>()
        .answers::<JobView>(),
    ]
}

/// `PUT …/client-ip-transparent-transmission`: has an instance see the addresses of its clients, or no longer. To ask for what is
/// so already is no mistake: a client does with every instance it makes.
pub(in crate::http) async fn switch_client_ips(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let body: ClientIpsBody = mandatory_object(&call.body)?;
    let enabled = body.transparent_client_ip_enable;
    let enabled = enabled.ok_or(Refusal::InvalidParameter { name: "transparent_client_ip_enable" })?;
    let job = engine.switch_instance(instance, InstanceSwitch::ClientIps(enabled), call.origin).await;
    Ok(job_begun(job.map_err(ApiError::failing_with(&codes::INSTANCE_SAVE_FAILED))?))
}

#[derive(Deserialize, ToSchema)]
struct ClientIpsBody {
    transparent_client_ip_enable: Option<bool>,
}
