//! What runs in the background of an instance: begun with a way of it, ended with that.

use sqlx::SqliteConnection;

use crate::domain::id::TaskId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::store::StoreError;
use crate::store::row::{self, TASK_COLUMNS};
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::KnownInstance;
use crate::store::sqlite::instances::note;

/// Ends whatever runs in the background of an instance; what waits goes on waiting.
pub(super) async fn end_all(
    connection: &mut SqliteConnection,
    instance_key: i64,
    at: Timestamp,
    failure: Option<FailureCode>,
) -> Result<(), StoreError> {
    let failed = StoreError::during("end what runs in the background");
    sqlx::query(
        "UPDATE background_tasks SET finished_at = max(?, created_at), failed = ?
         WHERE instance_key = ? AND finished_at IS NULL AND task_id NOT IN (SELECT task_id FROM waiting_changes)",
    )
    .bind(at.as_millis())
    .bind(failure.is_some())
    .bind(instance_key)
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    sqlx::query(
        "UPDATE jobs SET end_at = max(?, begin_at), fail_reason = ?
         WHERE instance_key = ? AND end_at IS NULL AND job_id NOT IN (SELECT job_id FROM waiting_changes)",
    )
    .bind(at.as_millis())
    .bind(failure.map(FailureCode::as_str))
    .bind(instance_key)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Removes a task that has ended from the list.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    known: &KnownInstance,
    id: TaskId,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {TASK_COLUMNS} FROM background_tasks t WHERE t.instance_key = ? AND t.task_id = ?"
    )))
    .bind(known.key)
    .bind(&id.as_bytes()[..])
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::during("find a background task"))?;
    row::task(&found.ok_or(Refusal::TaskNotFound)?)?.permit_deletion()?;
    sqlx::query("DELETE FROM background_tasks WHERE instance_key = ? AND task_id = ?")
        .bind(known.key)
        .bind(&id.as_bytes()[..])
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("remove a background task"))?;
    note(connection, known.key, known.facts.status, "task removed", audit).await
}
