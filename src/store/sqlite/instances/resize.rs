//! Giving an instance another size: planned when it begins to be EXTENDING, made when that ends well.

use sqlx::SqliteConnection;

use crate::domain::background_work::{Effect, Step};
use crate::domain::id::ProjectId;
use crate::domain::instance::{Instance, InstanceAction, InstanceStatus, NewSize, Resize, WaitingChange};
use crate::domain::quota::Usage;
use crate::domain::task::{NewTask, TaskDetails, TaskSizes};
use crate::domain::work::WorkOptions;
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::record::{note, shown};
use crate::store::sqlite::instances::{planned, transition, waiting};
use crate::store::sqlite::{quotas, tasks};
use crate::store::{StoreError, WorkStep};

/// Begins to give an instance another size; it has it already if that takes no time. What may `wait` does, unless the window of
/// maintenance is open.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    resize: &Resize,
    wait: Option<&WaitingChange>,
    (task, work): (&NewTask, WorkOptions),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let (before, size) = judge(connection, known.key, resize).await?;
    let ip = planned::addresses(connection, known.key, &before.ip, &size).await?;
    let sizes = Some(TaskSizes { old: before.size_as_told(), new: size.as_told() });
    let details =
        TaskDetails { sizes, replica: size.replicas_as_told(&before, &ip), ..TaskDetails::default() };
    tasks::begin(connection, known.key, task, &details, (audit.at, None)).await?;
    if let Some(waiting) = wait.zip(before.maintenance.opens_after(audit.at)) {
        return waiting::keep(connection, &known, waiting, task, audit).await;
    }
    start(connection, known, (&ip, &size), work, audit).await
}

/// Decides whether an instance may get a size that was ordered and is not paid yet. It is decided again when that is paid.
pub(super) async fn order(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    resize: &Resize,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    judge(connection, known.key, resize).await?;
    note(connection, known.key, known.state.status, "another size ordered", audit).await
}

/// Begins to check whether an instance can get another size. What can be said at once is; the quota of memory is looked at in the end.
pub(super) async fn begin_check(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    resize: &Resize,
    (task, work): (&NewTask, WorkOptions),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let size = resize.of(&before)?;
    let sizes = Some(TaskSizes { old: before.size_as_told(), new: size.as_told() });
    let details = TaskDetails { sizes, ..TaskDetails::default() };
    let more_memory_mb = more_memory_mb(&before, &size);
    let effect = Effect::CheckResize { id: task.task_id, more_memory_mb };
    let new = NewWork { effect, work, occupation: None, task: Some((task, details)) };
    background_work::begin(connection, known, new, audit.at).await?;
    note(connection, known.key, known.state.status, "resize checked", audit).await
}

/// Ends a check: it fails if there is not as much memory in the project's quota.
pub(in crate::store::sqlite) async fn finish_check(
    connection: &mut SqliteConnection,
    more_memory_mb: u64,
    step: &WorkStep,
) -> Result<(), StoreError> {
    if step.step == Step::Start || step.work.plan.failure.is_some() {
        return Ok(());
    }
    match permit_memory(connection, step.work.project_id, more_memory_mb).await {
        Err(StoreError::Refused(_)) => {
            tasks::end(connection, step.work.ids(), step.at, Some(Resize::QUOTA_EXCEEDED)).await
        }
        checked => checked,
    }
}

/// Begins what has waited. Its background task is there already.
pub(super) async fn start_waiting(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    resize: &Resize,
    work: WorkOptions,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let (before, size) = judge(connection, known.key, resize).await?;
    let ip = planned::addresses(connection, known.key, &before.ip, &size).await?;
    start(connection, known, (&ip, &size), work, audit).await
}

/// Decides what an instance becomes. Nothing has changed by that.
async fn judge(
    connection: &mut SqliteConnection,
    instance_key: i64,
    resize: &Resize,
) -> Result<(Instance, NewSize), StoreError> {
    let before = shown(connection, instance_key).await?;
    let size = resize.of(&before)?;
    permit_memory(connection, before.project_id, more_memory_mb(&before, &size)).await?;
    Ok((before, size))
}

fn more_memory_mb(before: &Instance, size: &NewSize) -> u64 {
    u64::from(size.capacity.as_megabytes().saturating_sub(before.capacity.as_megabytes()))
}

async fn start(
    connection: &mut SqliteConnection,
    mut known: CachedInstance,
    (ip, size): (&str, &NewSize),
    work: WorkOptions,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let status = known.state.status;
    let transition =
        known.state.start_transition(InstanceAction::Extend, InstanceStatus::Extending, work, audit.at)?;
    planned::plan_size(connection, known.key, ip, size).await?;
    transition::start(connection, known.key, status, transition, audit).await
}

async fn permit_memory(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    more_mb: u64,
) -> Result<(), StoreError> {
    let (quota, used) = quotas::quota(connection, project_id).await?;
    Ok(quota.permit(used, Usage { instances: 0, memory_mb: more_mb })?)
}
