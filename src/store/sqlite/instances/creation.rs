//! Making instances: all that one order asks for, or none.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::domain::id::ProjectId;
use crate::domain::instance::{InstanceStatus, NewInstance, RenameCommands, StatusTransition};
use crate::domain::order::Subscription;
use crate::domain::quota::Usage;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkPlan;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instances::{record, transition, update};
use crate::store::sqlite::seeding::{ADDRESSES, address};
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{control, orders, quotas};
use crate::store::{CreateInstances, NewInstanceIdentity, StoreError};

/// Makes instances.
pub(in crate::store::sqlite) async fn create(
    state: &mut WriterState,
    command: CreateInstances,
) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    let (project_id, names) = (command.project_id, command.called.iter().map(|called| called.name.as_str()));
    if command.unique_names {
        require_free(connection, project_id, names.collect()).await?;
    }
    let (quota, used) = quotas::quota(&mut *connection, project_id).await?;
    let count = u64::try_from(command.called.len()).unwrap_or(u64::MAX);
    let memory_mb = count.saturating_mul(u64::from(command.new.capacity.as_megabytes()));
    quota.permit(used, Usage { instances: count, memory_mb })?;
    if command.id_is_given {
        require_unused(connection, &command.called).await?;
    }
    // Of several instances none has the address that was asked for.
    let private_ip = command.new.private_ip.as_deref().filter(|_| command.called.len() == 1);
    if let Some(ip) = private_ip {
        require_unused_address(connection, project_id, &command.new.network.subnet_id, ip).await?;
    }
    let project_key = ensure_project(connection, project_id, command.now).await?;
    let actor_key = actors
        .key(connection, &command.origin.actor)
        .await
        .map_err(StoreError::during("record who makes an instance"))?;
    let each = usize::try_from(command.new.addresses.max(1)).unwrap_or(1);
    let free = free_addresses(connection, project_key, each * command.called.len()).await?;
    for (called, free) in command.called.iter().zip(free.chunks(each)) {
        instances.forget(called.id);
        let ip = private_ip.map_or_else(|| free.join(","), str::to_owned);
        let audit = Audit { at: command.now, origin: &command.origin, actor_key };
        insert(connection, project_key, &command, called, &ip, audit).await?;
    }
    match &command.order {
        Some(order) => orders::place(connection, project_key, order).await,
        None => Ok(()),
    }
}

/// Makes sure that no instance of the project has one of the names.
pub(super) async fn require_free(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    names: Vec<&str>,
) -> Result<(), StoreError> {
    let taken: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM projects p JOIN instances i USING (project_key)
         WHERE p.project_id = ? AND i.deleted_at IS NULL AND i.name IN (SELECT value FROM json_each(?)) LIMIT 1",
    )
    .bind(&project_id.as_bytes()[..])
    .bind(serde_json::to_string(&names).unwrap_or_default())
    .fetch_optional(connection)
    .await
    .map_err(StoreError::during("look for the names of instances"))?;
    if taken.is_some() { Err(Refusal::InstanceNameTaken.into()) } else { Ok(()) }
}

/// Makes sure that the ids that were given are not taken. Of several instances with one id the second finds it taken.
async fn require_unused(
    connection: &mut SqliteConnection,
    called: &[NewInstanceIdentity],
) -> Result<(), StoreError> {
    let mut given = HashSet::new();
    for called in called {
        if !given.insert(called.id) || control::is_taken(&mut *connection, *called.id.as_bytes()).await? {
            return Err(Refusal::IdTaken.into());
        }
    }
    Ok(())
}

/// Returns the key of a project, which is made if it is not there.
pub(in crate::store::sqlite) async fn ensure_project(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let failed = StoreError::during("make a project");
    sqlx::query(
        "INSERT INTO projects (project_id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&project_id.as_bytes()[..])
    .bind(project_id.to_string())
    .bind(now.as_millis())
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    sqlx::query_scalar("SELECT project_key FROM projects WHERE project_id = ?")
        .bind(&project_id.as_bytes()[..])
        .fetch_one(connection)
        .await
        .map_err(failed)
}

async fn insert(
    connection: &mut SqliteConnection,
    project_key: i64,
    command: &CreateInstances,
    called: &NewInstanceIdentity,
    ip: &str,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let plan = WorkPlan::new(command.now, called.work);
    let transition = StatusTransition { instance_id: called.id, status: InstanceStatus::Creating, plan };
    let status = transition.due_end(command.now).map_or(transition.status, |(end, _)| end);
    let NewInstance { access, network, .. } = &command.new;
    let new = &command.new;
    let launched_at = (status == InstanceStatus::Running).then_some(command.now.as_millis());
    let instance_key: i64 = sqlx::query_scalar(
        "INSERT INTO instances (instance_id, project_key, name, description, engine, engine_as_sent, engine_version,
                                cache_mode, capacity_mb, spec_code, product_id, charging_mode, order_id, status, ip, port,
                                no_password_access, access_user, password_hash, enable_ssl, enable_publicip, publicip_id,
                                zone_codes, vpc_id, subnet_id, security_group_id, maintain_begin, maintain_end,
                                enterprise_project_id, rename_commands, user_id, user_name, created_at, launched_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         RETURNING instance_key",
    )
    .bind(&called.id.as_bytes()[..])
    .bind(project_key)
    .bind(called.name.as_str())
    .bind(&new.description)
    .bind(new.engine.as_str())
    .bind(&new.engine_as_sent)
    .bind(new.engine_version.as_str())
    .bind(new.cache_mode.as_str())
    .bind(i64::from(new.capacity.as_megabytes()))
    .bind(&new.spec_code)
    .bind(&new.product_id)
    .bind(i64::from(new.prepayment.is_some()))
    .bind(command.order.as_ref().map(|order| order.id.as_str()))
    .bind(status.as_str())
    .bind(ip)
    .bind(i64::from(new.port))
    .bind(access.no_password)
    .bind(&access.user)
    .bind(command.password_hash.as_ref().map(|hash| hash.expose().to_owned()))
    .bind(access.ssl)
    .bind(access.public_ip)
    .bind(&access.public_ip_id)
    .bind(new.zone_codes.join(","))
    .bind(&network.vpc_id)
    .bind(&network.subnet_id)
    .bind(&network.security_group_id)
    .bind(new.maintenance.begin())
    .bind(new.maintenance.end())
    .bind(&new.enterprise_project_id)
    .bind(rename_commands_json(&new.rename_commands))
    .bind(&command.creator.user_id)
    .bind(&command.creator.user_name)
    .bind(command.now.as_millis())
    .bind(launched_at)
    .fetch_one(&mut *connection)
    .await
    .map_err(StoreError::during("make an instance"))?;
    insert_tags(connection, instance_key, new).await?;
    if let Some(prepayment) = new.prepayment {
        let subscription = Subscription::new(prepayment, command.now);
        orders::keep_subscription(connection, instance_key, &subscription).await?;
    }
    if let Some(wanted) = &new.backup_policy {
        update::set_policy(connection, instance_key, wanted, called.policy_id, command.now).await?;
    }
    record(connection, instance_key, (None, Some(status)), audit).await?;
    if status == transition.status {
        transition::plan(connection, instance_key, transition).await?;
    }
    Ok(())
}

/// Writes new names of commands as they are kept.
pub(in crate::store::sqlite) fn rename_commands_json(names: &RenameCommands) -> String {
    serde_json::to_string(names.as_map()).unwrap_or_else(|_| "{}".to_owned())
}

async fn insert_tags(
    connection: &mut SqliteConnection,
    instance_key: i64,
    new: &NewInstance,
) -> Result<(), StoreError> {
    for (position, tag) in new.tags.iter().enumerate() {
        sqlx::query("INSERT INTO instance_tags (instance_key, position, key, value) VALUES (?, ?, ?, ?)")
            .bind(instance_key)
            .bind(i64::try_from(position).unwrap_or(i64::MAX))
            .bind(tag.key.as_str())
            .bind(tag.value.as_str())
            .execute(&mut *connection)
            .await
            .map_err(StoreError::during("tag an instance"))?;
    }
    Ok(())
}

/// Returns so many addresses that no instance of a project has or will have.
pub(super) async fn free_addresses(
    connection: &mut SqliteConnection,
    project_key: i64,
    count: usize,
) -> Result<Vec<String>, StoreError> {
    let first = given_out(connection, project_key).await?;
    let mut next = first;
    let mut free = Vec::with_capacity(count);
    while free.len() < count {
        let missing = i64::try_from(count - free.len()).unwrap_or(i64::MAX);
        let candidates: Vec<String> = (next..next + missing).map(address).collect();
        next += missing;
        // When all have been looked at there is none that is free, and some are given out again.
        let taken = if next - first > ADDRESSES {
            HashSet::new()
        } else {
            taken(connection, project_key, &candidates).await?
        };
        free.extend(candidates.into_iter().filter(|candidate| !taken.contains(candidate)));
    }
    Ok(free)
}

/// Makes sure that no other instance of a project that is or will be in a subnet has, or will have, one of some addresses; `ip` are
/// these, separated by commas. Addresses of instances that are gone are free.
///
/// # Errors
/// `Refused` with `InvalidParameter` (`private_ip`).
pub(super) async fn require_unused_address(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    subnet_id: &str,
    ip: &str,
) -> Result<(), StoreError> {
    let wanted: Vec<&str> = ip.split(',').collect();
    let taken: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM projects p JOIN instances i USING (project_key)
         LEFT JOIN planned_sizes s USING (instance_key) LEFT JOIN planned_places l USING (instance_key)
         WHERE p.project_id = ?1 AND i.deleted_at IS NULL AND (i.subnet_id = ?2 OR l.subnet_id = ?2)
           AND EXISTS (SELECT 1 FROM json_each(?3) c
                       WHERE instr(',' || i.ip || ',' || coalesce(s.ip, '') || ',', ',' || c.value || ',') > 0)
         LIMIT 1",
    )
    .bind(&project_id.as_bytes()[..])
    .bind(subnet_id)
    .bind(serde_json::to_string(&wanted).unwrap_or_default())
    .fetch_optional(connection)
    .await
    .map_err(StoreError::during("look for an address in a subnet"))?;
    if taken.is_some() { Err(Refusal::InvalidParameter { name: "private_ip" }.into()) } else { Ok(()) }
}

/// Returns how many addresses the instances of a project have, those that are gone included.
async fn given_out(connection: &mut SqliteConnection, project_key: i64) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "SELECT coalesce(sum(length(ip) - length(replace(ip, ',', '')) + 1), 0) FROM instances WHERE project_key = ?",
    )
    .bind(project_key)
    .fetch_one(connection)
    .await
    .map_err(StoreError::during("count the addresses of a project"))
}

/// Returns those of some addresses that an instance of the project has, or will have when it has its new size.
async fn taken(
    connection: &mut SqliteConnection,
    project_key: i64,
    candidates: &[String],
) -> Result<HashSet<String>, StoreError> {
    let taken: Vec<String> = sqlx::query_scalar(
        "SELECT c.value FROM json_each(?1) c
         WHERE EXISTS (SELECT 1 FROM instances i LEFT JOIN planned_sizes s USING (instance_key)
                       WHERE i.project_key = ?2
                         AND instr(',' || i.ip || ',' || coalesce(s.ip, '') || ',', ',' || c.value || ',') > 0)",
    )
    .bind(serde_json::to_string(candidates).unwrap_or_default())
    .bind(project_key)
    .fetch_all(connection)
    .await
    .map_err(StoreError::during("look for addresses of a project"))?;
    Ok(taken.into_iter().collect())
}
