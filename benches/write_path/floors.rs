//! What the server is compared with: servers that differ from it in one thing each, run from this very executable.
//!
//! - `plain`: an actix handler that parses path and body and answers the same bytes; no middleware, no engine.
//! - `no-op`: the whole HTTP stack and the engine, on a store that keeps nothing.
//! - `one transaction a request`: the same, on a store that writes the same rows with the same pragmas, but commits each
//!   request alone.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use actix_web::web::{Bytes, Path as PathParts};
use actix_web::{App, HttpResponse, HttpServer, web};
use async_trait::async_trait;
use dcs_emulator::clock::{Clock, SystemClock, VirtualClock};
use dcs_emulator::config::{Config, GivenSettings, LogFormat};
use dcs_emulator::domain::backup::{Backup, BackupStatus, Completion};
use dcs_emulator::domain::backup_file::BackupFormat;
use dcs_emulator::domain::id::{BackupId, InstanceId, ProjectId, UUID_LENGTH};
use dcs_emulator::domain::identity::{Domain, Project, Secret, Token, User};
use dcs_emulator::domain::instance::Instance;
use dcs_emulator::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use dcs_emulator::domain::quota::{Quota, Usage};
use dcs_emulator::domain::restore::Restore;
use dcs_emulator::domain::snapshot::SnapshotName;
use dcs_emulator::domain::time::Timestamp;
use dcs_emulator::engine::Engine;
use dcs_emulator::engine::control::Control;
use dcs_emulator::engine::identity::{Identity, IdentitySettings};
use dcs_emulator::engine::seed::Seed;
use dcs_emulator::http::server::{ControlPlace, ControlSettings, Listeners};
use dcs_emulator::ids::{IdSource, ReseedableIds, SystemIds};
use dcs_emulator::store::sqlite::SqliteStore;
use dcs_emulator::store::{
    ChangeInstance, ChangePassword, Counts, CreateBackup, CreateInstances, CreateRestore, DeleteBackup,
    DueChange, IdentityStore, InstanceFilter, InstancePageStart, InstanceRef, KeptPassword, MadeChange,
    NewToken, OpenRecord, PasswordAnswer, ProjectFilter, ResetPlan, RestorePlan, ScheduleOutcome,
    ScheduleStep, SeedPlan, SeedReport, Snapshot, SnapshotError, SnapshotFile, SnapshotStore, SnapshotUpload,
    StatePart, StatusCount, Store, StoreError, StoreMetrics, UserKey,
};
use dcs_emulator::{http, telemetry};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::{Mutex, mpsc};

use crate::Outcome;

const CREATE_PATH: &str = "/v1.0/{project_id}/instances/{instance_id}/backups";

/// Which floor a child process is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Floor {
    Plain,
    NoOp,
    OneTransaction,
}

impl Floor {
    const ALL: [Self; 3] = [Self::Plain, Self::NoOp, Self::OneTransaction];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::NoOp => "no-op",
            Self::OneTransaction => "one-transaction",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|floor| floor.as_str() == text)
    }
}

/// Serves as a floor until it is killed; says where on standard output, as the real server does.
pub(crate) fn serve(floor: Floor, database: Option<&Path>) -> Outcome<()> {
    // As `main` does it, so that the runtime is the same too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    telemetry::start(LogFormat::Text, "warn");
    runtime.block_on(async {
        let listener = http::server::bind(([127, 0, 0, 1], 0).into())?;
        let address = listener.local_addr()?;
        let server = match (floor, database) {
            (Floor::Plain, _) => {
                HttpServer::new(|| App::new().route(CREATE_PATH, web::post().to(plain_create)))
                    .workers(std::thread::available_parallelism()?.get())
                    .disable_signals()
                    .listen(listener)?
                    .run()
            }
            (Floor::OneTransaction, Some(database)) => {
                let connection = Mutex::new(open(database).await?);
                real_stack(listener, FloorStore::OneTransaction(connection)).await?
            }
            (Floor::NoOp | Floor::OneTransaction, _) => real_stack(listener, FloorStore::Nothing).await?,
        };
        writeln!(std::io::stdout(), "{} ready on http://{address}", floor.as_str())?;
        Ok(server.await?)
    })
}

async fn plain_create(path: PathParts<(String, String)>, body: Bytes) -> HttpResponse {
    let (project_id, instance_id) = path.into_inner();
    let known = project_id.parse::<ProjectId>().is_ok() && instance_id.parse::<InstanceId>().is_ok();
    if !known || serde_json::from_slice::<Body>(&body).is_err() {
        return HttpResponse::BadRequest().finish();
    }
    let ids: &dyn IdSource = &SystemIds;
    let mut buffer = [0; UUID_LENGTH];
    let body = format!("{{\"backup_id\":\"{}\"}}", ids.backup_id(SystemClock.now()).encode(&mut buffer));
    HttpResponse::Ok().content_type("application/json").body(body)
}

#[derive(serde::Deserialize)]
struct Body {
    #[expect(dead_code, reason = "parsed because the real handler parses it")]
    remark: Option<String>,
}

/// Serves floors of the store through the real HTTP stack and engine, with the settings of the real server.
async fn real_stack(listener: std::net::TcpListener, store: FloorStore) -> Outcome<actix_web::dev::Server> {
    let config = Config::new(GivenSettings::new())?;
    let store = Arc::new(store);
    // No create asks it for anything.
    let metrics = StoreMetrics::register(&prometheus::Registry::new())?;
    let side = Arc::new(SqliteStore::open(&"sqlite::memory:".parse()?, metrics).await?);
    let clock = Arc::new(VirtualClock::new(Arc::new(SystemClock)));
    let ids = Arc::new(ReseedableIds::new(Arc::new(SystemIds)));
    let settings = IdentitySettings {
        mode: config.auth,
        auto_projects: config.auto_projects,
        region: config.engine.region.clone(),
    };
    let engine =
        Engine::new(store.clone(), store.clone(), side, clock.clone(), ids.clone(), config.engine.clone());
    let identity = Identity::new(store.clone(), clock.clone(), ids.clone(), settings, engine.passwords());
    let control = ControlSettings {
        control: Control::new(engine.clone(), identity.clone(), store, clock, ids, Seed::default()),
        faults: None,
        journal_limit: config.journal_limit,
        token: None,
        allowed_hosts: config.control_allowed_hosts.clone(),
        config: config.to_json(),
        database: serde_json::Value::Null,
    };
    let listeners = Listeners { api: listener, control: ControlPlace::BesideApi };
    Ok(http::serve(listeners, engine, identity, control, config.http, prometheus::Registry::new())?.api)
}

/// Opens a database as the real store opens it for writing.
async fn open(database: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    SqliteConnection::connect_with(&options).await
}

/// A store that knows creates only.
enum FloorStore {
    /// Keeps nothing.
    Nothing,
    /// Commits each create alone.
    OneTransaction(Mutex<SqliteConnection>),
}

#[async_trait]
impl Store for FloorStore {
    async fn create_backup(&self, command: CreateBackup) -> Result<Backup, StoreError> {
        let new = &command.new;
        let completion =
            Completion { started_at: new.requested_at, finished_at: new.requested_at, size_bytes: 300 };
        if let Self::OneTransaction(connection) = self {
            record(&mut *connection.lock().await, &command, &completion)
                .await
                .map_err(|source| StoreError::Failed { operation: "create", source: Arc::new(source) })?;
        }
        let new = command.new;
        Ok(Backup {
            id: new.id,
            instance_id: command.instance.instance_id,
            number: 1,
            kind: new.kind(),
            terms: new.terms,
            format: BackupFormat::Rdb,
            remark: new.remark,
            created_at: new.requested_at,
            name_offset: new.name_offset,
            status: BackupStatus::Succeed(completion),
            is_outdated: false,
        })
    }

    async fn delete_backup(&self, _: DeleteBackup) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn list_backups(
        &self,
        _: InstanceRef,
        _: TimeWindow,
        _: PageRequest,
    ) -> Result<Option<Page<Backup>>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn create_instances(&self, _: CreateInstances) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn change_instance(&self, _: ChangeInstance) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn status_counts(&self, _: ProjectId) -> Result<Vec<StatusCount>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn instance_password(&self, _: InstanceRef) -> Result<Option<KeptPassword>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn change_password(&self, _: ChangePassword) -> Result<PasswordAnswer, StoreError> {
        Err(StoreError::Closed)
    }

    async fn get_instance(&self, _: InstanceRef) -> Result<Option<Instance>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn list_instances(
        &self,
        _: ProjectId,
        _: InstanceFilter,
        _: InstancePageStart,
        _: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn all_instances(&self, _: ProjectId, _: InstanceFilter) -> Result<Vec<Instance>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn instances_of(&self, _: ProjectId) -> Result<HashSet<InstanceId>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn quota(&self, _: ProjectId) -> Result<(Quota, Usage), StoreError> {
        Err(StoreError::Closed)
    }

    fn next_scheduled_at(&self) -> Option<Timestamp> {
        None
    }

    async fn due_runs(&self, _: Timestamp, _: u16) -> Result<Vec<InstanceRef>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn due_changes(&self, _: Timestamp, _: u16) -> Result<Vec<InstanceRef>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn apply_schedule(&self, _: ScheduleStep) -> Result<ScheduleOutcome, StoreError> {
        Err(StoreError::Closed)
    }

    fn next_due_at(&self) -> Option<Timestamp> {
        None
    }

    async fn create_restore(&self, _: CreateRestore) -> Result<Restore, StoreError> {
        Err(StoreError::Closed)
    }

    async fn list_restores(
        &self,
        _: InstanceRef,
        _: TimeWindow,
        _: PageRequest,
    ) -> Result<Option<Page<Restore>>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn get_backup(&self, _: InstanceRef, _: BackupId) -> Result<Option<(Backup, bool)>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn due_records(&self, _: Timestamp, _: u16) -> Result<Vec<OpenRecord>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn open_records(
        &self,
        _: Option<ProjectId>,
        _: Option<InstanceId>,
    ) -> Result<Vec<OpenRecord>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn apply_changes(&self, _: Vec<DueChange>, _: Option<u32>) -> Result<Vec<MadeChange>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn seed(&self, _: SeedPlan, _: Timestamp) -> Result<SeedReport, StoreError> {
        Err(StoreError::Closed)
    }

    fn export(&self, _: Option<ProjectId>) -> mpsc::Receiver<Result<StatePart, StoreError>> {
        mpsc::channel(1).1
    }

    async fn reset(&self, _: ResetPlan) -> Result<SeedReport, StoreError> {
        Err(StoreError::Closed)
    }

    async fn is_taken(&self, _: [u8; 16]) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn keep_setting(&self, _: &'static str, _: Option<String>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn keep_ids(&self, _: &'static str, _: String, _: Option<[u8; 32]>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    async fn kept_settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        Ok(BTreeMap::new())
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        Ok(Counts::default())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) {}
}

/// Nobody logs in while creates are measured.
#[async_trait]
impl SnapshotStore for FloorStore {
    async fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn snapshot(&self, _: &SnapshotName) -> Result<Snapshot, SnapshotError> {
        Err(SnapshotError::NotFound)
    }

    async fn take_snapshot(&self, _: &SnapshotName, _: Timestamp) -> Result<Snapshot, SnapshotError> {
        Err(SnapshotError::TooMany)
    }

    async fn snapshot_file(&self, _: &SnapshotName) -> Result<SnapshotFile, SnapshotError> {
        Err(SnapshotError::NotFound)
    }

    async fn begin_upload(&self, _: &SnapshotName) -> Result<SnapshotUpload, SnapshotError> {
        Err(SnapshotError::TooMany)
    }

    async fn finish_upload(
        &self,
        _: &SnapshotName,
        _: SnapshotUpload,
        _: Timestamp,
    ) -> Result<Snapshot, SnapshotError> {
        Err(SnapshotError::TooMany)
    }

    async fn delete_snapshot(&self, _: &SnapshotName) -> Result<Vec<Snapshot>, SnapshotError> {
        Err(SnapshotError::NotFound)
    }

    async fn prepare_restore(&self, _: &SnapshotName) -> Result<BTreeMap<String, String>, SnapshotError> {
        Err(SnapshotError::NotFound)
    }

    async fn restore_snapshot(&self, _: RestorePlan) -> Result<Snapshot, SnapshotError> {
        Err(SnapshotError::NotFound)
    }
}

#[async_trait]
impl IdentityStore for FloorStore {
    async fn domain(&self) -> Result<Domain, StoreError> {
        Err(StoreError::Closed)
    }

    async fn link_key(&self) -> Result<[u8; 32], StoreError> {
        Err(StoreError::Closed)
    }

    async fn find_user(&self, _: UserKey) -> Result<Option<(User, Option<String>)>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn find_access_key(&self, _: &str) -> Result<Option<(User, Secret)>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn find_token(&self, _: [u8; 32]) -> Result<Option<Token>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn projects(&self, _: ProjectFilter) -> Result<Vec<Project>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn save_token(&self, _: NewToken) -> Result<bool, StoreError> {
        Err(StoreError::Closed)
    }
}

/// Writes the rows that the real store writes, in a transaction of their own.
async fn record(
    connection: &mut SqliteConnection,
    command: &CreateBackup,
    completion: &Completion,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let (new, instance) = (&command.new, &command.instance);
    transaction
        .execute(
            sqlx::query(
                "INSERT INTO backups (instance_key, record_number, backup_id, status, backup_type, backup_format,
                                      name_offset_minutes, created_at, execution_at, updated_at, size_bytes, remark)
                 SELECT instance_key,
                        1 + coalesce((SELECT max(record_number) FROM backups b WHERE b.instance_key = i.instance_key), 0),
                        ?1, 2, 0, 0, 480, ?4, ?4, ?4, ?5, ?6
                 FROM instances i JOIN projects p USING (project_key) WHERE instance_id = ?2 AND project_id = ?3",
            )
            .bind(new.id.as_bytes().to_vec())
            .bind(instance.instance_id.as_bytes().to_vec())
            .bind(instance.project_id.as_bytes().to_vec())
            .bind(completion.started_at.as_millis())
            .bind(i64::try_from(completion.size_bytes).unwrap_or(i64::MAX))
            .bind(new.remark.as_ref().map(|remark| remark.as_str().to_owned())),
        )
        .await?;
    transaction
        .execute(
            sqlx::query(
                "INSERT INTO events (at, instance_key, record_kind, record_number, from_status, to_status, actor_key, request_id)
                 SELECT created_at, instance_key, 1, record_number, NULL, status, 1, ?2 FROM backups WHERE backup_id = ?1",
            )
            .bind(new.id.as_bytes().to_vec())
            .bind(command.origin.request_id.map(|id| id.as_bytes().to_vec())),
        )
        .await?;
    transaction.commit().await
}
