//! Reads of what runs in the background.

use sqlx::AssertSqlSafe;

use crate::domain::id::{JobId, ProjectId};
use crate::domain::job::Job;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::task::BackgroundTask;
use crate::domain::time::Timestamp;
use crate::store::row::{self, TASK_COLUMNS};
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::{InstanceRef, StoreError};

impl Reader {
    pub(in crate::store::sqlite) async fn background_tasks(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<BackgroundTask>>, StoreError> {
        let failed = StoreError::during("list background tasks");
        let key: Option<i64> = sqlx::query_scalar(
            "SELECT i.instance_key FROM instances i JOIN projects p USING (project_key)
             WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        )
        .bind(&instance.instance_id.as_bytes()[..])
        .bind(&instance.project_id.as_bytes()[..])
        .fetch_optional(&self.pool)
        .await
        .map_err(&failed)?;
        let Some(key) = key else { return Ok(None) };
        let (from, until) = (window.from.unwrap_or(Timestamp::MIN), window.until.unwrap_or(Timestamp::MAX));
        let total: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM background_tasks WHERE instance_key = ? AND created_at BETWEEN ? AND ?",
        )
        .bind(key)
        .bind(from.as_millis())
        .bind(until.as_millis())
        .fetch_one(&self.pool)
        .await
        .map_err(&failed)?;
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {TASK_COLUMNS} FROM background_tasks t WHERE t.instance_key = ? AND t.created_at BETWEEN ? AND ? \
             ORDER BY t.task_number DESC LIMIT ? OFFSET ?"
        )))
        .bind(key)
        .bind(from.as_millis())
        .bind(until.as_millis())
        .bind(i64::try_from(page.limit.as_u64()).unwrap_or(i64::MAX))
        .bind(i64::try_from(page.skip).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(&failed)?;
        let items = rows.iter().map(row::task).collect::<Result<_, _>>()?;
        Ok(Some(Page { items, total: unsigned(total) }))
    }

    pub(in crate::store::sqlite) async fn job(
        &self,
        project_id: ProjectId,
        id: JobId,
    ) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query(
            "SELECT j.job_id, j.job_type, j.begin_at, j.end_at, j.fail_reason
             FROM jobs j JOIN projects p USING (project_key) WHERE j.job_id = ? AND p.project_id = ?",
        )
        .bind(&id.as_bytes()[..])
        .bind(&project_id.as_bytes()[..])
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::during("read a job"))?;
        row.map(|row| row::job(&row)).transpose()
    }
}
