//! The rows of seeded instances, inserted by many.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use crate::domain::background_work::Effect;
use crate::domain::identity::Secret;
use crate::domain::instance::Billing;
use crate::domain::instance::policy::{BackupPlan, StoredPolicy};
use crate::domain::key_analysis::AnalysisKind;
use crate::domain::origin::Origin;
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::store::error::unstorable;
use crate::store::row::{
    backup_status_code, documents, instance_status_code, rename_commands_json, restore_status_code,
};
use crate::store::sqlite::backups::{self, NewBackupRow};
use crate::store::sqlite::events::{self, AuditContext, Event, Subject};
use crate::store::sqlite::open_work::OpenWorkRow;
use crate::store::sqlite::restores::{self, NewRestoreRow};
use crate::store::sqlite::script::{InsertRow, Script};
use crate::store::sqlite::sql::sql;
use crate::store::{InstanceSeed, StoreError};

/// How many rows one statement inserts at most.
const ROWS_A_STATEMENT: usize = 256;

/// Rows of instances that are not inserted yet.
#[derive(Default)]
pub(super) struct SeededRows {
    project_key: i64,
    actor_key: i64,
    instances: Vec<InstanceRow>,
    tags: Vec<Value>,
    parameters: Vec<Value>,
    documents: Vec<Value>,
    policies: Vec<Value>,
    replicas: Vec<Value>,
    nodes: Vec<Value>,
    stopped_nodes: Vec<Value>,
    background_work: Vec<Value>,
    minor_versions: Vec<Value>,
    accounts: Vec<Value>,
    contents: Vec<Value>,
    backups: Vec<NewBackupRow>,
    restores: Vec<NewRestoreRow>,
    open_work: Vec<OpenWorkRow>,
    events: Vec<Event>,
}

impl SeededRows {
    pub(super) fn new(project_key: i64, actor_key: i64) -> Self {
        Self { project_key, actor_key, ..Self::default() }
    }

    /// Returns whether it is time to insert them.
    pub(super) fn is_full(&self) -> bool {
        self.instances.len() == ROWS_A_STATEMENT
    }

    /// Adds the rows of an instance. Its scans run from `now` on.
    pub(super) fn add(&mut self, key: i64, seed: InstanceSeed, now: Timestamp) {
        self.events.extend(created_events(key, &seed, self.actor_key));
        let InstanceSeed {
            instance,
            configuration,
            next_run_at,
            minor_versions,
            work,
            accounts,
            contents,
            backups,
            restores,
            ..
        } = &seed;
        let tags = instance.tags.iter().enumerate();
        self.tags.extend(tags.map(|(at, tag)| json!([key, at, tag.key.as_str(), tag.value.as_str()])));
        let parameters = configuration.parameters.iter();
        self.parameters.extend(parameters.map(|(id, value)| json!([key, id, value])));
        let updated_at = instance.updated_at.as_millis();
        let since = |at: Option<Timestamp>| at.map_or(updated_at, Timestamp::as_millis);
        self.documents
            .extend(documents(configuration).map(|(name, text, at)| json!([key, name, text, since(at)])));
        let policy = instance.backup_policy.as_ref();
        self.policies.extend(policy.map(|kept| policy_row(key, kept, *next_run_at)));
        let replicas = instance.replicas.iter();
        self.replicas
            .extend(replicas.map(|it| json!([key, it.shard, it.copy, it.zone_code, it.course.as_str()])));
        self.nodes.extend(instance.stored_nodes.iter().map(|node| {
            let since = node.role_since.map(Timestamp::as_millis);
            let is_removed = u8::from(node.is_address_removed);
            json!([key, node.shard, node.copy, node.place, since, node.weight, is_removed])
        }));
        for (effect, is_running, start_at, finish_at) in planned(&seed, now) {
            let (start_at, finish_at) = (start_at.as_millis(), finish_at.as_millis());
            let row = json!([self.project_key, key, effect, u8::from(is_running), start_at, finish_at]);
            self.background_work.push(row);
        }
        let nodes = instance.stopped_nodes.iter();
        self.stopped_nodes.extend(nodes.map(|node| json!([key, node.simple().to_string()])));
        if !minor_versions.are_latest() {
            self.minor_versions.push(json!([key, minor_versions.engine, minor_versions.proxy]));
        }
        let accounts = accounts.iter().zip(1..);
        self.accounts
            .extend(accounts.map(|(account, number)| json!([key, number, account.id.to_string(), account])));
        if !contents.is_empty() {
            self.contents.push(json!([key, contents]));
        }
        self.backups.extend(backups.iter().map(|backup| NewBackupRow::new(key, backup)));
        let restore_row = |restore: &Restore| NewRestoreRow { instance_key: key, restore: restore.clone() };
        self.restores.extend(restores.iter().map(restore_row));
        self.open_work.extend(backups.iter().filter_map(|backup| backups::open_work_row(key, backup)));
        self.open_work.extend(restores.iter().filter_map(|restore| restores::open_work_row(key, restore)));
        self.open_work.extend(work.map(|plan| OpenWorkRow::of_transition(key, plan)));
        self.instances.push(InstanceRow { key, project_key: self.project_key, seed });
    }

    /// Inserts them; none are left.
    pub(super) async fn insert(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        insert(connection, &mut self.instances).await?;
        insert_json(connection, TAGS, &mut self.tags).await?;
        insert_json(connection, PARAMETERS, &mut self.parameters).await?;
        insert_json(connection, DOCUMENTS, &mut self.documents).await?;
        insert_json(connection, POLICIES, &mut self.policies).await?;
        insert_json(connection, REPLICAS, &mut self.replicas).await?;
        insert_json(connection, NODES, &mut self.nodes).await?;
        insert_json(connection, BACKGROUND_WORK, &mut self.background_work).await?;
        insert_json(connection, STOPPED_NODES, &mut self.stopped_nodes).await?;
        insert_json(connection, MINOR_VERSIONS, &mut self.minor_versions).await?;
        insert_json(connection, ACCOUNTS, &mut self.accounts).await?;
        insert_json(connection, CONTENTS, &mut self.contents).await?;
        insert(connection, &mut self.backups).await?;
        insert(connection, &mut self.restores).await?;
        insert(connection, &mut self.open_work).await?;
        let events = std::mem::take(&mut self.events);
        events::append(connection, events).await
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
        let inserted = script.run(connection).await.map_err(StoreError::during("insert what a seed wants"));
        inserted.map_err(unstorable)?;
    }
    Ok(())
}

/// Returns the background work of a seeded instance, which begins with its state: its scans, and the end of the time for which its
/// bandwidth is doubled. Each with whether it runs, and with the times of its steps.
fn planned(seed: &InstanceSeed, now: Timestamp) -> Vec<(Effect, bool, Timestamp, Timestamp)> {
    let scan = |scan: AnalysisKind| {
        let at = seed.configuration.next_scan(scan, now, now)?;
        Some((Effect::ScheduledScan { scan }, false, at, at))
    };
    let scans = [AnalysisKind::Big, AnalysisKind::Hot, AnalysisKind::Expired];
    let expansion = seed.instance.bandwidth.as_ref().and_then(|changes| changes.expansion);
    let expansion = expansion.filter(|expansion| expansion.is_running);
    let end = expansion.map(|it| (Effect::BandwidthExpansion, true, it.begin_at, it.end_at()));
    scans.into_iter().filter_map(scan).chain(end).collect()
}

/// Returns what the audit says of a seeded instance: it and its records came into being as they are.
fn created_events(instance_key: i64, seed: &InstanceSeed, actor_key: i64) -> Vec<Event> {
    let event = |at, subject, status| {
        AuditContext { at, origin: &Origin::SEED, actor_key }.event(subject, None, Some(status))
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

/// Inserts rows that are arrays of a JSON array: what few instances have, so that one statement a table is enough.
async fn insert_json(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: &mut Vec<Value>,
) -> Result<(), StoreError> {
    if !rows.is_empty() {
        let rows = Value::Array(std::mem::take(rows)).to_string();
        let insert = sql("insert what a seed wants", statement).bind(rows);
        insert.execute(connection).await.map_err(unstorable)?;
    }
    Ok(())
}

const TAGS: &str = "INSERT INTO instance_tags (instance_key, position, key, value)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)";
const PARAMETERS: &str = "INSERT INTO instance_parameters (instance_key, param_id, value)
     SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)";
const DOCUMENTS: &str = "INSERT INTO side_settings (instance_key, name, document, updated_at)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)";
const REPLICAS: &str = "INSERT INTO replica_changes (instance_key, shard, copy, zone_code, course)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)";
const NODES: &str = "INSERT INTO nodes (instance_key, shard, copy, place, role_since, weight, address_removed)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?)";
const BACKGROUND_WORK: &str = "INSERT INTO background_work (project_key, instance_key, effect, running, created_at, start_at, finish_at, due_at)
     SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 4, value ->> 5,
            iif(value ->> 3, value ->> 5, value ->> 4) FROM json_each(?)";
const STOPPED_NODES: &str = "INSERT INTO stopped_nodes (instance_key, node_id)
     SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?)";
const MINOR_VERSIONS: &str = "INSERT INTO minor_versions (instance_key, engine, proxy)
     SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)";
const ACCOUNTS: &str = "INSERT INTO accounts (instance_key, number, id, document)
     SELECT value ->> 0, value ->> 1, unhex(value ->> 2, '-'), value ->> 3 FROM json_each(?)";
/// What an instance holds, and held when its backups were made.
const CONTENTS: &str = "INSERT INTO instance_contents (instance_key, after_backup, document)
     SELECT value ->> 0, 0, value ->> 1 FROM json_each(?)";
const POLICIES: &str = "INSERT INTO backup_policies (instance_key, policy_id, backup_type, save_days, begin_at, period_type,
                                  backup_at, timezone_offset, created_at, updated_at, next_run_at)
     SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
            value ->> 8, value ->> 9, value ->> 10 FROM json_each(?)";

/// Returns a row of `backup_policies`.
fn policy_row(instance_key: i64, kept: &StoredPolicy, next_run_at: Option<Timestamp>) -> Value {
    let StoredPolicy { id, policy, created_at, updated_at } = kept;
    let plan = policy.plan.as_ref();
    // 0: planned from the seeding on.
    let next_run_at = next_run_at.map(Timestamp::as_millis).or(policy.is_automatic().then_some(0));
    json!([
        instance_key,
        id.simple().to_string(),
        policy.kind.as_str(),
        policy.save_days,
        plan.map(|plan| plan.window().as_str()),
        plan.map(|_| BackupPlan::PERIOD),
        plan.map(|plan| json!(plan.days()).to_string()),
        plan.map(BackupPlan::timezone_offset),
        created_at.as_millis(),
        updated_at.as_millis(),
        next_run_at,
    ])
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
                                no_password_access, access_user, password_hash, enable_ssl, enable_publicip, publicip_id, elb_id, \
                                transparent_client_ip, zone_codes, vpc_id, subnet_id, security_group_id, maintain_begin, \
                                maintain_end, enterprise_project_id, rename_commands, user_id, user_name, created_at, \
                                launched_at, updated_at, error_code, restorable_after, domain_name, bandwidth, \
                                subscription, password_has_colon)";
    const PLACEHOLDERS: &'static str =
        "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        let InstanceSeed { instance, password_hash, password_has_colon, subscription, backups, .. } =
            self.seed;
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
        script.bind(instance.access.elb_id);
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
        script.bind(instance.domain_name);
        script.bind(instance.bandwidth.map(|changes| json!(changes).to_string()));
        script.bind(subscription.map(|subscription| json!(subscription).to_string()));
        script.bind(password_has_colon);
    }
}
