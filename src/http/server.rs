//! Binding, running and stopping the HTTP server.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
pub use actix_web::dev::ServerHandle;
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;
use actix_web::{App, web};
use prometheus::Registry;
use socket2::SockRef;

use crate::clock::Stopwatch;
use crate::domain::identity::Secret;
use crate::engine::Engine;
use crate::engine::control::Control;
use crate::engine::identity::Identity;
use crate::http::auth::origin_check::AllowedHosts;
use crate::http::body::Bodies;
use crate::http::connection::Connection;
use crate::http::control::journal::Journal;
pub use crate::http::error::{CodeStyle, ErrorStyle};
use crate::http::middleware::Answer;
use crate::http::routes::{self, RouteSet};
use crate::http::state::{AppState, ControlState, HttpMetrics, HttpSettings, ListensOn};

/// How long an idle connection is kept. Longer than clients keep theirs, so that none meets a closed one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a request may take to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to notice that its connection is closed.
const DISCONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// How long requests in flight are waited for when the server stops, in seconds.
const SHUTDOWN_PATIENCE_S: u64 = 10;

/// How many open files are left to everything that is no connection and no worker: the database, its log and their readers,
/// and sockets of the server's own.
const FILES_BESIDE_CONNECTIONS: u64 = 64;
/// How many files a worker has open for itself.
const FILES_A_WORKER: u64 = 4;
/// How many connections may wait to be accepted. One that finds no place waits a second before it tries again.
const WAITING_CONNECTIONS: i32 = 4096;
/// How many files every system lets a process have open.
#[cfg(unix)]
const OPEN_FILES_AT_LEAST: u64 = 256;
/// How many connections a worker has at most, whatever the system allows: more than one could serve.
const MOST_CONNECTIONS_A_WORKER: usize = 25_000;

/// Where the control API is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlPlace<L> {
    /// Nowhere: it is switched off.
    Nowhere,
    /// Where the API is.
    BesideApi,
    /// Only here.
    Alone(L),
}

impl<L> ControlPlace<L> {
    /// Turns the place of its own, if it has one, into something else.
    ///
    /// # Errors
    /// Those of `turn`.
    pub fn try_map<T, E>(self, turn: impl FnOnce(L) -> Result<T, E>) -> Result<ControlPlace<T>, E> {
        Ok(match self {
            Self::Nowhere => ControlPlace::Nowhere,
            Self::BesideApi => ControlPlace::BesideApi,
            Self::Alone(place) => ControlPlace::Alone(turn(place)?),
        })
    }
}

/// The sockets to serve on.
pub struct Listeners {
    /// Where the API is.
    pub api: TcpListener,
    /// Where the control API is.
    pub control: ControlPlace<TcpListener>,
}

/// Servers that run until their handles stop them.
pub struct Servers {
    /// That of the API.
    pub api: Server,
    /// That of the control API, if it has one of its own.
    pub control: Option<Server>,
}

/// The dependencies and settings of the control API.
pub struct ControlSettings {
    /// Its use cases.
    pub control: Control,
    /// How many calls the journal keeps. Setting `journal.limit`.
    pub journal_limit: usize,
    /// What its callers must send, if anything. Setting `control.token`.
    pub token: Option<Secret>,
    /// By which hosts it is served, besides those that need no mention. Setting `control.allowed_hosts`.
    pub allowed_hosts: AllowedHosts,
    /// The settings as they are shown.
    pub config: serde_json::Value,
    /// Where the database is, as it is shown.
    pub database: serde_json::Value,
}

impl ControlSettings {
    fn into_state(self, is_on: bool) -> ControlState {
        ControlState {
            is_on,
            control: self.control,
            journal: Journal::new(self.journal_limit),
            token: self.token,
            allowed_hosts: self.allowed_hosts,
            config: self.config,
            database: self.database,
        }
    }
}

/// The HTTP server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A measurement could not be registered.
    #[error("register the measurements")]
    Metrics(#[from] prometheus::Error),
    /// The socket could not be used.
    #[error("listen")]
    Listen(#[from] std::io::Error),
}

/// Binds a socket; with port 0 the system chooses one.
///
/// # Errors
/// Whatever the system says, `AddrInUse` among it.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    SockRef::from(&listener).listen(WAITING_CONNECTIONS)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Starts to serve on bound sockets.
///
/// # Errors
/// [`ServeError`] if it cannot be started.
pub fn serve(
    listeners: Listeners,
    engine: Engine,
    identity: Identity,
    control: ControlSettings,
    settings: HttpSettings,
    registry: Registry,
) -> Result<Servers, ServeError> {
    let (routes_of_api, control_listener) = match listeners.control {
        ControlPlace::Nowhere => (RouteSet::Api, None),
        ControlPlace::BesideApi => (RouteSet::Everything, None),
        ControlPlace::Alone(listener) => (RouteSet::Api, Some(listener)),
    };
    let is_controlled = control_listener.is_some() || routes_of_api == RouteSet::Everything;
    let workers = settings.workers;
    let connections = connections_a_worker(workers + usize::from(control_listener.is_some()));
    let control = control.into_state(is_controlled);
    let api_elsewhere = control_listener.as_ref().map(|_| listeners.api.local_addr()).transpose()?;
    let started = Stopwatch::start();
    let state = web::Data::new(AppState {
        engine,
        identity,
        control,
        api_elsewhere,
        started,
        routes: routes::table(),
        bodies: Bodies::new(settings.body_timeout),
        settings,
        metrics: HttpMetrics::register(registry)?,
    });
    let server = |listener, routes, workers| run(listener, &state, routes, workers, connections);
    Ok(Servers {
        api: server(listeners.api, routes_of_api, workers)?,
        control: control_listener.map(|listener| server(listener, RouteSet::Control, 1)).transpose()?,
    })
}

/// Runs a server on a socket; `connections` are those that a worker has at most.
///
/// It is what `actix_web::HttpServer` makes of the same settings, but for the [`Connection`] around each stream.
fn run(
    listener: TcpListener,
    state: &web::Data<AppState>,
    routes: RouteSet,
    workers: usize,
    connections: usize,
) -> std::io::Result<Server> {
    let state = state.clone();
    let address = listener.local_addr()?;
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let server = builder
        .workers(workers)
        .max_concurrent_connections(connections)
        .shutdown_timeout(SHUTDOWN_PATIENCE_S)
        .disable_signals();
    let server = server.listen("http", listener, move || {
        let app = App::new()
            .app_data(state.clone())
            .wrap(Answer)
            .configure(|config| routes::configure(config, routes));
        let app = app.into_factory().map_err(|error| error.error_response());
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_PATIENCE)
            .client_disconnect_timeout(DISCONNECT_PATIENCE)
            .local_addr(address)
            .on_connect_ext(move |connection: &Connection, data| {
                data.insert(connection.gate());
                data.insert(ListensOn(address));
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(async |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            Ok((Connection::new(stream), peer))
        })
        .and_then(http)
    })?;
    Ok(server.run())
}

/// Returns how many connections a worker may have, so that all together leave open files for the database: a connection too
/// many waits, while a reader that could not be opened would fail a request.
fn connections_a_worker(workers: usize) -> usize {
    #[cfg(unix)]
    let open_files = rlimit::Resource::NOFILE.get_soft().unwrap_or(OPEN_FILES_AT_LEAST);
    // Elsewhere connections are no open files.
    #[cfg(not(unix))]
    let open_files = u64::MAX;
    let workers = u64::try_from(workers.max(1)).unwrap_or(u64::MAX);
    let taken = FILES_BESIDE_CONNECTIONS.saturating_add(workers.saturating_mul(FILES_A_WORKER));
    let connections = open_files.saturating_sub(taken) / workers;
    usize::try_from(connections).unwrap_or(usize::MAX).clamp(1, MOST_CONNECTIONS_A_WORKER)
}
