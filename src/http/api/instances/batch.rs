//! Instances: restart, flush, start, stop and delete, one or several at once.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.11, 2.12 and 2.15; docs/contract/dcs-v2.md, sections 2.3 and 2.4.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::InstanceId;
use crate::domain::instance::StatusAction;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::http::context::{InstanceContext, ProjectContext};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::mandatory_object;

/// The most instances a call may name.
const MAX_INSTANCES: usize = 50;

/// Reads the ids that a body names.
///
/// # Errors
/// `NoInstances`, `TooManyInstances`, `InvalidInstanceId` if any of them is malformed; in this order.
pub(crate) fn instance_ids(named: Option<&[String]>) -> Result<Vec<InstanceId>, Refusal> {
    let named = named.filter(|named| !named.is_empty()).ok_or(Refusal::NoInstances)?;
    if named.len() > MAX_INSTANCES {
        return Err(Refusal::TooManyInstances);
    }
    named.iter().map(|id| id.parse().map_err(|_| Refusal::InvalidInstanceId)).collect()
}

/// What became of each instance, in the order in which they were named.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchView {
    results: Vec<ResultView>,
}

#[derive(Serialize, ToSchema)]
struct ResultView {
    instance: String,
    result: &'static str,
}

impl BatchView {
    /// Shows results; a refusal is a result, any other failure ends the call.
    ///
    /// # Errors
    /// `Unavailable`, `Failed`.
    pub(crate) fn new(ids: &[InstanceId], results: Vec<Result<(), EngineError>>) -> Result<Self, ApiError> {
        let results = ids.iter().zip(results).map(|(id, result)| {
            let result = match result {
                Ok(()) => "success",
                Err(EngineError::Refused(_)) => "failed",
                Err(error) => return Err(ApiError::failing_with(&codes::INTERNAL)(error)),
            };
            Ok(ResultView { instance: id.to_string(), result })
        });
        Ok(Self { results: results.collect::<Result<_, _>>()? })
    }

    /// Shows that everything was done to these instances.
    pub(crate) fn all_done(ids: &[InstanceId]) -> Self {
        let results = ids.iter().map(|id| ResultView { instance: id.to_string(), result: "success" });
        Self { results: results.collect() }
    }
}

/// What is to be done to which instances.
#[derive(Deserialize, ToSchema)]
pub(super) struct StatusBody {
    #[schema(required, min_items = 1, max_items = 50)]
    instances: Option<Vec<String>>,
    /// `restart` or `flush`; on v1.0 also `start` and `stop`, on v2 `soft_restart`.
    #[schema(required)]
    action: Option<String>,
}

/// `PUT …/instances/status`: has instances restarted, emptied, started or stopped.
pub(super) async fn change_statuses(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let body: StatusBody = mandatory_object(&context.body)?;
    let action = action(body.action.as_deref().unwrap_or_default(), context.api)?;
    let ids = instance_ids(body.instances.as_deref())?;
    let results = engine.change_statuses(project_id, &ids, action, &context.origin).await;
    if let (ApiVersion::V2, [Err(EngineError::Refused(refusal))]) = (context.api, results.as_slice())
        && refusal.is_busy()
    {
        // Known quirk: the one client that restarts single instances looks at the status only, and comes again after this.
        return Err(refusal.clone().into());
    }
    let view = BatchView::new(&ids, results)?;
    if context.api == ApiVersion::V1 && context.compat()?.status_action_204 {
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

/// `DELETE …/instances/{instance_id}`: deletes an instance with all its records.
pub(super) async fn delete_instance(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    engine.delete_instance(instance, context.origin).await.or_fail(&codes::INTERNAL)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which instances are to be deleted.
#[derive(Deserialize, ToSchema)]
pub(super) struct BatchBody {
    #[schema(max_items = 50)]
    instances: Option<Vec<String>>,
}

/// `DELETE …/instances`: deletes those that the body names, or all whose creation failed.
pub(super) async fn delete_instances(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    if context.query.is_true(&["allFailure", "all_failure"]) {
        let deleted =
            engine.delete_failed_instances(project_id, &context.origin).await.or_fail(&codes::INTERNAL)?;
        return Ok(match context.api {
            ApiVersion::V1 => HttpResponse::NoContent().finish(),
            ApiVersion::V2 => HttpResponse::Ok().json(BatchView::all_done(&deleted)),
        });
    }
    let body: BatchBody = mandatory_object(&context.body)?;
    let ids = instance_ids(body.instances.as_deref())?;
    let results = engine.delete_instances(project_id, &ids, &context.origin).await;
    let view = BatchView::new(&ids, results)?;
    if context.api == ApiVersion::V1 && context.compat()?.batch_delete_204 {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(HttpResponse::Ok().json(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_one_to_fifty_instances() {
        let id = "5560df16-cebf-4473-95c4-d1b573c16e79".to_owned();
        let read = |named: &[String]| instance_ids(Some(named)).map(|ids| ids.len());
        assert_eq!(instance_ids(None), Err(Refusal::NoInstances));
        assert_eq!(read(&[]), Err(Refusal::NoInstances));
        assert_eq!(read(&vec![id.clone(); 50]), Ok(50));
        assert_eq!(read(&vec!["x".to_owned(); 51]), Err(Refusal::TooManyInstances));
        assert_eq!(read(&[id, "x".to_owned()]), Err(Refusal::InvalidInstanceId));
    }
}
