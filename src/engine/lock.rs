//! The locks over the engine: operations share them, a reset and a snapshot restore take both exclusively.
//!
//! The store replaces everything in one step, but an operation is more than one look at the store, and goes by the clock, the rules
//! and the ids of before. So it finishes first, and those that come meanwhile wait: each is of before or of after.
//!
//! There is a lock of changes and one of reads. A seed takes the first for as long as it writes, and the second only for its commit
//! and what changes in memory with it: reads show the state of before meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

use crate::domain::time::Timestamp;
use crate::engine::EngineError;

/// How long an operation that changes something waits for whoever replaces everything.
const PATIENCE: Duration = Duration::from_secs(5);

/// The locks: shared by operations, exclusive for whatever replaces everything.
#[derive(Clone, Default)]
pub(super) struct OperationLock {
    changes: Arc<RwLock<()>>,
    reads: Arc<RwLock<()>>,
}

/// The guard of an operation, with the time that it goes by. Nobody replaces everything while it exists.
pub(super) struct OperationGuard<'t> {
    /// The time.
    pub(super) now: Timestamp,
    _change: Option<RwLockReadGuard<'t, ()>>,
    _read: RwLockReadGuard<'t, ()>,
}

impl OperationLock {
    /// Begins an operation that only reads, and reads the time.
    ///
    /// An operation takes one guard only: between two of its own, somebody could be waiting for the exclusive lock.
    pub(super) async fn read(&self, now: impl FnOnce() -> Timestamp) -> OperationGuard<'_> {
        let read = self.reads.read().await;
        // The clock may have been replaced too: it is not read before.
        OperationGuard { now: now(), _change: None, _read: read }
    }

    /// Begins an operation that changes something, and reads the time.
    ///
    /// # Errors
    /// `Unavailable` if somebody replaces everything for longer than a caller waits.
    pub(super) async fn change(
        &self,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<OperationGuard<'_>, EngineError> {
        let change = tokio::time::timeout(PATIENCE, self.changes.read());
        let change = change.await.map_err(|_| EngineError::Unavailable)?;
        Ok(OperationGuard { _change: Some(change), ..self.read(now).await })
    }

    /// Waits until no operation changes anything; until the returned guard is dropped, none begins.
    pub(super) async fn lock_changes(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.changes).write_owned().await
    }

    /// Waits until no operation runs; until the returned guard is dropped, none begins. Only after [`Self::lock_changes`].
    pub(super) async fn lock_reads(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.reads).write_owned().await
    }
}
