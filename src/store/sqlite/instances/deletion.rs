//! Deleting an instance: it and its records are gone for everybody but the audit.

use sqlx::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::KnownInstance;
use crate::store::sqlite::instances::{record, waiting};
use crate::store::sqlite::retention;

pub(super) async fn delete(
    connection: &mut SqliteConnection,
    known: &KnownInstance,
    audit: Audit<'_>,
    system_key: i64,
) -> Result<(), StoreError> {
    known.facts.permit_deletion()?;
    waiting::give_up(connection, known.key, audit.at).await?;
    sqlx::query("UPDATE instances SET deleted_at = ? WHERE instance_key = ?")
        .bind(audit.at.as_millis())
        .bind(known.key)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("delete an instance"))?;
    record(connection, known.key, (Some(known.facts.status), None), audit).await?;
    // Nothing keeps a backup of it any more whose days are over.
    retention::release(connection, &[(known.key, audit.at)], system_key).await.map(drop)
}
