//! The store on SQLite: what it is made of.

use std::sync::{Arc, Mutex};

use crate::store::sqlite::access_lock::AccessLock;
use crate::store::sqlite::file_lock::FileLock;
use crate::store::sqlite::file_watch::FileWatch;
use crate::store::sqlite::options::Location;
use crate::store::sqlite::reader::{ReadPool, Reader};
use crate::store::sqlite::snapshots::directory::SnapshotDirectory;
use crate::store::sqlite::writer::WriterHandle;
use crate::store::{Reads, Store};

/// The store on SQLite. Must be opened, used and closed inside a tokio runtime.
pub struct SqliteStore {
    pub(super) reader: Arc<Reader>,
    pub(super) writer: WriterHandle,
    /// How many parts of an export wait to be taken at most.
    pub(super) parts_in_flight: usize,
    pub(super) location: Location,
    pub(super) access: AccessLock,
    /// Whether the files are still where they were; none of a database in memory.
    pub(super) files: Option<Arc<FileWatch>>,
    /// Held while something is done with the snapshots.
    pub(super) directory: tokio::sync::Mutex<SnapshotDirectory>,
    /// Held as long as the store is open, so that no second process opens the file.
    pub(super) lock: Mutex<Option<FileLock>>,
}

impl Reads for SqliteStore {}
impl Store for SqliteStore {}

impl SqliteStore {
    /// Returns once nothing can be written any more: the writer was closed, or has failed.
    pub async fn writer_stopped(&self) {
        self.writer.stopped().await;
    }

    /// Returns the pool of read-only connections, for tests of their settings.
    pub fn readers(&self) -> &ReadPool {
        self.reader.pool()
    }
}
