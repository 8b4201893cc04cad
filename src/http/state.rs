//! What all requests share: the engine, identity, the state of the control API, settings and measurements.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HOST};
use actix_web::http::uri::Authority;
use actix_web::{HttpRequest, web};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use sha2::{Digest, Sha256};
use tracing::Instrument;

use crate::clock::Stopwatch;
use crate::domain::identity::Secret;
use crate::domain::service::Service;
use crate::engine::Engine;
use crate::engine::control::Control;
use crate::engine::identity::Identity;
use crate::http::auth::origin_check::AllowedHosts;
use crate::http::body::Bodies;
use crate::http::control::journal::Journal;
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, ErrorStyle};
use crate::http::route::RouteEntry;

/// Carries the control token; so does `Authorization: Bearer`.
const X_EMULATOR_TOKEN: &str = "x-emulator-token";

/// How the HTTP side behaves.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// How errors are written.
    pub errors: ErrorStyle,
    /// Where answers differ from the pages of the API, as a client insists on.
    pub compat: Compat,
    /// Whether the gateway in front of the cloud refuses credentials and unknown paths. Setting `auth_gateway`.
    pub gateway: bool,
    /// Where clients reach the server; what a request names as its host if unset. Setting `public_url`.
    pub public_url: Option<String>,
    /// The longest body, in bytes. Setting `http.body_limit`.
    pub body_limit_bytes: usize,
    /// How long a body may take to arrive. Setting `http.body_timeout`.
    pub body_timeout: Duration,
    /// How many workers serve. Setting `http.workers`.
    pub workers: usize,
}

/// Where the API differs from its pages, because a client insists on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compat {
    /// Whether status actions are answered without a body. Setting `compat.status_action_204`.
    pub status_action_204: bool,
    /// Whether batch deletions by list are answered without a body. Setting `compat.batch_delete_204`.
    pub batch_delete_204: bool,
    /// Whether the change of a whitelist is answered with a body. Setting `compat.whitelist_200`.
    pub whitelist_200: bool,
}

/// What every request can reach.
pub(super) struct AppState {
    pub(super) engine: Engine,
    pub(super) identity: Identity,
    pub(super) control: ControlState,
    /// Where the API is, if the control API has sockets of its own.
    pub(super) api_elsewhere: Option<SocketAddr>,
    /// Runs since the server was started.
    pub(super) started: Stopwatch,
    /// Everything that can be called.
    pub(super) routes: &'static [RouteEntry],
    pub(super) bodies: Bodies,
    pub(super) settings: HttpSettings,
    pub(super) metrics: HttpMetrics,
}

impl AppState {
    /// Returns where the client of a request reaches the server: the address it used is the one it gets back, unless the
    /// settings name another.
    pub(super) fn base_url(&self, request: &HttpRequest) -> BaseUrl {
        let text = self.settings.public_url.clone().unwrap_or_else(|| Self::address_used(request));
        BaseUrl { text, is_by_host: self.is_by_host() }
    }

    /// Returns whether hosts tell services apart: unless the settings name one URL for all of them.
    pub(super) fn is_by_host(&self) -> bool {
        self.settings.public_url.is_none()
    }

    /// Returns the address that the client of a request used.
    pub(super) fn address_used(request: &HttpRequest) -> String {
        let is_plain = |host: &&str| {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
        };
        let socket = listens_on(request);
        let scheme = if socket.is_some_and(|socket| socket.is_tls) { "https" } else { "http" };
        match host_of(request.head()).filter(is_plain) {
            Some(host) => format!("{scheme}://{host}"),
            None => socket.map_or_else(String::new, |socket| format!("{scheme}://{}", socket.address)),
        }
    }
}

/// Where a client reaches the server, such as `http://127.0.0.1:8637`.
pub(super) struct BaseUrl {
    text: String,
    is_by_host: bool,
}

impl BaseUrl {
    /// Returns where a service is reached: a client that has used the host of one service finds the others at theirs.
    pub(super) fn of_service(&self, service: &Service) -> String {
        match self.text.split_once("://") {
            Some((scheme, host)) if self.is_by_host && Service::of_host(host).is_some() => {
                let domain = host.trim_start_matches(|letter| letter != '.');
                format!("{scheme}://{}{domain}", service.label())
            }
            _ => self.text.clone(),
        }
    }
}

impl Deref for BaseUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Returns the host that a request names, with its port: that of its target, if it has one, goes before that of its head.
pub(super) fn host_of(head: &RequestHead) -> Option<&str> {
    let of_head = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
    head.uri.authority().map(Authority::as_str).or_else(of_head)
}

/// The socket that a server listens on. Requests get to it as their server's data.
#[derive(Clone, Copy)]
pub(super) struct ListensOn {
    pub(super) address: SocketAddr,
    /// Whether it speaks HTTPS.
    pub(super) is_tls: bool,
    /// Whether only the control API is there.
    pub(super) is_for_control: bool,
}

/// Returns the socket that a request came in by; the server always knows it.
pub(super) fn listens_on(request: &HttpRequest) -> Option<ListensOn> {
    request.app_data::<ListensOn>().copied()
}

/// Returns the state that the server shares with every request.
pub(super) fn state(request: &HttpRequest) -> Result<&web::Data<AppState>, ApiError> {
    // The server always has it; without it nothing else works either.
    request.app_data::<web::Data<AppState>>().ok_or(ApiError::Panicked)
}

/// The state of the control API.
pub(super) struct ControlState {
    /// Whether there is a control API at all.
    pub(super) is_on: bool,
    pub(super) control: Control,
    pub(super) journal: Journal,
    pub(super) token: Option<Secret>,
    /// The hosts by which it is served, besides those that need no mention.
    pub(super) allowed_hosts: AllowedHosts,
    /// The settings as they are shown.
    pub(super) config: serde_json::Value,
    /// Where the database is, as it is shown.
    pub(super) database: serde_json::Value,
    /// The certificate, in PEM, of the authority that makes the certificates of HTTPS, if one does.
    pub(super) certificate_authority: Option<String>,
}

impl ControlState {
    /// Lets a request through that carries the control token, where there is one.
    ///
    /// # Errors
    /// `Forbidden`.
    pub(super) fn authorize(&self, request: &HttpRequest) -> Result<(), ControlError> {
        let Some(token) = &self.token else { return Ok(()) };
        let headers = request.headers();
        let own = headers.get(X_EMULATOR_TOKEN).and_then(|value| value.to_str().ok());
        let bearer =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let given = own.or(bearer).unwrap_or_default();
        // Hashes are compared: how much of a guess is right does not show in the time that it takes.
        let is_right = Sha256::digest(given.as_bytes()) == Sha256::digest(token.expose().as_bytes());
        if is_right { Ok(()) } else { Err(ControlError::Forbidden) }
    }
}

/// Does something on a task of its own, so that it ends although nobody may wait for it any more.
pub(super) async fn run_to_completion<T: 'static>(
    work: impl Future<Output = Result<T, ApiError>> + 'static,
) -> Result<T, ApiError> {
    actix_web::rt::spawn(work.in_current_span()).await.map_err(|_| ApiError::Panicked)?
}

/// The name under which requests to unknown paths are counted.
const NO_OPERATION: &str = "none";

/// Measurements of requests by operation and status.
#[derive(Clone, Debug)]
pub(super) struct HttpMetrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl HttpMetrics {
    /// Makes the measurements and registers them.
    ///
    /// # Errors
    /// If `registry` has one of the names already.
    pub(super) fn register(registry: Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("dcs_emulator_requests_total", "Requests served, by operation and status"),
            &["operation", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "dcs_emulator_request_seconds",
                "Time from a request's head to its answer, by operation",
            )
            .buckets(prometheus::exponential_buckets(0.000_1, 2.0, 16)?),
            &["operation"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, requests, seconds })
    }

    /// Takes one request into account.
    pub(super) fn observe(&self, operation: Option<&str>, status: StatusCode, took: Duration) {
        let name = operation.unwrap_or(NO_OPERATION);
        self.requests.with_label_values(&[name, status.as_str()]).inc();
        self.seconds.with_label_values(&[name]).observe(took.as_secs_f64());
    }

    /// Returns everything that was measured, in Prometheus' text format.
    ///
    /// # Errors
    /// If a measurement cannot be written as text.
    pub(super) fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
