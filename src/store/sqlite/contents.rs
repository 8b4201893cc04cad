//! What instances hold, as it was declared.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;

use crate::domain::contents::Contents;
use crate::domain::instance::InstanceStatus;
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::documents;
use crate::store::sqlite::instances::note;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::{ContentsReads, ContentsWrites, InstanceRef, StoreError};

#[async_trait]
impl ContentsReads for SqliteStore {
    async fn contents(
        &self,
        instance: InstanceRef,
        backup: Option<u64>,
    ) -> Result<Option<Contents>, StoreError> {
        let key = change::key_of(self.reader.pool(), instance).await?;
        match key {
            Some(key) => read(self.reader.pool(), key, backup).await.map(Some),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl ContentsWrites for SqliteStore {
    async fn set_contents(
        &self,
        instance: InstanceRef,
        contents: Contents,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), StoreError> {
        self.writer.change(move |state| declare(state, instance, contents, now, origin).boxed()).await
    }
}

/// Has an instance hold what a test declares.
async fn declare(
    state: &mut WriterState,
    instance: InstanceRef,
    contents: Contents,
    now: Timestamp,
    origin: Origin,
) -> Result<(), StoreError> {
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    write(connection, known.key, &contents).await?;
    note(connection, known.key, known.state.status, "contents declared", audit).await
}

/// Returns what an instance holds: now, or as it was when the backup of that number was made.
pub(super) async fn read(
    database: impl SqliteExecutor<'_>,
    instance_key: i64,
    backup: Option<u64>,
) -> Result<Contents, StoreError> {
    let before = backup.map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(i64::MAX));
    let find = sql(
        "read the contents of an instance",
        "SELECT document FROM instance_contents WHERE instance_key = ? AND after_backup < ? ORDER BY after_backup DESC LIMIT 1",
    );
    let found = find.bind(instance_key).bind(before).optional::<(String,)>(database).await?;
    found.map_or_else(|| Ok(Contents::default()), |(document,)| documents::read(&document))
}

/// Has an instance hold the keys of the backup that its restore of that number came from.
pub(super) async fn restore(
    connection: &mut SqliteConnection,
    instance_key: i64,
    restore: u64,
) -> Result<(), StoreError> {
    let find = sql(
        "find the backup of a restore",
        "SELECT backup_number FROM restores WHERE instance_key = ? AND record_number = ?",
    );
    let find = find.bind(instance_key).bind(i64::try_from(restore).unwrap_or(i64::MAX));
    let (backup,): (i64,) = find.one(&mut *connection).await?;
    let backup = u64::try_from(backup).unwrap_or(0);
    let now = read(&mut *connection, instance_key, None).await?;
    let then = read(&mut *connection, instance_key, Some(backup)).await?;
    if now.keys == then.keys {
        Ok(())
    } else {
        write(connection, instance_key, &Contents { keys: then.keys, ..now }).await
    }
}

/// Takes from an instance what it loses when it leaves a status: its keys when it was emptied, its slow log when it was restarted.
pub(super) async fn lose(
    connection: &mut SqliteConnection,
    instance_key: i64,
    left: InstanceStatus,
) -> Result<(), StoreError> {
    let mut contents = read(&mut *connection, instance_key, None).await?;
    let lost = match left {
        InstanceStatus::Flushing => !std::mem::take(&mut contents.keys).is_empty(),
        InstanceStatus::Restarting => !std::mem::take(&mut contents.slow_log).is_empty(),
        _ => false,
    };
    if lost { write(connection, instance_key, &contents).await } else { Ok(()) }
}

/// Writes what an instance holds from now on: backups that are there keep what they hold.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    instance_key: i64,
    contents: &Contents,
) -> Result<(), StoreError> {
    let write = sql(
        "write the contents of an instance",
        "INSERT OR REPLACE INTO instance_contents
         SELECT ?1, coalesce((SELECT max(record_number) FROM backups WHERE instance_key = ?1), 0), ?2",
    );
    write.bind(instance_key).bind_json(contents).execute(connection).await.map(drop)
}
