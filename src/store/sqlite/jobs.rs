//! Jobs that answers name. They outlive their instances: whoever was told of one can always ask after it.

use sqlx::SqliteConnection;

use crate::domain::job::NewJob;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// Records a job on an instance that begins at an instant, and ends at another or when the way of the instance does.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    instance_key: i64,
    job: NewJob,
    (begin_at, end_at): (Timestamp, Option<Timestamp>),
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO jobs (job_id, project_key, instance_key, job_type, begin_at, end_at)
         SELECT ?, project_key, instance_key, ?, ?, ? FROM instances WHERE instance_key = ?",
    )
    .bind(&job.id.as_bytes()[..])
    .bind(job.kind.as_str())
    .bind(begin_at.as_millis())
    .bind(end_at.map(Timestamp::as_millis))
    .bind(instance_key)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("record a job"))
}
