//! What is planned for an instance that is EXTENDING: its size, where it will be, its replicas. Made when that ends well.

use sqlx::{Row, SqliteConnection};

use crate::domain::instance::{NewPlacement, NewSize, ReplicaChange, ReplicaCourse};
use crate::store::sqlite::instances::free::free_addresses;
use crate::store::sqlite::instances::network;
use crate::store::sqlite::instances::record::shown;
use crate::store::sqlite::kept_nodes;
use crate::store::{StoreError, row};

/// Makes what is planned for an instance, if it `succeeded`; else forgets it.
pub(super) async fn finish(
    connection: &mut SqliteConnection,
    instance_key: i64,
    succeeded: bool,
) -> Result<(), StoreError> {
    finish_size(connection, instance_key, succeeded).await?;
    finish_place(connection, instance_key, succeeded).await?;
    kept_nodes::forget_removed(connection, instance_key).await
}

/// Keeps what the instance will be. It keeps the addresses it has, as far as it needs them.
pub(super) async fn plan_size(
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
async fn finish_size(
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
    let before = shown(connection, instance_key).await?;
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
    if !shown(connection, instance_key).await?.keeps_nodes_of(&before) {
        kept_nodes::write(connection, instance_key, &[]).await?;
    }
    network::fit_bandwidth(connection, instance_key).await
}

/// Keeps what will be different.
pub(super) async fn plan_place(
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
async fn finish_place(
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
