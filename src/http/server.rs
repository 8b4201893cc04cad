//! Binding, running and stopping the HTTP server.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "tls")]
use std::{future::ready, rc::Rc};

use actix_http::h1::{ExpectHandler, H1Service, UpgradeHandler};
use actix_http::{HttpService, Request};
use actix_server::{GracefulShutdownSignal, ServerBuilder};
#[cfg(feature = "tls")]
use actix_service::fn_factory;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::body::BoxBody;
pub use actix_web::dev::ServerHandle;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpResponse, web};
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
#[cfg(feature = "tls")]
use crate::http::http2;
use crate::http::middleware::Answer;
use crate::http::routes::{self, RouteSet, Router};
use crate::http::state::{AppState, ControlState, HttpMetrics, HttpSettings, ListensOn};
use crate::http::tls::Acceptor;

/// How long an idle connection is kept. Longer than clients keep theirs, so that none meets a closed one.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the head of a request may take to arrive, and a handshake before it.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to notice that its connection is closed.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long requests in flight are waited for when the server stops, in seconds.
const SHUTDOWN_TIMEOUT_S: u64 = 10;

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
const MAX_CONNECTIONS_A_WORKER: usize = 25_000;

/// Where the control API is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlListener<L> {
    /// Nowhere: it is switched off.
    Nowhere,
    /// Where the API is.
    BesideApi,
    /// Only here.
    Alone(L),
}

impl<L> ControlListener<L> {
    /// Turns the place of its own, if it has one, into something else.
    ///
    /// # Errors
    /// Those of `turn`.
    pub fn try_map<T, E>(self, turn: impl FnOnce(L) -> Result<T, E>) -> Result<ControlListener<T>, E> {
        Ok(match self {
            Self::Nowhere => ControlListener::Nowhere,
            Self::BesideApi => ControlListener::BesideApi,
            Self::Alone(place) => ControlListener::Alone(turn(place)?),
        })
    }
}

/// The sockets to serve on.
pub struct Listeners {
    /// Where the API is.
    pub api: Vec<TcpListener>,
    /// Where the control API is.
    pub control: ControlListener<Vec<TcpListener>>,
    /// Where the API is by HTTPS, and who shakes hands there.
    pub tls: Option<(Vec<TcpListener>, Acceptor)>,
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
    /// The certificate, in PEM, of the authority that makes the certificates of HTTPS, if one does.
    pub certificate_authority: Option<String>,
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
            certificate_authority: self.certificate_authority,
        }
    }
}

/// The HTTP server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A measurement could not be registered.
    #[error("register the measurements")]
    Metrics(#[from] prometheus::Error),
    /// Two routes cannot be told apart.
    #[error("register the routes")]
    Routes(#[from] matchit::InsertError),
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
    let (routes_of_api, control_listeners) = match listeners.control {
        ControlListener::Nowhere => (RouteSet::Api, None),
        ControlListener::BesideApi => (RouteSet::Everything, None),
        ControlListener::Alone(listeners) => (RouteSet::Api, Some(listeners)),
    };
    let is_controlled = control_listeners.is_some() || routes_of_api == RouteSet::Everything;
    let workers = settings.workers;
    let connections = connections_a_worker(workers + usize::from(control_listeners.is_some()));
    let control = control.into_state(is_controlled);
    let of_api = listeners.api.first().filter(|_| control_listeners.is_some());
    let api_elsewhere = of_api.map(TcpListener::local_addr).transpose()?;
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
    let served = |routes, workers| {
        let router = Arc::new(Router::new(routes, state.is_by_host())?);
        let is_for_control = routes == RouteSet::Control;
        Ok::<_, ServeError>(Served { state: state.clone(), router, is_for_control, workers, connections })
    };
    Ok(Servers {
        api: served(routes_of_api, workers)?.run(listeners.api, listeners.tls)?,
        control: control_listeners
            .map(|listeners| served(RouteSet::Control, 1)?.run(listeners, None).map_err(ServeError::from))
            .transpose()?,
    })
}

/// What a server serves, and with how much.
///
/// It is what `actix_web::HttpServer` makes of the same settings, but for the [`Connection`] around each stream.
#[derive(Clone)]
struct Served {
    state: web::Data<AppState>,
    router: Arc<Router>,
    /// Whether only the control API is there.
    is_for_control: bool,
    workers: usize,
    /// How many connections a worker has at most.
    connections: usize,
}

impl Served {
    /// Runs a server on sockets, and on those of HTTPS if there are any.
    fn run(
        self,
        listeners: Vec<TcpListener>,
        tls: Option<(Vec<TcpListener>, Acceptor)>,
    ) -> std::io::Result<Server> {
        let mut builder = Server::build()
            .workers(self.workers)
            .max_concurrent_connections(self.connections)
            .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
            .disable_signals();
        if let Some((listeners, acceptor)) = tls {
            for listener in listeners {
                builder = self.clone().listen_tls(builder, listener, &acceptor)?;
            }
        }
        let stopping = builder.graceful_shutdown_signal();
        for listener in listeners {
            let (served, stopping, address) = (self.clone(), stopping.clone(), listener.local_addr()?);
            builder = builder.listen("http", listener, move || {
                let http = http1(address, served.app(address, false), stopping.clone());
                fn_service(async |stream: TcpStream| {
                    let peer = stream.peer_addr().ok();
                    Ok((Connection::new(stream), peer))
                })
                .and_then(http)
            })?;
        }
        Ok(builder.run())
    }

    /// Adds a socket of HTTPS: HTTP/1.1 and HTTP/2, as the client has it.
    #[cfg(feature = "tls")]
    fn listen_tls(
        self,
        builder: ServerBuilder,
        listener: TcpListener,
        acceptor: &Acceptor,
    ) -> std::io::Result<ServerBuilder> {
        let (address, acceptor) = (listener.local_addr()?, acceptor.clone());
        let stopping = builder.graceful_shutdown_signal();
        builder.listen("https", listener, move || {
            let (app, acceptor, stopping) = (self.app(address, true), acceptor.clone(), stopping.clone());
            fn_factory(move || {
                let (acceptor, stopping) = (acceptor.clone(), stopping.clone());
                let app = app.new_service(());
                async move {
                    let app = Rc::new(app.await?);
                    let app_of_http1 = app.clone();
                    let app_of_http1 = fn_factory(move || ready(Ok::<_, ()>(app_of_http1.clone())));
                    let http1 = http1(address, app_of_http1, stopping.clone());
                    let http1 = Rc::new(http1.new_service(()).await?);
                    Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                        let (app, http1) = (app.clone(), http1.clone());
                        let (acceptor, stopping) = (acceptor.clone(), stopping.clone());
                        async move {
                            let peer = stream.peer_addr().ok();
                            let shaken = tokio::select! {
                                shaken = acceptor.accept(stream, HEAD_TIMEOUT) => shaken,
                                () = stopping.notified() => return Ok(()),
                            };
                            let stream = shaken.map_err(|error| {
                                tracing::debug!(error = %error, "a handshake failed");
                            })?;
                            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                            let connection = Connection::new(stream);
                            if is_http2 {
                                http2::serve(connection, peer, app, stopping).await.map_err(drop)
                            } else {
                                http1.call((connection, peer)).await.map_err(drop)
                            }
                        }
                    }))
                }
            })
        })
    }

    /// Adds nothing: there is nobody who shakes hands.
    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, reason = "it is called as the other one")]
    fn listen_tls(
        self,
        _builder: ServerBuilder,
        _listener: TcpListener,
        acceptor: &Acceptor,
    ) -> std::io::Result<ServerBuilder> {
        match *acceptor {}
    }

    /// Makes what a worker serves requests with.
    fn app(
        &self,
        address: SocketAddr,
        is_tls: bool,
    ) -> impl ServiceFactory<
        Request,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = HttpResponse,
        InitError = (),
    > + use<> {
        let app = App::new()
            .app_data(self.state.clone())
            .app_data(ListensOn { address, is_tls, is_for_control: self.is_for_control })
            .wrap(Answer { router: self.router.clone() })
            .default_service(fn_service(routes::serve));
        map_config(app.into_factory().map_err(|error| error.error_response()), |()| AppConfig::default())
    }
}

/// Makes what a worker serves connections of HTTP/1.1 with, until it stops.
fn http1<T, S>(
    address: SocketAddr,
    app: S,
    stopping: GracefulShutdownSignal,
) -> H1Service<Connection<T>, S, BoxBody, ExpectHandler, UpgradeHandler>
where
    S: ServiceFactory<Request, Config = (), Response = ServiceResponse<BoxBody>, Error = HttpResponse>,
    S::InitError: std::fmt::Debug,
    <S::Service as Service<Request>>::Future: 'static,
{
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .local_addr(address)
        .on_connect_ext(|connection: &Connection<T>, data| {
            data.insert(connection.gate());
        })
        .h1(app)
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
    usize::try_from(connections).unwrap_or(usize::MAX).clamp(1, MAX_CONNECTIONS_A_WORKER)
}
