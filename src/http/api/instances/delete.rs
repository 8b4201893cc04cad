//! Instances: delete one, or many at once; on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.11 and 2.12; docs/contract/dcs-v2.md, section 2.3.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{ApiVersion, Engine};
use crate::http::api::instances::batch::{BatchView, instance_ids};
use crate::http::context::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::extract::mandatory_object;
use crate::http::openapi::describe::{Description, describe, flag};
use crate::http::operation;

/// Describes the operations.
pub(in crate::http) fn described() -> Vec<Description> {
    vec![
        describe(&operation::DELETE_INSTANCE, "Deletes an instance with all its records").answers_nothing(),
        describe(&operation::DELETE_INSTANCES, "Deletes several instances")
            .query(&[flag("allFailure", "Delete all whose creation failed, whatever the body says.")])
            .takes::<BatchBody>()
            .answers::<BatchView>(),
    ]
}

/// `DELETE …/instances/{instance_id}`: deletes an instance with all its records.
pub(in crate::http) async fn delete_instance(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    engine.delete_instance(instance, call.origin).await.map_err(ApiError::failing_with(&codes::INTERNAL))?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which instances are to be deleted.
#[derive(Deserialize, ToSchema)]
struct BatchBody {
    instances: Option<Vec<String>>,
}

/// `DELETE …/instances`: deletes those that the body names, or all whose creation failed.
pub(in crate::http) async fn delete_instances(
    engine: Engine,
    ProjectCall { call, project_id }: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    if call.query.is_true(&["allFailure", "all_failure"]) {
        let deleted = engine
            .delete_failed_instances(project_id, &call.origin)
            .await
            .map_err(ApiError::failing_with(&codes::INTERNAL))?;
        return Ok(match call.api {
            ApiVersion::V1 => HttpResponse::NoContent().finish(),
            ApiVersion::V2 => HttpResponse::Ok().json(BatchView::all_done(&deleted)),
        });
    }
    let body: BatchBody = mandatory_object(&call.body)?;
    let ids = instance_ids(body.instances.as_deref())?;
    let results = engine.delete_instances(project_id, &ids, &call.origin).await;
    let view = BatchView::new(&ids, results)?;
    if call.api == ApiVersion::V1 && call.compat()?.batch_delete_204 {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(HttpResponse::Ok().json(view))
}
