//! Changes of an instance that take no time, and its deletion.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::id::ProjectId;
use crate::domain::instance::policy::{BackupPlan, BackupPolicy};
use crate::domain::instance::{Instance, InstanceSwitch, InstanceUpdate, NodeSwitch};
use crate::domain::schedule::Schedule;
use crate::domain::session::replicas_linked_to;
use crate::domain::task::{NewTask, TaskDetails};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::row::rename_commands_json;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::free::require_free;
use crate::store::sqlite::instances::record::{note, record, shown};
use crate::store::sqlite::instances::waiting;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{background_work, links, retention, tasks};

/// Changes an instance; a new name must be free in `names`, if that is a project. A new port is told by the background task that comes
/// with the update.
pub(super) async fn update(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    (update, port_change): (&InstanceUpdate, Option<&NewTask>),
    policy_id: [u8; 16],
    names: Option<ProjectId>,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let after = update.applied_to(&before)?;
    if let Some(project_id) = names.filter(|_| after.name != before.name) {
        require_free(connection, project_id, vec![after.name.as_str()]).await?;
    }
    let Some(text) = update.note(&before, &after) else { return Ok(()) };
    write(connection, known.key, &after, audit).await?;
    if let Some(wanted) = update.new_policy(&before) {
        set_policy(connection, known.key, wanted, policy_id, audit.at).await?;
    }
    if after.maintenance != before.maintenance {
        waiting::replan(connection, known.key, after.maintenance, audit.at).await?;
    }
    if let Some(task) = port_change.filter(|_| after.port != before.port) {
        let details = TaskDetails { ports: Some((before.port, after.port)), ..TaskDetails::default() };
        let span = (audit.at, Some(audit.at));
        tasks::begin(connection, known.key, task, &details, span).await?;
    }
    note(connection, known.key, after.status, &text, audit).await
}

async fn write(
    connection: &mut SqliteConnection,
    instance_key: i64,
    after: &Instance,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let change = sql(
        "change an instance",
        "UPDATE instances
         SET name = ?, description = ?, maintain_begin = ?, maintain_end = ?, security_group_id = ?, port = ?,
             rename_commands = ?, updated_at = max(?, created_at)
         WHERE instance_key = ?",
    );
    let change = change.bind(after.name.as_str()).bind(&after.description).bind(after.maintenance.begin());
    let change = change.bind(after.maintenance.end()).bind(&after.network.security_group_id);
    let change = change.bind(after.port).bind(rename_commands_json(&after.rename_commands)).bind(audit.at);
    change.bind(instance_key).execute(connection).await.map(drop)
}

/// Switches something; its background task has ended when that is done.
pub(super) async fn switch_setting(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    switch: InstanceSwitch,
    task: &NewTask,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let after = switch.applied_to(&before)?;
    if after != before {
        let write = sql(
            "switch something of an instance",
            "UPDATE instances SET enable_ssl = ?, transparent_client_ip = ?, updated_at = max(?, created_at)
             WHERE instance_key = ?",
        );
        let write = write.bind(after.access.ssl).bind(after.sees_client_ips).bind(audit.at);
        write.bind(known.key).execute(&mut *connection).await?;
        note(connection, known.key, after.status, switch.note(), audit).await?;
    }
    let span = (audit.at, Some(audit.at));
    tasks::begin(connection, known.key, task, &TaskDetails::default(), span).await
}

pub(super) async fn set_policy(
    connection: &mut SqliteConnection,
    instance_key: i64,
    policy: &BackupPolicy,
    policy_id: [u8; 16],
    now: Timestamp,
) -> Result<(), StoreError> {
    let plan = policy.plan.as_ref();
    let next = Schedule::of(policy).and_then(|schedule| schedule.first_after(now));
    let keep = sql(
        "keep a backup policy",
        "INSERT INTO backup_policies (instance_key, policy_id, backup_type, save_days, begin_at, period_type, backup_at,
                                      timezone_offset, created_at, updated_at, next_run_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)
         ON CONFLICT (instance_key) DO UPDATE
         SET backup_type = excluded.backup_type, save_days = excluded.save_days, begin_at = excluded.begin_at,
             period_type = excluded.period_type, backup_at = excluded.backup_at, timezone_offset = excluded.timezone_offset,
             updated_at = max(excluded.updated_at, created_at), next_run_at = excluded.next_run_at, failed_tries = 0",
    );
    let keep = keep.bind(instance_key).bind(&policy_id[..]).bind(policy.kind.as_str()).bind(policy.save_days);
    let keep = keep.bind(plan.map(|plan| plan.window().as_str())).bind(plan.map(|_| BackupPlan::PERIOD));
    let keep = keep.bind(plan.map(|plan| json!(plan.days()).to_string()));
    let keep = keep.bind(plan.map(BackupPlan::timezone_offset)).bind(now).bind(next.map(|run| run.at));
    keep.execute(connection).await.map(drop)
}

/// Starts or stops nodes; its background task has ended when that is done.
pub(super) async fn switch_nodes(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    switch: &NodeSwitch,
    task: &NewTask,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let stopped = switch.applied_to(&before)?;
    if stopped != before.stopped_nodes {
        write_nodes(connection, known.key, &stopped, audit).await?;
        let started = &before.stopped_nodes - &stopped;
        links::renew(connection, known.key, &replicas_linked_to(&before, &started), audit.at).await?;
        note(connection, known.key, before.status, switch.note(), audit).await?;
    }
    let span = (audit.at, Some(audit.at));
    tasks::begin(connection, known.key, task, &TaskDetails::default(), span).await
}

async fn write_nodes(
    connection: &mut SqliteConnection,
    instance_key: i64,
    stopped: &BTreeSet<Uuid>,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let ids: Vec<String> = stopped.iter().map(|id| id.simple().to_string()).collect();
    let start = sql("start nodes", "DELETE FROM stopped_nodes WHERE instance_key = ?");
    start.bind(instance_key).execute(&mut *connection).await?;
    let stop = "INSERT INTO stopped_nodes (instance_key, node_id) SELECT ?, unhex(value) FROM json_each(?)";
    sql("stop nodes", stop).bind(instance_key).bind_json(&ids).execute(&mut *connection).await?;
    let change = "UPDATE instances SET updated_at = max(?, created_at) WHERE instance_key = ?";
    sql("change an instance", change).bind(audit.at).bind(instance_key).execute(connection).await.map(drop)
}

/// Deletes an instance; the caller has asked whether that is permitted.
pub(in crate::store::sqlite) async fn delete(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    audit: AuditContext<'_>,
    system_key: i64,
) -> Result<(), StoreError> {
    waiting::give_up(connection, known.key, audit.at).await?;
    background_work::give_up(connection, known.key, audit.at).await?;
    let delete = sql("delete an instance", "UPDATE instances SET deleted_at = ? WHERE instance_key = ?");
    delete.bind(audit.at).bind(known.key).execute(&mut *connection).await?;
    record(connection, known.key, (Some(known.state.status), None), audit).await?;
    // Nothing keeps a backup of it any more whose days are over.
    retention::release(connection, &[(known.key, audit.at)], system_key).await.map(drop)
}
