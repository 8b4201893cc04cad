//! Reads and changes of instance configuration, for all handlers, and the jobs that some name.

use actix_web::HttpResponse;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::domain::id::JobId;
use crate::domain::instance_config::{ConfigChange, InstanceConfig};
use crate::domain::origin::Origin;
use crate::domain::task::TaskKind;
use crate::engine::{Engine, InstanceRef};
use crate::http::error::{ApiError, OrFail, Response, codes};

/// Changes the configuration of an instance, for a handler.
pub(super) async fn change(
    engine: &Engine,
    instance: InstanceRef,
    change: ConfigChange,
    origin: Origin,
) -> Result<InstanceConfig, ApiError> {
    let changed = engine.change_config(instance, change, origin).await;
    Ok(changed.or_fail(&codes::INSTANCE_SAVE_FAILED)?.1)
}

/// Changes the configuration of an instance by a job, and answers with its id.
pub(super) async fn change_by_job(
    engine: &Engine,
    instance: InstanceRef,
    change: ConfigChange,
    task: TaskKind,
    origin: Origin,
) -> Response {
    let job = engine.change_config_by_job(instance, change, task, origin).await;
    Ok(job_begun(job.or_fail(&codes::INSTANCE_SAVE_FAILED)?))
}

/// A job, by which is asked how far it has come.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobView {
    job_id: String,
}

/// Answers with a job.
pub(crate) fn job_begun(job: JobId) -> HttpResponse {
    HttpResponse::Ok().json(JobView { job_id: job.to_string() })
}

/// Returns the configuration of an instance, for a handler.
pub(super) async fn settings(engine: &Engine, instance: InstanceRef) -> Result<InstanceConfig, ApiError> {
    let found = engine.instance_config(instance).await;
    Ok(found.or_fail(&codes::INSTANCE_QUERY_FAILED)?.1)
}

/// Takes a text, or a number as the text that it is written as; nothing at all is no text.
pub(super) fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrNumber {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(match Option::<TextOrNumber>::deserialize(deserializer)? {
        Some(TextOrNumber::Text(text)) => text,
        Some(TextOrNumber::Number(number)) => number.to_string(),
        None => String::new(),
    })
}
