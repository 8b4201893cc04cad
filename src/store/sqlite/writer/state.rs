//! The database as the writer sees it.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::SqliteConnection;
use tokio::sync::Notify;

use crate::store::sqlite::events::{Actors, Numbers};
use crate::store::sqlite::instance_cache::InstanceCache;

/// The database as the writer sees it: its connection, and copies of what the tables hold.
pub(in crate::store::sqlite) struct WriterState {
    pub(in crate::store::sqlite) connection: SqliteConnection,
    pub(in crate::store::sqlite) instances: InstanceCache,
    pub(in crate::store::sqlite) actors: Actors,
    pub(in crate::store::sqlite) numbers: Numbers,
    /// By instance key: a number below which no backup is usable. Only where backups expire.
    pub(in crate::store::sqlite) oldest_usable: HashMap<i64, i64>,
    /// Notified while a statement of the connection moves on.
    pub(in crate::store::sqlite) progress: Arc<Notify>,
}

impl WriterState {
    pub(in crate::store::sqlite) fn new(connection: SqliteConnection, progress: Arc<Notify>) -> Self {
        Self {
            connection,
            instances: InstanceCache::default(),
            actors: Actors::default(),
            numbers: Numbers::default(),
            oldest_usable: HashMap::new(),
            progress,
        }
    }

    /// Drops the copies: a change of the tables was undone.
    pub(in crate::store::sqlite) fn forget(&mut self) {
        self.instances.forget_all();
        self.actors.forget();
        self.numbers.forget();
        self.oldest_usable.clear();
    }
}
