//! Giving an instance another size: planned when it begins to be EXTENDING, made when that ends well.

use sqlx::{Row, SqliteConnection};

use crate::domain::id::ProjectId;
use crate::domain::instance::{Instance, InstanceAction, InstanceStatus, NewSize, Resize, WaitingChange};
use crate::domain::quota::Usage;
use crate::domain::task::NewTask;
use crate::domain::task::TaskDetails;
use crate::domain::work::WorkOptions;
use crate::store::StoreError;
use crate::store::row;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::creation::free_addresses;
use crate::store::sqlite::instances::{network, shown, transition, waiting};
use crate::store::sqlite::{quotas, tasks};

/// Begins to give an instance another size; it has it already if that takes no time. What may `wait` does, unless the window of
/// maintenance is open.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    resize: &Resize,
    wait: Option<&WaitingChange>,
    (task, work): (&NewTask, WorkOptions),
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let (before, size) = judge(connection, known.key, resize).await?;
    let sizes = Some((before.size_as_told(), size.as_told()));
    let details = TaskDetails { sizes, ..TaskDetails::default() };
    tasks::begin(connection, known.key, task, &details, (audit.at, None)).await?;
    if let Some(waiting) = wait.zip(before.maintenance.opens_after(audit.at)) {
        return waiting::keep(connection, &known, waiting, task, audit).await;
    }
    start(connection, known, (&before, &size), work, audit).await
}

/// Begins what has waited. Its background task is there already.
pub(super) async fn start_waiting(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    resize: &Resize,
    work: WorkOptions,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let (before, size) = judge(connection, known.key, resize).await?;
    start(connection, known, (&before, &size), work, audit).await
}

/// Decides what an instance becomes. Nothing has changed by that.
async fn judge(
    connection: &mut SqliteConnection,
    instance_key: i64,
    resize: &Resize,
) -> Result<(Instance, NewSize), StoreError> {
    let before = shown(connection, instance_key).await?;
    let size = resize.of(&before)?;
    let (from, to) = (before.capacity.as_megabytes(), size.capacity.as_megabytes());
    permit_memory(connection, before.project_id, u64::from(to.saturating_sub(from))).await?;
    Ok((before, size))
}

async fn start(
    connection: &mut SqliteConnection,
    mut known: CachedInstance,
    (before, size): (&Instance, &NewSize),
    work: WorkOptions,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let status = known.state.status;
    let transition =
        known.state.start_transition(InstanceAction::Extend, InstanceStatus::Extending, work, audit.at)?;
    plan(connection, known.key, &before.ip, size).await?;
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

/// Keeps what the instance will be. It keeps the addresses it has, as far as it needs them.
async fn plan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    ip: &str,
    size: &NewSize,
) -> Result<(), StoreError> {
    let needed = usize::try_from(size.addresses.max(1)).unwrap_or(1);
    let mut addresses: Vec<String> = ip.split(',').take(needed).map(str::to_owned).collect();
    if addresses.len() < needed {
        let project_key: i64 = sqlx::query_scalar("SELECT project_key FROM instances WHERE instance_key = ?")
            .bind(instance_key)
            .fetch_one(&mut *connection)
            .await
            .map_err(StoreError::during("find the project of an instance"))?;
        addresses.append(&mut free_addresses(connection, project_key, needed - addresses.len()).await?);
    }
    sqlx::query(
        "INSERT OR REPLACE INTO planned_sizes (instance_key, spec_code, capacity_mb, cache_mode, ip, replicas)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(instance_key)
    .bind(&size.spec_code)
    .bind(i64::from(size.capacity.as_megabytes()))
    .bind(size.cache_mode.as_str())
    .bind(addresses.join(","))
    .bind(row::replicas_json(&size.replicas)?)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("plan the size of an instance"))
}

/// Gives an instance the size that is planned for it, if one is and it `succeeded`. Its backups cannot be restored after that,
/// and all its nodes run.
pub(super) async fn finish(
    connection: &mut SqliteConnection,
    instance_key: i64,
    succeeded: bool,
) -> Result<(), StoreError> {
    let failed = StoreError::during("give an instance its size");
    let planned = sqlx::query(
        "DELETE FROM planned_sizes WHERE instance_key = ?
         RETURNING spec_code, product_id, capacity_mb, cache_mode, ip, replicas",
    )
    .bind(instance_key)
    .fetch_optional(&mut *connection)
    .await
    .map_err(&failed)?;
    let Some(planned) = planned.filter(|_| succeeded) else { return Ok(()) };
    sqlx::query(
        "UPDATE instances
         SET spec_code = ?1, product_id = ?2, capacity_mb = ?3, cache_mode = ?4, ip = ?5,
             restorable_after = coalesce((SELECT max(record_number) FROM backups WHERE instance_key = ?6), restorable_after)
         WHERE instance_key = ?6",
    )
    .bind(planned.try_get::<String, _>("spec_code").map_err(&failed)?)
    .bind(planned.try_get::<Option<String>, _>("product_id").map_err(&failed)?)
    .bind(planned.try_get::<i64, _>("capacity_mb").map_err(&failed)?)
    .bind(planned.try_get::<String, _>("cache_mode").map_err(&failed)?)
    .bind(planned.try_get::<String, _>("ip").map_err(&failed)?)
    .bind(instance_key)
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    for statement in [
        "DELETE FROM stopped_nodes WHERE instance_key = ?",
        "DELETE FROM replica_changes WHERE instance_key = ?",
    ] {
        sqlx::query(statement).bind(instance_key).execute(&mut *connection).await.map_err(&failed)?;
    }
    sqlx::query(
        "INSERT INTO replica_changes (instance_key, shard, copy, zone_code, course)
         SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
    )
    .bind(instance_key)
    .bind(planned.try_get::<String, _>("replicas").map_err(&failed)?)
    .execute(&mut *connection)
    .await
    .map_err(failed)?;
    network::fit_bandwidth(connection, instance_key).await
}
