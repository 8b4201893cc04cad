//! Turns of the writer and the readers of a database in memory.
//!
//! SQLite's VFS `memdb` has no WAL: while a transaction writes nobody reads, and while somebody reads nothing is committed. Whoever
//! comes meanwhile sleeps and tries again, and beside many writers hardly ever finds a gap. This readers-writer lock has a queue
//! instead: reads that wait go before the next transaction. A database in a file needs none of it.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::store::sqlite::options::Location;

/// A readers-writer lock, first come first served; nothing at all for a database in a file.
#[derive(Clone, Debug)]
pub(super) struct AccessLock(Option<Arc<RwLock<()>>>);

/// Held by who reads; none for a database in a file.
pub(super) type ReadAccess = Option<OwnedRwLockReadGuard<()>>;

impl AccessLock {
    pub(super) fn of(location: &Location) -> Self {
        match location {
            Location::File(_) => Self(None),
            Location::Memory { .. } => Self(Some(Arc::default())),
        }
    }

    /// Waits until nothing is being written. Whoever holds it must not ask for it once more: the writer may wait in between.
    pub(super) async fn read(&self) -> ReadAccess {
        match &self.0 {
            Some(lock) => Some(Arc::clone(lock).read_owned().await),
            None => None,
        }
    }

    /// Returns the access if nothing is being written.
    pub(super) fn try_read(&self) -> Option<ReadAccess> {
        match &self.0 {
            Some(lock) => Arc::clone(lock).try_read_owned().ok().map(Some),
            None => Some(None),
        }
    }

    /// Waits until nobody reads who came before.
    pub(super) async fn write(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        match &self.0 {
            Some(lock) => Some(Arc::clone(lock).write_owned().await),
            None => None,
        }
    }
}
