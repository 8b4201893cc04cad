//! The whole put together: a running emulator. The program and the tests start the same one.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prometheus::Registry;
use tokio::task::JoinHandle;

use crate::ambient::{Clock, IdSource, ReseedableIds, SystemClock, SystemIds, VirtualClock};
use crate::config::Config;
use crate::engine::control::Control;
use crate::engine::identity::Identity;
use crate::engine::seed::{DEMO, Notation, Seed, SeedError, SeedReader};
use crate::engine::{Engine, EngineError};
use crate::http;
use crate::http::server::{ControlSettings, ServeError, ServerHandle};
use crate::store::sqlite::{Location, SqliteStore};
use crate::store::{OpenError, StoreMetrics};

/// Why the emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
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
    /// The address is not to be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
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
    /// The server could not be started.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A measurement could not be registered.
    #[error("register the measurements")]
    Metrics(#[source] prometheus::Error),
}

/// What an emulator takes from its surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// The time that records and their changes go by.
    pub clock: Arc<dyn Clock>,
    /// The time of the world outside, which tokens and signatures go by.
    pub real_clock: Arc<dyn Clock>,
    /// Where ids, tokens and keys come from.
    pub ids: Arc<dyn IdSource>,
}

impl Surroundings {
    /// The system's clock and random generator.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), real_clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
    }
}

/// A running emulator.
pub struct Emulator {
    address: SocketAddr,
    engine: Engine,
    store: Arc<SqliteStore>,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    settling: JoinHandle<()>,
}

impl Emulator {
    /// Starts an emulator, in the order that leaves the database as it was if anything fails: check the seeds, bind, lock and
    /// inspect the database; only then migrate, seed and serve.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config, surroundings: Surroundings) -> Result<Self, StartError> {
        let seed = read_seeds(config).await?;
        let listener = listen(config.listen)?;
        let address =
            listener.local_addr().map_err(|source| StartError::Bind { address: config.listen, source })?;
        let registry = Registry::new();
        let metrics = StoreMetrics::register(&registry).map_err(StartError::Metrics)?;
        let store = Arc::new(SqliteStore::open(&config.database, metrics).await?);
        let Surroundings { clock, real_clock, ids } = surroundings;
        let (clock, ids) = (Arc::new(VirtualClock::new(clock)), Arc::new(ReseedableIds::new(ids)));
        announce_database(&config.database);
        let engine = Engine::new(
            store.clone(),
            store.clone(),
            store.clone(),
            clock.clone(),
            ids.clone(),
            config.engine.clone(),
        );
        let identity =
            Identity::new(store.clone(), real_clock, ids.clone(), config.auth, &config.engine.region);
        let control = Control::new(engine.clone(), identity.clone(), clock, ids, seed.clone());
        let kept = control.resume().await.map_err(StartError::Resume)?;
        let seeded = http::faults_at_start(kept.as_deref(), seed.faults()).map_err(ServeError::from)?;
        apply_seed(&control, seed, seeded.clone()).await?;
        let faults = seeded.or(kept);
        let server = http::serve(
            listener,
            engine.clone(),
            identity,
            control_settings(config, control, faults),
            config.http.clone(),
            registry,
        )?;
        let handle = server.handle();
        let settling = tokio::spawn({
            let engine = engine.clone();
            async move { engine.settle_in_the_background().await }
        });
        Ok(Self { address, engine, store, handle, serving: tokio::spawn(server), settling })
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns where it is reached, such as `http://127.0.0.1:8637`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns once the server or the writer has stopped by itself, which they do only when they fail.
    pub async fn failed(&mut self) -> std::io::Error {
        let served = tokio::select! {
            served = &mut self.serving => served,
            () = self.store.writer_stopped() => return std::io::Error::other("the writer has stopped"),
        };
        match served {
            Ok(Ok(())) => std::io::Error::other("the server stopped by itself"),
            Ok(Err(error)) => error,
            Err(error) => std::io::Error::other(error),
        }
    }

    /// Stops: no new connections, requests in flight are finished (10 s at most), the database is closed.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        // It has been told to stop and does; how is of no interest any more.
        let _ = self.serving.await;
        self.settling.abort();
        self.engine.close().await;
    }
}

fn control_settings(config: &Config, control: Control, faults: Option<String>) -> ControlSettings {
    if config.control_token.is_none() && !config.listen.ip().is_loopback() {
        tracing::warn!(
            "everybody who reaches this server can control it; --control-token keeps strangers away"
        );
    }
    ControlSettings {
        control,
        faults,
        journal_limit: config.journal_limit,
        token: config.control_token.clone(),
        config: config.to_json(),
        database: match &config.database {
            Location::File(path) => serde_json::json!({ "mode": "file", "path": path.display().to_string() }),
            Location::Memory { .. } => serde_json::json!({ "mode": "memory", "path": null }),
        },
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    http::server::bind(address).map_err(|source| StartError::Bind { address, source })
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
async fn read_seeds(config: &Config) -> Result<Seed, StartError> {
    let mut reader = SeedReader::new(&config.engine.region, http::fault_form);
    if config.demo {
        reader.read("demo", Notation::Yaml, DEMO)?;
    }
    for name in &config.seeds {
        let unreadable = |source| StartError::UnreadableSeed { name: name.clone(), source };
        let file = name.clone();
        // Standard input may keep us waiting: beside the thread that listens for signals.
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
    Ok(reader.finish())
}

async fn apply_seed(control: &Control, seed: Seed, faults: Option<String>) -> Result<(), StartError> {
    let report = control.seed(seed, false, faults).await.map_err(StartError::ApplySeed)?;
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

/// The file that tells where the server is cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("ready file {} cannot be written", path.display())]
pub struct ReadyFileError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// The file that tells other programs where a server is; removed when dropped.
#[derive(Debug)]
pub struct ReadyFile {
    path: PathBuf,
}

impl ReadyFile {
    /// Writes url, process id and version as JSON, so that nobody ever sees half of it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(path: &Path, url: &str) -> Result<Self, ReadyFileError> {
        let content = serde_json::json!({
            "url": url,
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".tmp");
        std::fs::write(&unfinished, format!("{content}\n"))
            .and_then(|()| std::fs::rename(&unfinished, path))
            .map_err(|source| ReadyFileError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Whoever removed it before us wanted it gone as well.
        let _ = std::fs::remove_file(&self.path);
    }
}
