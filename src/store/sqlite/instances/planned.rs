//! What is planned for an instance that is EXTENDING: its size, where it will be, its replicas. Made when that ends well.

use sqlx::SqliteConnection;

use crate::domain::instance::{NewPlacement, NewSize, ReplicaChange, ReplicaCourse};
use crate::store::StoreError;
use crate::store::sqlite::instances::free::{free_addresses, free_in_subnet};
use crate::store::sqlite::instances::network;
use crate::store::sqlite::instances::record::shown;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{networks, stored_nodes};

/// Makes what is planned for an instance, if it `succeeded`; else forgets it.
pub(super) async fn finish(
    connection: &mut SqliteConnection,
    instance_key: i64,
    succeeded: bool,
) -> Result<(), StoreError> {
    finish_size(connection, instance_key, succeeded).await?;
    finish_place(connection, instance_key, succeeded).await?;
    stored_nodes::forget_removed(connection, instance_key).await
}

/// Returns the addresses that an instance will have, with commas between. It keeps those it has, as far as it needs them.
pub(super) async fn addresses(
    connection: &mut SqliteConnection,
    instance_key: i64,
    ip: &str,
    size: &NewSize,
) -> Result<String, StoreError> {
    let needed = usize::try_from(size.addresses.max(1)).unwrap_or(1);
    let mut addresses: Vec<String> = ip.split(',').take(needed).map(str::to_owned).collect();
    if addresses.len() < needed {
        let find = sql(
            "find the project of an instance",
            "SELECT project_key FROM instances WHERE instance_key = ?",
        );
        let project_key: i64 = find.bind(instance_key).value(&mut *connection).await?;
        let instance = shown(connection, instance_key).await?;
        let missing = needed - addresses.len();
        let subnet = networks::subnet(connection, instance.project_id, &instance.network.subnet_id).await?;
        let free = match &subnet {
            Some(subnet) => free_in_subnet(connection, instance.project_id, subnet, missing).await?,
            None => None,
        };
        addresses.append(&mut match free {
            Some(free) => free,
            None => free_addresses(connection, project_key, missing).await?,
        });
    }
    Ok(addresses.join(","))
}

/// Keeps what the instance will be.
pub(super) async fn plan_size(
    connection: &mut SqliteConnection,
    instance_key: i64,
    ip: &str,
    size: &NewSize,
) -> Result<(), StoreError> {
    let plan = sql(
        "plan the size of an instance",
        "INSERT OR REPLACE INTO planned_sizes (instance_key, spec_code, capacity_mb, cache_mode, ip, replicas)
         VALUES (?, ?, ?, ?, ?, ?)",
    );
    let plan = plan.bind(instance_key).bind(&size.spec_code).bind(size.capacity.as_megabytes());
    let row =
        |replica: &ReplicaChange| (replica.shard, replica.copy, replica.zone_code.clone(), replica.course);
    let replicas: Vec<_> = size.replicas.iter().map(row).collect();
    let plan = plan.bind(size.cache_mode).bind(ip).bind_json(&replicas);
    plan.execute(connection).await.map(drop)
}

/// Gives an instance the size that is planned for it, if one is and it `succeeded`. Its backups cannot be restored after that,
/// and all its nodes run.
async fn finish_size(
    connection: &mut SqliteConnection,
    instance_key: i64,
    succeeded: bool,
) -> Result<(), StoreError> {
    if !succeeded {
        let forget =
            sql("forget the size of an instance", "DELETE FROM planned_sizes WHERE instance_key = ?");
        return forget.bind(instance_key).execute(connection).await.map(drop);
    }
    let before = shown(connection, instance_key).await?;
    let give = sql(
        "give an instance its size",
        "UPDATE instances
         SET spec_code = s.spec_code, product_id = s.product_id, capacity_mb = s.capacity_mb, cache_mode = s.cache_mode, ip = s.ip,
             restorable_after = coalesce((SELECT max(record_number) FROM backups WHERE instance_key = ?1), restorable_after)
         FROM planned_sizes s WHERE s.instance_key = instances.instance_key AND instances.instance_key = ?1",
    );
    if give.bind(instance_key).execute(&mut *connection).await? == 0 {
        return Ok(());
    }
    for statement in [
        "DELETE FROM stopped_nodes WHERE instance_key = ?",
        "DELETE FROM replica_changes WHERE instance_key = ?",
        "INSERT INTO replica_changes (instance_key, shard, copy, zone_code, course)
         SELECT instance_key, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM planned_sizes, json_each(replicas)
         WHERE instance_key = ?",
        "DELETE FROM planned_sizes WHERE instance_key = ?",
    ] {
        sql("give an instance its size", statement).bind(instance_key).execute(&mut *connection).await?;
    }
    if !shown(connection, instance_key).await?.keeps_nodes_of(&before) {
        stored_nodes::write(connection, instance_key, &[]).await?;
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
    let plan = sql(
        "plan where an instance will be",
        "INSERT OR REPLACE INTO planned_places (instance_key, zone_codes, vpc_id, subnet_id) VALUES (?, ?, ?, ?)",
    );
    let plan = plan.bind(instance_key).bind(zone_codes).bind(vpc_id).bind(subnet_id);
    plan.execute(connection).await.map(drop)
}

async fn plan_replica(
    connection: &mut SqliteConnection,
    instance_key: i64,
    replica: &ReplicaChange,
) -> Result<(), StoreError> {
    let plan = sql(
        "plan a replica",
        "INSERT INTO replica_changes (instance_key, shard, copy, zone_code, course) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET course = excluded.course",
    );
    let plan = plan.bind(instance_key).bind(replica.shard).bind(replica.copy).bind(&replica.zone_code);
    plan.bind(replica.course.as_str()).execute(connection).await.map(drop)
}

/// Makes what is planned for an instance, if it `succeeded`; else forgets it.
async fn finish_place(
    connection: &mut SqliteConnection,
    instance_key: i64,
    succeeded: bool,
) -> Result<(), StoreError> {
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
        sql("extend an instance", step).bind(instance_key).execute(&mut *connection).await?;
    }
    let forgotten = "DELETE FROM planned_places WHERE instance_key = ? RETURNING zone_codes IS NOT NULL";
    let extend = sql("extend an instance", forgotten);
    let moved: Option<bool> = extend.bind(instance_key).optional_value(&mut *connection).await?;
    if succeeded && moved == Some(true) { spread(connection, instance_key).await } else { Ok(()) }
}

/// Takes the replicas that were added along to the zones of their instance, each to the one whose turn it is.
async fn spread(connection: &mut SqliteConnection, instance_key: i64) -> Result<(), StoreError> {
    let instance = shown(connection, instance_key).await?;
    for replica in instance.replicas.iter().filter(|replica| replica.course == ReplicaCourse::Added) {
        let take = sql(
            "take a replica to another zone",
            "UPDATE replica_changes SET zone_code = ? WHERE instance_key = ? AND shard = ? AND copy = ?",
        );
        let take = take.bind(instance.zone_at(replica.copy)).bind(instance_key).bind(replica.shard);
        take.bind(replica.copy).execute(&mut *connection).await?;
    }
    Ok(())
}
