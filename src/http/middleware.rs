//! Around every request: its id, the shape of its errors, its measurement.

use std::future::{Future, Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::Uri;
use actix_web::http::header::{HeaderName, HeaderValue, USER_AGENT};
use actix_web::http::uri::PathAndQuery;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use tracing::Level;

use crate::clock::Stopwatch;
use crate::domain::id::{HEX32_LENGTH, InstanceId, ProjectId, RequestId};
use crate::domain::refusal::Refusal;
use crate::engine::ApiVersion;
use crate::http::auth::RawUri;
use crate::http::body::Unread;
use crate::http::context;
use crate::http::context::span_of;
use crate::http::control::journal::JournalEntry;
use crate::http::error;
use crate::http::error::networks::NetworkDialect;
use crate::http::error::{ApiError, gateway};
use crate::http::route::{RouteEntry, api_of, path_part};
use crate::http::routes::Router;
use crate::http::state::{AppState, listens_on};
use crate::http::time::rfc3339;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Read by the OpenStack clients, which do not know the other.
const X_OPENSTACK_REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// The middleware: gives each request an id, folds its slashes, finds its route, renders its error, and measures it.
pub(super) struct Answer {
    pub(super) router: Arc<Router>,
}

impl<S> Transform<S, ServiceRequest> for Answer
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type InitError = ();
    type Transform = AnswerService<S>;
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(AnswerService { router: self.router.clone(), service }))
    }
}

/// See [`Answer`].
pub(super) struct AnswerService<S> {
    router: Arc<Router>,
    service: S,
}

impl<S> Service<ServiceRequest> for AnswerService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    actix_web::dev::forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let stopwatch = Stopwatch::start();
        let state = request.app_data::<web::Data<AppState>>().cloned();
        let request_id = state.as_ref().map(|state| state.engine.new_request_id());
        if let Some(request_id) = request_id {
            request.extensions_mut().insert(request_id);
        }
        fold_slashes(&mut request);
        self.router.find(&request);
        let served = self.service.call(request);
        Box::pin(async move {
            let mut response = served.await?;
            let (Some(state), Some(request_id)) = (state, request_id) else { return Ok(response) };
            if let Some(error) = response.response().error() {
                let (rendered, code) = render(error, response.request(), &state, request_id);
                if let Some(code) = code {
                    response.request().extensions_mut().insert(AnsweredCode(code));
                }
                response = response.into_response(rendered);
            }
            if let Some(unread) = Unread::of(response.request()) {
                response = response.map_body(|_, body| unread.held_by(body));
            }
            name_request(&mut response, request_id);
            let route = RouteEntry::of(response.request());
            let operation = route.map(|route| route.operation.name);
            state.metrics.observe(operation, response.status(), stopwatch.elapsed());
            if state.control.journal.is_on() {
                // What has been done is answered, whether or not it can be written down.
                let recorded = AssertUnwindSafe(|| record(&state, &response, route, request_id, stopwatch));
                if catch_unwind(recorded).is_err() {
                    let span = span_of(response.request());
                    span.in_scope(|| tracing::error!("a panic while a request was put into the journal"));
                }
            }
            if tracing::enabled!(Level::DEBUG) {
                let _span = span_of(response.request()).entered();
                tracing::debug!(
                    method = %response.request().method(),
                    path = response.request().path(),
                    status = response.status().as_u16(),
                    duration_ms = stopwatch.elapsed().as_secs_f64() * 1000.0,
                    "request served"
                );
            }
            Ok(response)
        })
    }
}

/// Puts a call of the API into the journal; what is asked of the emulator itself is none.
fn record(
    state: &AppState,
    response: &ServiceResponse<BoxBody>,
    route: Option<&RouteEntry>,
    request_id: RequestId,
    stopwatch: Stopwatch,
) {
    let request = response.request();
    let first = request.path().split('/').nth(1).unwrap_or_default();
    // Where only the control API is, the API is not called, whatever the path looks like.
    let is_elsewhere = listens_on(request).is_some_and(|socket| socket.is_for_control);
    if is_elsewhere || !VERSIONS.contains(&first) {
        return;
    }
    let part = |name| path_part(request, name).map(str::to_owned);
    let client = request.headers().get(USER_AGENT).and_then(|client| client.to_str().ok());
    state.control.journal.record(JournalEntry {
        number: 0,
        at: rfc3339(state.control.control.clock().0),
        method: request.method().to_string(),
        path: beginning(request.path(), MAX_PATH_LENGTH),
        // Also where it names nothing that there is.
        api: ["v1.0", "v2"].into_iter().find(|api| *api == first),
        operation: route.map(|route| route.operation.name),
        is_supported: route.is_some(),
        project_id: part("project_id")
            .or_else(|| context::project_of(request).map(|id| id.to_string()))
            .or_else(|| project_of(request.path())),
        instance_id: part("instance_id").or_else(|| instance_of(request.path())),
        status: response.status().as_u16(),
        error_code: request.extensions().get::<AnsweredCode>().map(|code| code.0.clone()),
        client: client.map(|client| beginning(client, MAX_CLIENT_LENGTH)),
        duration_ms: stopwatch.elapsed().as_secs_f64() * 1000.0,
        request_id: request_id.to_string(),
    });
}

/// Returns the project that a path without a route names where all others do.
fn project_of(path: &str) -> Option<String> {
    let project: ProjectId = path.split('/').nth(2)?.parse().ok()?;
    Some(project.to_string())
}

/// Returns the instance that a path without a route names where all others do.
fn instance_of(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip(3);
    parts.next().filter(|part| *part == "instances")?;
    let instance: InstanceId = parts.next()?.parse().ok()?;
    Some(instance.to_string())
}

/// How the paths of all services begin.
const VERSIONS: [&str; 8] = ["v1", "v1.0", "v2", "v2.0", "v2.1", "v3", "v3.0", "v5"];
/// How much of a path the journal keeps, in bytes.
const MAX_PATH_LENGTH: usize = 512;
/// How much of a client's name the journal keeps, in bytes.
const MAX_CLIENT_LENGTH: usize = 256;

fn beginning(text: &str, length: usize) -> String {
    text[..text.floor_char_boundary(length)].to_owned()
}

/// The code of the error that a request was answered with, for the journal.
struct AnsweredCode(String);

/// Renders an error in the shape of the version that the path names, and logs what went wrong inside. Returns the code that is answered,
/// too, if the error is one of ours.
fn render(
    error: &Error,
    request: &HttpRequest,
    state: &AppState,
    request_id: RequestId,
) -> (HttpResponse, Option<String>) {
    let Some(error) = error.as_error::<ApiError>() else {
        // All our own errors are `ApiError`s; what is left is the framework refusing a request that it could not read.
        span_of(request).in_scope(|| tracing::info!(error = %error, "the framework refused a request"));
        return (Dialect::of(request).render(&Refusal::InvalidBody.into(), state, request_id), None);
    };
    match error {
        ApiError::Failed { source, .. } => {
            let cause = std::error::Error::source(source).map(ToString::to_string);
            span_of(request).in_scope(|| tracing::error!(error = %source, cause, "a request failed inside"));
        }
        // What happened is a line of its own, which the panic has written.
        ApiError::Panicked => span_of(request).in_scope(|| tracing::error!("a request panicked")),
        _ => {}
    }
    let dialect = Dialect::of(request);
    if state.settings.gateway
        && dialect.is_behind_gateway(error)
        && let Some((refused, code)) = gateway::render(error, request_id)
    {
        return (refused, Some(code.to_owned()));
    }
    let code = match &dialect {
        Dialect::Network(network) => network.code(error),
        _ => error.public_code(api_of(request)),
    };
    (dialect.render(error, state, request_id), Some(code))
}

/// Whose errors a path has.
enum Dialect {
    Api(ApiVersion),
    Identity {
        /// Whether the path is below `/v3.0`.
        is_iam: bool,
    },
    Control(ApiVersion),
    Network(NetworkDialect),
}

impl Dialect {
    fn of(request: &HttpRequest) -> Self {
        if let Some(network) = NetworkDialect::of(request) {
            return Self::Network(network);
        }
        match request.path().split('/').nth(1) {
            Some(first @ ("v3" | "v3.0" | "v5")) => Self::Identity { is_iam: first == "v3.0" },
            Some("_emulator") => Self::Control(api_of(request)),
            _ => Self::Api(api_of(request)),
        }
    }

    fn render(&self, error: &ApiError, state: &AppState, request_id: RequestId) -> HttpResponse {
        match self {
            Self::Network(_) if !NetworkDialect::has_words_for(error) => {
                error.render(ApiVersion::V2, state.settings.errors)
            }
            Self::Network(dialect) => dialect.render(error, &request_id.to_string()),
            Self::Api(api) | Self::Control(api) => error.render(*api, state.settings.errors),
            Self::Identity { is_iam } => error::identity::render(error, *is_iam),
        }
    }

    /// Returns whether a gateway would be the one that says no. Identity looks at tokens itself.
    fn is_behind_gateway(&self, error: &ApiError) -> bool {
        match self {
            Self::Api(_) | Self::Network(_) => true,
            Self::Identity { .. } => {
                matches!(error, ApiError::Unauthenticated(denial) if denial.is_of_signature())
            }
            Self::Control(_) => false,
        }
    }
}

fn name_request(response: &mut ServiceResponse<BoxBody>, request_id: RequestId) {
    let mut buffer = [0; HEX32_LENGTH];
    // Hexadecimal digits are always a header value.
    if let Ok(value) = HeaderValue::from_str(request_id.encode(&mut buffer)) {
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, value.clone());
        headers.insert(X_OPENSTACK_REQUEST_ID, value);
    }
}

/// Answers duplicate and trailing slashes as if they were not there.
fn fold_slashes(request: &mut ServiceRequest) {
    let path = request.path();
    let trails = path.len() > 1 && path.ends_with('/');
    if !trails && !path.contains("//") {
        return;
    }
    let mut folded: String =
        path.split('/').filter(|part| !part.is_empty()).flat_map(|part| ["/", part]).collect();
    if folded.is_empty() {
        folded.push('/');
    }
    if let Some(query) = request.uri().query() {
        folded.push('?');
        folded.push_str(query);
    }
    let mut parts = request.uri().clone().into_parts();
    if let Ok(path_and_query) = PathAndQuery::from_maybe_shared(folded) {
        parts.path_and_query = Some(path_and_query);
        if let Ok(uri) = Uri::from_parts(parts) {
            let raw = RawUri(request.uri().clone());
            request.extensions_mut().insert(raw);
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
    }
}
