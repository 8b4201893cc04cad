//! Making instances: all that one order asks for, or none.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::domain::id::ProjectId;
use crate::domain::instance::{InstanceStatus, NewInstance, StatusTransition};
use crate::domain::order::Subscription;
use crate::domain::quota::Usage;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkPlan;
use crate::store::row::rename_commands_json;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instances::free::{
    free_addresses, free_in_subnet, require_free, require_unused_address,
};
use crate::store::sqlite::instances::record::record;
use crate::store::sqlite::instances::{password, transition, update};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{control, networks, placed_orders, quotas};
use crate::store::{CreateInstances, NewInstanceIdentity, StoreError};

/// Makes instances.
pub(in crate::store::sqlite) async fn create(
    state: &mut WriterState,
    command: CreateInstances,
) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    let (project_id, names) =
        (command.project_id, command.identities.iter().map(|identity| identity.name.as_str()));
    if command.unique_names {
        require_free(connection, project_id, names.collect()).await?;
    }
    let (quota, used) = quotas::quota(&mut *connection, project_id).await?;
    let count = u64::try_from(command.identities.len()).unwrap_or(u64::MAX);
    let memory_mb = count.saturating_mul(u64::from(command.new.capacity.as_megabytes()));
    quota.permit(used, Usage { instances: count, memory_mb })?;
    if command.is_id_client_chosen {
        require_unused(connection, &command.identities).await?;
    }
    // Of several instances none has the address that was asked for.
    let private_ip = command.new.private_ip.as_deref().filter(|_| command.identities.len() == 1);
    let subnet =
        networks::place(connection, project_id, &command.new.network, command.strict_network).await?;
    if let (Some(subnet), Some(ip)) = (&subnet, private_ip) {
        subnet.require(ip)?;
        let others = networks::addresses_of_load_balancers(connection, project_id, subnet).await?;
        if ip.split(',').any(|ip| others.iter().any(|other| other == ip)) {
            return Err(Refusal::InvalidParameter { name: "private_ip" }.into());
        }
    }
    if let Some(ip) = private_ip {
        require_unused_address(connection, project_id, &command.new.network.subnet_id, ip).await?;
    }
    let each = usize::try_from(command.new.addresses.max(1)).unwrap_or(1);
    let count = each * command.identities.len();
    let free = match &subnet {
        Some(subnet) => free_in_subnet(connection, project_id, subnet, count).await?,
        None => None,
    };
    // Nothing is refused any more: something is written from here on.
    let project_key = ensure_project(connection, project_id, command.now).await?;
    let actor_key = actors.key(connection, &command.origin.actor).await?;
    let free = match free {
        Some(free) => free,
        None => free_addresses(connection, project_key, count).await?,
    };
    for (identity, free) in command.identities.iter().zip(free.chunks(each)) {
        instances.forget(identity.id);
        let ip = private_ip.map_or_else(|| free.join(","), str::to_owned);
        let audit = AuditContext { at: command.now, origin: &command.origin, actor_key };
        insert(connection, project_key, &command, identity, &ip, audit).await?;
    }
    match &command.order {
        Some(order) => placed_orders::place(connection, project_key, order).await,
        None => Ok(()),
    }
}

/// Makes sure that the ids that were given are not taken. Of several instances with one id the second finds it taken.
async fn require_unused(
    connection: &mut SqliteConnection,
    identities: &[NewInstanceIdentity],
) -> Result<(), StoreError> {
    let mut given = HashSet::new();
    for identity in identities {
        if !given.insert(identity.id) || control::is_taken(&mut *connection, *identity.id.as_bytes()).await? {
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
    let make = sql(
        "make a project",
        "INSERT INTO projects (project_id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    make.bind(project_id).bind(project_id.to_string()).bind(now).execute(&mut *connection).await?;
    let make = sql("make a project", "SELECT project_key FROM projects WHERE project_id = ?");
    make.bind(project_id).value(connection).await
}

async fn insert(
    connection: &mut SqliteConnection,
    project_key: i64,
    command: &CreateInstances,
    identity: &NewInstanceIdentity,
    ip: &str,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let plan = WorkPlan::new(command.now, identity.work);
    let transition = StatusTransition { instance_id: identity.id, status: InstanceStatus::Creating, plan };
    let status = transition.due_end(command.now).map_or(transition.status, |(end, _)| end);
    let NewInstance { access, network, .. } = &command.new;
    let new = &command.new;
    let launched_at = (status == InstanceStatus::Running).then_some(command.now.as_millis());
    let make = sql(
        "make an instance",
        "INSERT INTO instances (instance_id, project_key, name, description, engine, engine_as_sent, engine_version,
                                cache_mode, capacity_mb, spec_code, product_id, charging_mode, order_id, status, ip, port,
                                no_password_access, access_user, password_hash, enable_ssl, enable_publicip, publicip_id,
                                zone_codes, vpc_id, subnet_id, security_group_id, maintain_begin, maintain_end,
                                enterprise_project_id, rename_commands, user_id, user_name, created_at, launched_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         RETURNING instance_key",
    );
    let make = make.bind(identity.id).bind(project_key).bind(identity.name.as_str()).bind(&new.description);
    let make = make.bind(new.engine.as_str()).bind(&new.engine_as_sent).bind(new.engine_version.as_str());
    let make = make.bind(new.cache_mode.as_str()).bind(new.capacity.as_megabytes()).bind(&new.spec_code);
    let make = make
        .bind(&new.product_id)
        .bind(new.prepayment.is_some())
        .bind(command.order.as_ref().map(|order| order.id.as_str()));
    let make = make.bind(status.as_str()).bind(ip).bind(new.port).bind(access.no_password);
    let make = make.bind(&access.user);
    let make = make.bind(command.password_hash.as_ref().map(|hash| hash.expose().to_owned()));
    let make = make.bind(access.ssl).bind(access.public_ip).bind(&access.public_ip_id);
    let make = make.bind(new.zone_codes.join(",")).bind(&network.vpc_id).bind(&network.subnet_id);
    let make = make.bind(&network.security_group_id).bind(new.maintenance.begin());
    let make = make.bind(new.maintenance.end()).bind(&new.enterprise_project_id);
    let make = make.bind(rename_commands_json(&new.rename_commands)).bind(&command.creator.user_id);
    let make = make.bind(&command.creator.user_name).bind(command.now).bind(launched_at);
    let instance_key: i64 = make.value(&mut *connection).await?;
    if new.password.as_ref().is_some_and(|password| password.expose().contains(':')) {
        password::set_colon(connection, instance_key, true).await?;
    }
    insert_tags(connection, instance_key, new).await?;
    if let Some(prepayment) = new.prepayment {
        let subscription = Subscription::new(prepayment, command.now);
        placed_orders::keep_subscription(connection, instance_key, &subscription).await?;
    }
    if let Some(wanted) = &new.backup_policy {
        update::set_policy(connection, instance_key, wanted, identity.policy_id, command.now).await?;
    }
    record(connection, instance_key, (None, Some(status)), audit).await?;
    if status == transition.status {
        transition::plan(connection, instance_key, transition).await?;
    }
    Ok(())
}

async fn insert_tags(
    connection: &mut SqliteConnection,
    instance_key: i64,
    new: &NewInstance,
) -> Result<(), StoreError> {
    let tags: Vec<_> = new.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
    let insert = sql(
        "tag an instance",
        "INSERT INTO instance_tags (instance_key, position, key, value)
         SELECT ?, key, value ->> 0, value ->> 1 FROM json_each(?)",
    );
    insert.bind(instance_key).bind_json(&tags).execute(connection).await.map(drop)
}
