//! The only way to the store: guards of a readers-writer lock over the engine. Operations share it, reset and snapshot restore take it
//! exclusively.
//!
//! The store replaces everything in one step, but an operation is more than one look at the store, and goes by the clock, the rules
//! and the ids of before. So it finishes first, and those that come meanwhile wait: each is of before or of after. A guard that
//! is shared has done what is due ("reconcile, then serve"): nobody ever sees a state that the plan has left behind.

mod reconcile;

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

use crate::domain::time::Timestamp;
use crate::engine::lock::reconcile::{Reconciling, Turn};
use crate::engine::{Engine, EngineError};
use crate::store::{Reads, SettingStore, Store, StoreError};

/// The store behind its lock.
#[derive(Clone)]
pub(super) struct GuardedStore {
    store: Arc<dyn Store>,
    lock: Arc<RwLock<()>>,
    reconciling: Arc<Reconciling>,
}

impl GuardedStore {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, lock: Arc::default(), reconciling: Arc::default() }
    }

    /// Returns the settings: they are no state of the service.
    pub(super) fn settings(&self) -> &dyn SettingStore {
        &*self.store
    }

    /// Returns whether an id is in use. It may be taken a moment later: the store judges again.
    pub(super) async fn is_taken(&self, id: [u8; 16]) -> Result<bool, StoreError> {
        self.store.is_taken(id).await
    }
}

/// The guard of an operation that reads. Nobody replaces everything while it exists.
///
/// An operation takes one guard only: between two of its own, somebody could be waiting for the exclusive lock.
pub(super) struct ReadGuard<'e> {
    /// The time that the operation goes by.
    pub(super) now: Timestamp,
    store: &'e (dyn Reads + 'static),
    _shared: RwLockReadGuard<'e, ()>,
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
    _shared: RwLockReadGuard<'e, ()>,
}

impl Deref for WriteGuard<'_> {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        self.store
    }
}

/// The guard of whatever replaces everything. No operation runs while it exists, nor anything that one has left to be finished.
pub(super) struct ExclusiveGuard {
    store: Arc<dyn Store>,
    _exclusive: OwnedRwLockWriteGuard<()>,
    _turn: Turn,
}

impl Deref for ExclusiveGuard {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl Engine {
    /// Begins an operation that reads, after what is due has been done, if that can be stored. If it cannot (the disk is full, say),
    /// what is shown is what is stored; while it is known that it cannot, at once.
    pub(super) async fn read(&self) -> ReadGuard<'_> {
        let shared = self.guarded.lock.read().await;
        // The clock may have been replaced too: it is not read before.
        let now = self.clock.now();
        if self.is_due(now)
            && !self.guarded.reconciling.is_held_up()
            && let Err(error) = self.reconcile_in_turn(now).await
        {
            tracing::warn!(error = %error, "could not do what is due; showing what is stored");
        }
        ReadGuard { now, store: &*self.guarded.store, _shared: shared }
    }

    /// Begins an operation that changes something, after what is due has been done.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` if what is due could not be done.
    pub(super) async fn write(&self) -> Result<WriteGuard<'_>, EngineError> {
        let shared = self.guarded.lock.read().await;
        let now = self.clock.now();
        if self.is_due(now) {
            self.reconcile_in_turn(now).await?;
        }
        Ok(WriteGuard { now, store: &*self.guarded.store, _shared: shared })
    }

    /// Waits until no operation runs, nor anything that one has left to be finished; until the guard is dropped, none begins.
    pub(super) async fn lock_exclusively(&self) -> ExclusiveGuard {
        let exclusive = Arc::clone(&self.guarded.lock).write_owned().await;
        let turn = self.guarded.reconciling.turn().await;
        ExclusiveGuard { store: Arc::clone(&self.guarded.store), _exclusive: exclusive, _turn: turn }
    }
}
