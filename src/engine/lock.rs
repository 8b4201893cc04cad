//! A readers-writer lock over the engine: operations share it, reset and snapshot restore take it exclusively.
//!
//! The store replaces everything in one step, but an operation is more than one look at the store, and goes by the clock, the rules
//! and the ids of before. So it finishes first, and those that come meanwhile wait: each is of before or of after.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

use crate::domain::time::Timestamp;

/// The lock: shared by operations, exclusive for whatever replaces everything.
#[derive(Clone, Default)]
pub(super) struct OperationLock(Arc<RwLock<()>>);

/// The guard of an operation, with the time that it goes by. Nobody replaces everything while it exists.
pub(super) struct OperationGuard<'t> {
    /// The time.
    pub(super) now: Timestamp,
    _turn: RwLockReadGuard<'t, ()>,
}

impl OperationLock {
    /// Waits until nobody is replacing everything, then reads the time.
    ///
    /// An operation takes one guard only: between two of its own, somebody could be waiting for the exclusive lock.
    pub(super) async fn take(&self, now: impl FnOnce() -> Timestamp) -> OperationGuard<'_> {
        let turn = self.0.read().await;
        // The clock may have been replaced too: it is not read before.
        OperationGuard { now: now(), _turn: turn }
    }

    /// Waits until no operation runs; until the returned guard is dropped, none begins.
    pub(super) async fn lock_exclusively(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.0).write_owned().await
    }
}
