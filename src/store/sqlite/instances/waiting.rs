//! Changes of an instance that wait for its window of maintenance: kept until they are due.

use sqlx::SqliteConnection;

use crate::domain::id::{JobId, TaskId};
use crate::domain::instance::{ResizeRequest, WaitingChange};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::record::note;
use crate::store::sqlite::placed_orders;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::tasks;

/// Keeps a change until it is due. Its background task is there already.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    (change, due_at): (&WaitingChange, Timestamp),
    task: &NewTask,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let no_order = ResizeRequest::default();
    let (order, zones) = match change {
        WaitingChange::Size(order) => (order, &order.zones),
        WaitingChange::Zones(zones) => (&no_order, zones),
    };
    let keep = sql(
        "keep a change that waits",
        "INSERT INTO waiting_changes
             (instance_key, change_number, due_at, task_id, job_id, product, capacity_gb, change_type, zones, nodes)
         SELECT ?1, coalesce(max(change_number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM waiting_changes
         WHERE instance_key = ?1",
    );
    let keep = keep.bind(known.key).bind(due_at).bind(task.task_id).bind(task.job_id).bind(&order.product);
    let keep = keep.bind(order.capacity_gb).bind(&order.kind).bind(zones.join(","));
    keep.bind(order.nodes.join(",")).execute(&mut *connection).await?;
    note(connection, known.key, known.state.status, "change waits for the window of maintenance", audit).await
}

/// Plans what waits anew: the instance has another window of maintenance.
pub(super) async fn replan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    window: MaintenanceWindow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let plan = sql("plan anew what waits", "UPDATE waiting_changes SET due_at = ? WHERE instance_key = ?");
    let plan = plan.bind(window.opens_after(now).unwrap_or(now)).bind(instance_key);
    plan.execute(connection).await.map(drop)
}

/// Gives up all that waits: the instance is about to be deleted.
pub(super) async fn give_up(
    connection: &mut SqliteConnection,
    instance_key: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let remove = format!("DELETE FROM waiting_changes WHERE instance_key = ? RETURNING {WAITING}");
    for row in sql("give up what waits", remove).bind(instance_key).all(&mut *connection).await? {
        Waiting::new(row).fail(connection, at, "the instance was deleted").await?;
    }
    Ok(())
}

/// The columns of a [`WaitingRow`], from `waiting_changes`.
pub(super) const WAITING: &str =
    "instance_key, change_number, task_id, job_id, capacity_gb, product, change_type, zones, nodes";

/// A row of [`WAITING`].
pub(super) type WaitingRow =
    (i64, i64, TaskId, JobId, Option<f64>, Option<String>, Option<String>, String, String);

/// A change that waits.
pub(super) struct Waiting {
    instance_key: i64,
    number: i64,
    task_id: TaskId,
    job_id: JobId,
    pub(super) change: WaitingChange,
}

impl Waiting {
    pub(super) fn new(row: WaitingRow) -> Self {
        let (instance_key, number, task_id, job_id, capacity_gb, product, kind, zones, nodes) = row;
        let list = |text: &str| text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let (zones, nodes) = (list(&zones), list(&nodes));
        let change = if capacity_gb.is_some() {
            WaitingChange::Size(ResizeRequest { capacity_gb, product, kind, zones, nodes })
        } else {
            WaitingChange::Zones(zones)
        };
        Self { instance_key, number, task_id, job_id, change }
    }

    /// Plans when it is tried again.
    pub(super) async fn put_off(
        &self,
        connection: &mut SqliteConnection,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let put = sql(
            "put off what waits",
            "UPDATE waiting_changes SET due_at = ? WHERE instance_key = ? AND change_number = ?",
        );
        put.bind(due_at).bind(self.instance_key).bind(self.number).execute(connection).await.map(drop)
    }

    async fn remove(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let remove = sql(
            "remove what waits",
            "DELETE FROM waiting_changes WHERE instance_key = ? AND change_number = ?",
        );
        remove.bind(self.instance_key).bind(self.number).execute(connection).await.map(drop)
    }

    /// Has it wait no longer: its job begins.
    pub(super) async fn start(
        &self,
        connection: &mut SqliteConnection,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.remove(connection).await?;
        let begin = sql("begin what waits", "UPDATE jobs SET begin_at = max(?, begin_at) WHERE job_id = ?");
        begin.bind(at).bind(self.job_id).execute(connection).await.map(drop)
    }

    /// Has it wait no longer: it has failed.
    pub(super) async fn give_up(
        &self,
        connection: &mut SqliteConnection,
        at: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.remove(connection).await?;
        self.fail(connection, at, reason).await
    }

    /// Fails its background task.
    pub(super) async fn fail(
        &self,
        connection: &mut SqliteConnection,
        at: Timestamp,
        reason: &str,
    ) -> Result<(), StoreError> {
        tasks::end(&mut *connection, (Some(self.task_id), Some(self.job_id)), at, Some(reason)).await?;
        match self.change {
            WaitingChange::Size(_) => placed_orders::advance(connection, self.instance_key, true).await,
            WaitingChange::Zones(_) => Ok(()),
        }
    }
}
