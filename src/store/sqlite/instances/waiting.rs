//! Changes of an instance that wait for its window of maintenance: kept until they are due.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::domain::instance::{ResizeOrder, WaitingChange};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::record::note;
use crate::store::sqlite::placed_orders;
use crate::store::{StoreError, row};

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

/// A change that waits.
pub(super) struct Waiting {
    instance_key: i64,
    number: i64,
    task_id: [u8; 16],
    job_id: [u8; 16],
    pub(super) change: WaitingChange,
}

impl Waiting {
    pub(super) fn read(row: &SqliteRow) -> Result<Self, StoreError> {
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
    pub(super) async fn put_off(
        &self,
        connection: &mut SqliteConnection,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
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
    pub(super) async fn start(
        &self,
        connection: &mut SqliteConnection,
        at: Timestamp,
    ) -> Result<(), StoreError> {
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
            WaitingChange::Size(_) => placed_orders::advance(connection, self.instance_key, true).await,
            WaitingChange::Zones(_) => Ok(()),
        }
    }
}
