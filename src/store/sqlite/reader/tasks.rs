//! Reads of what runs in the background.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use crate::domain::id::{InstanceId, JobId, ProjectId, TaskId};
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::task::BackgroundTask;
use crate::domain::task::Job;
use crate::domain::time::Timestamp;
use crate::store::TaskReads;
use crate::store::row::{self, TASK_COLUMNS};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::{InstanceRef, StoreError};

/// Whose tasks are listed.
#[derive(Clone, Copy)]
enum Of {
    Instance(i64),
    Project(ProjectId),
}

#[async_trait]
impl TaskReads for SqliteStore {
    async fn background_task(
        &self,
        project_id: ProjectId,
        id: TaskId,
    ) -> Result<Option<(InstanceId, BackgroundTask)>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {TASK_COLUMNS}, i.instance_id FROM background_tasks t JOIN instances i USING (instance_key) \
             JOIN projects p USING (project_key) WHERE t.task_id = ? AND p.project_id = ? AND i.deleted_at IS NULL"
        )))
        .bind(&id.as_bytes()[..])
        .bind(&project_id.as_bytes()[..])
        .fetch_optional(&self.reader.pool)
        .await
        .map_err(StoreError::during("read a background task"))?;
        row.map(|row| Ok((InstanceId::from_bytes(row::bytes16(&row, "instance_id")?), row::task(&row)?)))
            .transpose()
    }

    async fn background_tasks(
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
        .fetch_optional(&self.reader.pool)
        .await
        .map_err(&failed)?;
        let Some(key) = key else { return Ok(None) };
        let (from, until) = (window.from.unwrap_or(Timestamp::MIN), window.until.unwrap_or(Timestamp::MAX));
        self.reader.page_of_tasks(Of::Instance(key), (from, until), page).await.map(Some)
    }

    async fn project_tasks(
        &self,
        project_id: ProjectId,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Page<BackgroundTask>, StoreError> {
        let (from, until) = (window.from.unwrap_or(Timestamp::MIN), window.until.unwrap_or(Timestamp::MAX));
        self.reader.page_of_tasks(Of::Project(project_id), (from, until), page).await
    }

    async fn job(&self, project_id: ProjectId, id: JobId) -> Result<Option<Job>, StoreError> {
        let row = sqlx::query(
            "SELECT j.job_id, j.job_type, j.begin_at, j.end_at, j.fail_reason,
                    EXISTS (SELECT 1 FROM waiting_changes c WHERE c.job_id = j.job_id) AS waits
             FROM jobs j JOIN projects p USING (project_key) WHERE j.job_id = ? AND p.project_id = ?",
        )
        .bind(&id.as_bytes()[..])
        .bind(&project_id.as_bytes()[..])
        .fetch_optional(&self.reader.pool)
        .await
        .map_err(StoreError::during("read a job"))?;
        row.map(|row| row::job(&row)).transpose()
    }
}

impl Reader {
    async fn page_of_tasks(
        &self,
        of: Of,
        (from, until): (Timestamp, Timestamp),
        page: PageRequest,
    ) -> Result<Page<BackgroundTask>, StoreError> {
        let failed = StoreError::during("list background tasks");
        let chosen = |columns: &str| {
            let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {columns} FROM background_tasks t"));
            match of {
                Of::Instance(key) => query.push(" WHERE t.instance_key = ").push_bind(key),
                Of::Project(id) => query
                    .push(
                        " JOIN instances i USING (instance_key) JOIN projects p USING (project_key) \
                         WHERE i.deleted_at IS NULL AND p.project_id = ",
                    )
                    .push_bind(id.as_bytes().to_vec()),
            };
            query.push(" AND t.created_at BETWEEN ").push_bind(from.as_millis());
            query.push(" AND ").push_bind(until.as_millis());
            query
        };
        let total: i64 =
            chosen("count(*)").build_query_scalar().fetch_one(&self.pool).await.map_err(&failed)?;
        let mut listing = chosen(TASK_COLUMNS);
        listing.push(" ORDER BY t.created_at DESC, t.instance_key DESC, t.task_number DESC LIMIT ");
        listing.push_bind(i64::try_from(page.limit.as_u64()).unwrap_or(i64::MAX));
        listing.push(" OFFSET ").push_bind(i64::try_from(page.skip).unwrap_or(i64::MAX));
        let rows = listing.build().fetch_all(&self.pool).await.map_err(&failed)?;
        let items = rows.iter().map(row::task).collect::<Result<_, _>>()?;
        Ok(Page { items, total: unsigned(total) })
    }
}
