//! Use cases run side by side; what replaces everything runs alone.
//!
//! The store replaces everything in one step, but a use case is more than one look at the store, and goes by the clock, the rules
//! and the ids of before. So it is let finish first, and those that come meanwhile wait: each is of before or of after.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};

use crate::domain::time::Timestamp;

/// The turns that use cases take.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<RwLock<()>>);

/// The present time, as a use case goes by it. Nobody replaces everything while it is there.
pub(super) struct Present<'t> {
    /// The time.
    pub(super) now: Timestamp,
    _turn: RwLockReadGuard<'t, ()>,
}

impl Turns {
    /// Returns the present time, once nobody is replacing everything.
    ///
    /// A use case takes one turn only: between two of its own, somebody could be waiting to be alone.
    pub(super) async fn take(&self, now: impl FnOnce() -> Timestamp) -> Present<'_> {
        let turn = self.0.read().await;
        // The clock may have been replaced too: it is not read before.
        Present { now: now(), _turn: turn }
    }

    /// Returns once no use case runs; until what is returned is dropped, none begins.
    pub(super) async fn be_alone(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.0).write_owned().await
    }
}
