//! The locks over the engine: operations share them, a reset and a snapshot restore take both exclusively.
//!
//! The store replaces everything in one step, but an operation is more than one look at the store, and goes by the clock, the rules
//! and the ids of before. So it finishes first, and those that come meanwhile wait: each is of before or of after.
//!
//! There is a lock of changes and one of reads. A seed takes the first for as long as it writes, and the second only for its commit
//! and what changes in memory with it: reads show the state of before meanwhile.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, oneshot};

use crate::domain::time::Timestamp;
use crate::engine::reconcile::{Reconciling, Turn};
use crate::engine::{Engine, EngineError};
use crate::store::{BeforeCommit, StoreError};

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

/// The guard of whoever replaces everything, or much of it. While it exists no operation changes anything, nor does the reconciler.
pub(super) struct Exclusive {
    _changes: OwnedRwLockWriteGuard<()>,
    _reads: Option<OwnedRwLockWriteGuard<()>>,
    _turn: Turn,
    reconciling: Arc<Reconciling>,
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        self.reconciling.go_on();
    }
}

impl Engine {
    /// Returns once no operation changes anything, nor what one of them has left behind to be carried to its end. Reads go on, and
    /// show what is stored.
    pub(super) async fn lock_changes(&self) -> Exclusive {
        let changes = self.turns.lock_changes().await;
        // A read that waited to do what is due would hold the lock of reads meanwhile.
        self.reconciling.hold_up();
        let turn = self.reconciling.turn().await;
        // Whoever reconciled before has found nothing in its way.
        self.reconciling.hold_up();
        let reconciling = Arc::clone(&self.reconciling);
        Exclusive { _changes: changes, _reads: None, _turn: turn, reconciling }
    }

    /// Returns what a seed waits for before its commit, the lock of reads, and where its guard will be.
    pub(super) fn lock_reads_before_commit(
        &self,
    ) -> (BeforeCommit, oneshot::Receiver<OwnedRwLockWriteGuard<()>>) {
        let (sender, receiver) = oneshot::channel();
        let turns = self.turns.clone();
        let lock = async move {
            let guard = tokio::time::timeout(PATIENCE, turns.lock_reads()).await;
            // Nobody wants the guard any more where the seed has failed meanwhile.
            guard.map(|guard| drop(sender.send(guard))).map_err(|_| StoreError::Busy)
        };
        (lock.boxed().shared(), receiver)
    }

    /// Returns once no operation runs, nor what one of them has left behind to be carried to its end.
    pub(super) async fn lock_exclusively(&self) -> Exclusive {
        let changes = self.turns.lock_changes().await;
        let reads = self.turns.lock_reads().await;
        let turn = self.reconciling.turn().await;
        let reconciling = Arc::clone(&self.reconciling);
        Exclusive { _changes: changes, _reads: Some(reads), _turn: turn, reconciling }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_go_on_while_changes_are_locked() {
        let lock = OperationLock::default();
        let changes = lock.lock_changes().await;
        assert!(lock.read(|| Timestamp::MIN).now_or_never().is_some());
        assert!(lock.change(|| Timestamp::MIN).now_or_never().is_none());
        let reads = lock.lock_reads().await;
        assert!(lock.read(|| Timestamp::MIN).now_or_never().is_none());
        drop((changes, reads));
        assert!(matches!(lock.change(|| Timestamp::MIN).now_or_never(), Some(Ok(_))));
    }
}
