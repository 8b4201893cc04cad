//! The rows of seeded instances, inserted by many.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::identity::Secret;
use crate::domain::instance::Billing;
use crate::domain::instance::policy::{BackupPlan, KeptPolicy};
use crate::domain::origin::Origin;
use crate::domain::side_settings::{SideSettings, Whitelist};
use crate::domain::time::Timestamp;
use crate::store::row::{Document, backup_status_code, instance_status_code, restore_status_code, side_name};
use crate::store::sqlite::backups::{self, NewBackupRow};
use crate::store::sqlite::events::{self, Audit, Event, Subject};
use crate::store::sqlite::instances::rename_commands_json;
use crate::store::sqlite::open_work::OpenWorkRow;
use crate::store::sqlite::restores::{self, NewRestoreRow};
use crate::store::sqlite::script::{InsertRow, Script};
use crate::store::sqlite::seeding::unstorable;
use crate::store::{InstanceSeed, StoreError};

/// How many rows one statement inserts at most.
const ROWS_A_STATEMENT: usize = 256;

/// Rows of instances that are not inserted yet.
pub(super) struct SeededRows {
    project_key: i64,
    actor_key: i64,
    instances: Vec<InstanceRow>,
    tags: Vec<TagRow>,
    parameters: Vec<ParameterRow>,
    documents: Vec<DocumentRow>,
    policies: Vec<PolicyRow>,
    stopped_nodes: Vec<StoppedNodeRow>,
    backups: Vec<NewBackupRow>,
    restores: Vec<NewRestoreRow>,
    open_work: Vec<OpenWorkRow>,
    events: Vec<Event>,
}

impl SeededRows {
    pub(super) fn new(project_key: i64, actor_key: i64) -> Self {
        Self {
            project_key,
            actor_key,
            instances: Vec::new(),
            tags: Vec::new(),
            parameters: Vec::new(),
            documents: Vec::new(),
            policies: Vec::new(),
            stopped_nodes: Vec::new(),
            backups: Vec::new(),
            restores: Vec::new(),
            open_work: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Returns whether it is time to insert them.
    pub(super) fn is_full(&self) -> bool {
        self.instances.len() == ROWS_A_STATEMENT
    }

    /// Adds the rows of an instance.
    pub(super) fn add(&mut self, key: i64, seed: InstanceSeed) -> Result<(), StoreError> {
        self.events.extend(created_events(key, &seed, self.actor_key));
        let InstanceSeed { instance, configuration, next_run_at, work, backups, restores, .. } = &seed;
        let tags = (0_i64..).zip(instance.tags.iter());
        self.tags.extend(tags.map(|(position, tag)| {
            let (name, value) = (tag.key.as_str().to_owned(), tag.value.as_str().to_owned());
            TagRow { instance_key: key, position, key: name, value }
        }));
        let parameters = configuration.parameters.iter();
        self.parameters.extend(parameters.map(|(id, value)| ParameterRow {
            instance_key: key,
            id: *id,
            value: value.clone(),
        }));
        self.documents.extend(documents(key, configuration, instance.created_at)?);
        let policy = instance.backup_policy.as_ref();
        self.policies.extend(policy.map(|kept| {
            let next_run_at = next_run_at.map(Timestamp::as_millis);
            // 0: planned from the seeding on.
            let unplanned = kept.policy.is_automatic().then_some(0);
            PolicyRow { instance_key: key, kept: kept.clone(), next_run_at: next_run_at.or(unplanned) }
        }));
        let nodes = instance.stopped_nodes.iter();
        self.stopped_nodes.extend(nodes.map(|node| StoppedNodeRow { instance_key: key, node: *node }));
        self.backups.extend(backups.iter().map(|backup| NewBackupRow::new(key, backup)));
        self.restores.extend(restores.iter().map(|restore| NewRestoreRow::new(key, restore)));
        self.open_work.extend(backups.iter().filter_map(|backup| backups::open_work_row(key, backup)));
        self.open_work.extend(restores.iter().filter_map(|restore| restores::open_work_row(key, restore)));
        self.open_work.extend(work.map(|plan| OpenWorkRow::of_transition(key, plan)));
        self.instances.push(InstanceRow { key, project_key: self.project_key, seed });
        Ok(())
    }

    /// Inserts them; none are left.
    pub(super) async fn insert(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        insert(connection, &mut self.instances).await?;
        insert(connection, &mut self.tags).await?;
        insert(connection, &mut self.parameters).await?;
        insert(connection, &mut self.documents).await?;
        insert(connection, &mut self.policies).await?;
        insert(connection, &mut self.stopped_nodes).await?;
        insert(connection, &mut self.backups).await?;
        insert(connection, &mut self.restores).await?;
        insert(connection, &mut self.open_work).await?;
        let events = std::mem::take(&mut self.events);
        events::append(connection, events).await.map_err(StoreError::during("record the events of a seed"))
    }
}

/// Inserts rows, in order, some at a time.
async fn insert<R: InsertRow>(
    connection: &mut SqliteConnection,
    rows: &mut Vec<R>,
) -> Result<(), StoreError> {
    while !rows.is_empty() {
        let mut script = Script::default();
        script.insert(rows.drain(..rows.len().min(ROWS_A_STATEMENT)).collect());
        script.run(connection).await.map_err(unstorable)?;
    }
    Ok(())
}

/// Returns what the audit says of a seeded instance: it and its records came into being as they are.
fn created_events(instance_key: i64, seed: &InstanceSeed, actor_key: i64) -> Vec<Event> {
    let event = |at, subject, status| {
        Audit { at, origin: &Origin::SEED, actor_key }.event(subject, None, Some(status))
    };
    let InstanceSeed { instance, backups, restores, .. } = seed;
    let status = instance_status_code(instance.status);
    let mut events = vec![event(instance.created_at, Subject::Instance(instance_key), status)];
    events.extend(backups.iter().map(|backup| {
        let at = backup.status.finished_at().or(backup.status.started_at()).unwrap_or(backup.created_at);
        let status = backup_status_code(backup.status.kind());
        event(at, Subject::Backup(instance_key, backup.number), status)
    }));
    events.extend(restores.iter().map(|restore| {
        let at = restore.status.finished_at().or(restore.status.started_at()).unwrap_or(restore.created_at);
        let status = restore_status_code(restore.status.kind());
        event(at, Subject::Restore(instance_key, restore.number), status)
    }));
    events
}

/// Returns the configuration that is kept in one document a setting.
fn documents(
    instance_key: i64,
    configuration: &SideSettings,
    created_at: Timestamp,
) -> Result<Vec<DocumentRow>, StoreError> {
    let SideSettings { whitelist, big_key_scan, hot_key_scan, expired_key_scan, bandwidth_policy, .. } =
        configuration;
    let mut rows = Vec::new();
    let mut add = |name, document: String, updated_at: Timestamp| {
        rows.push(DocumentRow { instance_key, name, document, updated_at: updated_at.as_millis() });
    };
    if *whitelist != Whitelist::default() {
        add(side_name::WHITELIST, whitelist.to_json()?, created_at);
    }
    if let Some(policy) = bandwidth_policy {
        add(side_name::BANDWIDTH_POLICY, policy.to_json()?, created_at);
    }
    if let Some(scan) = big_key_scan {
        add(side_name::BIG_KEY_SCAN, scan.value.to_json()?, scan.updated_at);
    }
    if let Some(scan) = hot_key_scan {
        add(side_name::HOT_KEY_SCAN, scan.value.to_json()?, scan.updated_at);
    }
    if let Some(scan) = expired_key_scan {
        add(side_name::EXPIRED_KEY_SCAN, scan.value.to_json()?, scan.updated_at);
    }
    Ok(rows)
}

/// A row of `instances`.
struct InstanceRow {
    key: i64,
    project_key: i64,
    seed: InstanceSeed,
}

impl InsertRow for InstanceRow {
    const INTO: &'static str = "instances (instance_key, instance_id, project_key, name, description, engine, engine_version, \
                                cache_mode, capacity_mb, spec_code, product_id, charging_mode, order_id, status, ip, port, \
                                no_password_access, access_user, password_hash, enable_ssl, enable_publicip, publicip_id, \
                                transparent_client_ip, zone_codes, vpc_id, subnet_id, security_group_id, maintain_begin, \
                                maintain_end, enterprise_project_id, rename_commands, user_id, user_name, created_at, \
                                launched_at, updated_at, error_code, restorable_after)";
    const PLACEHOLDERS: &'static str =
        "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        let InstanceSeed { instance, password_hash, backups, .. } = self.seed;
        let outdated = backups.iter().filter(|backup| backup.is_outdated).map(|backup| backup.number);
        let order_id = match &instance.billing {
            Billing::PostPaid => None,
            Billing::PrePaid { order_id } => order_id.clone(),
        };
        script.bind(self.key);
        script.bind(instance.id.as_bytes().to_vec());
        script.bind(self.project_key);
        script.bind(instance.name.as_str().to_owned());
        script.bind(instance.description);
        script.bind(instance.engine.as_str());
        script.bind(instance.engine_version.as_str().to_owned());
        script.bind(instance.cache_mode.as_str());
        script.bind(i64::from(instance.capacity.as_megabytes()));
        script.bind(instance.spec_code);
        script.bind(instance.product_id);
        script.bind(i64::from(instance.billing.charging_mode()));
        script.bind(order_id);
        script.bind(instance.status.as_str());
        script.bind(instance.ip);
        script.bind(i64::from(instance.port));
        script.bind(instance.access.no_password);
        script.bind(instance.access.user);
        script.bind(password_hash.as_ref().map(Secret::expose).map(str::to_owned));
        script.bind(instance.access.ssl);
        script.bind(instance.access.public_ip);
        script.bind(instance.access.public_ip_id);
        script.bind(instance.sees_client_ips);
        script.bind(instance.zone_codes.join(","));
        script.bind(instance.network.vpc_id);
        script.bind(instance.network.subnet_id);
        script.bind(instance.network.security_group_id);
        script.bind(instance.maintenance.begin());
        script.bind(instance.maintenance.end());
        script.bind(instance.enterprise_project_id);
        script.bind(rename_commands_json(&instance.rename_commands));
        script.bind(instance.creator.user_id);
        script.bind(instance.creator.user_name);
        script.bind(instance.created_at.as_millis());
        script.bind(instance.launched_at.map(Timestamp::as_millis));
        script
            .bind(Some(instance.updated_at).filter(|at| *at > instance.created_at).map(Timestamp::as_millis));
        script.bind(instance.error_code);
        script.bind(i64::try_from(outdated.max().unwrap_or(0)).unwrap_or(i64::MAX));
    }
}

/// A row of `instance_tags`.
struct TagRow {
    instance_key: i64,
    position: i64,
    key: String,
    value: String,
}

impl InsertRow for TagRow {
    const INTO: &'static str = "instance_tags (instance_key, position, key, value)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.instance_key);
        script.bind(self.position);
        script.bind(self.key);
        script.bind(self.value);
    }
}

/// A row of `instance_parameters`.
struct ParameterRow {
    instance_key: i64,
    id: u8,
    value: String,
}

impl InsertRow for ParameterRow {
    const INTO: &'static str = "instance_parameters (instance_key, param_id, value)";
    const PLACEHOLDERS: &'static str = "(?,?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.instance_key);
        script.bind(i64::from(self.id));
        script.bind(self.value);
    }
}

/// A row of `side_settings`.
struct DocumentRow {
    instance_key: i64,
    name: &'static str,
    document: String,
    updated_at: i64,
}

impl InsertRow for DocumentRow {
    const INTO: &'static str = "side_settings (instance_key, name, document, updated_at)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.instance_key);
        script.bind(self.name);
        script.bind(self.document);
        script.bind(self.updated_at);
    }
}

/// A row of `backup_policies`.
struct PolicyRow {
    instance_key: i64,
    kept: KeptPolicy,
    next_run_at: Option<i64>,
}

impl InsertRow for PolicyRow {
    const INTO: &'static str = "backup_policies (instance_key, policy_id, backup_type, save_days, begin_at, period_type, \
                                backup_at, timezone_offset, created_at, updated_at, next_run_at)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        let KeptPolicy { id, policy, created_at, updated_at } = self.kept;
        let plan = policy.plan.as_ref();
        script.bind(self.instance_key);
        script.bind(id.as_bytes().to_vec());
        script.bind(policy.kind.as_str());
        script.bind(policy.save_days.map(i64::from));
        script.bind(plan.map(|plan| plan.window().as_str().to_owned()));
        script.bind(plan.map(|_| BackupPlan::PERIOD));
        script.bind(plan.map(|plan| serde_json::to_string(plan.days()).unwrap_or_default()));
        script.bind(plan.map(|plan| plan.timezone_offset().to_owned()));
        script.bind(created_at.as_millis());
        script.bind(updated_at.as_millis());
        script.bind(self.next_run_at);
    }
}

/// A row of `stopped_nodes`.
struct StoppedNodeRow {
    instance_key: i64,
    node: Uuid,
}

impl InsertRow for StoppedNodeRow {
    const INTO: &'static str = "stopped_nodes (instance_key, node_id)";
    const PLACEHOLDERS: &'static str = "(?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.instance_key);
        script.bind(self.node.as_bytes().to_vec());
    }
}
