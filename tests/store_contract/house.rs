//! A store with a few instances in it, and the words to speak with it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dcs_emulator::domain::backup::{Backup, NewBackup};
use dcs_emulator::domain::catalogue;
use dcs_emulator::domain::contents::Contents;
use dcs_emulator::domain::id::{BackupId, DomainId, InstanceId, ProjectId, UserId};
use dcs_emulator::domain::identity::{Domain, Project};
use dcs_emulator::domain::instance::{
    Access, BackupRules, Billing, CacheMode, Capacity, Creator, Engine, EngineVersion, Instance,
    InstanceStatus, MinorVersions, Network, NetworkNames, RenameCommands,
};
use dcs_emulator::domain::instance_config::{InstanceConfig, Tags};
use dcs_emulator::domain::maintenance::MaintenanceWindow;
use dcs_emulator::domain::origin::{Actor, Origin};
use dcs_emulator::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use dcs_emulator::domain::quota::Quota;
use dcs_emulator::domain::refusal::Refusal;
use dcs_emulator::domain::remark::Remark;
use dcs_emulator::domain::time::{Timestamp, UtcOffset};
use dcs_emulator::domain::work::{Progression, WorkOptions};
use dcs_emulator::ids::{IdSource, SeededIds};
use dcs_emulator::store::sqlite::{Location, SqliteStore};
use dcs_emulator::store::{
    BackupChange, CreateBackup, DeleteBackup, DueChange, InstanceRef, InstanceSeed, OpenRecord, ProjectSeed,
    SeedPlan, Store, StoreError, StoreMetrics, UserSeed,
};
use prometheus::Registry;
use tempfile::TempDir;

/// What a store keeps its records in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Memory,
}

/// Runs a test on a store of its own.
pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, test: impl FnOnce(House) -> F) {
    block_on(async { test(House::open(kind).await).await });
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A store, and three master/standby instances in it beside one single and one cluster instance.
pub(crate) struct House {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sqlite: Arc<SqliteStore>,
    pub(crate) location: Location,
    ids: Box<dyn IdSource>,
    _folder: TempDir,
}

pub(crate) const RULES: BackupRules = BackupRules { enabled: true, clusters: false };
pub(crate) const AT_ONCE: Duration = Duration::ZERO;

/// When the house was furnished.
const FURNISHED_AT: i64 = 1_700_000_000_000;

/// Returns the time that long after the house was furnished.
pub(crate) fn after(millis: i64) -> Timestamp {
    Timestamp::from_millis(FURNISHED_AT + millis).unwrap()
}

pub(crate) fn project(number: u8) -> ProjectId {
    ProjectId::from_bytes([number; 16])
}

/// Returns one of the instances: 1 to 3 are master/standby, 4 single, 5 cluster.
pub(crate) fn instance(number: u8) -> InstanceRef {
    InstanceRef { project_id: project(1), instance_id: InstanceId::from_bytes([number; 16]) }
}

/// Returns a project with instances, each named by its number.
pub(crate) fn project_seed(number: u8, instances: &[(u8, CacheMode)]) -> ProjectSeed {
    let instances = instances.iter().map(|(number, mode)| instance_seed(*number, *mode)).collect();
    ProjectSeed {
        id: project(number),
        name: format!("project-{number}"),
        created_at: None,
        quota: Quota::default(),
        is_built_in: false,
        templates: Vec::new(),
        networks: Vec::new(),
        orders: Vec::new(),
        instances,
    }
}

/// Returns a seed of projects and what is built in.
pub(crate) fn plan(projects: Vec<ProjectSeed>) -> SeedPlan {
    SeedPlan {
        domain: None,
        projects,
        users: Vec::new(),
        agencies: Vec::new(),
        enterprise_projects: Vec::new(),
        settings: Vec::new(),
        overwrite: false,
        built_in_domain: Domain { id: DomainId::from_bytes([9; 16]), name: "domain".to_owned() },
        built_in_project: Project { id: project(200), name: "built-in".to_owned() },
        built_in_user: UserSeed {
            id: UserId::from_bytes([200; 16]),
            name: "built-in".to_owned(),
            password_hash: None,
            is_built_in: true,
            access_keys: Vec::new(),
            roles: BTreeMap::new(),
            denied: BTreeSet::new(),
        },
        new_link_key: [7; 32],
        replaces_link_key: false,
        before_commit: None,
    }
}

pub(crate) fn instance_seed(number: u8, cache_mode: CacheMode) -> InstanceSeed {
    let (engine, capacity) = (Engine::Redis, Capacity::from_gigabytes(2.0).unwrap());
    let engine_version = EngineVersion::new(engine, "5.0".to_owned()).unwrap();
    let instance = Instance {
        id: InstanceId::from_bytes([number; 16]),
        project_id: project(1),
        name: format!("instance-{number}").try_into().unwrap(),
        description: None,
        engine,
        engine_as_sent: None,
        spec_code: catalogue::nearest(engine, &engine_version, cache_mode, capacity).spec_code.clone(),
        engine_version,
        cache_mode,
        capacity,
        product_id: None,
        billing: Billing::PostPaid,
        status: InstanceStatus::Running,
        ip: String::new(),
        domain_name: None,
        port: 6379,
        access: Access::default(),
        sees_client_ips: true,
        zone_codes: vec!["eu-de-01".to_owned()],
        replicas: Vec::new(),
        network: Network {
            vpc_id: "vpc".to_owned(),
            subnet_id: "subnet".to_owned(),
            security_group_id: None,
            names: NetworkNames::default(),
        },
        creator: Creator { user_id: "user-id".to_owned(), user_name: "user".to_owned() },
        maintenance: MaintenanceWindow::DEFAULT,
        enterprise_project_id: "0".to_owned(),
        enterprise_project_name: None,
        rename_commands: RenameCommands::default(),
        tags: Tags::default(),
        stored_nodes: Vec::new(),
        stopped_nodes: BTreeSet::new(),
        bandwidth: None,
        backup_policy: None,
        created_at: after(0),
        launched_at: Some(after(0)),
        updated_at: after(0),
        error_code: None,
        task: None,
    };
    InstanceSeed {
        accounts: Vec::new(),
        contents: Contents::default(),
        instance,
        configuration: InstanceConfig::default(),
        password_hash: None,
        password_has_colon: false,
        subscription: None,
        next_run_at: None,
        minor_versions: MinorVersions::default(),
        work: None,
        backups: Vec::new(),
        restores: Vec::new(),
    }
}

pub(crate) fn anonymous() -> Origin {
    Origin { actor: Actor::Anonymous, request_id: None }
}

/// Returns why something was refused.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

impl House {
    /// Opens a store of its own and furnishes it.
    pub(crate) async fn open(kind: Kind) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let folder = TempDir::new().unwrap();
        let location = match kind {
            Kind::File => Location::File(folder.path().join("a.db")),
            Kind::Memory => {
                Location::Memory { name: format!("house-{}", COUNT.fetch_add(1, Ordering::Relaxed)) }
            }
        };
        let sqlite = open(&location).await;
        let store: Arc<dyn Store> = sqlite.clone();
        let modes =
            [CacheMode::Ha, CacheMode::Ha, CacheMode::HaRwSplit, CacheMode::Single, CacheMode::Cluster];
        let instances: Vec<(u8, CacheMode)> = (1..).zip(modes).collect();
        store.seed(plan(vec![project_seed(1, &instances)]), after(0)).await.unwrap();
        Self { store, sqlite, location, ids: Box::new(SeededIds::new(1)), _folder: folder }
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(mut self) -> Self {
        self.store.close().await;
        self.sqlite = open(&self.location).await;
        self.store = self.sqlite.clone();
        self
    }

    /// Returns a command to back up an instance.
    pub(crate) fn command(&self, instance: InstanceRef, at: Timestamp, duration: Duration) -> CreateBackup {
        let id = self.ids.backup_id(at);
        CreateBackup {
            instance,
            new: NewBackup {
                id,
                terms: None,
                remark: Some(Remark::try_from(format!("remark of {id}")).unwrap()),
                format: None,
                requested_at: at,
                work: WorkOptions { progression: Progression::lasting(duration), failure: None },
                name_offset: UtcOffset::from_minutes(480).unwrap(),
            },
            is_id_client_chosen: false,
            rules: RULES,
            keep: None,
            origin: anonymous(),
        }
    }

    pub(crate) async fn create(
        &self,
        instance: InstanceRef,
        at: Timestamp,
        duration: Duration,
    ) -> Result<Backup, StoreError> {
        self.store.create_backup(self.command(instance, at, duration)).await
    }

    pub(crate) async fn delete(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.store
            .delete_backup(DeleteBackup { instance, backup_id, enabled: true, now, origin: anonymous() })
            .await
    }

    /// Lists all backups of an instance.
    pub(crate) async fn list(&self, instance: InstanceRef) -> Vec<Backup> {
        let page = self.page(instance, TimeWindow::default(), 0, PageLimit::ALL).await;
        assert_eq!(page.total, u64::try_from(page.items.len()).unwrap());
        page.items
    }

    pub(crate) async fn page(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        skip: u64,
        limit: PageLimit,
    ) -> Page<Backup> {
        let page = self.store.list_backups(instance, window, PageRequest { skip, limit }).await;
        page.unwrap().expect("there is such an instance")
    }

    /// Does everything that is due at `now`, as the engine does, step by step.
    pub(crate) async fn reconcile(&self, now: Timestamp) {
        while self.store.next_due_at().is_some_and(|due_at| due_at <= now) {
            let due = self.due(now, 10).await;
            assert!(!due.is_empty(), "something is due, and nothing is there to be done");
            self.change(due.iter().map(|backup| next_change(backup, now))).await;
        }
    }

    /// Returns the backups that have a step due.
    pub(crate) async fn due(&self, now: Timestamp, limit: u16) -> Vec<Backup> {
        let due = self.store.due_records(now, limit).await.unwrap();
        due.into_iter()
            .map(|record| match record {
                OpenRecord::Backup(backup) => backup,
                OpenRecord::Instance(transition) => panic!("nobody has asked for {transition:?}"),
                OpenRecord::Restore(restore) => panic!("nobody has asked for {restore:?}"),
                OpenRecord::Work(work) => panic!("nobody has asked for {work:?}"),
            })
            .collect()
    }

    /// Makes changes of backups, as far as they fit.
    pub(crate) async fn change(&self, changes: impl IntoIterator<Item = BackupChange>) {
        let changes = changes.into_iter().map(DueChange::Backup).collect();
        self.store.apply_changes(changes, None).await.unwrap();
    }
}

/// Returns the change that is due for a backup.
pub(crate) fn next_change(backup: &Backup, now: Timestamp) -> BackupChange {
    let (event, at) = backup.due_event(now).expect("a due backup has something due");
    BackupChange {
        id: backup.id,
        instance_id: backup.instance_id,
        number: backup.number,
        kind: backup.kind,
        from: backup.status.kind(),
        to: backup.status.transition(event, at).unwrap(),
        at,
    }
}

async fn open(location: &Location) -> Arc<SqliteStore> {
    let metrics = StoreMetrics::register(&Registry::new()).unwrap();
    Arc::new(SqliteStore::open(location, metrics).await.unwrap())
}
