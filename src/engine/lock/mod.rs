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
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

use crate::domain::time::Timestamp;
use crate::engine::lock::reconcile::{Reconciling, Turn};
use crate::engine::{Engine, EngineError};
use crate::store::{Reads, SettingStore, Store, StoreError};

/// How long an operation that changes something waits for whoever replaces everything.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store behind its locks.
#[derive(Clone)]
pub(super) struct GuardedStore {
    store: Arc<dyn Store>,
    changes: Arc<RwLock<()>>,
    reads: Arc<RwLock<()>>,
    reconciling: Arc<Reconciling>,
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
    _turn: Turn,
}

impl Deref for ExclusiveGuard {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.guarded.store
    }
}

impl Drop for ExclusiveGuard {
    fn drop(&mut self) {
        self.guarded.reconciling.lets_reads_reconcile();
    }
}

impl Engine {
    /// Begins an operation that reads, after what is due has been done, if that can be stored. If it cannot (the disk is full, say),
    /// what is shown is what is stored; while it is known that it cannot, at once.
    pub(super) async fn read(&self) -> ReadGuard<'_> {
        let reads = self.guarded.reads.read().await;
        // The clock may have been replaced too: it is not read before.
        let now = self.clock.now();
        if self.is_due(now)
            && !self.guarded.reconciling.is_held_up()
            && let Err(error) = self.reconcile_in_turn(now).await
        {
            tracing::warn!(error = %error, "could not do what is due; showing what is stored");
        }
        ReadGuard { now, store: &*self.guarded.store, _reads: reads }
    }

    /// Begins an operation that changes something, after what is due has been done.
    ///
    /// # Errors
    /// `Unavailable` if somebody replaces everything for longer than a caller waits; `Unavailable` or `Internal` if what is due could
    /// not be done.
    pub(super) async fn write(&self) -> Result<WriteGuard<'_>, EngineError> {
        let changes = tokio::time::timeout(PATIENCE, self.guarded.changes.read());
        let changes = changes.await.map_err(|_| EngineError::Unavailable)?;
        let reads = self.guarded.reads.read().await;
        let now = self.clock.now();
        if self.is_due(now) {
            self.reconcile_in_turn(now).await?;
        }
        Ok(WriteGuard { now, store: &*self.guarded.store, _changes: changes, _reads: reads })
    }
}
