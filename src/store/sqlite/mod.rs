//! The store on SQLite: one file, one writing task, a pool of read-only connections.
//!
//! SQLite has one writer, so the program has one: `writer` owns the writing connection and commits what waits in one
//! transaction (group commit). WAL with `synchronous = FULL`: a commit has been synced to disk when it returns, and
//! readers never wait for the writer. `file` decides whether a file may be opened at all.

mod backups;
mod check;
mod events;
mod facts;
mod file;
mod options;
mod reader;
mod seeding;
mod settling;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

pub use check::{CheckReport, check};
pub use options::Location;

use crate::domain::backup::Backup;
use crate::domain::instance::Instance;
use crate::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use crate::domain::time::Timestamp;
use crate::store::{
    BackupChange, CreateBackup, DeleteBackup, InstanceFilter, InstancePageStart, InstanceRef, OpenError,
    ProjectSeed, SeedReport, Store, StoreError, StoreMetrics,
};
use file::FileLock;
use reader::Reader;
use writer::{Command, WriterHandle};

/// How many read-only connections there are.
const READERS: u32 = 4;

/// The store on SQLite. Must be opened, used and closed inside a tokio runtime.
pub struct SqliteStore {
    reader: Reader,
    writer: WriterHandle,
    /// Held as long as the store is open, so that no second process opens the file.
    _lock: Option<FileLock>,
}

impl SqliteStore {
    /// Locks, inspects and migrates the database at `location`, creating it if it is not there, and opens it.
    ///
    /// # Errors
    /// Any [`OpenError`]; then the database is as it was.
    pub async fn open(location: &Location, metrics: StoreMetrics) -> Result<Self, OpenError> {
        options::require_safe_sqlite().await?;
        let lock = match location {
            Location::File(path) => Some(file::lock_and_inspect(path).await?),
            Location::Memory { .. } => None,
        };
        let mut writing = options::connect_writer(location).await?;
        crate::store::migrate::migrate(&mut writing, file::APPLICATION_ID).await?;
        // After the writer: the first connection to a new file is the one that may create it.
        let pool = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(READERS)
            .connect_with(options::reading(location))
            .await
            .map_err(OpenError::during("open the readers"))?;
        let writer = WriterHandle::start(writing, metrics)
            .await
            .map_err(|source| OpenError::Failed { operation: "start the writer", source })?;
        Ok(Self { reader: Reader::new(pool), writer, _lock: lock })
    }

    /// Returns the pool of read-only connections, for tests of their settings.
    pub fn readers(&self) -> &SqlitePool {
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

    async fn get_instance(&self, instance: InstanceRef) -> Result<Option<Instance>, StoreError> {
        self.reader.get_instance(instance).await
    }

    async fn list_instances(
        &self,
        project_id: crate::domain::id::ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        self.reader.list_instances(project_id, filter, start, limit).await
    }

    fn next_due_at(&self) -> Option<Timestamp> {
        self.writer.next_due_at()
    }

    async fn due_backups(&self, now: Timestamp, limit: u16) -> Result<Vec<Backup>, StoreError> {
        self.reader.due_backups(now, limit).await
    }

    async fn apply_changes(&self, changes: Vec<BackupChange>) -> Result<(), StoreError> {
        self.writer.ask(|reply| Command::ApplyChanges(changes, reply)).await
    }

    async fn seed(&self, projects: Vec<ProjectSeed>, now: Timestamp) -> Result<SeedReport, StoreError> {
        self.writer.ask(|reply| Command::Seed(projects, now, reply)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.writer.ask(Command::Probe).await
    }

    async fn close(&self) {
        self.reader.pool().close().await;
        self.writer.close().await;
    }
}

/// Shares an error of the driver among all whose change it undid.
fn shared(operation: &'static str, source: sqlx::Error) -> StoreError {
    StoreError::Failed { operation, source: Arc::new(source) }
}
