//! The emulator as a library: started by its builder in this process, called with and without HTTP, dropped.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dcs_emulator::clock::ManualClock;
use dcs_emulator::domain::backup::BackupStatusKind;
use dcs_emulator::domain::origin::Origin;
use dcs_emulator::domain::remark::Remark;
use dcs_emulator::engine::identity::AuthMode;
use dcs_emulator::engine::{
    ApiVersion, AppliedChange, ChangedRecord, CreateBackupRequest, Engine, InstanceRef, RecordsQuery,
};
use dcs_emulator::store::OpenError;
use dcs_emulator::{Emulator, StartError};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::RwLock;

const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
const INSTANCE: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";
/// How long a test waits for what must come.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Held by every test; alone by the one that counts threads.
static THREADS: RwLock<()> = RwLock::const_new(());

fn instance() -> InstanceRef {
    InstanceRef { project_id: PROJECT.parse().unwrap(), instance_id: INSTANCE.parse().unwrap() }
}

async fn create(engine: &Engine) -> String {
    let request = CreateBackupRequest {
        remark: Some(Remark::try_from("nightly".to_owned()).unwrap()),
        ..CreateBackupRequest::default()
    };
    let id = engine.create_backup(ApiVersion::V2, instance(), request, Origin::ANONYMOUS).await;
    id.unwrap().to_string()
}

async fn total(engine: &Engine) -> u64 {
    engine.list_backups(instance(), RecordsQuery::default()).await.unwrap().0.total
}

async fn get(url: &str) -> Value {
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_direct_call_and_a_request_see_the_same() {
    let _turn = THREADS.read().await;
    let emulator = Emulator::builder().demo().start().await.unwrap();
    let id = create(emulator.engine()).await;
    let url = format!("{}/v2/{PROJECT}/instances/{INSTANCE}/backups", emulator.url());
    assert_eq!(get(&url).await["backup_record_response"][0]["backup_id"], id.as_str());
    assert_eq!(emulator.credentials().project_id.to_string(), PROJECT);
}

#[tokio::test]
async fn several_emulators_know_nothing_of_each_other() {
    let _turn = THREADS.read().await;
    let builder = Emulator::builder().ephemeral().demo();
    let one = builder.clone().start().await.unwrap();
    let other = builder.start().await.unwrap();
    assert_ne!(one.address(), other.address());
    create(one.engine()).await;
    assert_eq!((total(one.engine()).await, total(other.engine()).await), (1, 0));
}

#[tokio::test]
async fn time_passes_by_hand_and_what_came_due_is_told() {
    let _turn = THREADS.read().await;
    let clock = Arc::new(ManualClock::new("2026-01-02T03:04:05Z".parse().unwrap()));
    let builder = Emulator::builder().demo().clock(clock.clone()).backup_duration(Duration::from_secs(10));
    let emulator = builder.start().await.unwrap();
    let status = async || {
        let (page, _) = emulator.engine().list_backups(instance(), RecordsQuery::default()).await.unwrap();
        page.items[0].status.kind()
    };
    let id = create(emulator.engine()).await;
    assert_eq!(status().await, BackupStatusKind::Waiting);
    clock.advance(Duration::from_secs(5));
    assert_eq!(status().await, BackupStatusKind::Backuping);
    let fired = emulator.control().advance(Duration::from_secs(5)).await.unwrap();
    let succeeded = AppliedChange {
        at: "2026-01-02T03:04:15Z".parse().unwrap(),
        instance_id: Some(INSTANCE.parse().unwrap()),
        record: ChangedRecord::Backup {
            id: id.parse().unwrap(),
            from: Some(BackupStatusKind::Backuping),
            to: BackupStatusKind::Succeed,
        },
    };
    assert_eq!(fired, [succeeded]);
    assert_eq!(status().await, BackupStatusKind::Succeed);
}

#[tokio::test]
async fn a_dropped_emulator_frees_its_port_its_file_and_its_threads() {
    let _alone = THREADS.write().await;
    let before = threads_of_emulators();
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let first = Emulator::builder().database(&database).demo().start().await.unwrap();
    let address = first.address();
    // Whoever still holds on to the emulator keeps nothing of it: neither a handle nor an open connection.
    let engine = first.engine().clone();
    let connection = TcpStream::connect(address).unwrap();
    create(&engine).await;
    assert!(threads_of_emulators() > before);
    drop(first);

    let second = Emulator::builder().database(&database).listen(address).start().await.unwrap();
    assert_eq!(second.address(), address);
    assert_eq!(total(second.engine()).await, 1);
    let request = CreateBackupRequest::default();
    let late = engine.create_backup(ApiVersion::V2, instance(), request, Origin::ANONYMOUS).await;
    assert!(late.is_err(), "{late:?}");
    drop((second, connection));
    let started = Instant::now();
    while threads_of_emulators() > before {
        assert!(started.elapsed() < TIMEOUT, "threads are left: {:?}", names_of_threads());
        tokio::task::yield_now().await;
    }
}

/// Returns how many threads of this process serve emulators.
fn threads_of_emulators() -> usize {
    let ours = ["dcs-emulator", "actix", "sqlx"];
    names_of_threads().iter().filter(|name| ours.iter().any(|ours| name.starts_with(ours))).count()
}

fn names_of_threads() -> Vec<String> {
    let tasks = Path::new("/proc/self/task").read_dir().unwrap();
    let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
    // One that ended meanwhile has no name.
    names.filter_map(Result::ok).collect()
}

#[tokio::test]
async fn a_stopped_emulator_can_be_started_again_where_it_was() {
    let _turn = THREADS.read().await;
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("a.db");
    let builder = Emulator::builder().database(&database).demo().ids_seed(42);
    let first = builder.clone().start().await.unwrap();
    let id = create(first.engine()).await;
    let locked = builder.clone().start().await;
    assert!(matches!(locked, Err(StartError::Open(OpenError::Locked { .. }))));
    first.stop().await;
    let second = builder.start().await.unwrap();
    assert_eq!(total(second.engine()).await, 1);
    // Ids begin anew, and skip what is taken.
    assert_ne!(create(second.engine()).await, id);
}

#[test]
fn a_program_that_is_not_asynchronous_can_embed_it_too() {
    let _turn = THREADS.blocking_read();
    let emulator = Emulator::builder().demo().start_blocking().unwrap();
    TcpStream::connect(emulator.address()).unwrap();
    let address = emulator.address();
    drop(emulator);
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn seeds_come_from_texts_and_files() {
    let _turn = THREADS.read().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("seed.json");
    std::fs::write(&file, r#"{"projects": [{"id": "00000000000000000000000000000001"}]}"#).unwrap();
    let emulator = Emulator::builder()
        .demo()
        .seed_file(&file)
        .seed("projects: [{id: 00000000000000000000000000000002}]")
        .start()
        .await
        .unwrap();
    let info = get(&format!("{}/_emulator/info", emulator.url())).await;
    assert_eq!(info["counts"]["projects"], 3);
    let bad = Emulator::builder().seed("projects: [{id: no-id}]").start().await;
    assert!(matches!(bad, Err(StartError::Seed(_))));
}

#[tokio::test]
async fn an_export_goes_by_the_time_at_which_the_state_was_read() {
    let _turn = THREADS.read().await;
    let clock = Arc::new(ManualClock::new("2026-01-02T03:04:05Z".parse().unwrap()));
    let fault = "settings: {faults: [{id: short, effect: {cut: true}, expires_at: '2026-01-02T03:04:15Z'}]}";
    let emulator = Emulator::builder().demo().seed(fault).clock(clock.clone()).start().await.unwrap();
    for (seconds, is_there) in [(9, true), (1, false)] {
        let mut export = emulator.control().export(None).await.unwrap();
        // Before anything of it has been looked at.
        clock.advance(Duration::from_secs(seconds));
        let mut document = String::new();
        while let Some(piece) = export.next().await {
            document.push_str(&piece.unwrap());
        }
        assert_eq!(document.contains("short"), is_there, "{document}");
    }
}

#[tokio::test]
async fn the_control_api_is_where_it_is_told_to_be() {
    let _turn = THREADS.read().await;
    let builder = Emulator::builder().demo();
    let beside = builder.clone().start().await.unwrap();
    assert_eq!(beside.control_url(), Some(beside.url()));
    let alone = builder.clone().control_listen("127.0.0.1:0".parse().unwrap()).start().await.unwrap();
    let control_url = alone.control_url().unwrap();
    assert_ne!(control_url, alone.url());
    assert_eq!(get(&format!("{control_url}/_emulator/info")).await["counts"]["instances"], 3);
    drop(alone);
    assert!(reqwest::get(format!("{control_url}/_emulator/info")).await.is_err());
    let off = builder.without_control_api().start().await.unwrap();
    assert_eq!(off.control_url(), None);
    let refused = reqwest::get(format!("{}/_emulator/info", off.url())).await.unwrap();
    assert_eq!(refused.status(), 404);
    // Whoever embeds it controls it all the same.
    assert_eq!(off.control().counts().await.unwrap().instances, 3);
}

#[tokio::test]
async fn settings_are_the_programs() {
    let _turn = THREADS.read().await;
    let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let emulator = Emulator::builder()
        .listen(address)
        .auth(AuthMode::Strict)
        .auto_projects(true)
        .journal_limit(7)
        .control_token("hush")
        .setting("backup.keep", "3")
        .start()
        .await
        .unwrap();
    let request = reqwest::Client::new().get(format!("{}/_emulator/config", emulator.url()));
    let config: Value =
        request.header("X-Emulator-Token", "hush").send().await.unwrap().json().await.unwrap();
    for (key, value) in [
        ("auth", "strict"),
        ("auto_projects", "true"),
        ("journal.limit", "7"),
        ("backup.keep", "3"),
        ("control.token", "***"),
    ] {
        assert_eq!(config[key], serde_json::json!({"value": value, "origin": "code"}), "{key}");
    }

    let unknown = Emulator::builder().setting("backup.speed", "1").start().await;
    let said = unknown.err().unwrap().to_string();
    assert!(said.starts_with("backup.speed is no setting"), "{said}");
    let impossible = Emulator::builder().setting("backup.keep", "none").start().await;
    let said = impossible.err().unwrap().to_string();
    assert!(said.starts_with("backup.keep: \"none\" must be "), "{said}");
}
