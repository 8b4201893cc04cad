//! An emulator of a test's own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dcs_emulator::Emulator;
use dcs_emulator::clock::ManualClock;
use dcs_emulator::domain::time::Timestamp;
use dcs_emulator::ids::SeededIds;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::answer::{Answer, Call};
use super::seed::{SEED, backups_path};
use super::{each, text};

/// When every test begins: 2020-03-02T06:15:04.512Z.
const START_MS: i64 = 1_583_129_704_512;
/// What the clock of the world outside shows when every test begins: 2026-01-02T03:04:05.000Z. It is not the other clock.
const REAL_START_MS: i64 = 1_767_323_045_000;
/// That time as signatures write it.
pub(crate) const REAL_START: &str = "20260102T030405Z";
/// What makes the ids of a test the same each time.
const IDS_SEED: u64 = 42;
/// How long a request may take before the test fails instead of hanging.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A running emulator with its own database in a folder of its own, a clock turned by hand, and ids that repeat.
pub(crate) struct TestServer {
    emulator: Option<Emulator>,
    client: Client,
    clock: Arc<ManualClock>,
    real_clock: Arc<ManualClock>,
    ids: Arc<SeededIds>,
    settings: Vec<(String, String)>,
    /// Removed when the server is dropped, after it.
    folder: TempDir,
}

impl TestServer {
    /// Starts with the default seed and settings.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts with the default seed and these settings, by key.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::seeded(SEED, settings).await
    }

    /// Starts with a seed, in YAML, and settings, by key.
    pub(crate) async fn seeded(seed: &str, settings: &[(&str, &str)]) -> Self {
        // What a cloud does not sell is asked for all the same; `clouds` is about that.
        Self::bare(seed, &[&[("cloud.products", "all")], settings].concat()).await
    }

    /// Starts with the default seed as a cloud is, and settings, by key.
    pub(crate) async fn of_cloud(profile: &str, settings: &[(&str, &str)]) -> Self {
        Self::bare(SEED, &[&[("cloud.profile", profile)], settings].concat()).await
    }

    async fn bare(seed: &str, settings: &[(&str, &str)]) -> Self {
        let mut server = Self {
            emulator: None,
            client: client(),
            clock: Arc::new(ManualClock::new(Timestamp::from_millis(START_MS).expect("a time"))),
            real_clock: Arc::new(ManualClock::new(Timestamp::from_millis(REAL_START_MS).expect("a time"))),
            ids: Arc::new(SeededIds::new(IDS_SEED)),
            settings: Vec::new(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        server.set(settings);
        server.write_seed(seed);
        server.launch().await;
        server
    }

    /// Replaces settings; they take effect at the next start.
    pub(crate) fn set(&mut self, settings: &[(&str, &str)]) {
        for (key, value) in settings {
            self.settings.retain(|(known, _)| known != key);
            self.settings.push(((*key).to_owned(), (*value).to_owned()));
        }
    }

    /// Replaces the seed file; it takes effect at the next start.
    pub(crate) fn write_seed(&self, seed: &str) {
        std::fs::write(self.folder.path().join("seed.yaml"), seed).expect("write the seed");
    }

    /// Stops, as the program does when it is told to.
    pub(crate) async fn stop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            emulator.stop().await;
        }
    }

    /// Stops and starts again on the same files.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.launch().await;
    }

    /// Returns whether it has been started and not stopped.
    pub(super) fn is_running(&self) -> bool {
        self.emulator.is_some()
    }

    async fn launch(&mut self) {
        let builder = Emulator::builder()
            .database(self.database_path())
            .seed_file(self.folder.path().join("seed.yaml"))
            .clock(self.clock.clone())
            .real_clock(self.real_clock.clone())
            .ids(self.ids.clone());
        let builder = self.settings.iter().fold(builder, |builder, (key, text)| builder.setting(key, text));
        self.emulator = Some(builder.start().await.expect("the emulator starts"));
    }

    /// Stops, and makes sure that nothing in the database contradicts a rule.
    pub(crate) async fn stop_soundly(mut self) {
        self.stop().await;
        let report = dcs_emulator::store::sqlite::check(&self.database_path()).await.expect("a look");
        assert_eq!(report.findings, Vec::<String>::new());
    }

    /// Returns where the database is.
    pub(crate) fn database_path(&self) -> PathBuf {
        self.folder.path().join("dcs-emulator.db")
    }

    /// Returns the address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.emulator.as_ref().expect("the server runs").address()
    }

    /// Returns where it serves HTTPS, and the certificate of its authority.
    pub(super) fn https(&self) -> (String, &str) {
        let emulator = self.emulator.as_ref().expect("the server runs");
        let url = emulator.tls_url().expect("it has HTTPS");
        let authority = emulator.certificate_authority().expect("it has an authority");
        (url.trim_start_matches("https://").to_owned(), authority)
    }

    /// Moves the clock forward.
    pub(crate) fn advance_ms(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// Sets the clock so many milliseconds after the time at which every test begins; before it, if negative.
    pub(crate) fn set_clock_ms(&self, millis: i64) {
        self.clock.set(Timestamp::from_millis(START_MS + millis).expect("a time"));
    }

    /// Moves the clock of the world outside forward.
    pub(crate) fn advance_real_ms(&self, millis: u64) {
        self.real_clock.advance(Duration::from_millis(millis));
    }

    /// Returns where its control API is, if it has one.
    pub(crate) fn control_url(&self) -> Option<String> {
        self.emulator.as_ref().expect("the server runs").control_url()
    }

    /// Prepares a request.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        self.call_at(&format!("http://{}", self.address()), method, path)
    }

    /// Prepares a request to where the control API is.
    pub(crate) fn control_call(&self, method: &str, path: &str) -> Call {
        self.call_at(&self.control_url().expect("it has a control API"), method, path)
    }

    fn call_at(&self, url: &str, method: &str, path: &str) -> Call {
        let url = format!("{url}{path}");
        let builder = self.client.request(Method::from_bytes(method.as_bytes()).expect("a method"), url);
        Call::new(builder, method, path)
    }

    /// Asks for a path.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    /// Sends a JSON body to a path.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path).json(body).send().await
    }

    /// Deletes what is at a path.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }

    /// Has a backup recorded and returns its id.
    pub(crate) async fn create_backup(&self, instance: &str) -> String {
        id_in(&self.post(&backups_path(instance), &json!({})).await.ok())
    }

    /// Has a backup with a remark recorded and returns its id.
    pub(crate) async fn create_remarked(&self, instance: &str, remark: &str) -> String {
        id_in(&self.post(&backups_path(instance), &json!({ "remark": remark })).await.ok())
    }

    /// Has a backup recorded at each of these milliseconds after the time at which every test begins; the oldest first.
    pub(crate) async fn create_backups_at(&self, instance: &str, times_ms: &[i64]) -> Vec<String> {
        let mut ids = Vec::new();
        for millis in times_ms {
            self.set_clock_ms(*millis);
            ids.push(self.create_backup(instance).await);
        }
        ids
    }

    /// Lists the backups of an instance, `query` being what stands behind the question mark.
    pub(crate) async fn list(&self, instance: &str, query: &str) -> Value {
        self.get(&format!("{}?{query}", backups_path(instance))).await.ok()
    }

    /// Lists the ids of the backups of an instance, `query` being what stands behind the question mark.
    pub(crate) async fn listed_ids(&self, instance: &str, query: &str) -> Vec<String> {
        let list = self.list(instance, query).await;
        each(&list["backup_record_response"], "backup_id").iter().map(text).collect()
    }

    /// Returns the newest record of an instance, as the list shows it.
    pub(crate) async fn newest(&self, instance: &str) -> Value {
        self.list(instance, "limit=1").await["backup_record_response"][0].take()
    }
}

fn client() -> Client {
    Client::builder().timeout(TIMEOUT).no_proxy().build().expect("an HTTP client")
}

fn id_in(body: &Value) -> String {
    text(&body["backup_id"])
}
