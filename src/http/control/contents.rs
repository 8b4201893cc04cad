//! What an instance holds, as a test declares it.

use crate::domain::contents::Contents;
use crate::domain::id::InstanceId;
use crate::domain::origin::Origin;
use crate::engine::{EngineError, InstanceRef};
use crate::http::control::context::{ControlContext, internal, json};
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, Response};

/// What a declaration may take, as JSON: 1 MiB.
pub(super) const MAX_CONTENTS_BYTES: usize = 1 << 20;

/// `GET /_emulator/instances/{instance_id}/contents`.
pub(super) async fn show(context: ControlContext) -> Response {
    let instance = context.instance().await?;
    Ok(json(&context.engine()?.contents(instance).await.map_err(missing)?))
}

/// `PUT /_emulator/instances/{instance_id}/contents`: the instance holds what the body says, and nothing else.
pub(super) async fn declare(context: ControlContext) -> Response {
    let declared: Contents = context.json()?;
    let instance = context.instance().await?;
    let origin = Origin::ANONYMOUS;
    let outcome = context.engine()?.declare_contents(instance, declared, origin).await.map_err(missing)?;
    Ok(json(&outcome.map_err(|problem| ControlError::Invalid(problem.into()))?))
}

fn missing(error: EngineError) -> ApiError {
    match error {
        EngineError::Refused(_) => ControlError::NotFound("instance").into(),
        error => internal(error),
    }
}

impl ControlContext {
    /// Returns the instance that the path names.
    async fn instance(&self) -> Result<InstanceRef, ApiError> {
        let id: Result<InstanceId, _> = self.path_part("instance_id").parse();
        let instance_id = id.map_err(|_| ControlError::NotFound("instance"))?;
        let project = self.engine()?.project_of(instance_id).await.map_err(internal)?;
        let project_id = project.ok_or(ControlError::NotFound("instance"))?;
        Ok(InstanceRef { project_id, instance_id })
    }
}
