//! Background work: planned, moved on and ended. What its steps do is the business of each resource.

use sqlx::SqliteConnection;

use crate::domain::background_work::{BackgroundWork, Effect, Occupation, Step};
use crate::domain::id::{InstanceId, JobId, ProjectId, TaskId};
use crate::domain::task::{NewTask, TaskDetails};
use crate::domain::time::Timestamp;
use crate::domain::work::{FailureCode, WorkOptions, WorkPlan};
use crate::store::row::{self, Json};
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::tasks;
use crate::store::{StoreError, WorkStep};

/// Whose background work is.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    /// The project.
    pub(super) project_key: i64,
    /// The instance; none: it is the project's own.
    pub(super) instance_key: Option<i64>,
}

impl Owner {
    /// Returns a project as the owner.
    pub(super) fn project(project_key: i64) -> Self {
        Self { project_key, instance_key: None }
    }
}

impl From<&CachedInstance> for Owner {
    fn from(known: &CachedInstance) -> Self {
        Self { project_key: known.project_key, instance_key: Some(known.key) }
    }
}

/// Background work that is about to begin.
pub(super) struct NewWork<'n> {
    /// What it does.
    pub(super) effect: Effect,
    /// How long it takes.
    pub(super) work: WorkOptions,
    /// What the instance shows meanwhile; nothing of a project.
    pub(super) occupation: Option<Occupation>,
    /// Its background task and job, as far as its kind has them.
    pub(super) task: Option<(&'n NewTask, TaskDetails)>,
}

/// Plans background work, from `now` on. What takes no time is due at once: the next operation finds it done.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    owner: impl Into<Owner>,
    new: NewWork<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Owner { project_key, instance_key } = owner.into();
    let plan = WorkPlan::new(now, new.work);
    let (mut task_id, mut job_id) = (None, None);
    if let Some((task, details)) = &new.task {
        let names = task.task.names();
        task_id = names.task.map(|_| task.task_id);
        job_id = names.job.map(|_| task.job_id);
        match instance_key {
            Some(key) => tasks::begin(connection, key, task, details, (now, None)).await?,
            None => tasks::begin_of_project(connection, project_key, task, now).await?,
        }
    }
    let insert = sql(
        "plan background work",
        "INSERT INTO background_work (project_key, instance_key, effect, occupation, created_at, start_at, finish_at, failure,
                                      due_at, task_id, job_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6, ?9, ?10)",
    );
    let insert = insert.bind(project_key).bind(instance_key).bind_json(&new.effect).bind(new.occupation);
    let insert = insert.bind(now).bind(plan.start_at()).bind(plan.finish_at()).bind(plan.failure);
    insert.bind(task_id).bind(job_id).execute(connection).await.map(drop)
}

/// Plans work of an instance that has no state, at a time, in place of what was planned with the same effect; none if there is no time.
pub(super) async fn plan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    effect: &Effect,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let delete =
        sql("forget what was planned", "DELETE FROM background_work WHERE instance_key = ? AND effect = ?");
    delete.bind(instance_key).bind_json(effect).execute(&mut *connection).await?;
    let Some(at) = at else { return Ok(()) };
    let insert = sql(
        "plan background work",
        "INSERT INTO background_work (project_key, instance_key, effect, created_at, start_at, finish_at, due_at)
         SELECT project_key, instance_key, ?2, ?3, ?4, ?4, ?4 FROM instances WHERE instance_key = ?1",
    );
    insert.bind(instance_key).bind_json(effect).bind(now).bind(at).execute(connection).await.map(drop)
}

/// Moves background work on, if it still is where it was: its row goes and its task and job end with it when it ends. Returns whether
/// it was.
pub(super) async fn move_on(connection: &mut SqliteConnection, step: &WorkStep) -> Result<bool, StoreError> {
    if step.step == Step::Start {
        let start = sql(
            "start background work",
            "UPDATE background_work SET running = 1, due_at = finish_at WHERE work_key = ? AND running = 0",
        );
        return Ok(start.bind(step.work.key).execute(connection).await? > 0);
    }
    let end = sql(
        "end background work",
        "DELETE FROM background_work WHERE work_key = ? AND running = 1 RETURNING task_id, job_id",
    );
    let ended: Option<(Option<TaskId>, Option<JobId>)> =
        end.bind(step.work.key).optional(&mut *connection).await?;
    let Some(ids) = ended else { return Ok(false) };
    tasks::end(connection, ids, step.at, step.work.plan.failure.map(FailureCode::as_str)).await?;
    Ok(true)
}

/// Ends whatever is open that has an effect, without any step: its tasks and jobs end as well.
pub(super) async fn end_all_of(
    connection: &mut SqliteConnection,
    effect: &Effect,
    at: Timestamp,
    failure: Option<FailureCode>,
) -> Result<(), StoreError> {
    let end =
        sql("end background work", "DELETE FROM background_work WHERE effect = ? RETURNING task_id, job_id");
    let ended: Vec<(Option<TaskId>, Option<JobId>)> = end.bind_json(effect).all(&mut *connection).await?;
    for ids in ended {
        tasks::end(connection, ids, at, failure.map(FailureCode::as_str)).await?;
    }
    Ok(())
}

/// Gives up what an instance has open: it is about to be deleted.
pub(super) async fn give_up(
    connection: &mut SqliteConnection,
    instance_key: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql("give up background work", "DELETE FROM background_work WHERE instance_key = ?")
        .bind(instance_key)
        .execute(&mut *connection)
        .await?;
    tasks::end_all(connection, instance_key, at, None).await
}

/// Open work, from `background_work w` with its project and instance.
pub(super) const OPEN_WORK: &str = "
    SELECT w.work_key, w.effect, w.running, w.created_at, w.start_at, w.finish_at, w.failure, w.due_at, p.project_id, i.instance_id,
           w.task_id, w.job_id
    FROM background_work w JOIN projects p ON p.project_key = w.project_key
    LEFT JOIN instances i ON i.instance_key = w.instance_key";

/// A row of [`OPEN_WORK`].
pub(super) type WorkRow = (
    i64,
    Json<Effect>,
    bool,
    Timestamp,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<FailureCode>,
    Option<Timestamp>,
    ProjectId,
    Option<InstanceId>,
    Option<TaskId>,
    Option<JobId>,
);

/// Takes open work, with the time at which its next step is due.
pub(super) fn work(row: WorkRow) -> (Option<Timestamp>, BackgroundWork) {
    let (
        key,
        effect,
        is_running,
        created_at,
        start_at,
        finish_at,
        failure,
        due_at,
        project_id,
        instance_id,
        task_id,
        job_id,
    ) = row;
    let (Json(effect), plan) = (effect, row::plan(start_at, finish_at, failure));
    let work = BackgroundWork {
        key,
        project_id,
        instance_id,
        effect,
        plan,
        task_id,
        job_id,
        is_running,
        created_at,
    };
    (due_at, work)
}
