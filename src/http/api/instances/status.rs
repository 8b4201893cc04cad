//! Instances: restart, flush, start, stop; on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.15; docs/contract/dcs-v2.md, section 2.4.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::instance::StatusAction;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::http::api::instances::batch::{BatchView, instance_ids};
use crate::http::context::ProjectCall;
use crate::http::error::ApiError;
use crate::http::extract::mandatory_object;
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation;

/// Describes the operations.
pub(in crate::http) fn described() -> Vec<Description> {
    vec![
        describe(&operation::CHANGE_STATUSES, "Restarts, empties, starts or stops instances")
            .takes::<StatusBody>()
            .answers::<BatchView>(),
    ]
}

/// What is to be done to which instances.
#[derive(Deserialize, ToSchema)]
struct StatusBody {
    instances: Option<Vec<String>>,
    /// `restart` or `flush`; on v1.0 also `start` and `stop`, on v2 `soft_restart`.
    action: Option<String>,
}

/// `PUT …/instances/status`: has instances restarted, emptied, started or stopped.
pub(in crate::http) async fn change_statuses(
    engine: Engine,
    ProjectCall { call, project_id }: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    let body: StatusBody = mandatory_object(&call.body)?;
    let action = action(body.action.as_deref().unwrap_or_default(), call.api)?;
    let ids = instance_ids(body.instances.as_deref())?;
    let results = engine.change_statuses(project_id, &ids, action, &call.origin).await;
    if let (ApiVersion::V2, [Err(EngineError::Refused(refusal))]) = (call.api, results.as_slice())
        && refusal.is_busy()
    {
        // Known quirk: the one client that restarts single instances looks at the status only, and comes again after this.
        return Err(refusal.clone().into());
    }
    let view = BatchView::new(&ids, results)?;
    if call.api == ApiVersion::V1 && call.compat()?.status_action_204 {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(HttpResponse::Ok().json(view))
}

/// Reads what is to be done. v2 starts and stops nodes, not instances.
fn action(word: &str, api: ApiVersion) -> Result<StatusAction, Refusal> {
    match (word, api) {
        ("restart", _) | ("soft_restart", ApiVersion::V2) => Ok(StatusAction::Restart),
        ("flush", _) => Ok(StatusAction::Flush),
        ("start", ApiVersion::V1) => Ok(StatusAction::Start),
        ("stop", ApiVersion::V1) => Ok(StatusAction::Stop),
        _ => Err(Refusal::InvalidAction),
    }
}
