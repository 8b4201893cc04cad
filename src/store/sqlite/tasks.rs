//! Background tasks and jobs.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite, SqliteConnection};

use crate::domain::id::{InstanceId, JobId, ProjectId, TaskId};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::refusal::Refusal;
use crate::domain::task::{BackgroundTask, Job, NewTask, TaskDetails};
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::store::row::{self, TASK_COLUMNS};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::events::{self, Audit, ProjectChange, ProjectSubject};
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::note;
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::{InstanceRef, StoreError, TaskReads, TaskWrites};

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
    ) -> Result<Option<(Option<InstanceId>, BackgroundTask)>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {TASK_COLUMNS}, i.instance_id FROM background_tasks t JOIN projects p ON p.project_key = t.project_key \
             LEFT JOIN instances i ON i.instance_key = t.instance_key \
             WHERE t.task_id = ? AND p.project_id = ? AND i.deleted_at IS NULL"
        )))
        .bind(&id.as_bytes()[..])
        .bind(&project_id.as_bytes()[..])
        .fetch_optional(self.reader.pool())
        .await
        .map_err(StoreError::during("read a background task"))?;
        row.map(|row| Ok((row::column(&row, "instance_id")?, row::task(&row)?))).transpose()
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
        .fetch_optional(self.reader.pool())
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
        .fetch_optional(self.reader.pool())
        .await
        .map_err(StoreError::during("read a job"))?;
        row.map(|row| row::job(&row)).transpose()
    }
}

#[async_trait]
impl TaskWrites for SqliteStore {
    async fn delete_project_task(
        &self,
        project_id: ProjectId,
        id: TaskId,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), StoreError> {
        self.writer
            .change(move |state| {
                async move { delete_of_project(state, (project_id, id), now, &origin).await }.boxed()
            })
            .await
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
                        " LEFT JOIN instances i ON i.instance_key = t.instance_key \
                         WHERE i.deleted_at IS NULL AND t.project_key = \
                             (SELECT project_key FROM projects WHERE project_id = ",
                    )
                    .push_bind(id.as_bytes().to_vec())
                    .push(")"),
            };
            query.push(" AND t.created_at BETWEEN ").push_bind(from.as_millis());
            query.push(" AND ").push_bind(until.as_millis());
            query
        };
        let total: i64 =
            chosen("count(*)").build_query_scalar().fetch_one(self.pool()).await.map_err(&failed)?;
        let mut listing = chosen(TASK_COLUMNS);
        listing.push(" ORDER BY t.created_at DESC, t.task_key DESC LIMIT ");
        listing.push_bind(i64::try_from(page.limit.as_u64()).unwrap_or(i64::MAX));
        listing.push(" OFFSET ").push_bind(i64::try_from(page.skip).unwrap_or(i64::MAX));
        let rows = listing.build().fetch_all(self.pool()).await.map_err(&failed)?;
        let items = rows.iter().map(row::task).collect::<Result<_, _>>()?;
        Ok(Page { items, total: unsigned(total) })
    }
}

/// Records what was set going on an instance: it begins at an instant, and ends at another or when the way of the instance does.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    instance_key: i64,
    new: &NewTask,
    details: &TaskDetails,
    span: (Timestamp, Option<Timestamp>),
) -> Result<(), StoreError> {
    let find =
        sql("find a project", "SELECT project_key FROM instances WHERE instance_key = ?").bind(instance_key);
    let (project_key,): (i64,) = find.one(&mut *connection).await?;
    record(connection, (project_key, Some(instance_key)), new, Some(details), span).await
}

/// Records what was set going in a project.
pub(super) async fn begin_of_project(
    connection: &mut SqliteConnection,
    project_key: i64,
    new: &NewTask,
    at: Timestamp,
) -> Result<(), StoreError> {
    record(connection, (project_key, None), new, None, (at, None)).await
}

async fn record(
    connection: &mut SqliteConnection,
    (project_key, instance_key): (i64, Option<i64>),
    new: &NewTask,
    details: Option<&TaskDetails>,
    (begin_at, end_at): (Timestamp, Option<Timestamp>),
) -> Result<(), StoreError> {
    let names = new.task.names();
    if let Some(kind) = names.job {
        let job = sql(
            "record a job",
            "INSERT INTO jobs (job_id, project_key, instance_key, job_type, begin_at, end_at) VALUES (?, ?, ?, ?, ?, ?)",
        );
        let job = job.bind(new.job_id).bind(project_key).bind(instance_key).bind(kind);
        job.bind(begin_at).bind(end_at).execute(&mut *connection).await?;
    }
    let Some(name) = names.task else { return Ok(()) };
    let task = sql(
        "begin a background task",
        "INSERT INTO background_tasks (project_key, instance_key, task_id, name, details, user_id, user_name, created_at, finished_at,
                                       job_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    task.bind(project_key)
        .bind(instance_key)
        .bind(new.task_id)
        .bind(name)
        .bind(details.map(row::details_json).transpose()?)
        .bind(new.creator.user_id.clone())
        .bind(new.creator.user_name.clone())
        .bind(begin_at)
        .bind(end_at)
        .bind(names.job.map(|_| new.job_id))
        .execute(connection)
        .await
        .map(drop)
}

/// Records a job of a project that no instance has, and that ended as it began.
pub(super) async fn record_job_of_project(
    connection: &mut SqliteConnection,
    project_key: i64,
    new: &NewTask,
    at: Timestamp,
) -> Result<(), StoreError> {
    let record =
        "INSERT INTO jobs (job_id, project_key, job_type, begin_at, end_at) VALUES (?1, ?2, ?3, ?4, ?4)";
    let record = sql("record a job", record).bind(new.job_id).bind(project_key);
    record.bind(new.task.names().job.unwrap_or_default()).bind(at).execute(connection).await.map(drop)
}

/// Ends a background task and a job; a code says why they failed, if they did.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    (task_id, job_id): (Option<TaskId>, Option<JobId>),
    at: Timestamp,
    error_code: Option<&str>,
) -> Result<(), StoreError> {
    let end = "UPDATE background_tasks SET finished_at = max(?1, created_at), failed = ?2 IS NOT NULL, error_code = ?2 WHERE task_id = ?3";
    sql("end a background task", end)
        .bind(at)
        .bind(error_code)
        .bind(task_id)
        .execute(&mut *connection)
        .await?;
    let end = "UPDATE jobs SET end_at = max(?, begin_at), fail_reason = ? WHERE job_id = ?";
    let end = sql("end a job", end).bind(at).bind(error_code).bind(job_id);
    end.execute(connection).await.map(drop)
}

/// Ends whatever runs in the background of an instance; what waits goes on waiting, and background work goes on.
pub(super) async fn end_all(
    connection: &mut SqliteConnection,
    instance_key: i64,
    at: Timestamp,
    failure: Option<FailureCode>,
) -> Result<(), StoreError> {
    let failed = StoreError::during("end what runs in the background");
    sqlx::query(
        "UPDATE background_tasks SET finished_at = max(?1, created_at), failed = ?2 IS NOT NULL, error_code = ?2
         WHERE instance_key = ?3 AND finished_at IS NULL AND task_id NOT IN (SELECT task_id FROM waiting_changes)
           AND task_id NOT IN (SELECT task_id FROM background_work WHERE task_id IS NOT NULL)",
    )
    .bind(at.as_millis())
    .bind(failure.map(FailureCode::as_str))
    .bind(instance_key)
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    sqlx::query(
        "UPDATE jobs SET end_at = max(?, begin_at), fail_reason = ?
         WHERE instance_key = ? AND end_at IS NULL AND job_id NOT IN (SELECT job_id FROM waiting_changes)
           AND job_id NOT IN (SELECT job_id FROM background_work WHERE job_id IS NOT NULL)",
    )
    .bind(at.as_millis())
    .bind(failure.map(FailureCode::as_str))
    .bind(instance_key)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(failed)
}

/// Removes a task of a project that has ended from the list.
async fn delete_of_project(
    state: &mut WriterState,
    (project_id, id): (ProjectId, TaskId),
    at: Timestamp,
    origin: &Origin,
) -> Result<(), StoreError> {
    let failed = StoreError::during("remove a background task");
    let WriterState { connection, actors, .. } = state;
    let found = sqlx::query(AssertSqlSafe(format!(
        "SELECT {TASK_COLUMNS}, t.project_key FROM background_tasks t JOIN projects p USING (project_key) \
         WHERE p.project_id = ? AND t.task_id = ? AND t.instance_key IS NULL"
    )))
    .bind(&project_id.as_bytes()[..])
    .bind(&id.as_bytes()[..])
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::during("find a background task"))?;
    let found = found.ok_or(Refusal::TaskNotFound)?;
    let (task, project_key) = (row::task(&found)?, row::column(&found, "project_key")?);
    task.permit_deletion()?;
    let delete = sql("remove a background task", "DELETE FROM background_tasks WHERE task_id = ?");
    delete.bind(id).execute(&mut *connection).await?;
    let actor_key = actors.key(connection, &origin.actor).await.map_err(&failed)?;
    let subject = ProjectSubject { project_key, kind: "task", id: id.as_bytes(), name: &task.name };
    let audit = Audit { at, origin, actor_key };
    events::append_of_project(connection, subject, ProjectChange::Deleted, audit).await.map_err(failed)
}

/// Removes a task that has ended from the list.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
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
    note(connection, known.key, known.state.status, "task removed", audit).await
}
