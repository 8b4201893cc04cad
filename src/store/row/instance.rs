//! Rows of `instances`, with the policy and the tags that belong to them.

use std::collections::BTreeSet;

use serde::Deserialize;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::identity::Secret;
use crate::domain::instance::password::PasswordTries;
use crate::domain::instance::policy::{BackupPolicy, KeptPolicy, SentPlan, SentPolicy};
use crate::domain::instance::{
    Access, Billing, Capacity, Creator, Engine, EngineVersion, Instance, InstanceName, InstanceStatus,
    Network, RenameCommands, ReplicaChange, SideTask, StatusTransition,
};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::side_settings::{Tag, TagKey, TagValue, Tags};
use crate::domain::time::UtcOffset;
use crate::store::KeptPassword;
use crate::store::error::StoreError;
use crate::store::row::{bytes16, column, parse, record_kind, timestamp, to_timestamp, work_plan};

/// Returns the number that stands for an instance's status in `events`.
pub(in crate::store) fn instance_status_code(status: InstanceStatus) -> i64 {
    match status {
        InstanceStatus::Creating => 20,
        InstanceStatus::Running => 21,
        InstanceStatus::Error => 22,
        InstanceStatus::Restarting => 23,
        InstanceStatus::Extending => 24,
        InstanceStatus::Restoring => 25,
        InstanceStatus::Flushing => 26,
        InstanceStatus::Starting => 27,
        InstanceStatus::Closing => 28,
        InstanceStatus::Closed => 29,
        InstanceStatus::CreateFailed => 30,
        InstanceStatus::Frozen => 31,
    }
}

/// Reads an instance that is on its way, from `open_work w JOIN instances i`.
pub(in crate::store) fn transition(row: &SqliteRow) -> Result<StatusTransition, StoreError> {
    Ok(StatusTransition {
        instance_id: InstanceId::from_bytes(bytes16(row, "instance_id")?),
        status: parse(row, "status", "instances.status is unknown")?,
        plan: work_plan(row)?,
    })
}

/// Reads what is kept of the password of an instance, from `instances`.
pub(in crate::store) fn kept_password(row: &SqliteRow) -> Result<KeptPassword, StoreError> {
    let wrong = u8::try_from(column::<i64>(row, "wrong_passwords")?)
        .map_err(|_| StoreError::Inconsistent { what: "instances.wrong_passwords is out of range" })?;
    let locked_until = column::<Option<i64>>(row, "locked_until")?.map(to_timestamp).transpose()?;
    Ok(KeptPassword {
        hash: column::<Option<String>>(row, "password_hash")?.map(Secret::new),
        tries: PasswordTries { wrong, locked_until },
    })
}

/// A row of `backup_policies b` as [`policy`] reads it.
macro_rules! policy_json {
    () => {
        "json_object('id', lower(hex(b.policy_id)), 'backup_type', b.backup_type, 'save_days', b.save_days, \
                     'begin_at', b.begin_at, 'period_type', b.period_type, 'backup_at', json(b.backup_at), \
                     'timezone_offset', b.timezone_offset, 'created_at', b.created_at, 'updated_at', b.updated_at)"
    };
}

/// A row of `backup_policies b` as [`policy`] reads it.
pub(in crate::store) const POLICY_JSON: &str = policy_json!();

/// The columns that [`instance`] reads, from `instances i JOIN projects p`.
pub(in crate::store) const INSTANCE_COLUMNS: &str = concat!(
    "i.instance_id, p.project_id, i.name, i.description, i.engine, \
     i.engine_version, i.cache_mode, i.capacity_mb, i.spec_code, i.status, i.ip, i.port, i.no_password_access, i.zone_codes, \
     i.vpc_id, i.subnet_id, i.security_group_id, i.user_id, i.user_name, i.created_at, i.engine_as_sent, i.product_id, \
     i.charging_mode, i.order_id, i.maintain_begin, i.maintain_end, i.enterprise_project_id, i.enable_publicip, i.publicip_id, \
     i.enable_ssl, i.transparent_client_ip, i.access_user, i.rename_commands, i.launched_at, i.updated_at, i.error_code, \
     (SELECT w.record_kind FROM open_work w WHERE w.instance_key = i.instance_key) AS open_kind, \
     (SELECT json_group_array(json_array(t.key, t.value) ORDER BY t.position) FROM instance_tags t \
      WHERE t.instance_key = i.instance_key) AS tags, \
     (SELECT json_group_array(json_array(r.shard, r.copy, r.zone_code, r.course) ORDER BY r.shard, r.copy) \
      FROM replica_changes r WHERE r.instance_key = i.instance_key) AS replicas, \
     (SELECT json_group_array(lower(hex(n.node_id))) FROM stopped_nodes n WHERE n.instance_key = i.instance_key) \
      AS stopped_nodes, (SELECT ",
    policy_json!(),
    " FROM backup_policies b WHERE b.instance_key = i.instance_key) AS backup_policy"
);

/// Reads an instance from a row of [`INSTANCE_COLUMNS`].
pub(in crate::store) fn instance(row: &SqliteRow) -> Result<Instance, StoreError> {
    let engine = parse::<Engine>(row, "engine", "instances.engine is unknown")?;
    let capacity_mb = u32::try_from(column::<i64>(row, "capacity_mb")?).ok();
    let zone_codes: String = column(row, "zone_codes")?;
    let engine_version = EngineVersion::new(engine, column(row, "engine_version")?)
        .map_err(|_| StoreError::Inconsistent { what: "instances.engine_version is unknown" })?;
    let sees_client_ips = column::<Option<bool>>(row, "transparent_client_ip")?;
    Ok(Instance {
        id: InstanceId::from_bytes(bytes16(row, "instance_id")?),
        project_id: ProjectId::from_bytes(bytes16(row, "project_id")?),
        name: InstanceName::try_from(column::<String>(row, "name")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.name is malformed" })?,
        description: column(row, "description")?,
        engine,
        sees_client_ips: sees_client_ips.unwrap_or_else(|| !engine_version.is_first_generation()),
        engine_version,
        cache_mode: parse(row, "cache_mode", "instances.cache_mode is unknown")?,
        capacity: capacity_mb
            .and_then(|megabytes| Capacity::from_megabytes(megabytes).ok())
            .ok_or(StoreError::Inconsistent { what: "instances.capacity_mb is not offered" })?,
        spec_code: column(row, "spec_code")?,
        status: parse(row, "status", "instances.status is unknown")?,
        ip: column(row, "ip")?,
        port: u16::try_from(column::<i64>(row, "port")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.port is out of range" })?,
        engine_as_sent: column(row, "engine_as_sent")?,
        product_id: column(row, "product_id")?,
        billing: match column::<i64>(row, "charging_mode")? {
            0 => Billing::PostPaid,
            _ => Billing::PrePaid { order_id: column(row, "order_id")? },
        },
        access: Access {
            no_password: column(row, "no_password_access")?,
            user: column(row, "access_user")?,
            ssl: column(row, "enable_ssl")?,
            public_ip: column(row, "enable_publicip")?,
            public_ip_id: column(row, "publicip_id")?,
        },
        maintenance: MaintenanceWindow::between(column(row, "maintain_begin")?, column(row, "maintain_end")?)
            .ok_or(StoreError::Inconsistent { what: "instances.maintain_begin is not offered" })?,
        enterprise_project_id: column(row, "enterprise_project_id")?,
        rename_commands: rename_commands(row)?,
        tags: tags(row)?,
        stopped_nodes: stopped_nodes(row)?,
        backup_policy: column::<Option<&str>>(row, "backup_policy")?.map(policy).transpose()?,
        replicas: replicas(row)?,
        zone_codes: zone_codes.split(',').map(str::to_owned).collect(),
        network: Network {
            vpc_id: column(row, "vpc_id")?,
            subnet_id: column(row, "subnet_id")?,
            security_group_id: column(row, "security_group_id")?,
        },
        creator: Creator { user_id: column(row, "user_id")?, user_name: column(row, "user_name")? },
        created_at: timestamp(row, "created_at")?,
        launched_at: column::<Option<i64>>(row, "launched_at")?.map(to_timestamp).transpose()?,
        updated_at: match column::<Option<i64>>(row, "updated_at")? {
            Some(updated_at) => to_timestamp(updated_at)?,
            None => timestamp(row, "created_at")?,
        },
        error_code: column(row, "error_code")?,
        task: match column::<Option<i64>>(row, "open_kind")? {
            Some(record_kind::BACKUP) => Some(SideTask::Backup),
            _ => None,
        },
    })
}

fn rename_commands(row: &SqliteRow) -> Result<RenameCommands, StoreError> {
    let names = serde_json::from_str(column(row, "rename_commands")?).ok();
    names
        .and_then(|names| RenameCommands::new(names).ok())
        .ok_or(StoreError::Inconsistent { what: "instances.rename_commands is malformed" })
}

fn replicas(row: &SqliteRow) -> Result<Vec<ReplicaChange>, StoreError> {
    let malformed = || StoreError::Inconsistent { what: "a row of replica_changes is malformed" };
    let rows: Vec<(u32, u32, Option<String>, String)> =
        serde_json::from_str(column(row, "replicas")?).map_err(|_| malformed())?;
    let replica = |(shard, copy, zone_code, course): (u32, u32, Option<String>, String)| {
        Some(ReplicaChange { shard, copy, zone_code, course: course.parse().ok()? })
    };
    rows.into_iter().map(replica).collect::<Option<_>>().ok_or_else(malformed)
}

/// Writes replicas as [`replicas`] reads them.
pub(in crate::store) fn replicas_json(replicas: &[ReplicaChange]) -> Result<String, StoreError> {
    let row = |replica: &ReplicaChange| {
        (replica.shard, replica.copy, replica.zone_code.clone(), replica.course.as_str())
    };
    serde_json::to_string(&replicas.iter().map(row).collect::<Vec<_>>())
        .map_err(|_| StoreError::Inconsistent { what: "replicas cannot be written as JSON" })
}

fn stopped_nodes(row: &SqliteRow) -> Result<BTreeSet<Uuid>, StoreError> {
    serde_json::from_str::<Vec<String>>(column(row, "stopped_nodes")?)
        .ok()
        .and_then(|ids| ids.iter().map(|id| Uuid::try_parse(id).ok()).collect())
        .ok_or(StoreError::Inconsistent { what: "the id of a stopped node is malformed" })
}

fn tags(row: &SqliteRow) -> Result<Tags, StoreError> {
    let malformed = || StoreError::Inconsistent { what: "a tag is malformed" };
    let pairs: Vec<(String, String)> = serde_json::from_str(column(row, "tags")?).map_err(|_| malformed())?;
    let tag = |(key, value)| {
        let (key, value) = (TagKey::try_from(key).ok()?, TagValue::try_from(value).ok()?);
        Some(Tag { key, value })
    };
    let tags: Option<Vec<Tag>> = pairs.into_iter().map(tag).collect();
    tags.and_then(|tags| Tags::new(tags).ok()).ok_or_else(malformed)
}

/// A row of `backup_policies` as the columns of an instance carry it.
#[derive(Deserialize)]
struct PolicyForm {
    id: String,
    backup_type: String,
    save_days: Option<u64>,
    begin_at: Option<String>,
    period_type: Option<String>,
    backup_at: Option<Vec<u64>>,
    timezone_offset: Option<String>,
    created_at: i64,
    updated_at: i64,
}

/// Reads a policy from [`POLICY_JSON`].
pub(in crate::store) fn policy(json: &str) -> Result<KeptPolicy, StoreError> {
    let malformed = || StoreError::Inconsistent { what: "a row of backup_policies is malformed" };
    let form: PolicyForm = serde_json::from_str(json).map_err(|_| malformed())?;
    let plan = form.backup_at.map(|backup_at| SentPlan {
        begin_at: form.begin_at,
        period_type: form.period_type,
        backup_at,
        timezone_offset: form.timezone_offset,
    });
    let sent = SentPolicy { backup_type: Some(form.backup_type), save_days: form.save_days, plan };
    // A plan that is kept names its zone.
    let policy = BackupPolicy::new(sent, UtcOffset::UTC).ok().flatten().ok_or_else(malformed)?;
    Ok(KeptPolicy {
        id: form.id.parse().map_err(|_| malformed())?,
        policy,
        created_at: to_timestamp(form.created_at)?,
        updated_at: to_timestamp(form.updated_at)?,
    })
}
