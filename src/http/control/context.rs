//! Requests to the control API: their authorization, bodies and answers.

use std::future::Future;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::domain::backup::BackupStatusKind;
use crate::engine::{AppliedChange, ChangedRecord, Engine, EngineError};
use crate::http::context::route;
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, Response, codes};
use crate::http::extract::holds_null;
use crate::http::route::{Handler, RouteEntry, path_part};
use crate::http::state::{ControlState, run_to_completion, state};
use crate::http::time::rfc3339;

/// Lets a request through that carries the control token, where there is one.
pub(super) fn authorize(request: &HttpRequest) -> Result<(), ApiError> {
    Ok(state(request)?.control.authorize(request)?)
}

/// Makes a route of a handler that reads.
pub(super) fn reads<F>(handler: fn(ControlContext) -> F) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    route(move |request, body| async move { handler(ControlContext::receive(request, body)?).await })
}

/// Makes a route of a handler that changes something. It is carried out to its end although its caller may go away: what is
/// cached must follow what is persisted.
pub(super) fn changes<F>(handler: fn(ControlContext) -> F) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    route(move |request, body| changed(handler, request, body))
}

/// Carries out a handler that changes something to its end.
pub(super) async fn changed<F>(
    handler: fn(ControlContext) -> F,
    request: HttpRequest,
    body: Bytes,
) -> Response
where
    F: Future<Output = Response> + 'static,
{
    run_to_completion(handler(ControlContext::receive(request, body)?)).await
}

/// A request to the control API that may be carried out.
pub(super) struct ControlContext {
    pub(super) request: HttpRequest,
    pub(super) body: Bytes,
}

impl ControlContext {
    /// Lets a request through that carries the control token, where there is one.
    pub(super) fn receive(request: HttpRequest, body: Bytes) -> Result<Self, ApiError> {
        authorize(&request)?;
        Ok(Self { request, body })
    }

    pub(super) fn state(&self) -> Result<&ControlState, ApiError> {
        Ok(&state(&self.request)?.control)
    }

    pub(super) fn engine(&self) -> Result<&Engine, ApiError> {
        Ok(&state(&self.request)?.engine)
    }

    /// Returns every route.
    pub(super) fn routes(&self) -> Result<&'static [RouteEntry], ApiError> {
        Ok(state(&self.request)?.routes)
    }

    /// Reads the body; nothing at all counts as `{}`.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let text: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        if holds_null(text) {
            return Err(ControlError::Invalid("no text may have U+0000".into()).into());
        }
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| ControlError::Invalid(error.to_string().into()))?;
        deserializer.end().map_err(|error| ControlError::Invalid(error.to_string().into()))?;
        Ok(value)
    }

    pub(super) fn path_part(&self, name: &str) -> &str {
        path_part(&self.request, name).unwrap_or_default()
    }
}

/// A change that was made, as answers tell of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Fired {
    at: String,
    model: &'static str,
    id: String,
    instance_id: Option<String>,
    /// Null: it has come into being.
    from: Option<&'static str>,
    to: &'static str,
}

impl Fired {
    fn of(change: &AppliedChange) -> Self {
        let instance_id = change.instance_id.map(|id| id.to_string());
        let (model, id, from, to) = match &change.record {
            ChangedRecord::Instance { from, to } => {
                ("instance", instance_id.clone().unwrap_or_default(), Some(from.as_str()), to.as_str())
            }
            ChangedRecord::Backup { id, from, to } => {
                ("backup", id.to_string(), from.map(BackupStatusKind::as_str), to.as_str())
            }
            ChangedRecord::Restore { id, from, to } => {
                ("restore", id.to_string(), Some(from.as_str()), to.as_str())
            }
            ChangedRecord::Work { model, id, from, to } => (model.as_str(), id.clone(), *from, *to),
        };
        Self { at: rfc3339(change.at), model, id, instance_id, from, to }
    }
}

pub(super) fn fired(changes: &[AppliedChange]) -> Vec<Fired> {
    changes.iter().map(Fired::of).collect()
}

pub(super) fn internal(error: EngineError) -> ApiError {
    ApiError::failing_with(&codes::INTERNAL)(error)
}

pub(super) fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// Reads an id that may be absent.
pub(super) fn optional_id<T: std::str::FromStr>(
    text: Option<&str>,
    name: &'static str,
) -> Result<Option<T>, ControlError> {
    text.map(str::parse).transpose().map_err(|_| ControlError::Invalid(format!("{name} is no id").into()))
}
