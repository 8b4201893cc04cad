//! The way of a request to its handler: read the body, learn who calls, read the path; then the handler; and whatever
//! goes wrong on the way, a panic included, is an [`ApiError`].

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Route, web};
use futures_util::{FutureExt, StreamExt};

use crate::domain::id::{InstanceId, ProjectId, RequestId};
use crate::domain::origin::{Actor, Origin};
use crate::domain::refusal::Refusal;
use crate::engine::{Engine, InstanceRef};
use crate::http::error::ApiError;
use crate::http::extract::Query;
use crate::http::server::AppState;

/// How long a body may take to arrive. Source: `decisions` no. 22.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// A request that may be carried out.
pub(super) struct Call {
    /// The parameters behind the path.
    pub(super) query: Query,
    /// The body; empty if there was none.
    pub(super) body: Bytes,
    /// Who calls, and in which request.
    pub(super) origin: Origin,
}

/// A call about a project.
pub(super) struct ProjectCall {
    pub(super) call: Call,
    pub(super) project_id: ProjectId,
}

/// A call about an instance of a project.
pub(super) struct InstanceCall {
    pub(super) call: Call,
    pub(super) instance: InstanceRef,
    request: HttpRequest,
}

impl InstanceCall {
    /// Returns the part of the path that the route names `name`; empty if the route has none.
    pub(super) fn path_part(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }
}

/// What a handler takes: a call with as much of the path as it needs.
pub(super) trait Target: Sized {
    /// Reads the path.
    fn read(request: HttpRequest, call: Call) -> Result<Self, ApiError>;
}

impl Target for ProjectCall {
    fn read(request: HttpRequest, call: Call) -> Result<Self, ApiError> {
        Ok(Self { project_id: project_id(&request)?, call })
    }
}

impl Target for InstanceCall {
    fn read(request: HttpRequest, call: Call) -> Result<Self, ApiError> {
        let project_id = project_id(&request)?;
        let instance_id: InstanceId =
            path_part(&request, "instance_id").parse().map_err(|_| Refusal::InvalidInstanceId)?;
        Ok(Self { instance: InstanceRef { project_id, instance_id }, call, request })
    }
}

/// Makes a route of a handler.
pub(super) fn endpoint<T, F>(handler: fn(Engine, T) -> F) -> Route
where
    T: Target + 'static,
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    web::to(move |request: HttpRequest, payload: web::Payload| async move {
        let state = state(&request)?.clone();
        let served = async {
            let call = receive(&request, payload.into_inner(), &state).await?;
            handler(state.engine.clone(), T::read(request, call)?).await
        };
        // A panic is a bug, but one request's, not the server's.
        AssertUnwindSafe(served).catch_unwind().await.unwrap_or(Err(ApiError::Panicked))
    })
}

/// Returns the state that the server shares with every request.
pub(super) fn state(request: &HttpRequest) -> Result<&web::Data<AppState>, ApiError> {
    // The server always has it; without it nothing else works either.
    request.app_data::<web::Data<AppState>>().ok_or(ApiError::Panicked)
}

async fn receive(request: &HttpRequest, payload: Payload, state: &AppState) -> Result<Call, ApiError> {
    let body = read_body(payload, request, state.settings.body_limit_bytes).await?;
    let request_id = request.extensions().get::<RequestId>().copied();
    Ok(Call {
        query: Query::parse(request.query_string()),
        body,
        origin: Origin { actor: Actor::Anonymous, request_id },
    })
}

/// Reads a body of at most `limit` bytes.
async fn read_body(mut payload: Payload, request: &HttpRequest, limit: usize) -> Result<Bytes, ApiError> {
    if matches!(payload, Payload::None) {
        return Ok(Bytes::new());
    }
    let announced = request.headers().get(actix_web::http::header::CONTENT_LENGTH);
    let announced =
        announced.and_then(|length| length.to_str().ok()).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(ApiError::BodyTooLarge);
    }
    let read = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::InvalidBody)?;
            if body.len() + chunk.len() > limit {
                return Err(ApiError::BodyTooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    match tokio::time::timeout(BODY_PATIENCE, read).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::BodyTooSlow),
    }
}

fn project_id(request: &HttpRequest) -> Result<ProjectId, ApiError> {
    Ok(path_part(request, "project_id").parse().map_err(|_| Refusal::InvalidProjectId)?)
}

fn path_part<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.match_info().get(name).unwrap_or_default()
}
