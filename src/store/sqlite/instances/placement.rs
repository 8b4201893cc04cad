//! Giving an instance other zones, another network, other replicas: planned when it begins to be EXTENDING, made when that ends
//! well.

use sqlx::SqliteConnection;

use crate::domain::instance::{
    InstanceAction, InstanceStatus, NewPlacement, PlacementChange, ReplicaChange, ReplicaCourse,
    WaitingChange,
};
use crate::domain::task::NewTask;
use crate::domain::work::WorkOptions;
use crate::store::StoreError;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::{note, shown, transition, waiting};
use crate::store::sqlite::{nodes, tasks};

/// Begins to extend an instance; it is extended already if that takes no time. What may `wait` does, unless the window of maintenance
/// is open.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    (extension, region): (&PlacementChange, &str),
    wait: Option<&WaitingChange>,
    (task, work): (&NewTask, WorkOptions),
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let extended = extension.of(&before, region)?;
    let details = extended.task_details(&before);
    tasks::begin(connection, known.key, task, &details, (audit.at, None)).await?;
    if let Some(waiting) = wait.zip(before.maintenance.opens_after(audit.at)) {
        return waiting::keep(connection, &known, waiting, task, audit).await;
    }
    start(connection, known, (extension, &extended), work, audit).await
}

/// Begins what has waited. Its background task is there already.
pub(super) async fn start_waiting(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    (extension, region): (&PlacementChange, &str),
    work: WorkOptions,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let extended = extension.of(&shown(connection, known.key).await?, region)?;
    start(connection, known, (extension, &extended), work, audit).await
}

async fn start(
    connection: &mut SqliteConnection,
    mut known: CachedInstance,
    (extension, extended): (&PlacementChange, &NewPlacement),
    work: WorkOptions,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let status = known.state.status;
    let transition =
        known.state.start_transition(InstanceAction::Extend, InstanceStatus::Extending, work, audit.at)?;
    plan(connection, known.key, extended).await?;
    note(connection, known.key, status, extension.note(), audit).await?;
    transition::start(connection, known.key, status, transition, audit).await
}

/// Keeps what will be different.
async fn plan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    extended: &NewPlacement,
) -> Result<(), StoreError> {
    let (zone_codes, network) = match extended {
        NewPlacement::Zones(codes) => (Some(codes.join(",")), None),
        NewPlacement::Network { vpc_id, subnet_id } => (None, Some((vpc_id, subnet_id))),
        NewPlacement::Replica(replica) => return plan_replica(connection, instance_key, replica).await,
    };
    let (vpc_id, subnet_id) = network.unzip();
    sqlx::query(
        "INSERT OR REPLACE INTO planned_places (instance_key, zone_codes, vpc_id, subnet_id) VALUES (?, ?, ?, ?)",
    )
    .bind(instance_key)
    .bind(zone_codes)
    .bind(vpc_id)
    .bind(subnet_id)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("plan where an instance will be"))
}

async fn plan_replica(
    connection: &mut SqliteConnection,
    instance_key: i64,
    replica: &ReplicaChange,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO replica_changes (instance_key, shard, copy, zone_code, course) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET course = excluded.course",
    )
    .bind(instance_key)
    .bind(i64::from(replica.shard))
    .bind(i64::from(replica.copy))
    .bind(&replica.zone_code)
    .bind(replica.course.as_str())
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("plan a replica"))
}

/// Makes what is planned for an instance, if it `succeeded`; else forgets it.
pub(super) async fn finish(
    connection: &mut SqliteConnection,
    instance_key: i64,
    succeeded: bool,
) -> Result<(), StoreError> {
    let failed = StoreError::during("extend an instance");
    let place = "UPDATE instances
         SET zone_codes = coalesce(p.zone_codes, instances.zone_codes), vpc_id = coalesce(p.vpc_id, instances.vpc_id),
             subnet_id = coalesce(p.subnet_id, instances.subnet_id)
         FROM planned_places p WHERE p.instance_key = instances.instance_key AND instances.instance_key = ?";
    let replicas = "UPDATE replica_changes SET course = iif(course = 'adding', 'added', 'removed')
         WHERE instance_key = ? AND course IN ('adding', 'removing')";
    // What was to be removed stays: one that was added once as such, one of the product's own without a word about it.
    let given_up = "DELETE FROM replica_changes
         WHERE instance_key = ? AND (course = 'adding' OR (course = 'removing' AND zone_code IS NULL))";
    let kept = "UPDATE replica_changes SET course = 'added' WHERE instance_key = ? AND course = 'removing'";
    let steps = if succeeded { [place, replicas] } else { [given_up, kept] };
    for step in steps {
        sqlx::query(step).bind(instance_key).execute(&mut *connection).await.map_err(&failed)?;
    }
    nodes::forget_removed(connection, instance_key).await?;
    let forgotten = "DELETE FROM planned_places WHERE instance_key = ? RETURNING zone_codes IS NOT NULL";
    let moved: Option<bool> = sqlx::query_scalar(forgotten)
        .bind(instance_key)
        .fetch_optional(&mut *connection)
        .await
        .map_err(&failed)?;
    if succeeded && moved == Some(true) { spread(connection, instance_key).await } else { Ok(()) }
}

/// Takes the replicas that were added along to the zones of their instance, each to the one whose turn it is.
async fn spread(connection: &mut SqliteConnection, instance_key: i64) -> Result<(), StoreError> {
    let instance = shown(connection, instance_key).await?;
    for replica in instance.replicas.iter().filter(|replica| replica.course == ReplicaCourse::Added) {
        sqlx::query(
            "UPDATE replica_changes SET zone_code = ? WHERE instance_key = ? AND shard = ? AND copy = ?",
        )
        .bind(instance.zone_at(replica.copy))
        .bind(instance_key)
        .bind(i64::from(replica.shard))
        .bind(i64::from(replica.copy))
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("take a replica to another zone"))?;
    }
    Ok(())
}
