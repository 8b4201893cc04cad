//! Copies of everything that is kept, under names, and the promise made about them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::snapshot::SnapshotName;
use crate::domain::time::Timestamp;
use crate::store::Counts;
use crate::store::error::StoreError;

/// A copy of everything that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: SnapshotName,
    /// How long it is.
    pub size_bytes: u64,
    /// What it says of itself. Nothing, if it cannot be read, or was not made by this program.
    pub label: Option<SnapshotLabel>,
}

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLabel {
    /// When it was made, in the time of the world outside.
    pub created_at: Timestamp,
    /// How much was kept then.
    pub counts: Counts,
}

/// What is to be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestorePlan {
    /// The snapshot.
    pub name: SnapshotName,
    /// Settings that are kept afterwards in place of its own, each by its name and as a JSON document.
    pub settings: Vec<(&'static str, String)>,
}

/// Why nothing was done with a snapshot.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is none of that name.
    #[error("no such snapshot")]
    NotFound,
    /// There are as many as there may be.
    #[error("too many snapshots")]
    TooMany,
    /// It is damaged, or not of this program, or of a newer version of it.
    #[error("the snapshot cannot be used: {reason}")]
    Unusable {
        /// What is wrong with it.
        reason: String,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The file of a snapshot, open for reading: it stays what it is although the snapshot is replaced or removed.
pub struct SnapshotFile {
    file: Arc<File>,
    size_bytes: u64,
}

/// How much of a file is read at once, in bytes.
const PIECE_BYTES: u64 = 256 * 1024;

impl SnapshotFile {
    pub(in crate::store) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { size_bytes: file.metadata()?.len(), file: Arc::new(file) })
    }

    /// Returns how long it is.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns the next piece; empty at the end.
    ///
    /// # Errors
    /// `Failed`.
    pub async fn next(&self) -> Result<Vec<u8>, StoreError> {
        let file = Arc::clone(&self.file);
        run_blocking_io("read a snapshot", move || {
            let mut piece = Vec::new();
            (&*file).take(PIECE_BYTES).read_to_end(&mut piece)?;
            Ok(piece)
        })
        .await
    }
}

/// A file that is to become a snapshot. It is removed when this is dropped.
pub struct SnapshotUpload {
    path: PathBuf,
    file: Arc<File>,
}

impl SnapshotUpload {
    pub(in crate::store) fn new(path: PathBuf, file: File) -> Self {
        Self { path, file: Arc::new(file) }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `Failed`.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), StoreError> {
        let file = Arc::clone(&self.file);
        run_blocking_io("write a snapshot", move || (&*file).write_all(&bytes)).await
    }
}

impl Drop for SnapshotUpload {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(file = %self.path.display(), error = %error, "an unfinished snapshot stays");
            }
            _ => {}
        }
    }
}

/// A file that can be a snapshot.
pub struct CheckedUpload {
    pub(in crate::store) upload: SnapshotUpload,
    pub(in crate::store) label: SnapshotLabel,
}

/// Does what waits for the disk beside the threads that serve requests.
async fn run_blocking_io<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other);
    done.flatten().map_err(|error| StoreError::during(operation)(error.into()))
}

/// Copies of everything that is kept, themselves kept beside it.
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Returns all snapshots, by name.
    ///
    /// # Errors
    /// `Failed`.
    async fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError>;

    /// Returns a snapshot.
    ///
    /// # Errors
    /// `NotFound`.
    async fn snapshot(&self, name: &SnapshotName) -> Result<Snapshot, SnapshotError>;

    /// Makes a snapshot, in place of one that has that name. It is of one moment, between two changes, while requests go on, and
    /// on disk when this returns; a crash leaves the one that was there.
    ///
    /// # Errors
    /// `TooMany`.
    async fn take_snapshot(&self, name: &SnapshotName, now: Timestamp) -> Result<Snapshot, SnapshotError>;

    /// Opens the file of a snapshot.
    ///
    /// # Errors
    /// `NotFound`.
    async fn snapshot_file(&self, name: &SnapshotName) -> Result<SnapshotFile, SnapshotError>;

    /// Begins a file that is to become a snapshot.
    ///
    /// # Errors
    /// `TooMany`.
    async fn begin_upload(&self, name: &SnapshotName) -> Result<SnapshotUpload, SnapshotError>;

    /// Makes sure that a file that was written can be a snapshot: a database of this program with the tables that are served. One of
    /// an older version is upgraded.
    ///
    /// # Errors
    /// `Unusable`; then nothing of it is left.
    async fn check_upload(
        &self,
        upload: SnapshotUpload,
        now: Timestamp,
    ) -> Result<CheckedUpload, SnapshotError>;

    /// Makes a snapshot of a file, in place of one that has that name.
    ///
    /// # Errors
    /// `TooMany`; then nothing of it is left.
    async fn place_upload(
        &self,
        name: &SnapshotName,
        checked: CheckedUpload,
    ) -> Result<Snapshot, SnapshotError>;

    /// Removes a snapshot; returns those that are left, by name.
    ///
    /// # Errors
    /// `NotFound`; `Failed` also when it is gone but nobody knows whether that is on disk.
    async fn delete_snapshot(&self, name: &SnapshotName) -> Result<Vec<Snapshot>, SnapshotError>;

    /// Makes sure that a snapshot can be brought back, which includes an upgrade of one that an older version has made, and
    /// returns the settings kept in it.
    ///
    /// # Errors
    /// `NotFound`, `Unusable`.
    async fn prepare_restore(&self, name: &SnapshotName) -> Result<BTreeMap<String, String>, SnapshotError>;

    /// Brings a snapshot back in place of everything that is kept, as one step in the order of all changes; returns the snapshot.
    ///
    /// # Errors
    /// `NotFound`, `Unusable`; whatever it is, nothing has changed.
    async fn restore_snapshot(&self, plan: RestorePlan) -> Result<Snapshot, SnapshotError>;
}
