//! Background tasks and jobs. Jobs outlive their instances: whoever was told of one can always ask after it.

use sqlx::SqliteConnection;

use crate::domain::task::NewTask;
use crate::domain::task::TaskDetails;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::row;

/// Records what was set going on an instance: it begins at an instant, and ends at another or when the way of the instance does.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    instance_key: i64,
    new: &NewTask,
    details: &TaskDetails,
    (begin_at, end_at): (Timestamp, Option<Timestamp>),
) -> Result<(), StoreError> {
    let names = new.task.names();
    if let Some(kind) = names.job {
        sqlx::query(
            "INSERT INTO jobs (job_id, project_key, instance_key, job_type, begin_at, end_at)
             SELECT ?, project_key, instance_key, ?, ?, ? FROM instances WHERE instance_key = ?",
        )
        .bind(&new.job_id.as_bytes()[..])
        .bind(kind)
        .bind(begin_at.as_millis())
        .bind(end_at.map(Timestamp::as_millis))
        .bind(instance_key)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("record a job"))?;
    }
    let Some(name) = names.task else { return Ok(()) };
    sqlx::query(
        "INSERT INTO background_tasks
             (instance_key, task_number, task_id, name, details, user_id, user_name, created_at, finished_at, job_id)
         SELECT ?1, coalesce(max(task_number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM background_tasks
         WHERE instance_key = ?1",
    )
    .bind(instance_key)
    .bind(&new.task_id.as_bytes()[..])
    .bind(name)
    .bind(row::details_json(details)?)
    .bind(&new.creator.user_id)
    .bind(&new.creator.user_name)
    .bind(begin_at.as_millis())
    .bind(end_at.map(Timestamp::as_millis))
    .bind(names.job.map(|_| new.job_id.as_bytes().to_vec()))
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("begin a background task"))
}
