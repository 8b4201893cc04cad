//! The way of a request to its handler: read the body, learn who calls, read the path and ask whether the caller may;
//! then the handler; and whatever goes wrong on the way, a panic included, is an [`ApiError`].

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest, web};
use futures_util::FutureExt;
use tracing::{Instrument, Level, Span};

use crate::domain::builtin;
use crate::domain::fault::Call;
use crate::domain::id::{InstanceId, ProjectId, RequestId, UUID_LENGTH};
use crate::domain::identity::{Action, Project, Secret, Token, TokenScope};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::work::FailureCode;
use crate::engine::identity::ProjectFilter;
use crate::engine::{AccountCaller, ApiVersion, Engine, InstanceRef};
use crate::http::auth::{Caller, X_AUTH_TOKEN, authenticate, origin_check};
use crate::http::body::Unread;
use crate::http::error::codes::INTERNAL;
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, OrFail, Response};
use crate::http::extract::{EMULATOR_ID, Query};
use crate::http::route::{Handler, RouteEntry, api_of, path_part, path_parts};
use crate::http::state::{AppState, BaseUrl, Compat, listens_on, state};

const X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");
/// [`EMULATOR_ID`] as headers are looked up.
const X_EMULATOR_ID: HeaderName = HeaderName::from_static("x-emulator-id");

/// A request that may be carried out.
pub(super) struct RequestContext {
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

impl RequestContext {
    /// Takes a request whose caller may make it, and injects the faults that match it.
    async fn receive(
        request: HttpRequest,
        caller: &Caller,
        body: Bytes,
        state: &web::Data<AppState>,
    ) -> Result<Self, ApiError> {
        let query = Query::parse(request.query_string());
        if query.pairs().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(Refusal::InvalidQuery { name: "query" }.into());
        }
        if path_parts(&request).any(|(_, part)| part.contains('\0')) {
            return Err(Refusal::InvalidParameter { name: "path" }.into());
        }
        let failure = inject_faults(&request, &state.engine).await?;
        let request_id = request.extensions().get::<RequestId>().copied();
        Ok(Self {
            api: api_of(&request),
            query,
            body,
            origin: Origin { actor: caller.actor(), request_id },
            failure,
            request,
        })
    }

    /// Returns the id that the caller wants what it makes to have, if it names one: a test's right, which goes with the control
    /// token.
    ///
    /// # Errors
    /// `Off` without a control API, `Forbidden` without its token; `InvalidParameter`.
    pub(super) fn client_chosen_id<T: FromStr>(&self) -> Result<Option<T>, ApiError> {
        let Some(text) = self.request.headers().get(X_EMULATOR_ID) else { return Ok(None) };
        let control = &state(&self.request)?.control;
        if !control.is_on {
            return Err(ControlError::Off.into());
        }
        control.authorize(&self.request)?;
        let id = text.to_str().ok().and_then(|text| text.parse().ok());
        Ok(Some(id.ok_or(Refusal::InvalidParameter { name: EMULATOR_ID })?))
    }

    /// Returns the part of the path that the route names `name`; empty if the route has none.
    pub(super) fn path_part(&self, name: &str) -> &str {
        path_part(&self.request, name).unwrap_or_default()
    }

    /// Returns the path of the request.
    pub(super) fn path(&self) -> &str {
        self.request.path()
    }

    /// Returns in what old clients differ from the pages, as the settings have it.
    pub(super) fn compat(&self) -> Result<Compat, ApiError> {
        Ok(state(&self.request)?.settings.compat)
    }

    /// Returns where the client reaches the server, such as `http://127.0.0.1:8637`.
    pub(super) fn base_url(&self) -> Result<BaseUrl, ApiError> {
        Ok(state(&self.request)?.base_url(&self.request))
    }
}

/// Injects the faults that match a call; returns the failure that the work it creates is to run into.
async fn inject_faults(request: &HttpRequest, engine: &Engine) -> Result<Option<FailureCode>, ApiError> {
    let Some(route) = RouteEntry::of(request) else { return Ok(None) };
    let call = Call {
        operation: route.operation.name,
        api: route.api,
        project_id: project_of(request),
        instance_id: path_part(request, "instance_id").and_then(|id| id.parse().ok()),
    };
    let Some(decision) = engine.decide_faults(call).await.or_fail(&INTERNAL)? else { return Ok(None) };
    if !decision.latency.is_zero() {
        tokio::time::sleep(decision.latency).await;
    }
    if decision.cut {
        return Err(ApiError::Cut);
    }
    match decision.error {
        Some(error) => Err(ApiError::Injected(error)),
        None => Ok(decision.failure),
    }
}

/// A call about a project.
pub(super) struct ProjectContext {
    pub(super) context: RequestContext,
    pub(super) project_id: ProjectId,
}

/// A call about an instance of a project.
pub(super) struct InstanceContext {
    pub(super) context: RequestContext,
    pub(super) instance: InstanceRef,
}

/// What a handler takes: a call with as much of the path as it needs.
pub(super) trait Target: Sized {
    /// Reads what of the path lies behind the project.
    fn read(project_id: ProjectId, context: RequestContext) -> Result<Self, ApiError>;
}

impl Target for ProjectContext {
    fn read(project_id: ProjectId, context: RequestContext) -> Result<Self, ApiError> {
        Ok(Self { context, project_id })
    }
}

impl Target for InstanceContext {
    fn read(project_id: ProjectId, context: RequestContext) -> Result<Self, ApiError> {
        let instance_id: InstanceId =
            context.path_part("instance_id").parse().map_err(|_| Refusal::InvalidInstanceId)?;
        Ok(Self { instance: InstanceRef { project_id, instance_id }, context })
    }
}

/// Makes a route of a handler of the API: its caller is known and may carry out the operation.
pub(super) fn endpoint<T, F>(handler: impl Fn(Engine, T) -> F + Copy + Send + Sync + 'static) -> Handler
where
    T: Target + 'static,
    F: Future<Output = Response> + 'static,
{
    Handler::new(move |request: HttpRequest| async move {
        let (engine, project_id, context) = receive(request).await?;
        handler(engine, T::read(project_id, context)?).await
    })
}

/// Lets a request to the API through.
async fn receive(request: HttpRequest) -> Result<(Engine, ProjectId, RequestContext), ApiError> {
    let state = state(&request)?.clone();
    let (caller, body) = identify(&request, &state).await?;
    let project_id = authorize(&request, &caller, &state).await?;
    let context = RequestContext::receive(request, &caller, body, &state).await?;
    Ok((state.engine.clone(), project_id, context))
}

/// Makes a route of a handler whose path names no project: it is about the one that the head of the request names, that of the
/// token, or the first of the caller; of nobody in particular, the one that is there from the beginning.
pub(super) fn endpoint_of_own_project<F>(
    handler: impl Fn(Engine, ProjectContext) -> F + Copy + Send + Sync + 'static,
) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    Handler::new(move |request: HttpRequest| async move {
        let state = state(&request)?.clone();
        let (caller, body) = identify(&request, &state).await?;
        let project_id = own_project(&request, &caller, &state).await?;
        request.extensions_mut().insert(OwnProject(project_id));
        permit(&request, &caller, project_id, &state).await?;
        let context = RequestContext::receive(request, &caller, body, &state).await?;
        handler(state.engine.clone(), ProjectContext { context, project_id }).await
    })
}

/// The project that a request is about whose path names none.
#[derive(Clone, Copy)]
pub(super) struct OwnProject(pub(super) ProjectId);

/// Returns the project that a request is about, as far as its path or the way of its caller has told it.
pub(super) fn project_of(request: &HttpRequest) -> Option<ProjectId> {
    let own = || request.extensions().get::<OwnProject>().map(|own| own.0);
    path_part(request, "project_id").and_then(|id| id.parse().ok()).or_else(own)
}

async fn own_project(
    request: &HttpRequest,
    caller: &Caller,
    state: &AppState,
) -> Result<ProjectId, ApiError> {
    if let Some(named) = request.headers().get(X_PROJECT_ID) {
        let named = named.to_str().ok().and_then(|id| id.parse().ok());
        return Ok(named.ok_or(Refusal::InvalidProjectId)?);
    }
    let token = known_token(request, state).await?;
    if let Some(TokenScope::Project(project)) = token.as_ref().map(|token| &token.scope) {
        return Ok(project.id);
    }
    let Some(user) = caller.user() else {
        return Ok(builtin::PROJECT_ID.parse().map_err(|_| Refusal::InvalidProjectId)?);
    };
    let projects = state.identity.projects(user, ProjectFilter::default()).await.or_fail(&INTERNAL)?;
    Ok(projects.first().map(|project| project.id).ok_or(Refusal::OtherProject)?)
}

/// Returns the token of a request: it says whose the caller is, even where nobody asks what it opens.
async fn known_token(request: &HttpRequest, state: &AppState) -> Result<Option<Arc<Token>>, ApiError> {
    match request.headers().get(X_AUTH_TOKEN).and_then(|text| text.to_str().ok()) {
        Some(text) => state.identity.known_token(&Secret::new(text.to_owned())).await.or_fail(&INTERNAL),
        None => Ok(None),
    }
}

/// A call about what the account of its caller has.
pub(super) struct AccountContext {
    pub(super) context: RequestContext,
    /// The name of the account; none: the domain.
    pub(super) account: Option<String>,
    /// The project that the caller's credentials name.
    pub(super) project_id: ProjectId,
    caller: Caller,
    action: Option<Action>,
}

impl AccountContext {
    /// Returns the caller as what changes something.
    pub(super) fn caller(&self) -> AccountCaller {
        let (account, origin) = (self.account.clone(), self.context.origin.clone());
        AccountCaller { account, project_id: self.project_id, origin }
    }

    /// Returns whether the caller may carry out the operation in a project: what is in others is not there.
    ///
    /// # Errors
    /// As `Caller::permit_in_account`, for an operation that the caller may not carry out in a project of its own.
    pub(super) async fn reaches(&self, project_id: ProjectId) -> Result<bool, ApiError> {
        let Some(action) = self.action else { return Ok(true) };
        let identity = &state(&self.context.request)?.identity;
        match self.caller.permit_in_account(identity, project_id, action).await {
            Ok(()) => Ok(true),
            Err(ApiError::Refused(Refusal::OtherProject | Refusal::NoRole)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns those of projects that the caller reaches; of all that there are, if none are named.
    ///
    /// # Errors
    /// As [`Self::reaches`].
    pub(super) async fn reached(&self, named: Option<&[ProjectId]>) -> Result<Vec<Project>, ApiError> {
        let all = state(&self.context.request)?.identity.named_projects().await.or_fail(&INTERNAL)?;
        let name = |id| all.iter().find(|project| project.id == id).map(|project| project.name.clone());
        let project = |id: &ProjectId| Project { id: *id, name: name(*id).unwrap_or_else(|| id.to_string()) };
        let candidates = named.map_or_else(|| all.clone(), |ids| ids.iter().map(project).collect());
        let mut reached: Vec<Project> = Vec::new();
        for project in candidates {
            if !reached.contains(&project) && self.reaches(project.id).await? {
                reached.push(project);
            }
        }
        Ok(reached)
    }
}

/// Makes a route of a handler about what the account of the caller has. May it be carried out, is asked in the caller's own project.
pub(super) fn endpoint_of_account<F>(handler: fn(Engine, AccountContext) -> F) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    Handler::new(move |request: HttpRequest| async move {
        let state = state(&request)?.clone();
        let (caller, body) = identify(&request, &state).await?;
        let project_id = own_project(&request, &caller, &state).await?;
        request.extensions_mut().insert(OwnProject(project_id));
        let action = RouteEntry::of(&request).and_then(|route| route.operation.action);
        if let Some(action) = action {
            caller.permit_in_account(&state.identity, project_id, action).await?;
        }
        let account = match caller.user() {
            Some(user) => user.account.clone(),
            None => known_token(&request, &state).await?.and_then(|token| token.user.account.clone()),
        };
        let context = RequestContext::receive(request, &caller, body, &state).await?;
        let account = account.map(|account| account.name);
        handler(state.engine.clone(), AccountContext { context, account, project_id, caller, action }).await
    })
}

/// Makes a route of a handler of the API that is about no project: its caller is known, which is enough.
pub(super) fn endpoint_of_all<F>(handler: fn(Engine, RequestContext) -> F) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    Handler::new(move |request: HttpRequest| async move {
        let state = state(&request)?.clone();
        let (caller, body) = identify(&request, &state).await?;
        let context = RequestContext::receive(request, &caller, body, &state).await?;
        handler(state.engine.clone(), context).await
    })
}

/// A call about things of any project, of a caller that may reach some of them.
pub(super) struct CallerContext {
    pub(super) context: RequestContext,
    caller: Caller,
    action: Option<Action>,
}

impl CallerContext {
    /// Returns whether a project is one of those that the caller's credentials open: what is in others is not there.
    ///
    /// # Errors
    /// As `Caller::permit`, for an operation that the caller may not carry out in a project of its own.
    pub(super) async fn reaches(&self, project_id: ProjectId) -> Result<bool, ApiError> {
        let Some(action) = self.action else { return Ok(true) };
        let state = state(&self.context.request)?;
        match self.caller.permit(&state.identity, project_id, action).await {
            Ok(()) => Ok(true),
            Err(ApiError::Refused(Refusal::OtherProject)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Makes a route of a handler of the API that is about things of any project: which of them the caller may reach is the handler's
/// question.
pub(super) fn endpoint_of_caller<F>(handler: fn(Engine, CallerContext) -> F) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    Handler::new(move |request: HttpRequest| async move {
        let state = state(&request)?.clone();
        let (caller, body) = identify(&request, &state).await?;
        let action = RouteEntry::of(&request).and_then(|route| route.operation.action);
        let context = RequestContext::receive(request, &caller, body, &state).await?;
        handler(state.engine.clone(), CallerContext { context, caller, action }).await
    })
}

/// Learns who calls and reads the body, in the contract's order: a stranger is refused before the body is read.
async fn identify(request: &HttpRequest, state: &AppState) -> Result<(Caller, Bytes), ApiError> {
    let authentication = authenticate(request, &state.identity).await?;
    let body = state.bodies.read(request, state.settings.body_limit_bytes).await?;
    let caller = authentication.verify(request, &body, &state.identity)?;
    Ok((caller, body))
}

/// Makes a route of anything that takes a request with a body of at most `limit` bytes, which is read once `authorize` has let
/// the request through.
pub(super) fn bulky_route<F>(
    limit: usize,
    authorize: fn(&HttpRequest) -> Result<(), ApiError>,
    handler: fn(HttpRequest, Bytes) -> F,
) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    Handler::new(move |request: HttpRequest| async move {
        authorize(&request)?;
        let state = state(&request)?.clone();
        let limit = limit.max(state.settings.body_limit_bytes);
        let body = state.bodies.read(&request, limit).await?;
        handler(request, body).await
    })
}

/// Makes a route of anything that takes a request with its body.
pub(super) fn route<F>(handler: impl Fn(HttpRequest, Bytes) -> F + Clone + Send + Sync + 'static) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    Handler::new(move |request: HttpRequest| {
        let handler = handler.clone();
        async move {
            let state = state(&request)?.clone();
            let body = state.bodies.read(&request, state.settings.body_limit_bytes).await?;
            handler(request, body).await
        }
    })
}

/// Makes a route of anything that takes a request and reads its body by itself.
pub(super) fn streaming_route<F>(handler: impl Fn(HttpRequest) -> F + Send + Sync + 'static) -> Handler
where
    F: Future<Output = Response> + 'static,
{
    Handler::new(handler)
}

/// Has a request served; a panic in it is answered as an internal error. It is a bug, but one request's, not the server's.
///
/// Until it is read the body is the request's.
pub(super) async fn guarded(handler: &Handler, request: HttpRequest, payload: Payload) -> Response {
    if !matches!(payload, Payload::None) {
        Unread::keep(payload, &request);
    }
    // A span costs microseconds: only who reads all lines pays for it. Failures are logged in it at every level.
    let span = if tracing::enabled!(Level::DEBUG) { span_of(&request) } else { Span::none() };
    check_origin(&request)?;
    let served = AssertUnwindSafe(handler.serve(request).instrument(span)).catch_unwind();
    served.await.unwrap_or(Err(ApiError::Panicked))
}

/// Returns the span of a request, whose fields all its log lines have.
pub(super) fn span_of(request: &HttpRequest) -> Span {
    let operation = RouteEntry::of(request).map(|route| route.operation.name);
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
    // What is longer is no id.
    let id = |name| path_part(request, name).filter(|id| (1..=UUID_LENGTH).contains(&id.len()));
    tracing::error_span!(
        "http.request",
        request.id = request_id,
        operation,
        project.id = id("project_id"),
        instance.id = id("instance_id")
    )
}

/// Refuses pages of other origins and foreign host names where they are not served: on the control API, and with what goes with
/// it.
fn check_origin(request: &HttpRequest) -> Result<(), ApiError> {
    let control = &state(request)?.control;
    let is_control = RouteEntry::of(request).is_some_and(|route| route.is_control)
        || control.is_on && request.headers().contains_key(X_EMULATOR_ID);
    let is_tls = listens_on(request).is_some_and(|socket| socket.is_tls);
    Ok(origin_check::check(request.head(), is_tls, is_control, &control.allowed_hosts)?)
}

/// Reads the project and makes sure that the caller may carry out the operation in it. The order is the contract's: the form
/// of the project's id, whether the credentials open it, and what they permit in it.
async fn authorize(request: &HttpRequest, caller: &Caller, state: &AppState) -> Result<ProjectId, ApiError> {
    let project_id = path_part(request, "project_id").and_then(|id| id.parse().ok());
    let project_id = project_id.ok_or(Refusal::InvalidProjectId)?;
    permit(request, caller, project_id, state).await?;
    Ok(project_id)
}

/// Makes sure that the caller may carry out the operation in a project.
async fn permit(
    request: &HttpRequest,
    caller: &Caller,
    project_id: ProjectId,
    state: &AppState,
) -> Result<(), ApiError> {
    match RouteEntry::of(request).and_then(|route| route.operation.action) {
        Some(action) => caller.permit(&state.identity, project_id, action).await,
        None => Ok(()),
    }
}
