//! The store on SQLite: one file, one writing task, a pool of read-only connections.
//!
//! SQLite has one writer, so the program has one: `writer` owns the writing connection and commits what waits in one
//! transaction (group commit). WAL with `synchronous = FULL`: a commit has been synced to disk when it returns, and
//! readers never wait for the writer. `file` decides whether a file may be opened at all.

mod access_lock;
mod background_tasks;
mod backups;
mod beside;
mod check;
mod checkpoints;
mod copying;
mod creation;
mod events;
mod file;
mod file_lock;
mod file_watch;
mod guards;
mod ids;
mod instance_cache;
mod instances;
mod open_work;
mod options;
mod queue;
mod quotas;
mod reader;
mod recovery;
mod replies;
mod resetting;
mod restores;
mod retention;
mod scheduling;
mod script;
mod seeding;
mod side;
mod snapshots;
mod templates;
mod tokens;
mod transitions;
mod writer;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};

pub use check::{CheckReport, check};
pub use options::Location;
pub use reader::{LentConnection, ReadPool};

use crate::domain::backup::Backup;
use crate::domain::id::{BackupId, InstanceId, ProjectId};
use crate::domain::instance::Instance;
use crate::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use crate::domain::quota::{Quota, Usage};
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::store::migrate;
use crate::store::{
    ChangeInstance, ChangePassword, Counts, CreateBackup, CreateInstances, CreateRestore, DeleteBackup,
    DueChange, InstanceFilter, InstancePageStart, InstanceRef, KeptPassword, MadeChange, OpenError,
    OpenRecord, PasswordAnswer, ResetPlan, ScheduleOutcome, ScheduleStep, SeedPlan, SeedReport, StatePart,
    StatusCount, Store, StoreError, StoreMetrics,
};
use access_lock::AccessLock;
use file_lock::FileLock;
use file_watch::FileWatch;
use guards::WriterGuards;
use queue::{Command, WriterHandle};
use reader::Reader;
use snapshots::SnapshotDirectory;

/// How many read-only connections there are.
const READERS: u32 = 4;
/// How many parts of an export of a file wait to be taken at most.
const PARTS_IN_FLIGHT: usize = 4;

/// How long closing the store waits for reads to end.
const READERS_PATIENCE: Duration = Duration::from_millis(50);

/// The store on SQLite. Must be opened, used and closed inside a tokio runtime.
pub struct SqliteStore {
    reader: Arc<Reader>,
    writer: WriterHandle,
    /// How many parts of an export wait to be taken at most.
    parts_in_flight: usize,
    location: Location,
    access: AccessLock,
    /// Whether the files are still where they were; none of a database in memory.
    files: Option<Arc<FileWatch>>,
    /// Held while something is done with the snapshots.
    directory: tokio::sync::Mutex<SnapshotDirectory>,
    /// Held as long as the store is open, so that no second process opens the file.
    lock: Mutex<Option<FileLock>>,
}

impl SqliteStore {
    /// Locks, inspects and migrates the database at `location`, creating it if it is not there, and opens it.
    ///
    /// # Errors
    /// Any [`OpenError`]; then the database is as it was.
    pub async fn open(location: &Location, metrics: StoreMetrics) -> Result<Self, OpenError> {
        options::require_safe_sqlite().await?;
        let location = location.resolved()?;
        let (mut lock, is_new) = match &location {
            Location::File(path) => {
                let (lock, version) = file::lock_and_inspect(path).await?;
                // One that is there and empty is filled where it is: its rights are somebody's choice, and it may be mounted.
                let is_new = version.is_none() && !path.exists();
                match version {
                    None if is_new => creation::create(path).await?,
                    Some(version @ 1..) if version < migrate::known_version() => {
                        copying::keep_before_upgrade(path, version).await?;
                    }
                    _ => {}
                }
                (Some(lock), is_new)
            }
            Location::Memory { .. } => (None, false),
        };
        if let (Location::File(path), Some(lock)) = (&location, &mut lock) {
            // Before SQLite opens it.
            lock.hold(path)?;
        }
        let mut writing = options::connect_writer(&location).await?;
        if !is_new {
            let migrated = migrate::migrate(&mut writing, file::APPLICATION_ID).await;
            migrated.map_err(|error| match &location {
                Location::File(path) => file::locked_or(path, error),
                Location::Memory { .. } => error,
            })?;
        }
        // After the writer: the first connection to a new file is the one that may create it.
        let access = AccessLock::of(&location);
        let pool = ReadPool::open(&options::reading(&location), READERS, access.clone())
            .await
            .map_err(OpenError::during("open the readers"))?;
        options::wait_shortly(&mut writing, &location)
            .await
            .map_err(OpenError::during("set how long the writer waits for a lock"))?;
        let (path, files) = match (&location, &lock) {
            (Location::File(path), Some(lock)) => {
                (Some(path.as_path()), Some(Arc::new(FileWatch::start(path, lock))))
            }
            _ => (None, None),
        };
        let guards = WriterGuards::new(access.clone(), path, files.clone(), &metrics);
        let writer = WriterHandle::start(writing, guards, metrics)
            .await
            .map_err(|source| OpenError::Failed { operation: "start the writer", source })?;
        let parts_in_flight = match location {
            Location::File(_) => PARTS_IN_FLIGHT,
            // A reader keeps the writer waiting there: it must not wait itself for a client that is slow.
            Location::Memory { .. } => Semaphore::MAX_PERMITS,
        };
        let directory = SnapshotDirectory::of(&location);
        directory.remove_unfinished();
        Ok(Self {
            reader: Arc::new(Reader::new(pool)),
            writer,
            parts_in_flight,
            location,
            access,
            files,
            directory: directory.into(),
            lock: Mutex::new(lock),
        })
    }

    /// Returns once nothing can be written any more: the writer was closed, or has failed.
    pub async fn writer_stopped(&self) {
        self.writer.stopped().await;
    }

    /// Returns the pool of read-only connections, for tests of their settings.
    pub fn readers(&self) -> &ReadPool {
        self.reader.pool()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create_backup(&self, command: CreateBackup) -> Result<Backup, StoreError> {
        self.writer.ask(|reply| Command::CreateBackup(command, reply)).await
    }

    async fn delete_backup(&self, command: DeleteBackup) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::DeleteBackup(command, reply)).await
    }

    async fn list_backups(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Backup>>, StoreError> {
        self.reader.list_backups(instance, window, page).await
    }

    async fn create_restore(&self, command: CreateRestore) -> Result<Restore, StoreError> {
        self.writer.ask(|reply| Command::CreateRestore(command, reply)).await
    }

    async fn list_restores(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Restore>>, StoreError> {
        self.reader.list_restores(instance, window, page).await
    }

    async fn get_backup(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
    ) -> Result<Option<(Backup, bool)>, StoreError> {
        self.reader.get_backup(instance, backup_id).await
    }

    async fn get_instance(&self, instance: InstanceRef) -> Result<Option<Instance>, StoreError> {
        self.reader.get_instance(instance).await
    }

    async fn create_instances(&self, command: CreateInstances) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::CreateInstances(Box::new(command), reply)).await
    }

    async fn change_instance(&self, command: ChangeInstance) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::ChangeInstance(Box::new(command), reply)).await
    }

    async fn instance_password(&self, instance: InstanceRef) -> Result<Option<KeptPassword>, StoreError> {
        self.reader.instance_password(instance).await
    }

    async fn change_password(&self, command: ChangePassword) -> Result<PasswordAnswer, StoreError> {
        self.writer.ask(|reply| Command::ChangePassword(Box::new(command), reply)).await
    }

    async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        self.reader.list_instances(project_id, filter, start, limit).await
    }

    async fn all_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
    ) -> Result<Vec<Instance>, StoreError> {
        self.reader.all_instances(project_id, filter).await
    }

    async fn status_counts(&self, project_id: ProjectId) -> Result<Vec<StatusCount>, StoreError> {
        self.reader.status_counts(project_id).await
    }

    async fn instances_of(&self, project_id: ProjectId) -> Result<HashSet<InstanceId>, StoreError> {
        self.reader.instances_of(project_id).await
    }

    async fn quota(&self, project_id: ProjectId) -> Result<(Quota, Usage), StoreError> {
        quotas::quota(self.reader.pool(), project_id).await
    }

    fn next_due_at(&self) -> Option<Timestamp> {
        self.writer.next_due_at()
    }

    fn next_scheduled_at(&self) -> Option<Timestamp> {
        self.writer.next_scheduled_at()
    }

    async fn due_runs(&self, now: Timestamp, limit: u16) -> Result<Vec<InstanceRef>, StoreError> {
        self.reader.due_runs(now, limit).await
    }

    async fn due_changes(&self, now: Timestamp, limit: u16) -> Result<Vec<InstanceRef>, StoreError> {
        self.reader.due_changes(now, limit).await
    }

    async fn apply_schedule(&self, step: ScheduleStep) -> Result<ScheduleOutcome, StoreError> {
        self.writer.ask(|reply| Command::ApplySchedule(Box::new(step), reply)).await
    }

    async fn due_records(&self, now: Timestamp, limit: u16) -> Result<Vec<OpenRecord>, StoreError> {
        self.reader.due_records(now, limit).await
    }

    async fn open_records(
        &self,
        project: Option<ProjectId>,
        instance: Option<InstanceId>,
    ) -> Result<Vec<OpenRecord>, StoreError> {
        self.reader.open_records(project, instance).await
    }

    async fn apply_changes(
        &self,
        changes: Vec<DueChange>,
        keep: Option<u32>,
    ) -> Result<Vec<MadeChange>, StoreError> {
        self.writer.ask(|reply| Command::ApplyChanges(changes, keep, reply)).await
    }

    async fn seed(&self, mut plan: SeedPlan, now: Timestamp) -> Result<SeedReport, StoreError> {
        if matches!(self.location, Location::Memory { .. })
            && let Some(before_commit) = plan.before_commit.take()
        {
            // Readers wait for the writer there: none must be held up that the commit waits for.
            before_commit.await?;
        }
        self.writer.ask(|reply| Command::Seed(Box::new(plan), now, reply)).await
    }

    fn export(&self, project: Option<ProjectId>) -> mpsc::Receiver<Result<StatePart, StoreError>> {
        let (parts, receiver) = mpsc::channel(self.parts_in_flight);
        let reader = self.reader.clone();
        tokio::spawn(async move { reader.export(project, parts).await });
        receiver
    }

    async fn reset(&self, plan: ResetPlan) -> Result<SeedReport, StoreError> {
        self.writer.ask(|reply| Command::Reset(Box::new(plan), reply)).await
    }

    async fn is_taken(&self, id: [u8; 16]) -> Result<bool, StoreError> {
        self.reader.is_taken(id).await
    }

    async fn keep_setting(&self, name: &'static str, value: Option<String>) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::KeepSetting(name, value, reply)).await
    }

    async fn keep_ids(
        &self,
        name: &'static str,
        value: String,
        link_key: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::KeepIds(name, value, link_key, reply)).await
    }

    async fn kept_settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        self.reader.kept_settings().await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.reader.counts().await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.writer.probe().await
    }

    async fn close(&self) {
        // Whoever holds a reader may be waiting for this to return, and give it back only then: it is closed when it is.
        let _ = tokio::time::timeout(READERS_PATIENCE, self.reader.pool().close()).await;
        self.writer.close().await;
        // Not when the last user of the store goes: the file is free now.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
