//! Copies of everything that is kept, under names, and the promise made about them.

use std::collections::BTreeMap;

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
