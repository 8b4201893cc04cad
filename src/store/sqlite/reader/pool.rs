//! The pool of read-only connections, each lent to one read at a time.
//!
//! sqlx has a pool too, but that asks a connection whether it is still there before it lends it and again when it takes it
//! back, each time by a round trip to the connection's thread. A connection to a file is always still there, and the round
//! trips took longer than the reads.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use sqlx::sqlite::{SqliteConnectOptions, SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo};
use sqlx::{Connection, Either, Execute, Executor, SqlStr, Sqlite, SqliteConnection};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::store::sqlite::access_lock::{AccessLock, ReadAccess};

/// The read-only connections of a store. A reference to them is an executor: a query runs on one that is free.
pub struct ReadPool {
    count: u32,
    /// As many permits as there are free connections.
    places: Semaphore,
    free: Mutex<Vec<SqliteConnection>>,
    access: AccessLock,
}

impl ReadPool {
    /// Opens `count` connections, all of them at once and for good: later there might be no file left to open one with.
    pub(in crate::store::sqlite) async fn open(
        options: &SqliteConnectOptions,
        count: u32,
        access: AccessLock,
    ) -> Result<Self, sqlx::Error> {
        let mut free = Vec::new();
        for _ in 0..count {
            free.push(SqliteConnection::connect_with(options).await?);
        }
        Ok(Self { count, places: Semaphore::new(free.len()), free: Mutex::new(free), access })
    }

    /// Returns a connection once one is free.
    ///
    /// # Errors
    /// `PoolClosed` if they are closed.
    pub async fn acquire(&self) -> Result<LentConnection<'_>, sqlx::Error> {
        // First, so that all who wait have their turn together.
        let access = self.access.read().await;
        let place = self.places.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        self.lend(place, access).ok_or(sqlx::Error::PoolClosed)
    }

    /// Returns a connection if one is free.
    pub fn try_acquire(&self) -> Option<LentConnection<'_>> {
        let access = self.access.try_read()?;
        self.lend(self.places.try_acquire().ok()?, access)
    }

    /// Closes the connections, once all of them are free.
    pub(in crate::store::sqlite) async fn close(&self) {
        // Refused if they are closed already.
        if let Ok(all) = self.places.acquire_many(self.count).await {
            self.close_all(all).await;
        }
    }

    /// Closes the connections if all of them are free within `patience`; returns whether they are closed.
    pub(in crate::store::sqlite) async fn close_within(&self, patience: Duration) -> bool {
        match tokio::time::timeout(patience, self.places.acquire_many(self.count)).await {
            Ok(Ok(all)) => self.close_all(all).await,
            Ok(Err(_closed)) => {}
            Err(_in_use) => return false,
        }
        true
    }

    async fn close_all(&self, _all: SemaphorePermit<'_>) {
        self.places.close();
        let connections = std::mem::take(&mut *self.free());
        for connection in connections {
            if let Err(error) = connection.close().await {
                tracing::warn!(error = %error, "a reader did not close cleanly");
            }
        }
    }

    fn lend<'c>(&'c self, place: SemaphorePermit<'c>, access: ReadAccess) -> Option<LentConnection<'c>> {
        let connection = self.free().pop()?;
        Some(LentConnection { connection: Some(connection), owner: self, _place: place, _access: access })
    }

    fn free(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ReadPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReadPool").field("count", &self.count).finish_non_exhaustive()
    }
}

/// A connection that goes back when it is dropped, also from the middle of a query: sqlx ends that before the next begins.
pub struct LentConnection<'c> {
    /// There until it is dropped.
    connection: Option<SqliteConnection>,
    owner: &'c ReadPool,
    /// Dropped last, so that the connection is back when its place is.
    _place: SemaphorePermit<'c>,
    _access: ReadAccess,
}

impl Deref for LentConnection<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("it is there until it is dropped")
    }
}

impl DerefMut for LentConnection<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("it is there until it is dropped")
    }
}

impl Drop for LentConnection<'_> {
    fn drop(&mut self) {
        self.owner.free().extend(self.connection.take());
    }
}

impl<'c> Executor<'c> for &'c ReadPool {
    type Database = Sqlite;

    /// The results are gathered first: the connection is free again before anybody looks at them.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        let results = async move {
            match self.acquire().await {
                Ok(mut connection) => connection.fetch_many(query).collect().await,
                Err(closed) => vec![Err(closed)],
            }
        };
        results.map(stream::iter).flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        async move { self.acquire().await?.fetch_optional(query).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        async move { self.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }
}
