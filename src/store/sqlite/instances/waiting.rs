//! Changes of an instance that wait for its window of maintenance: kept when they are asked for, begun when they are due.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::domain::instance::{InstanceAction, InstanceStatus, PlacementChange, ResizeOrder, WaitingChange};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::origin::Origin;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::row;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::{note, placement, resize, shown};
use crate::store::sqlite::orders;
use crate::store::sqlite::writer::WriterState;
use crate::store::{ChangedRecord, InstanceRef, MadeChange, ScheduleStep, StoreError};

/// Keeps a change until it is due. Its background task is there already.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    (change, due_at): (&WaitingChange, Timestamp),
    task: &NewTask,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let no_order = ResizeOrder::default();
    let (order, zones) = match change {
        WaitingChange::Size(order) => (order, &order.zones),
        WaitingChange::Zones(zones) => (&no_order, zones),
    };
    sqlx::query(
        "INSERT INTO waiting_changes
             (instance_key, change_number, due_at, task_id, job_id, product, capacity_gb, change_type, zones, nodes)
         SELECT ?1, coalesce(max(change_number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM waiting_changes
         WHERE instance_key = ?1",
    )
    .bind(known.key)
    .bind(due_at.as_millis())
    .bind(&task.task_id.as_bytes()[..])
    .bind(&task.job_id.as_bytes()[..])
    .bind(&order.product)
    .bind(order.capacity_gb)
    .bind(&order.kind)
    .bind(zones.join(","))
    .bind(order.nodes.join(","))
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("keep a change that waits"))?;
    note(connection, known.key, known.state.status, "change waits for the window of maintenance", audit).await
}

/// Plans what waits anew: the instance has another window of maintenance.
pub(super) async fn replan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    window: MaintenanceWindow,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE waiting_changes SET due_at = ? WHERE instance_key = ?")
        .bind(window.opens_after(now).unwrap_or(now).as_millis())
        .bind(instance_key)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(StoreError::during("plan anew what waits"))
}

/// Gives up all that waits: the instance is about to be deleted.
pub(super) async fn give_up(
    connection: &mut SqliteConnection,
    instance_key: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let rows = sqlx::query("DELETE FROM waiting_changes WHERE instance_key = ? RETURNING *")
        .bind(instance_key)
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::during("give up what waits"))?;
    for row in &rows {
        Waiting::read(row)?.fail(connection, at, "the instance was deleted").await?;
    }
    Ok(())
}

/// Begins what of an instance is due, in the order in which it was asked for; returns what has changed by it, and how many changes
/// are not due any more.
pub(in crate::store::sqlite) async fn begin_due(
    state: &mut WriterState,
    (instance, work): (InstanceRef, WorkOptions),
    step: &ScheduleStep,
    actor_key: i64,
) -> Result<(Vec<MadeChange>, usize), StoreError> {
    let rows = sqlx::query(
        "SELECT w.* FROM waiting_changes w JOIN instances i USING (instance_key)
         WHERE i.instance_id = ? AND w.due_at <= ? ORDER BY w.change_number",
    )
    .bind(&instance.instance_id.as_bytes()[..])
    .bind(step.at.as_millis())
    .fetch_all(&mut state.connection)
    .await
    .map_err(StoreError::during("find what waits and is due"))?;
    let audit = Audit { at: step.at, origin: &Origin::SYSTEM, actor_key };
    let mut made = Vec::new();
    for row in &rows {
        let WriterState { connection, instances, .. } = &mut *state;
        let waiting = Waiting::read(row)?;
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
    Ok((made, rows.len()))
}

/// Begins one change, puts it off while the instance is busy, or gives it up for good.
async fn begin(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    waiting: &Waiting,
    (step, work): (&ScheduleStep, WorkOptions),
    audit: Audit<'_>,
) -> Result<Vec<MadeChange>, StoreError> {
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
        .map(|step| MadeChange { record: change(step), instance_id: Some(instance_id), at: audit.at })
        .collect())
}

/// A change that waits.
struct Waiting {
    instance_key: i64,
    number: i64,
    task_id: [u8; 16],
    job_id: [u8; 16],
    change: WaitingChange,
}

impl Waiting {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let list = |name| -> Result<Vec<String>, StoreError> {
            let text: &str = row::column(row, name)?;
            Ok(text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect())
        };
        let capacity_gb: Option<f64> = row::column(row, "capacity_gb")?;
        let zones = list("zones")?;
        let change = if capacity_gb.is_some() {
            WaitingChange::Size(ResizeOrder {
                capacity_gb,
                product: row::column(row, "product")?,
                kind: row::column(row, "change_type")?,
                zones,
                nodes: list("nodes")?,
            })
        } else {
            WaitingChange::Zones(zones)
        };
        Ok(Self {
            instance_key: row::column(row, "instance_key")?,
            number: row::column(row, "change_number")?,
            task_id: row::bytes16(row, "task_id")?,
            job_id: row::bytes16(row, "job_id")?,
            change,
        })
    }

    /// Plans when it is tried again.
    async fn put_off(&self, connection: &mut SqliteConnection, due_at: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE waiting_changes SET due_at = ? WHERE instance_key = ? AND change_number = ?")
            .bind(due_at.as_millis())
            .bind(self.instance_key)
            .bind(self.number)
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(StoreError::during("put off what waits"))
    }

    async fn remove(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM waiting_changes WHERE instance_key = ? AND change_number = ?")
            .bind(self.instance_key)
            .bind(self.number)
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(StoreError::during("remove what waits"))
    }

    /// Has it wait no longer: its job begins.
    async fn start(&self, connection: &mut SqliteConnection, at: Timestamp) -> Result<(), StoreError> {
        self.remove(connection).await?;
        sqlx::query("UPDATE jobs SET begin_at = max(?, begin_at) WHERE job_id = ?")
            .bind(at.as_millis())
            .bind(&self.job_id[..])
            .execute(connection)
            .await
            .map(|_| ())
            .map_err(StoreError::during("begin what waits"))
    }

    /// Has it wait no longer: it has failed.
    async fn give_up(
        &self,
        connection: &mut SqliteConnection,
        at: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.remove(connection).await?;
        self.fail(connection, at, reason).await
    }

    /// Fails its background task.
    async fn fail(
        &self,
        connection: &mut SqliteConnection,
        at: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        let failed = StoreError::during("give up what waits");
        sqlx::query(
            "UPDATE background_tasks SET finished_at = max(?, created_at), failed = 1 WHERE task_id = ?",
        )
        .bind(at.as_millis())
        .bind(&self.task_id[..])
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
        sqlx::query("UPDATE jobs SET end_at = max(?, begin_at), fail_reason = ? WHERE job_id = ?")
            .bind(at.as_millis())
            .bind(reason)
            .bind(&self.job_id[..])
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        match self.change {
            WaitingChange::Size(_) => orders::advance(connection, self.instance_key, true).await,
            WaitingChange::Zones(_) => Ok(()),
        }
    }
}
