//! What a running emulator consists of, put together in the order that leaves the database as it was if anything fails.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use prometheus::Registry;
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::{Clock, SystemClock, VirtualClock};
use crate::config::{Config, ConfigError, ListenAddress};
use crate::emulator::Dependencies;
use crate::emulator::listening::{BoundAddress, addresses_of, bind_all};
use crate::engine::control::Control;
use crate::engine::identity::{AuthClock, Identity};
use crate::engine::seed::{Credentials, DEMO, Notation, Seed, SeedError, SeedReader};
use crate::engine::{Engine, EngineError};
use crate::http::server::{ControlListener, ControlSettings, Listeners, ServeError, ServerHandle};
use crate::http::tls::{Acceptor, TlsError, TlsMode};
use crate::http::{self, AllowedHosts};
use crate::ids::ReseedableIds;
use crate::store::sqlite::{Location, SqliteStore};
use crate::store::{OpenError, StoreMetrics};
use crate::telemetry;

/// How long an emulator that is to stop at once waits for calls that hold on to the store.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The lowest port that everybody may listen on, unless the system is set otherwise.
const FREE_PORTS_BEGIN: u16 = 1024;

/// Why the emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system does not give the emulator a thread of its own.
    #[error("start a thread")]
    Thread(#[source] std::io::Error),
    /// A seed cannot be used.
    #[error("bad seed")]
    Seed(#[from] SeedError),
    /// A seed cannot be read.
    #[error("seed {name} cannot be read")]
    UnreadableSeed {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No address is known for a name.
    #[error(
        "cannot listen on {name}: it is the name of no address; listen on an address such as 127.0.0.1, or put the name into the hosts file"
    )]
    UnknownName {
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address is not to be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address, or the name with the port.
        address: ListenAddress,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address is not to be had without rights.
    #[error(
        "cannot listen on {address}: a port below {FREE_PORTS_BEGIN} needs root, the capability cap_net_bind_service (setcap \
         cap_net_bind_service=+ep PROGRAM), or a container that maps it to another (docker run -p 443:8643)"
    )]
    Privileged {
        /// The address, or the name with the port.
        address: ListenAddress,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What a test had decided before a restart cannot be taken up.
    #[error("take up what was decided before")]
    Resume(#[source] EngineError),
    /// The seed could not be applied.
    #[error("apply the seed")]
    ApplySeed(#[source] EngineError),
    /// There can be no HTTPS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server could not be started.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A measurement could not be registered.
    #[error("register the measurements")]
    Metrics(#[source] prometheus::Error),
}

/// How an emulator is to be put together.
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) dependencies: Dependencies,
    /// Seed documents that stand in no file.
    pub(super) seed_texts: Vec<String>,
    /// From what ids are to follow; none: from what did before.
    pub(super) ids_seed: Option<u64>,
}

/// What is known of HTTPS.
#[derive(Clone)]
pub(super) struct TlsStarted {
    /// Where it is reached.
    pub(super) url: String,
    /// The certificate, in PEM, of the authority that makes the certificates, if one does.
    pub(super) authority: Option<String>,
}

/// A running emulator's parts. They live and end on one thread.
pub(super) struct RunningEmulator {
    pub(super) place: BoundAddress,
    /// Where the control API is, if it is on.
    pub(super) control_place: Option<BoundAddress>,
    pub(super) tls: Option<TlsStarted>,
    pub(super) engine: Engine,
    pub(super) control: Control,
    pub(super) credentials: Credentials,
    store: Arc<SqliteStore>,
    handles: Vec<ServerHandle>,
    serving: JoinSet<std::io::Result<()>>,
    reconciling: JoinHandle<()>,
}

impl RunningEmulator {
    /// Checks the seeds, binds, locks and inspects the database; only then migrates, seeds and serves.
    pub(super) async fn assemble(plan: Plan) -> Result<Self, StartError> {
        let Plan { config, dependencies, seed_texts, ids_seed } = plan;
        let seed = read_seeds(&config, &seed_texts).await?;
        let credentials = seed.credentials(&config.region);
        let (listeners, place) = listen(config.listen.clone())?;
        let (control_listeners, control_place) = match config.control_place().try_map(listen)? {
            ControlListener::Nowhere => (ControlListener::Nowhere, None),
            ControlListener::BesideApi => (ControlListener::BesideApi, Some(place.clone())),
            ControlListener::Alone((listeners, place)) => (ControlListener::Alone(listeners), Some(place)),
        };
        let Dependencies { clock, real_clock, ids } = dependencies;
        let tls_sockets = (config.tls_mode != TlsMode::Off).then(|| listen(config.tls_listen.clone()));
        let (tls_listeners, tls_place) = tls_sockets.transpose()?.unzip();
        let registry = Registry::new();
        let metrics = StoreMetrics::register(&registry).map_err(StartError::Metrics)?;
        telemetry::register(&registry).map_err(StartError::Metrics)?;
        // Clients check certificates by the clock of the system.
        let acceptor = || Acceptor::new(&config.tls(), Arc::new(|| SystemClock.now()));
        // The authority is kept beside the database; what else can be wrong is told before that is touched.
        let keeps_authority = config.tls_mode == TlsMode::SelfSigned && cfg!(feature = "tls");
        let given = if keeps_authority { None } else { acceptor()? };
        let store = Arc::new(SqliteStore::open(&config.database, metrics).await?);
        let acceptor = if keeps_authority { acceptor()? } else { given };
        let tls = tls_place.clone().zip(acceptor.as_ref()).map(|(place, acceptor)| TlsStarted {
            url: format!("https://{}", place.named),
            authority: acceptor.authority().map(str::to_owned),
        });
        let (clock, ids) = (Arc::new(VirtualClock::new(clock)), Arc::new(ReseedableIds::new(ids)));
        announce_database(&config.database);
        let engine = Engine::new(store.clone(), store.clone(), clock.clone(), ids.clone(), config.engine());
        let auth_clock: Arc<dyn Clock> = match config.auth_clock {
            AuthClock::Real => real_clock,
            AuthClock::Emulator => clock.clone(),
        };
        let identity =
            Identity::new(store.clone(), auth_clock, ids.clone(), config.identity(), engine.passwords());
        let control = Control::new(engine.clone(), identity.clone(), store.clone(), clock, ids, seed.clone());
        control.resume().await.map_err(StartError::Resume)?;
        if ids_seed.is_some() {
            control.reseed_ids(ids_seed).await.map_err(StartError::Resume)?;
        }
        identity.remove_unseeded_agencies().await.map_err(StartError::Resume)?;
        apply_seed(&control, seed).await?;
        announce_control(&config, control_place.as_ref(), tls_place.as_ref());
        let servers = http::serve(
            Listeners { api: listeners, control: control_listeners, tls: tls_listeners.zip(acceptor) },
            engine.clone(),
            identity,
            control_settings(&config, control.clone(), tls.as_ref()),
            config.http(),
            registry,
        )?;
        let servers = [Some(servers.api), servers.control].into_iter().flatten();
        let (mut handles, mut serving) = (Vec::new(), JoinSet::new());
        for server in servers {
            handles.push(server.handle());
            serving.spawn(server);
        }
        let reconciling = tokio::spawn({
            let engine = engine.clone();
            async move { engine.reconcile_in_the_background().await }
        });
        Ok(Self {
            place,
            control_place,
            tls,
            engine,
            control,
            credentials,
            store,
            handles,
            serving,
            reconciling,
        })
    }

    /// Returns once the server or the writer has stopped by itself, which they do only when they fail.
    pub(super) async fn failed(&mut self) -> std::io::Error {
        let served = tokio::select! {
            served = self.serving.join_next() => served,
            () = self.store.writer_stopped() => return std::io::Error::other("the writer has stopped"),
        };
        match served {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => std::io::Error::other(error),
            Some(Ok(Ok(()))) | None => std::io::Error::other("the server stopped by itself"),
        }
    }

    /// Takes no new connections and returns once requests in flight are finished (10 s at most).
    pub(super) async fn finish_requests(&self) {
        join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
    }

    /// Ends the server, if it has not ended, and closes the database.
    pub(super) async fn close(mut self) {
        self.reconciling.abort();
        // A server that is dropped frees its port and ends its threads.
        self.serving.shutdown().await;
        if tokio::time::timeout(CLOSE_TIMEOUT, self.engine.close()).await.is_err() {
            tracing::warn!("the database is left to those who still read it");
        }
    }
}

/// Says where the control API is, if it is not where the API is, and warns if strangers can use it. HTTPS has it where the API has it.
fn announce_control(config: &Config, place: Option<&BoundAddress>, tls: Option<&BoundAddress>) {
    let Some(place) = place else {
        tracing::info!("the control API is switched off");
        return;
    };
    let is_alone = matches!(config.control_place(), ControlListener::Alone(_));
    if is_alone {
        tracing::info!(url = %place.url(), "the control API has an address of its own");
    }
    let of_tls = tls.filter(|_| !is_alone).into_iter();
    let mut addresses = std::iter::once(place).chain(of_tls).flat_map(|place| &place.addresses);
    let strangers = addresses.find(|address| !address.ip().is_loopback());
    if config.control_token.is_none()
        && let Some(address) = strangers
    {
        tracing::warn!(
            %address,
            "everybody who reaches this server can control it; --control-token keeps strangers away"
        );
    }
}

fn control_settings(config: &Config, control: Control, tls: Option<&TlsStarted>) -> ControlSettings {
    ControlSettings {
        control,
        journal_limit: config.journal_limit,
        token: config.control_token.clone(),
        allowed_hosts: AllowedHosts::new(config.control_allowed_hosts.clone()),
        config: config.to_json(),
        database: match &config.database {
            Location::File(path) => serde_json::json!({ "mode": "file", "path": path.display().to_string() }),
            Location::Memory { .. } => serde_json::json!({ "mode": "memory", "path": null }),
        },
        certificate_authority: tls.and_then(|tls| tls.authority.clone()),
    }
}

/// Listens on an address, or on every address that a name has on this machine.
fn listen(named: ListenAddress) -> Result<(Vec<TcpListener>, BoundAddress), StartError> {
    let unknown = |source| StartError::UnknownName { name: named.host.clone(), source };
    let addresses = addresses_of(&named).map_err(unknown)?;
    bind_all(named.clone(), &addresses).map_err(|source| match source.kind() {
        ErrorKind::PermissionDenied if (1..FREE_PORTS_BEGIN).contains(&named.port) => {
            StartError::Privileged { address: named, source }
        }
        _ => StartError::Bind { address: named, source },
    })
}

fn announce_database(location: &Location) {
    match location {
        Location::File(path) => {
            tracing::info!(database = %path.display(), mode = "file", "records are kept in a file");
        }
        Location::Memory { .. } => {
            tracing::info!(mode = "memory", "records are kept in memory and are gone when this process ends");
        }
    }
}

/// Reads and checks all seeds, the demo first.
async fn read_seeds(config: &Config, texts: &[String]) -> Result<Seed, StartError> {
    let mut reader = SeedReader::new(&config.region);
    if config.demo {
        reader.read("demo", Notation::Yaml, DEMO)?;
    }
    for name in &config.seed {
        let unreadable = |source| StartError::UnreadableSeed { name: name.clone(), source };
        let file = name.clone();
        // Standard input may keep us waiting.
        let read = tokio::task::spawn_blocking(move || {
            if file == "-" {
                std::io::read_to_string(std::io::stdin())
            } else {
                std::fs::read_to_string(file)
            }
        });
        let text =
            read.await.map_err(|error| unreadable(std::io::Error::other(error)))?.map_err(unreadable)?;
        reader.read(name, Notation::of_file(name), &text)?;
    }
    for text in texts {
        reader.read("seed", Notation::Yaml, text)?;
    }
    Ok(reader.finish())
}

async fn apply_seed(control: &Control, seed: Seed) -> Result<(), StartError> {
    let report = control.seed(seed, false).await.map_err(StartError::ApplySeed)?;
    for difference in &report.differences {
        tracing::info!("seed left something as it is: {difference}");
    }
    tracing::info!(
        projects_created = report.projects_created,
        instances_created = report.instances_created,
        instances_kept = report.instances_kept,
        users_created = report.users_created,
        "seeds applied"
    );
    Ok(())
}
