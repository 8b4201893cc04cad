//! Rows of `instances`, with the policy and the tags that belong to them.

use std::collections::BTreeMap;

use serde::Deserialize;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Sqlite, Type};
use uuid::Uuid;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::policy::{BackupPolicy, PlanRequest, PolicyRequest, StoredPolicy};
use crate::domain::instance::{
    Access, Billing, CacheMode, Capacity, Creator, Engine, EngineVersion, Instance, InstanceName,
    InstanceStatus, InstanceTask, Network, RenameCommands, ReplicaChange, StoredNode,
};
use crate::domain::instance_config::{Tag, TagKey, TagValue, Tags};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::network::BandwidthChanges;
use crate::domain::time::UtcOffset;
use crate::store::error::StoreError;
use crate::store::row::{occupation, record_kind, to_bytes16, to_timestamp};

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

/// Writes new names of commands as they are kept.
pub(in crate::store) fn rename_commands_json(names: &RenameCommands) -> String {
    serde_json::to_string(names.as_map()).unwrap_or_else(|_| "{}".to_owned())
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

/// A row of `instances i JOIN projects p` as an [`Instance`] is read from it. Lists that are empty are not sorted: most are.
pub(in crate::store) const INSTANCE_COLUMNS: &str = concat!(
    "json_object('id', hex(i.instance_id), 'project_id', hex(p.project_id), 'name', i.name, 'description', i.description, \
     'engine', i.engine, 'engine_version', i.engine_version, 'cache_mode', i.cache_mode, 'capacity_mb', i.capacity_mb, \
     'spec_code', i.spec_code, 'status', i.status, 'ip', i.ip, 'port', i.port, 'no_password_access', i.no_password_access, \
     'zone_codes', i.zone_codes, 'network', json_object('vpc_id', i.vpc_id, 'subnet_id', i.subnet_id, 'security_group_id', i.security_group_id, \
     'names', iif(EXISTS (SELECT 1 FROM network_resources n WHERE n.project_key = i.project_key), \
       json_object('vpc', (SELECT n.document ->> 'name' FROM network_resources n WHERE n.project_key = i.project_key AND n.id = lower(i.vpc_id)), \
         'subnet', (SELECT n.document ->> 'name' FROM network_resources n WHERE n.project_key = i.project_key AND n.id = lower(i.subnet_id)), \
         'cidr', (SELECT n.document ->> 'cidr' FROM network_resources n WHERE n.project_key = i.project_key AND n.id = lower(i.subnet_id)), \
         'group', (SELECT n.document ->> 'name' FROM network_resources n WHERE n.project_key = i.project_key AND n.id = lower(i.security_group_id)), \
         'public_address', (SELECT n.document ->> 'address' FROM network_resources n WHERE n.project_key = i.project_key AND n.id = lower(i.publicip_id))), \
       json('{}'))), \
     'creator', json_object('user_id', i.user_id, 'user_name', i.user_name), 'created_at', i.created_at, 'engine_as_sent', i.engine_as_sent, \
     'product_id', i.product_id, 'charging_mode', i.charging_mode, 'order_id', i.order_id, \
     'maintain_begin', i.maintain_begin, 'maintain_end', i.maintain_end, \
     'enterprise_project_id', i.enterprise_project_id, \
     'enterprise_project_name', iif(i.enterprise_project_id = '0', NULL, \
       (SELECT e.document ->> 'name' FROM enterprise_projects e WHERE e.id = unhex(i.enterprise_project_id, '-'))), \
     'enable_publicip', i.enable_publicip, 'publicip_id', i.publicip_id, \
     'elb_id', i.elb_id, 'bandwidth', json(i.bandwidth), \
     'enable_ssl', i.enable_ssl, 'transparent_client_ip', i.transparent_client_ip, 'access_user', i.access_user, \
     'rename_commands', json(i.rename_commands), 'launched_at', i.launched_at, 'updated_at', i.updated_at, \
     'error_code', i.error_code, 'domain_name', i.domain_name, \
     'open_kind', (SELECT w.record_kind FROM open_work w WHERE w.instance_key = i.instance_key), \
     'occupation', (SELECT k.occupation FROM background_work k \
                    WHERE k.instance_key = i.instance_key AND k.occupation IS NOT NULL), \
     'tags', iif(EXISTS (SELECT 1 FROM instance_tags t WHERE t.instance_key = i.instance_key), \
                 json((SELECT json_group_array(json_array(t.key, t.value) ORDER BY t.position) FROM instance_tags t \
                       WHERE t.instance_key = i.instance_key)), json('[]')), \
     'replicas', iif(EXISTS (SELECT 1 FROM replica_changes r WHERE r.instance_key = i.instance_key), \
                     json((SELECT json_group_array(json_array(r.shard, r.copy, r.zone_code, r.course) ORDER BY r.shard, r.copy) \
                           FROM replica_changes r WHERE r.instance_key = i.instance_key)), json('[]')), \
     'stored_nodes', iif(EXISTS (SELECT 1 FROM nodes n WHERE n.instance_key = i.instance_key), \
                       json((SELECT json_group_array(json_array(n.shard, n.copy, n.place, n.role_since, n.weight, n.address_removed) \
                                                     ORDER BY n.shard, n.copy) FROM nodes n WHERE n.instance_key = i.instance_key)), json('[]')), \
     'stopped_nodes', iif(EXISTS (SELECT 1 FROM stopped_nodes n WHERE n.instance_key = i.instance_key), \
                          json((SELECT json_group_array(lower(hex(n.node_id))) FROM stopped_nodes n \
                                WHERE n.instance_key = i.instance_key)), json('[]')), \
     'backup_policy', json((SELECT ",
    policy_json!(),
    " FROM backup_policies b WHERE b.instance_key = i.instance_key))) "
);

/// A row of [`INSTANCE_COLUMNS`].
#[derive(Deserialize)]
struct InstanceRow {
    id: String,
    project_id: String,
    name: InstanceName,
    description: Option<String>,
    engine: Engine,
    engine_version: String,
    cache_mode: CacheMode,
    capacity_mb: Capacity,
    spec_code: String,
    status: InstanceStatus,
    ip: String,
    port: u16,
    no_password_access: i64,
    zone_codes: String,
    network: Network,
    creator: Creator,
    created_at: i64,
    engine_as_sent: Option<String>,
    product_id: Option<String>,
    charging_mode: i64,
    order_id: Option<String>,
    maintain_begin: String,
    maintain_end: String,
    enterprise_project_id: String,
    enterprise_project_name: Option<String>,
    enable_publicip: i64,
    publicip_id: Option<String>,
    elb_id: Option<String>,
    bandwidth: Option<BandwidthChanges>,
    enable_ssl: i64,
    transparent_client_ip: Option<i64>,
    access_user: Option<String>,
    rename_commands: BTreeMap<String, String>,
    launched_at: Option<i64>,
    updated_at: Option<i64>,
    error_code: Option<String>,
    domain_name: Option<String>,
    open_kind: Option<i64>,
    occupation: Option<String>,
    tags: Vec<(String, String)>,
    replicas: Vec<ReplicaChange>,
    stored_nodes: Vec<(u32, u32, u32, Option<i64>, u8, u8)>,
    stopped_nodes: Vec<String>,
    backup_policy: Option<PolicyRow>,
}

impl Type<Sqlite> for Instance {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

/// Reads an instance from `INSTANCE_COLUMNS`.
impl Decode<'_, Sqlite> for Instance {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(instance(serde_json::from_str(<&str as Decode<Sqlite>>::decode(value)?)?)?)
    }
}

/// Reads instances from a JSON array of `INSTANCE_COLUMNS`.
pub(in crate::store) fn instances(rows: &str) -> Result<Vec<Instance>, StoreError> {
    let rows: Vec<InstanceRow> = serde_json::from_str(rows)
        .map_err(|_| StoreError::Inconsistent { what: "instances are not what is read of them" })?;
    rows.into_iter().map(instance).collect()
}

fn instance(row: InstanceRow) -> Result<Instance, StoreError> {
    let engine_version = EngineVersion::new(row.engine, row.engine_version)
        .map_err(|_| StoreError::Inconsistent { what: "instances.engine_version is unknown" })?;
    let created_at = to_timestamp(row.created_at)?;
    let sees_client_ips = row.transparent_client_ip.map(|sees| sees != 0);
    Ok(Instance {
        id: InstanceId::from_bytes(to_bytes16(&row.id)?),
        project_id: ProjectId::from_bytes(to_bytes16(&row.project_id)?),
        name: row.name,
        description: row.description,
        engine: row.engine,
        sees_client_ips: sees_client_ips.unwrap_or_else(|| !engine_version.is_first_generation()),
        engine_version,
        cache_mode: row.cache_mode,
        capacity: row.capacity_mb,
        spec_code: row.spec_code,
        status: row.status,
        ip: row.ip,
        domain_name: row.domain_name,
        port: row.port,
        engine_as_sent: row.engine_as_sent,
        product_id: row.product_id,
        billing: match row.charging_mode {
            0 => Billing::PostPaid,
            _ => Billing::PrePaid { order_id: row.order_id },
        },
        access: Access {
            no_password: row.no_password_access != 0,
            user: row.access_user,
            ssl: row.enable_ssl != 0,
            public_ip: row.enable_publicip != 0,
            public_ip_id: row.publicip_id,
            elb_id: row.elb_id,
        },
        bandwidth: row.bandwidth,
        maintenance: MaintenanceWindow::between(&row.maintain_begin, &row.maintain_end)
            .ok_or(StoreError::Inconsistent { what: "instances.maintain_begin is not offered" })?,
        enterprise_project_id: row.enterprise_project_id,
        enterprise_project_name: row.enterprise_project_name,
        rename_commands: RenameCommands::new(row.rename_commands)
            .map_err(|_| StoreError::Inconsistent { what: "instances.rename_commands is malformed" })?,
        tags: tags(row.tags)?,
        stored_nodes: row.stored_nodes.into_iter().map(stored_node).collect::<Result<_, _>>()?,
        stopped_nodes: row
            .stopped_nodes
            .iter()
            .map(|id| Uuid::try_parse(id))
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::Inconsistent { what: "the id of a stopped node is malformed" })?,
        backup_policy: row.backup_policy.map(PolicyRow::into_policy).transpose()?,
        replicas: row.replicas,
        zone_codes: row.zone_codes.split(',').map(str::to_owned).collect(),
        network: row.network,
        creator: row.creator,
        created_at,
        launched_at: row.launched_at.map(to_timestamp).transpose()?,
        updated_at: row.updated_at.map_or(Ok(created_at), to_timestamp)?,
        error_code: row.error_code,
        task: match row.open_kind {
            Some(record_kind::BACKUP) => Some(InstanceTask::Backup),
            _ => occupation(row.occupation.as_deref())?.map(InstanceTask::Occupied),
        },
    })
}

fn stored_node(
    (shard, copy, place, role_since, weight, address_removed): (u32, u32, u32, Option<i64>, u8, u8),
) -> Result<StoredNode, StoreError> {
    let role_since = role_since.map(to_timestamp).transpose()?;
    Ok(StoredNode { shard, copy, place, role_since, weight, is_address_removed: address_removed != 0 })
}

/// Takes the tags of an instance.
pub(in crate::store) fn tags(pairs: Vec<(String, String)>) -> Result<Tags, StoreError> {
    let tag =
        |(key, value)| Some(Tag { key: TagKey::try_from(key).ok()?, value: TagValue::try_from(value).ok()? });
    let tags = pairs.into_iter().map(tag).collect::<Option<_>>();
    let tags = tags.and_then(|tags| Tags::new(tags).ok());
    tags.ok_or(StoreError::Inconsistent { what: "the tags of an instance are malformed" })
}

/// A row of `backup_policies` as the columns of an instance carry it.
#[derive(Deserialize)]
struct PolicyRow {
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

impl PolicyRow {
    fn into_policy(self) -> Result<StoredPolicy, StoreError> {
        let malformed = || StoreError::Inconsistent { what: "a row of backup_policies is malformed" };
        let plan = self.backup_at.map(|backup_at| PlanRequest {
            begin_at: self.begin_at,
            period_type: self.period_type,
            backup_at,
            timezone_offset: self.timezone_offset,
        });
        let sent = PolicyRequest { backup_type: Some(self.backup_type), save_days: self.save_days, plan };
        // A plan that is kept names its zone.
        let policy = BackupPolicy::new(sent, UtcOffset::UTC).ok().flatten().ok_or_else(malformed)?;
        Ok(StoredPolicy {
            id: self.id.parse().map_err(|_| malformed())?,
            policy,
            created_at: to_timestamp(self.created_at)?,
            updated_at: to_timestamp(self.updated_at)?,
        })
    }
}

/// Reads a policy from [`POLICY_JSON`].
pub(in crate::store) fn policy(json: &str) -> Result<StoredPolicy, StoreError> {
    let row: PolicyRow = serde_json::from_str(json)
        .map_err(|_| StoreError::Inconsistent { what: "a row of backup_policies is malformed" })?;
    row.into_policy()
}
