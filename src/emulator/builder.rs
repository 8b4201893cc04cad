//! An emulator described in code, for tests and programs that embed one.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, Given, GivenSettings, Origin};
use crate::emulator::startup::Plan;
use crate::emulator::{Dependencies, Emulator, StartError};
use crate::engine::identity::AuthMode;
use crate::ids::IdSource;

/// What holds of an embedded emulator unless it is told otherwise: nothing is kept, nobody else's port is taken, and it is
/// small.
const DEFAULTS: [(&str, &str); 4] = [
    ("listen", "127.0.0.1:0"),
    ("tls.listen", "127.0.0.1:0"),
    ("database", "sqlite::memory:"),
    ("http.workers", "1"),
];

/// Describes an emulator that is to be started in this process. Made by [`Emulator::builder`].
///
/// Unless told otherwise it keeps its records in memory, listens on a free port of this machine and serves with one
/// worker. All else is as the program has it by default; neither the environment nor a configuration file is read.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use dcs_emulator::clock::ManualClock;
/// use dcs_emulator::Emulator;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = Arc::new(ManualClock::new("2026-01-02T03:04:05Z".parse()?));
/// let emulator = Emulator::builder()
///     .seed("projects: [{id: 885cacf2d49d4bb6931ae668e9c07553}]")
///     .clock(clock.clone())
///     .ids_seed(42)
///     .setting("backup.duration", "5s")
///     .start_blocking()?;
/// clock.advance(Duration::from_secs(60));
/// assert!(emulator.url().starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing runs until it is started"]
pub struct EmulatorBuilder {
    given: GivenSettings,
    seed_texts: Vec<String>,
    dependencies: Dependencies,
    ids_seed: Option<u64>,
}

impl EmulatorBuilder {
    pub(super) fn new() -> Self {
        let builder = Self {
            given: GivenSettings::new(),
            seed_texts: Vec::new(),
            dependencies: Dependencies::system(),
            ids_seed: None,
        };
        DEFAULTS.into_iter().fold(builder, |builder, (key, text)| builder.setting(key, text))
    }

    /// Keeps records in memory; they are gone when the emulator stops. So it is unless [`database`](Self::database) names a
    /// file.
    pub fn ephemeral(self) -> Self {
        self.setting("database", "sqlite::memory:")
    }

    /// Keeps records in a file, which is created if it is not there; its folder must be. One emulator at a time has it.
    pub fn database(self, path: impl AsRef<Path>) -> Self {
        self.setting("database", format!("sqlite://{}", path.as_ref().display()))
    }

    /// Adds a seed document, in YAML or JSON. Several are applied in the order in which they were added, after
    /// [`demo`](Self::demo) and files.
    pub fn seed(mut self, document: impl Into<String>) -> Self {
        self.seed_texts.push(document.into());
        self
    }

    /// Adds a file that holds a seed document.
    pub fn seed_file(mut self, path: impl AsRef<Path>) -> Self {
        let seeds = Given { texts: Vec::new(), origin: Origin::Code };
        let seeds = self.given.entry("seed".to_owned()).or_insert(seeds);
        seeds.texts.push(path.as_ref().display().to_string());
        self
    }

    /// Adds the seed of `--demo`: project `885cacf2d49d4bb6931ae668e9c07553` with three instances, of which the
    /// master/standby one is `5560df16-cebf-4473-95c4-d1b573c16e79`.
    pub fn demo(self) -> Self {
        self.setting("demo", "true")
    }

    /// Lets records and their changes go by this clock instead of the system's. Keep a handle on a
    /// [`ManualClock`](crate::clock::ManualClock) to move it: `.clock(clock.clone())`.
    ///
    /// Tokens, temporary keys and signatures go by [`real_clock`](Self::real_clock) all the same, unless setting `auth_clock` says
    /// `emulator`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.dependencies.clock = clock;
        self
    }

    /// Lets tokens, temporary keys and signatures go by this clock instead of the system's.
    pub fn real_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.dependencies.real_clock = clock;
        self
    }

    /// Takes ids, tokens and keys from here instead of the system's random generator.
    pub fn ids(mut self, ids: Arc<dyn IdSource>) -> Self {
        self.dependencies.ids = ids;
        self
    }

    /// Lets ids follow from a seed: the same calls get the same ids each time. Ids that are taken are skipped.
    pub fn ids_seed(mut self, seed: u64) -> Self {
        self.ids_seed = Some(seed);
        self
    }

    /// Listens here instead of on a free port of this machine.
    pub fn listen(self, address: SocketAddr) -> Self {
        self.setting("listen", address.to_string())
    }

    /// Lets the control API listen here, and only here. Port 0 lets the system choose one;
    /// [`control_url`](Emulator::control_url) says which.
    pub fn control_listen(self, address: SocketAddr) -> Self {
        self.setting("control.listen", address.to_string())
    }

    /// Offers no control API over HTTP; [`control`](Emulator::control) is there all the same.
    pub fn without_control_api(self) -> Self {
        self.setting("control.enabled", "false")
    }

    /// Says whether every well-formed project id works, or only projects that a seed names. Unless told otherwise every one
    /// does, but with [`AuthMode::Strict`].
    pub fn auto_projects(self, every_project: bool) -> Self {
        self.setting("auto_projects", every_project.to_string())
    }

    /// Says who is let in; [`AuthMode::Lenient`] unless told otherwise.
    pub fn auth(self, mode: AuthMode) -> Self {
        let word = match mode {
            AuthMode::Off => "off",
            AuthMode::Lenient => "lenient",
            AuthMode::Strict => "strict",
        };
        self.setting("auth", word)
    }

    /// Lets backups take this long; they take no time unless told otherwise.
    pub fn backup_duration(self, duration: Duration) -> Self {
        self.setting("backup.duration", humantime::format_duration(duration).to_string())
    }

    /// Lets restores take this long; they take no time unless told otherwise.
    pub fn restore_duration(self, duration: Duration) -> Self {
        self.setting("restore.duration", humantime::format_duration(duration).to_string())
    }

    /// Keeps so many calls in the journal; 0 switches it off.
    pub fn journal_limit(self, calls: usize) -> Self {
        self.setting("journal.limit", calls.to_string())
    }

    /// Lets nobody use the control API who does not send this token.
    pub fn control_token(self, token: impl Into<String>) -> Self {
        self.setting("control.token", token)
    }

    /// Sets any of [`SETTINGS`](crate::config::SETTINGS) by its key, with the text that a flag would have. A key that is none, or a text that the
    /// setting cannot have, fails the start.
    pub fn setting(mut self, key: &str, text: impl Into<String>) -> Self {
        self.given.insert(key.to_owned(), Given { texts: vec![text.into()], origin: Origin::Code });
        self
    }

    /// Starts the emulator; requests are served when this returns.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(self) -> Result<Emulator, StartError> {
        Emulator::launch(self.plan()?).await
    }

    /// Starts the emulator, for programs that are not asynchronous.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Panics
    /// If it is called from asynchronous code: that uses [`start`](Self::start).
    pub fn start_blocking(self) -> Result<Emulator, StartError> {
        Emulator::launch_blocking(self.plan()?)
    }

    fn plan(self) -> Result<Plan, StartError> {
        let Self { given, seed_texts, dependencies, ids_seed } = self;
        Ok(Plan { config: Config::new(given)?, dependencies, seed_texts, ids_seed })
    }
}
