//! Begins changes of instances that have waited for a window of maintenance and are due.

use sqlx::SqliteConnection;

use crate::domain::instance::{InstanceAction, InstanceStatus, PlacementChange, WaitingChange};
use crate::domain::origin::Origin;
use crate::domain::work::WorkOptions;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::record::shown;
use crate::store::sqlite::instances::waiting::{WAITING, Waiting};
use crate::store::sqlite::instances::{placement, resize};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::{AppliedChange, ChangedRecord, InstanceRef, ScheduleStep, StoreError};

/// Begins what of an instance is due, in the order in which it was asked for; returns what has changed by it, and how many changes
/// are not due any more.
pub(in crate::store::sqlite) async fn begin_due(
    state: &mut WriterState,
    (instance, work): (InstanceRef, WorkOptions),
    step: &ScheduleStep,
    actor_key: i64,
) -> Result<(Vec<AppliedChange>, usize), StoreError> {
    let find = format!(
        "SELECT {WAITING} FROM waiting_changes
         WHERE instance_key = (SELECT instance_key FROM instances WHERE instance_id = ?) AND due_at <= ? ORDER BY change_number"
    );
    let find = sql("find what waits and is due", find).bind(instance.instance_id).bind(step.at);
    let rows = find.all(&mut state.connection).await?;
    let done = rows.len();
    let audit = AuditContext { at: step.at, origin: &Origin::SYSTEM, actor_key };
    let mut made = Vec::new();
    for row in rows {
        let WriterState { connection, instances, .. } = &mut *state;
        let waiting = Waiting::new(row);
        instances.load(connection, std::iter::once(instance.instance_id)).await?;
        match instances.get_mut(instance.project_id, instance.instance_id).cloned() {
            Ok(known) => {
                instances.forget(instance.instance_id);
                made.extend(begin(connection, known, &waiting, (step, work), audit).await?);
            }
            Err(error) => {
                tracing::error!(instance.id = %instance.instance_id, error = %error, "what waits cannot be begun");
                waiting.give_up(connection, step.at, "the instance cannot be changed").await?;
            }
        }
    }
    Ok((made, done))
}

/// Begins one change, puts it off while the instance is busy, or gives it up for good.
async fn begin(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    waiting: &Waiting,
    (step, work): (&ScheduleStep, WorkOptions),
    audit: AuditContext<'_>,
) -> Result<Vec<AppliedChange>, StoreError> {
    let (instance_id, instance_key, from) = (known.state.instance_id, known.key, known.state.status);
    if known.state.permit(InstanceAction::Extend).is_err() {
        let window = shown(connection, instance_key).await?.maintenance;
        match window.next_try(audit.at) {
            Some(next) => waiting.put_off(connection, next).await?,
            None => {
                waiting.give_up(connection, audit.at, "time ends before the instance can be changed").await?;
            }
        }
        return Ok(Vec::new());
    }
    // First: what takes no time ends together with all that does not wait.
    waiting.start(connection, audit.at).await?;
    let begun = match waiting.change.clone() {
        WaitingChange::Size(order) => match order.check(step.resize_rules()) {
            Ok(resize) => resize::start_waiting(connection, known, &resize, work, audit).await,
            Err(refusal) => Err(refusal.into()),
        },
        WaitingChange::Zones(zones) => {
            let extension = (&PlacementChange::Zones(zones), step.region.as_str());
            placement::start_waiting(connection, known, extension, work, audit).await
        }
    };
    match begun {
        Ok(()) => {}
        // What is refused has changed nothing.
        Err(StoreError::Refused(refusal)) => {
            waiting.fail(connection, audit.at, &refusal.to_string()).await?;
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    }
    let (passing, to) = (InstanceStatus::Extending, shown(connection, instance_key).await?.status);
    let steps = if to == passing { vec![(from, to)] } else { vec![(from, passing), (passing, to)] };
    let change = |(from, to)| ChangedRecord::Instance { from, to };
    Ok(steps
        .into_iter()
        .map(|step| AppliedChange { record: change(step), instance_id: Some(instance_id), at: audit.at })
        .collect())
}
