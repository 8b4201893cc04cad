//! The store on SQLite: one file, one writing task, a pool of read-only connections.
//!
//! SQLite has one writer, so the program has one: `writer` owns the writing connection and commits what waits in one
//! transaction (group commit). WAL with `synchronous = FULL`: a commit has been synced to disk when it returns, and
//! readers never wait for the writer. `file` decides whether a file may be opened at all.

mod access_lock;
mod background_work;
mod backups;
mod change;
mod check;
mod contents;
mod control;
mod copying;
mod documents;
mod events;
mod file;
mod file_lock;
mod file_watch;
mod identity;
mod instance_cache;
mod instance_config;
mod instances;
mod key_analyses;
mod options;
mod orders;
mod paths;
mod quotas;
mod reader;
mod restores;
mod retention;
mod scheduling;
mod script;
mod seeding;
mod snapshots;
mod sql;
mod tasks;
mod templates;
mod transitions;
mod writer;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

pub use check::{CheckReport, check};
pub use options::Location;
pub use reader::{LentConnection, ReadPool};

use crate::store::migrate;
use crate::store::{OpenError, StoreMetrics};
use access_lock::AccessLock;
use file_lock::FileLock;
use file_watch::FileWatch;
use reader::Reader;
use snapshots::SnapshotDirectory;
use writer::{WriterGuards, WriterHandle};

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
                    None if is_new => file::create(path).await?,
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
                Location::File(path) => paths::locked_or(path, error),
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
