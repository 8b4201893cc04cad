//! The only way to the store: guards of the locks over the engine. Operations share them, a reset and a snapshot restore take both
//! exclusively.
//!
//! The store replaces everything in one step, but an operation is more than one look at the store, and goes by the clock, the rules
//! and the ids of before. So it finishes first, and those that come meanwhile wait: each is of before or of after. A guard that
//! is shared has done what is due ("reconcile, then serve"): nobody ever sees a state that the plan has left behind.
//!
//! There is a lock of changes and one of reads. A seed takes the first for as long as it writes, and the second only for its commit
//! and what changes in memory with it: reads show the state of before meanwhile.

mod reconcile;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

use crate::clock::Stopwatch;
use crate::domain::time::Timestamp;
use crate::engine::error::EngineError;
use crate::store::{Reads, SettingStore, Store, StoreError};

/// For how long reads do not reconcile after an attempt that failed. Longer than the timer's period: it tries for them.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The store behind its locks.
#[derive(Clone)]
pub(super) struct GuardedStore {
    store: Arc<dyn Store>,
    changes: Arc<RwLock<()>>,
    reads: Arc<RwLock<()>>,
    reconciling: Arc<ReconcileLock>,
}

impl GuardedStore {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, changes: Arc::default(), reads: Arc::default(), reconciling: Arc::default() }
    }

    /// Returns the settings: they are no state of the service.
    pub(super) fn settings(&self) -> &dyn SettingStore {
        &*self.store
    }

    /// Returns whether an id is in use. It may be taken a moment later: the store judges again.
    pub(super) async fn is_taken(&self, id: [u8; 16]) -> Result<bool, StoreError> {
        self.store.is_taken(id).await
    }

    /// Waits until no operation changes anything; until the returned guard is dropped, none begins.
    async fn lock_changes(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.changes).write_owned().await
    }

    /// Waits until no operation runs; until the returned guard is dropped, none begins. Only after [`Self::lock_changes`].
    async fn lock_reads(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.reads).write_owned().await
    }
}

/// The guard of an operation that reads. Nobody replaces everything while it exists.
///
/// An operation takes one guard only: between two of its own, somebody could be waiting for the exclusive lock.
pub(super) struct ReadGuard<'e> {
    /// The time that the operation goes by.
    pub(super) now: Timestamp,
    store: &'e (dyn Reads + 'static),
    _reads: RwLockReadGuard<'e, ()>,
}

impl Deref for ReadGuard<'_> {
    type Target = dyn Reads;

    fn deref(&self) -> &Self::Target {
        self.store
    }
}

/// The guard of an operation that changes something. Nobody replaces everything while it exists.
pub(super) struct WriteGuard<'e> {
    /// The time that the operation goes by.
    pub(super) now: Timestamp,
    store: &'e (dyn Store + 'static),
    _changes: RwLockReadGuard<'e, ()>,
    _reads: RwLockReadGuard<'e, ()>,
}

impl Deref for WriteGuard<'_> {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        self.store
    }
}

/// The guard of whoever replaces everything, or much of it. While it exists no operation changes anything, nor does the reconciler.
pub(super) struct ExclusiveGuard {
    guarded: GuardedStore,
    _changes: OwnedRwLockWriteGuard<()>,
    _reads: Option<OwnedRwLockWriteGuard<()>>,
    _turn: ReconcileLockGuard,
}

impl Deref for ExclusiveGuard {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.guarded.store
    }
}

impl Drop for ExclusiveGuard {
    fn drop(&mut self) {
        self.guarded.reconciling.clear_busy();
    }
}

/// The lock of the reconciler, and whether the last run could be stored.
#[derive(Debug, Default)]
struct ReconcileLock {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Nothing if the last attempt did what was due.
    obstacle: Mutex<Option<ReconcileFailure>>,
}

/// Why what is due is not done.
#[derive(Clone, Copy, Debug)]
enum ReconcileFailure {
    /// It could not be stored, or not all of it in time; and since when that is known.
    Vain(Stopwatch),
    /// Somebody has been at it for long.
    Busy,
}

/// The guard of the reconciler, which may be shared with work that outlives its caller. While one is held nobody else reconciles.
type ReconcileLockGuard = Arc<OwnedMutexGuard<()>>;

impl ReconcileLock {
    /// Waits until nobody else reconciles.
    async fn turn(&self) -> ReconcileLockGuard {
        Arc::new(Arc::clone(&self.turn).lock_owned().await)
    }

    /// Waits until nobody else reconciles, but no longer than `patience`.
    ///
    /// # Errors
    /// `Unavailable` if somebody reconciles for longer than `patience`.
    async fn lock_within(&self, patience: Duration) -> Result<ReconcileLockGuard, EngineError> {
        if let Ok(turn) = tokio::time::timeout(patience, self.turn()).await {
            return Ok(turn);
        }
        self.obstacle().get_or_insert(ReconcileFailure::Busy);
        Err(EngineError::Unavailable)
    }

    /// Returns whether reads are not to reconcile: the last attempt failed a moment ago, or another one is running.
    fn should_skip(&self) -> bool {
        let obstacle = *self.obstacle();
        obstacle.is_some_and(|obstacle| {
            let is_new =
                matches!(obstacle, ReconcileFailure::Vain(since) if since.elapsed() < RETRY_INTERVAL);
            is_new || self.turn.try_lock().is_err()
        })
    }

    /// Lets reads not wait for what is due while somebody keeps the reconciler from running.
    fn mark_busy(&self) {
        self.obstacle().get_or_insert(ReconcileFailure::Busy);
    }

    /// Lets the reads that come next do what is due.
    fn clear_busy(&self) {
        self.obstacle().take_if(|obstacle| matches!(obstacle, ReconcileFailure::Busy));
    }

    fn obstacle(&self) -> MutexGuard<'_, Option<ReconcileFailure>> {
        self.obstacle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes into account how an attempt ended.
    fn note<T>(&self, outcome: &Result<T, EngineError>) {
        let is_vain = matches!(outcome, Err(EngineError::Unavailable));
        *self.obstacle() = is_vain.then(|| ReconcileFailure::Vain(Stopwatch::start()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_has_waited_long_enough_is_told_so_and_reads_do_not_wait_after_that() {
        let reconciling = ReconcileLock::default();
        let turn = reconciling.turn().await;
        assert!(!reconciling.should_skip());
        assert!(matches!(reconciling.lock_within(Duration::ZERO).await, Err(EngineError::Unavailable)));
        assert!(reconciling.should_skip());
        // Of work that is carried to its end although its caller is gone.
        let shared = Arc::clone(&turn);
        drop(turn);
        assert!(reconciling.lock_within(Duration::ZERO).await.is_err());
        drop(shared);
        assert!(!reconciling.should_skip());
        assert!(reconciling.lock_within(Duration::ZERO).await.is_ok());
    }
}
