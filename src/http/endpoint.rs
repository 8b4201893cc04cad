//! The way of a request to its handler: read the body, learn who calls, read the path and ask whether the caller may;
//! then the handler; and whatever goes wrong on the way, a panic included, is an [`ApiError`].

use std::future::{Future, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Route, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::domain::id::{InstanceId, ProjectId, RequestId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::work::FailureCode;
use crate::engine::{ApiVersion, Engine, InstanceRef, RecordsQuery};
use crate::http::auth::{Caller, claim};
use crate::http::body::Unread;
use crate::http::control::fault_decision::FaultyCall;
use crate::http::control::state::api_word;
use crate::http::control::{EMULATOR_ID, X_EMULATOR_ID};
use crate::http::error::ApiError;
use crate::http::error_code::INTERNAL;
use crate::http::extract::Query;
use crate::http::operation::{self, Operation, RouteName};
use crate::http::server::{AppState, Compat};
use crate::http::{control, origin_check, v1, v2};

/// A request that may be carried out.
pub(super) struct Call {
    /// The version of the API that it speaks.
    pub(super) api: ApiVersion,
    /// The parameters behind the path.
    pub(super) query: Query,
    /// The body; empty if there was none.
    pub(super) body: Bytes,
    /// Who calls, and in which request.
    pub(super) origin: Origin,
    /// The failure that work made by the call is to run into, as a fault has it.
    pub(super) failure: Option<FailureCode>,
    request: HttpRequest,
}

impl Call {
    /// Takes a request whose caller may make it, and lets it suffer its faults.
    async fn receive(
        request: HttpRequest,
        caller: &Caller,
        body: Bytes,
        state: &web::Data<AppState>,
    ) -> Result<Self, ApiError> {
        let failure = suffer(&request, state).await?;
        let request_id = request.extensions().get::<RequestId>().copied();
        Ok(Self {
            api: api_of(&request),
            query: Query::parse(request.query_string()),
            body,
            origin: Origin { actor: caller.actor(), request_id },
            failure,
            request,
        })
    }

    /// Reads which records a list is asked for, as the version has it.
    ///
    /// # Errors
    /// `InvalidQuery`, `WindowReversed`.
    pub(super) fn records_query(&self) -> Result<RecordsQuery, Refusal> {
        match self.api {
            ApiVersion::V1 => v1::records_query(&self.query),
            ApiVersion::V2 => v2::records_query(&self.query),
        }
    }

    /// Returns whether an operation is what the call asks for.
    pub(super) fn asks_for(&self, operation: &Operation) -> bool {
        self.request
            .extensions()
            .get::<RouteName>()
            .is_some_and(|route| std::ptr::eq(route.operation, operation))
    }

    /// Returns the id that the caller wants what it makes to have, if it names one: a test's right, which goes with the control
    /// token.
    ///
    /// # Errors
    /// `Off` without a control API, `Forbidden` without its token; `InvalidParameter`.
    pub(super) fn given_id<T: FromStr>(&self) -> Result<Option<T>, ApiError> {
        let Some(text) = self.request.headers().get(X_EMULATOR_ID) else { return Ok(None) };
        control::admit_beside(&self.request)?;
        let id = text.to_str().ok().and_then(|text| text.parse().ok());
        Ok(Some(id.ok_or(Refusal::InvalidParameter { name: EMULATOR_ID })?))
    }

    /// Returns the part of the path that the route names `name`; empty if the route has none.
    pub(super) fn path_part(&self, name: &str) -> &str {
        path_part(&self.request, name)
    }

    /// Returns in what old clients differ from the pages, as the settings have it.
    pub(super) fn compat(&self) -> Result<Compat, ApiError> {
        Ok(state(&self.request)?.settings.compat)
    }

    /// Returns where the client reaches the server, such as `http://127.0.0.1:8637`.
    pub(super) fn base_url(&self) -> Result<String, ApiError> {
        Ok(state(&self.request)?.base_url(&self.request))
    }
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
}

/// What a handler takes: a call with as much of the path as it needs.
pub(super) trait Target: Sized {
    /// Reads what of the path lies behind the project.
    fn read(project_id: ProjectId, call: Call) -> Result<Self, ApiError>;
}

impl Target for ProjectCall {
    fn read(project_id: ProjectId, call: Call) -> Result<Self, ApiError> {
        Ok(Self { call, project_id })
    }
}

impl Target for InstanceCall {
    fn read(project_id: ProjectId, call: Call) -> Result<Self, ApiError> {
        let instance_id: InstanceId =
            call.path_part("instance_id").parse().map_err(|_| Refusal::InvalidInstanceId)?;
        Ok(Self { instance: InstanceRef { project_id, instance_id }, call })
    }
}

/// Makes a route of a handler of the API: its caller is known and may carry out the operation.
pub(super) fn endpoint<T, F>(handler: fn(Engine, T) -> F) -> Route
where
    T: Target + 'static,
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    guarded(move |request| async move {
        let (engine, project_id, call) = admitted(request).await?;
        handler(engine, T::read(project_id, call)?).await
    })
}

/// Lets a request to the API through.
async fn admitted(request: HttpRequest) -> Result<(Engine, ProjectId, Call), ApiError> {
    let state = state(&request)?.clone();
    let (caller, body) = identify(&request, &state).await?;
    let project_id = admit(&request, &caller, &state).await?;
    let call = Call::receive(request, &caller, body, &state).await?;
    Ok((state.engine.clone(), project_id, call))
}

/// Makes a route of a handler of the API that is about no project: its caller is known, which is enough.
pub(super) fn endpoint_of_all<F>(handler: fn(Engine, Call) -> F) -> Route
where
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    guarded(move |request| async move {
        let state = state(&request)?.clone();
        let (caller, body) = identify(&request, &state).await?;
        let call = Call::receive(request, &caller, body, &state).await?;
        handler(state.engine.clone(), call).await
    })
}

/// Learns who calls and reads the body, in the contract's order: a stranger is refused before the body is read.
async fn identify(request: &HttpRequest, state: &AppState) -> Result<(Caller, Bytes), ApiError> {
    let claim = claim(request, &state.identity).await?;
    let body = state.bodies.read(request, state.settings.body_limit_bytes).await?;
    let caller = claim.confirm(request, &body, &state.identity)?;
    Ok((caller, body))
}

/// Makes a route of anything that takes a request with a body of at most `limit` bytes, which is read once `admit` has let
/// the request through.
pub(super) fn bulky_route<F>(
    limit: usize,
    admit: fn(&HttpRequest) -> Result<(), ApiError>,
    handler: impl Fn(HttpRequest, Bytes) -> F + Clone + 'static,
) -> Route
where
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    guarded(move |request| {
        let handler = handler.clone();
        async move {
            admit(&request)?;
            let state = state(&request)?.clone();
            let limit = limit.max(state.settings.body_limit_bytes);
            let body = state.bodies.read(&request, limit).await?;
            handler(request, body).await
        }
    })
}

/// Makes a route of anything that takes a request and reads its body by itself.
pub(super) fn streaming_route<F>(handler: impl Fn(HttpRequest) -> F + 'static) -> Route
where
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    guarded(handler)
}

/// Makes a route of anything that takes a request with its body.
pub(super) fn route<F>(handler: impl Fn(HttpRequest, Bytes) -> F + Clone + 'static) -> Route
where
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    guarded(move |request| {
        let handler = handler.clone();
        async move {
            let state = state(&request)?.clone();
            let body = state.bodies.read(&request, state.settings.body_limit_bytes).await?;
            handler(request, body).await
        }
    })
}

/// Makes a route; a panic in it is answered as an internal error. It is a bug, but one request's, not the server's.
///
/// Until it is read the body is the request's.
///
/// Handlers are told apart at run time only: one copy of all that is around them is enough for two hundred.
fn guarded<F>(handler: impl Fn(HttpRequest) -> F + 'static) -> Route
where
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    guarded_one(Rc::new(move |request| handler(request).boxed_local()))
}

type Served = LocalBoxFuture<'static, Result<HttpResponse, ApiError>>;

fn guarded_one(handler: Rc<dyn Fn(HttpRequest) -> Served>) -> Route {
    web::to(move |request: HttpRequest, payload: web::Payload| {
        let payload = payload.into_inner();
        if !matches!(payload, Payload::None) {
            Unread::keep(payload, &request);
        }
        let served = match check_origin(&request) {
            Ok(()) => handler(request),
            Err(error) => ready(Err(error)).boxed_local(),
        };
        let served = AssertUnwindSafe(served).catch_unwind();
        served.map(|served| served.unwrap_or(Err(ApiError::Panicked)))
    })
}

/// Refuses pages of other origins and foreign host names where they are not served: on the control API, and with what goes with
/// it.
fn check_origin(request: &HttpRequest) -> Result<(), ApiError> {
    let control = &state(request)?.control;
    let is_control = request.extensions().get::<RouteName>().is_some_and(|route| route.is_control)
        || control.is_on && request.headers().contains_key(X_EMULATOR_ID);
    Ok(origin_check::check(request.head(), is_control, &control.allowed_hosts)?)
}

/// Returns the state that the server shares with every request.
pub(super) fn state(request: &HttpRequest) -> Result<&web::Data<AppState>, ApiError> {
    // The server always has it; without it nothing else works either.
    request.app_data::<web::Data<AppState>>().ok_or(ApiError::Panicked)
}

/// Reads the project and makes sure that the caller may carry out the operation in it. The order is the contract's: the form
/// of the project's id, whether the credentials open it, and what they permit in it.
async fn admit(request: &HttpRequest, caller: &Caller, state: &AppState) -> Result<ProjectId, ApiError> {
    let project_id = path_part(request, "project_id").parse().map_err(|_| Refusal::InvalidProjectId)?;
    let route = request.extensions().get::<RouteName>().copied();
    if let Some(action) = route.and_then(|route| route.operation.action) {
        caller.permit(&state.identity, project_id, action).await?;
    }
    Ok(project_id)
}

/// Lets a call suffer what faults have in store for it; returns how the work it makes is to fail.
async fn suffer(request: &HttpRequest, state: &web::Data<AppState>) -> Result<Option<FailureCode>, ApiError> {
    let Some(route) =
        request.extensions().get::<RouteName>().copied().filter(|_| state.control.faults.is_any())
    else {
        return Ok(None);
    };
    let now = state.control.control.clock().0;
    let ruled = state.control.faults.rule(faulty_call(request, route), now, || state.control.control.dice());
    let decision = if let Ok(decision) = ruled {
        decision
    } else {
        let (request, state) = (request.clone(), state.clone());
        let decision = async move { state.control.rule_in_turn(faulty_call(&request, route)).await };
        control::to_its_end(decision).await?
    };
    let Some(decision) = decision else { return Ok(None) };
    if !decision.latency.is_zero() {
        tokio::time::sleep(decision.latency).await;
    }
    if decision.cut {
        return Err(ApiError::Cut);
    }
    match decision.error {
        Some((status, error_code)) => {
            let error_code = error_code.unwrap_or_else(|| INTERNAL.dcs.to_owned());
            Err(ApiError::Injected { status, error_code })
        }
        None => Ok(decision.outcome),
    }
}

/// Returns a call as faults look at it.
fn faulty_call(request: &HttpRequest, route: RouteName) -> FaultyCall<'_> {
    FaultyCall {
        operation: route.operation.name,
        api: route.api.map_or("", api_word),
        project_id: path_part(request, "project_id"),
        instance_id: path_part(request, "instance_id"),
        makes_work: [operation::CREATE_BACKUP, operation::CREATE_RESTORE].contains(route.operation),
        is_answered: true,
    }
}

/// Returns the version of the API that a request speaks. What speaks none is answered as v1.0 does, whose errors every client
/// reads.
pub(super) fn api_of(request: &HttpRequest) -> ApiVersion {
    let route = request.extensions().get::<RouteName>().copied();
    route.and_then(|route| route.api).unwrap_or_else(|| match request.path().split('/').nth(1) {
        Some("v2") => ApiVersion::V2,
        _ => ApiVersion::V1,
    })
}

fn path_part<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.match_info().get(name).unwrap_or_default()
}
