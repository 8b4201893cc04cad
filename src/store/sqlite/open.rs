//! Opens the store.

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::store::sqlite::access_lock::AccessLock;
use crate::store::sqlite::file_watch::FileWatch;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::reader::{ReadPool, Reader};
use crate::store::sqlite::snapshots::directory::SnapshotDirectory;
use crate::store::sqlite::writer::{self, WriterChecks};
use crate::store::sqlite::{SqliteStore, copying, file, paths};
use crate::store::{OpenError, StoreMetrics, migrate};

/// How many read-only connections there are.
const READERS: u32 = 4;
/// How many parts of an export of a file wait to be taken at most.
const PARTS_IN_FLIGHT: usize = 4;

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
        let guards = WriterChecks::new(access.clone(), path, files.clone(), &metrics);
        let writer = writer::start(writing, guards, metrics)
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
}
