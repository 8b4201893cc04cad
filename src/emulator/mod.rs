//! The whole put together: a running emulator. The program, its tests and programs that embed it start the same one.
//!
//! Begin with [`Emulator::builder`].

mod builder;
mod listening;
mod ready_file;
mod startup;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

pub use builder::EmulatorBuilder;
pub use ready_file::{ReadyFile, ReadyFileError};
pub use startup::StartError;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::Engine;
use crate::engine::control::Control;
use crate::engine::seed::Credentials;
use crate::ids::{IdSource, SystemIds};
use listening::BoundAddress;
use startup::{Plan, RunningEmulator, TlsStarted};

/// The clocks and ids of an emulator.
#[derive(Clone)]
pub struct Dependencies {
    /// The time that records and their changes go by.
    pub clock: Arc<dyn Clock>,
    /// The time of the world outside, which tokens and signatures go by.
    pub real_clock: Arc<dyn Clock>,
    /// Where ids, tokens and keys come from.
    pub ids: Arc<dyn IdSource>,
}

impl Dependencies {
    /// The system's clock and random generator.
    pub fn system() -> Self {
        Self { clock: Arc::new(SystemClock), real_clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
    }
}

/// A running emulator.
///
/// It serves on a thread of its own, whatever runtime it was started from. It stops when it is dropped: when `drop`
/// returns its port and its database are free again, and requests that were in flight are cut off. [`stop`](Self::stop)
/// lets them finish.
pub struct Emulator {
    started: Started,
    failed: oneshot::Receiver<std::io::Error>,
    /// Asks the thread to stop once requests are finished; dropped: at once. None once it was dropped.
    stopping: Option<mpsc::UnboundedSender<()>>,
    /// Resolves when the thread is about to end.
    ended: oneshot::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// What is known of an emulator that has started.
struct Started {
    place: BoundAddress,
    control_place: Option<BoundAddress>,
    tls: Option<TlsStarted>,
    engine: Engine,
    control: Control,
    credentials: Credentials,
}

type StartResult = Result<Started, StartError>;

/// What the emulator's thread tells of itself, and hears.
struct Reports {
    started: oneshot::Sender<StartResult>,
    failed: oneshot::Sender<std::io::Error>,
    stopping: mpsc::UnboundedReceiver<()>,
    /// Dropped at the end.
    ended: oneshot::Sender<()>,
}

impl Emulator {
    /// Starts to describe an emulator for a test or another program: in memory, on a free port of this machine.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::new()
    }

    /// Starts an emulator as a configuration says, in the order that leaves the database as it was if anything fails: check
    /// the seeds, bind, lock and inspect the database; only then migrate, seed and serve.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: &Config, dependencies: Dependencies) -> Result<Self, StartError> {
        let config = config.clone();
        Self::launch(Plan { config, dependencies, seed_texts: Vec::new(), ids_seed: None }).await
    }

    async fn launch(plan: Plan) -> Result<Self, StartError> {
        let (starting, started) = Starting::begin(plan)?;
        starting.with(started.await)
    }

    fn launch_blocking(plan: Plan) -> Result<Self, StartError> {
        let (starting, started) = Starting::begin(plan)?;
        starting.with(started.blocking_recv())
    }

    /// Returns the address it listens on; of several, which a name may have, the first.
    pub fn address(&self) -> SocketAddr {
        self.started.place.addresses[0]
    }

    /// Returns where it is reached, such as `http://127.0.0.1:8637`.
    pub fn url(&self) -> String {
        self.started.place.url()
    }

    /// Returns where its control API is reached: where everything is, unless it listens on an address of its own; `None` if it
    /// is switched off.
    pub fn control_url(&self) -> Option<String> {
        self.started.control_place.as_ref().map(BoundAddress::url)
    }

    /// Returns where it is reached by HTTPS, such as `https://127.0.0.1:8643`; `None` if it is not.
    pub fn tls_url(&self) -> Option<String> {
        self.started.tls.as_ref().map(|tls| tls.url.clone())
    }

    /// Returns the certificate, in PEM, of the authority that makes the certificates of HTTPS, if one does: what clients are to trust.
    pub fn certificate_authority(&self) -> Option<&str> {
        self.started.tls.as_ref()?.authority.as_deref()
    }

    /// Returns the service itself, for calls that take no way through HTTP.
    pub fn engine(&self) -> &Engine {
        &self.started.engine
    }

    /// Returns what controls the emulator itself: clock, ids, rules, faults, reset.
    pub fn control(&self) -> &Control {
        &self.started.control
    }

    /// Returns with what a client logs in.
    pub fn credentials(&self) -> &Credentials {
        &self.started.credentials
    }

    /// Returns once the server or the writer has stopped by itself, which they do only when they fail.
    pub async fn failed(&mut self) -> std::io::Error {
        let error = (&mut self.failed).await;
        error.unwrap_or_else(|_| std::io::Error::other("the emulator's thread has ended"))
    }

    /// Stops: no new connections, requests in flight are finished (10 s at most), the database is closed.
    pub async fn stop(mut self) {
        if let Some(stopping) = &self.stopping {
            // If it has ended already there is nothing to wait for.
            let _ = stopping.send(());
        }
        let _ = (&mut self.ended).await;
    }
}

/// An emulator whose thread has not yet said how the start went.
struct Starting {
    failed: oneshot::Receiver<std::io::Error>,
    stopping: mpsc::UnboundedSender<()>,
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Starting {
    /// Starts the thread.
    fn begin(plan: Plan) -> Result<(Self, oneshot::Receiver<StartResult>), StartError> {
        let (started_sender, started) = oneshot::channel();
        let (failed_sender, failed) = oneshot::channel();
        let (stopping, stopping_receiver) = mpsc::unbounded_channel();
        let (ended_sender, ended) = oneshot::channel();
        let reports = Reports {
            started: started_sender,
            failed: failed_sender,
            stopping: stopping_receiver,
            ended: ended_sender,
        };
        let thread = std::thread::Builder::new()
            .name("dcs-emulator".to_owned())
            .spawn(move || run(plan, reports))
            .map_err(StartError::Thread)?;
        Ok((Self { failed, stopping, ended, thread }, started))
    }

    /// Completes it by what the thread has said.
    fn with(self, started: Result<StartResult, oneshot::error::RecvError>) -> Result<Emulator, StartError> {
        let Self { failed, stopping, ended, thread } = self;
        let panicked = |_| Err(StartError::Thread(std::io::Error::other("it panicked")));
        let started = started.unwrap_or_else(panicked)?;
        Ok(Emulator { started, failed, stopping: Some(stopping), ended, thread: Some(thread) })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.stopping.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked it has said so.
            let _ = thread.join();
        }
    }
}

/// The life of an emulator, on its own thread.
fn run(plan: Plan, reports: Reports) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Whoever started it may have gone.
            let _ = reports.started.send(Err(StartError::Thread(error)));
            return;
        }
    };
    runtime.block_on(live(plan, reports));
    // A read of standard input that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
}

async fn live(plan: Plan, reports: Reports) {
    let Reports { started, failed, mut stopping, ended: _ended } = reports;
    let mut parts = match RunningEmulator::assemble(plan).await {
        Ok(parts) => parts,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let about = Started {
        place: parts.place.clone(),
        control_place: parts.control_place.clone(),
        tls: parts.tls.clone(),
        engine: parts.engine.clone(),
        control: parts.control.clone(),
        credentials: parts.credentials.clone(),
    };
    if started.send(Ok(about)).is_ok() {
        let asked = tokio::select! {
            error = parts.failed() => {
                let _ = failed.send(error);
                None
            }
            asked = stopping.recv() => asked,
        };
        if asked.is_some() {
            tokio::select! {
                () = parts.finish_requests() => {}
                // It is dropped: at once, then.
                _ = stopping.recv() => {}
            }
        }
    }
    parts.close().await;
}
