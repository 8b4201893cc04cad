//! Background tasks and jobs.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{Encode, Sqlite, SqliteConnection, Type};

use crate::domain::id::{InstanceId, JobId, ProjectId, TaskId};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::refusal::Refusal;
use crate::domain::task::{BackgroundTask, Job, NewTask, TaskDetails};
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::store::row::{self, JOB_COLUMNS, TASK_COLUMNS, job, task};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, ProjectChange, SubjectOwner};
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::note;
use crate::store::sqlite::reader::{Reader, signed, unsigned};
use crate::store::sqlite::sql::{decode, sql};
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, change};
use crate::store::{InstanceRef, StoreError, TaskReads, TaskWrites};

/// Which tasks `t` are of an instance, by its key (`?1`).
const OF_INSTANCE: &str = "WHERE t.instance_key = ?1";
/// Which tasks `t` are of a project (`?1`).
const OF_PROJECT: &str = "JOIN projects p ON p.project_key = t.project_key \
     LEFT JOIN instances i ON i.instance_key = t.instance_key WHERE i.deleted_at IS NULL AND p.project_id = ?1";

#[async_trait]
impl TaskReads for SqliteStore {
    async fn background_task(
        &self,
        project_id: ProjectId,
        id: TaskId,
    ) -> Result<Option<(Option<InstanceId>, BackgroundTask)>, StoreError> {
        let read = format!(
            "SELECT {TASK_COLUMNS}, i.instance_id FROM background_tasks t {OF_PROJECT} AND t.task_id = ?2"
        );
        let read = sql("read a background task", read).bind(project_id).bind(id);
        let row = read.row(self.reader.pool()).await?;
        row.map(|row| Ok((row::column(&row, "instance_id")?, task(decode(&row)?)))).transpose()
    }

    async fn background_tasks(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<BackgroundTask>>, StoreError> {
        let Some(key) = change::key_of(self.reader.pool(), instance).await? else { return Ok(None) };
        self.reader.page_of_tasks(OF_INSTANCE, key, window, page).await.map(Some)
    }

    async fn project_tasks(
        &self,
        project_id: ProjectId,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Page<BackgroundTask>, StoreError> {
        self.reader.page_of_tasks(OF_PROJECT, project_id, window, page).await
    }

    async fn job(&self, project_id: ProjectId, id: JobId) -> Result<Option<Job>, StoreError> {
        let read = format!(
            "SELECT {JOB_COLUMNS} FROM jobs j JOIN projects p USING (project_key) WHERE j.job_id = ? AND p.project_id = ?"
        );
        let read = sql("read a job", read).bind(id).bind(project_id);
        Ok(read.optional(self.reader.pool()).await?.map(job))
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
    /// Returns a page of the tasks of an instance or a project, newest first.
    async fn page_of_tasks(
        &self,
        of: &str,
        owner: impl for<'v> Encode<'v, Sqlite> + Type<Sqlite> + Copy,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Page<BackgroundTask>, StoreError> {
        let from = format!("FROM background_tasks t {of} AND t.created_at BETWEEN ?2 AND ?3");
        let (from_time, until) =
            (window.from.unwrap_or(Timestamp::MIN), window.until.unwrap_or(Timestamp::MAX));
        let count = sql("count background tasks", format!("SELECT count(*) {from}"));
        let total = count.bind(owner).bind(from_time).bind(until).value(self.pool()).await?;
        let list = format!(
            "SELECT {TASK_COLUMNS} {from} ORDER BY t.created_at DESC, t.task_key DESC LIMIT ?4 OFFSET ?5"
        );
        let list = sql("list background tasks", list).bind(owner).bind(from_time).bind(until);
        let list = list.bind(signed(page.limit.as_u64())).bind(signed(page.skip));
        let rows = list.all(self.pool()).await?;
        Ok(Page { items: rows.into_iter().map(task).collect(), total: unsigned(total) })
    }
}

/// Records a task of an instance: it ends at a given time, or with the transition of the instance.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    instance_key: i64,
    new: &NewTask,
    details: &TaskDetails,
    span: (Timestamp, Option<Timestamp>),
) -> Result<(), StoreError> {
    let find =
        sql("find a project", "SELECT project_key FROM instances WHERE instance_key = ?").bind(instance_key);
    let project_key = find.value(&mut *connection).await?;
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
    let task = task.bind(project_key).bind(instance_key).bind(new.task_id).bind(name);
    let task = match details {
        Some(details) => task.bind_json(details),
        None => task.bind(None::<String>),
    };
    let task = task.bind(&new.creator.user_id).bind(&new.creator.user_name).bind(begin_at).bind(end_at);
    task.bind(names.job.map(|_| new.job_id)).execute(connection).await.map(drop)
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
    let end = sql(
        "end what runs in the background",
        "UPDATE background_tasks SET finished_at = max(?1, created_at), failed = ?2 IS NOT NULL, error_code = ?2
         WHERE instance_key = ?3 AND finished_at IS NULL AND task_id NOT IN (SELECT task_id FROM waiting_changes)
           AND task_id NOT IN (SELECT task_id FROM background_work WHERE task_id IS NOT NULL)",
    );
    let error_code = failure.map(FailureCode::as_str);
    end.bind(at).bind(error_code).bind(instance_key).execute(&mut *connection).await?;
    let end = sql(
        "end what runs in the background",
        "UPDATE jobs SET end_at = max(?, begin_at), fail_reason = ?
         WHERE instance_key = ? AND end_at IS NULL AND job_id NOT IN (SELECT job_id FROM waiting_changes)
           AND job_id NOT IN (SELECT job_id FROM background_work WHERE job_id IS NOT NULL)",
    );
    let end = end.bind(at).bind(error_code).bind(instance_key);
    end.execute(connection).await.map(drop)
}

/// Removes a task of a project that has ended from the list.
async fn delete_of_project(
    state: &mut WriterState,
    (project_id, id): (ProjectId, TaskId),
    at: Timestamp,
    origin: &Origin,
) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let find = format!(
        "SELECT {TASK_COLUMNS}, t.project_key FROM background_tasks t JOIN projects p USING (project_key) \
         WHERE p.project_id = ? AND t.task_id = ? AND t.instance_key IS NULL"
    );
    let found = sql("find a background task", find).bind(project_id).bind(id).row(&mut *connection).await?;
    let found = found.ok_or(Refusal::TaskNotFound)?;
    let (task, project_key) = (task(decode(&found)?), row::column(&found, "project_key")?);
    task.permit_deletion()?;
    let delete = sql("remove a background task", "DELETE FROM background_tasks WHERE task_id = ?");
    delete.bind(id).execute(&mut *connection).await?;
    let actor_key = actors.key(connection, &origin.actor).await?;
    let subject = NamedSubject {
        owner: SubjectOwner::Project(project_key),
        kind: "task",
        id: id.as_bytes(),
        name: &task.name,
    };
    let audit = AuditContext { at, origin, actor_key };
    events::append_of_project(connection, subject, ProjectChange::Deleted, audit).await
}

/// Removes a task that has ended from the list.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    id: TaskId,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let find =
        format!("SELECT {TASK_COLUMNS} FROM background_tasks t WHERE t.instance_key = ? AND t.task_id = ?");
    let found =
        sql("find a background task", find).bind(known.key).bind(id).optional(&mut *connection).await?;
    task(found.ok_or(Refusal::TaskNotFound)?).permit_deletion()?;
    let remove = "DELETE FROM background_tasks WHERE instance_key = ? AND task_id = ?";
    sql("remove a background task", remove).bind(known.key).bind(id).execute(&mut *connection).await?;
    note(connection, known.key, known.state.status, "task removed", audit).await
}
