//! Instances in a seed. Of an entry only id and mode must be written; the rest follows, and an export writes all of it.

mod placing;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::domain::account::{Account, MAX_ACCOUNTS};
use crate::domain::backup::Backup;
use crate::domain::contents::Contents;
use crate::domain::enterprise_project::DEFAULT_ENTERPRISE_PROJECT;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{
    Access, Billing, CacheMode, Capacity, Creator, Engine, EngineVersion, Instance, InstanceName,
    InstanceStatus, MinorVersions, Network, NetworkNames, RenameCommands,
};
use crate::domain::instance_config::{InstanceConfig, Tags};
use crate::domain::key_analysis::AnalysisKind;
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::order::Subscription;
use crate::domain::restore::RestoreStatusKind;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::WorkPlan;
use crate::domain::{builtin, catalogue};
use crate::engine::passwords::objection_to;
use crate::engine::seed::account::AccountEntry;
use crate::engine::seed::configuration::{
    BandwidthEntry, DailyScanEntry, ExpiredKeyScanEntry, ParameterValues, PolicyEntry, TagEntry,
    WhitelistEntry, read_parameters,
};
use crate::engine::seed::nodes::{self, BandwidthInfoEntry, GroupBandwidthEntry, NodeEntry, ReplicaEntry};
use crate::engine::seed::order::SubscriptionEntry;
use crate::engine::seed::records::{BackupEntry, RestoreEntry, WorkEntry};
use crate::engine::seed::text::{Nullable, SecretText, Short, Text, is_false};
use crate::store::InstanceSeed;

/// An instance in a seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of the document")]
pub(super) struct InstanceEntry {
    pub(super) id: Text<InstanceId>,
    cache_mode: Text<CacheMode>,
    name: Option<Text<InstanceName>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Short<1024>>,
    #[serde(default = "default_engine")]
    engine: Text<Engine>,
    engine_version: Option<String>,
    /// The latest when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine_minor_version: Option<String>,
    /// The latest when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy_minor_version: Option<String>,
    #[serde(default, deserialize_with = "read_capacity", serialize_with = "write_capacity")]
    capacity: Option<Capacity>,
    spec_code: Option<Short<128>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<Short<128>>,
    /// 0: by the hour; 1: in advance.
    #[serde(skip_serializing_if = "Option::is_none")]
    charging_mode: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Short>,
    /// Of an instance that is paid in advance; a month from its creation on when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<SubscriptionEntry>,
    /// RUNNING when left out; RESTORING while one of its restores is open.
    status: Option<Text<InstanceStatus>>,
    /// How the status ends, if it is one that ends by itself. When left out, it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<WorkEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<Short>,
    /// Several addresses have commas between.
    ip: Option<Short<16384>>,
    /// The domain name that it has got from another instance; its own when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_name: Option<Short<1024>>,
    port: Option<NonZeroU16>,
    #[serde(default, skip_serializing_if = "is_false")]
    no_password_access: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_user: Option<Short<1024>>,
    /// A hash of its password, as PHC text; without one any password is the right one.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<SecretText>,
    /// Whether a colon is in that password: some instances can have no accounts then.
    #[serde(default, skip_serializing_if = "is_false")]
    password_has_colon: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    enable_ssl: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    enable_publicip: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    publicip_id: Option<Short<1024>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elb_id: Option<Short<1024>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transparent_client_ip_enable: Option<bool>,
    zones: Option<Vec<Short>>,
    vpc_id: Option<Short<1024>>,
    subnet_id: Option<Short<1024>>,
    #[serde(default)]
    security_group_id: Nullable<Short<1024>>,
    /// Together with `maintain_end`: one of the windows that are offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    maintain_begin: Option<Short>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maintain_end: Option<Short>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enterprise_project_id: Option<Short<1024>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rename_commands: BTreeMap<String, String>,
    user_id: Option<Short<1024>>,
    user_name: Option<Short<1024>>,
    created_at: Option<Text<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    launched_at: Option<Text<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Text<Timestamp>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<TagEntry>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: ParameterValues,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_backup_policy: Option<PolicyEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whitelist: Option<WhitelistEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bandwidth_policy: Option<BandwidthEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bigkey_autoscan: Option<DailyScanEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hotkey_autoscan: Option<DailyScanEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_autoscan: Option<ExpiredKeyScanEntry>,
    /// Shards that were given another bandwidth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    group_bandwidths: Vec<GroupBandwidthEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bandwidth_info: Option<BandwidthInfoEntry>,
    /// Replicas that are not as the product has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replicas: Vec<ReplicaEntry>,
    /// Nodes whose role or weight is another one than at first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<NodeEntry>,
    /// The ids of its nodes that are stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stopped_nodes: Vec<Text<Uuid>>,
    /// Beside the default one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<AccountEntry>,
    /// What it holds; its backups hold the same.
    #[serde(default, skip_serializing_if = "Contents::is_empty")]
    contents: Contents,
    /// Written one by one, behind the rest.
    #[serde(default, skip_serializing)]
    backups: Vec<BackupEntry>,
    /// Written one by one, behind the rest.
    #[serde(default, skip_serializing)]
    restores: Vec<RestoreEntry>,
}

/// What follows from the server and the time of the seeding when entries leave it out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults<'r> {
    pub(super) region: &'r str,
    pub(super) now: Timestamp,
    pub(super) name_offset: UtcOffset,
}

/// What is wrong with an entry, and in which of its fields.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) problem: String,
}

/// Names the field that a problem is in.
fn in_field<E: ToString>(field: impl ToString) -> impl FnOnce(E) -> Problem {
    move |problem| Problem { field: field.to_string(), problem: problem.to_string() }
}

/// The user of a Memcached instance for which none is written.
const MEMCACHED_USER: &str = "memcached";

impl InstanceEntry {
    /// Gives an instance of a project everything that its entry leaves out. Whether that can be done does not depend on the
    /// defaults. Source: docs/decisions/README.md no. 15.
    pub(super) fn complete(
        &self,
        project_id: ProjectId,
        defaults: &Defaults<'_>,
    ) -> Result<InstanceSeed, Problem> {
        let mut instance = self.instance(project_id, defaults)?;
        let policy = self.instance_backup_policy.as_ref();
        let kept = policy.map(|policy| policy.policy(&instance, defaults.name_offset)).transpose();
        instance.backup_policy = kept.map_err(in_field("instance_backup_policy"))?;
        let wrong = |(field, problem)| Problem { field, problem };
        nodes::give(&mut instance, &self.replicas, &self.nodes, defaults.now).map_err(wrong)?;
        let expansion = self.bandwidth_info.as_ref();
        instance.bandwidth =
            nodes::bandwidth(&self.group_bandwidths, expansion, &instance, defaults.now).map_err(wrong)?;
        let backups = self.backups(&instance, defaults.name_offset)?;
        let restores = self.restores(&instance, defaults.name_offset, &backups)?;
        placing::require_one_open(&backups, &restores)?;
        let is_restored = restores.last().is_some_and(|restore| restore.status.open_plan().is_some());
        if is_restored && instance.status != InstanceStatus::Restoring {
            let place = format!("restores[{}]", restores.len() - 1);
            return Err(in_field(place)("is open: its instance must be RESTORING"));
        }
        if let Some(hash) = &self.password_hash
            && let Some(objection) = objection_to(&hash.0)
        {
            return Err(in_field("password_hash")(objection));
        }
        Ok(InstanceSeed {
            accounts: self.accounts(&instance)?,
            contents: self.contents.clone().declared(defaults.now).map_err(in_field("contents"))?,
            configuration: self.configuration(&instance, defaults.now)?,
            password_hash: self.password_hash.as_ref().map(|hash| hash.0.clone()),
            password_has_colon: self.password_has_colon,
            subscription: self.subscription(&instance)?,
            next_run_at: policy.and_then(|policy| policy.next_run_at).map(|time| time.0),
            minor_versions: self.minor_versions(&instance)?,
            work: self.work(instance.status, &backups)?,
            instance,
            backups,
            restores,
        })
    }

    fn instance(&self, project_id: ProjectId, defaults: &Defaults<'_>) -> Result<Instance, Problem> {
        let (id, engine, cache_mode) = (self.id.0, self.engine.0, self.cache_mode.0);
        let engine_version = match &self.engine_version {
            Some(text) => EngineVersion::new(engine, text.clone()).map_err(in_field("engine_version"))?,
            None => EngineVersion::default_of(engine),
        };
        let usual_capacity = || catalogue::default_capacity(engine, &engine_version, cache_mode);
        let capacity = self.capacity.unwrap_or_else(usual_capacity);
        let default_group =
            || engine_version.is_first_generation().then(|| builtin::SECURITY_GROUP_ID.to_owned());
        let default_spec =
            || catalogue::nearest(engine, &engine_version, cache_mode, capacity).spec_code.clone();
        let is_restored = self.restores.iter().any(|entry| {
            matches!(entry.status, Some(Text(RestoreStatusKind::Waiting | RestoreStatusKind::Restoring)))
        });
        let default_status = if is_restored { InstanceStatus::Restoring } else { InstanceStatus::Running };
        let status = self.status.map_or(default_status, |status| status.0);
        let was_launched = !matches!(status, InstanceStatus::Creating | InstanceStatus::CreateFailed);
        let created_at = self.created_at.map_or(defaults.now, |time| time.0);
        let updated_at = self.updated_at.map_or(created_at, |time| time.0);
        if self.updated_at.is_some() && (self.created_at.is_none() || updated_at < created_at) {
            return Err(in_field("updated_at")("must not be before created_at, which is needed too"));
        }
        let text = |text: &Option<Short<1024>>, usual: &str| {
            text.as_ref().map_or_else(|| usual.to_owned(), |text| text.0.clone())
        };
        let usual_user = (engine == Engine::Memcached).then(|| MEMCACHED_USER.to_owned());
        Ok(Instance {
            id,
            project_id,
            name: self.name.as_ref().map_or_else(|| default_name(id), |name| name.0.clone()),
            description: self.description.as_ref().map(|text| text.0.clone()),
            engine,
            engine_as_sent: None,
            cache_mode,
            capacity,
            spec_code: self.spec_code.as_ref().map_or_else(default_spec, |code| code.0.clone()),
            product_id: self.product_id.as_ref().map(|id| id.0.clone()),
            billing: self.billing()?,
            status,
            ip: self.ip.as_ref().map_or_else(String::new, |ip| ip.0.clone()),
            domain_name: self.domain_name.as_ref().map(|name| name.0.clone()),
            port: self.port.map_or_else(|| engine.default_port(), NonZeroU16::get),
            access: Access {
                no_password: self.no_password_access,
                user: self.access_user.as_ref().map(|user| user.0.clone()).or(usual_user),
                ssl: self.enable_ssl,
                public_ip: self.enable_publicip,
                public_ip_id: self.publicip_id.as_ref().map(|id| id.0.clone()),
                elb_id: self.elb_id.as_ref().map(|id| id.0.clone()),
            },
            bandwidth: None,
            sees_client_ips: self
                .transparent_client_ip_enable
                .unwrap_or_else(|| !engine_version.is_first_generation()),
            zone_codes: self.zone_codes(defaults.region)?,
            replicas: Vec::new(),
            stored_nodes: Vec::new(),
            network: Network {
                vpc_id: text(&self.vpc_id, builtin::VPC_ID),
                subnet_id: text(&self.subnet_id, builtin::SUBNET_ID),
                names: NetworkNames::default(),
                security_group_id: match &self.security_group_id {
                    Nullable::Absent => default_group(),
                    Nullable::Null => None,
                    Nullable::Given(group) => Some(group.0.clone()),
                },
            },
            creator: Creator {
                user_id: text(&self.user_id, builtin::USER_ID),
                user_name: text(&self.user_name, builtin::USER_NAME),
            },
            maintenance: self.maintenance()?,
            enterprise_project_id: text(&self.enterprise_project_id, DEFAULT_ENTERPRISE_PROJECT),
            enterprise_project_name: None,
            rename_commands: RenameCommands::new(self.rename_commands.clone())
                .map_err(in_field("rename_commands"))?,
            tags: Tags::new(self.tags.iter().map(TagEntry::tag).collect()).map_err(in_field("tags"))?,
            stopped_nodes: self.stopped_nodes.iter().map(|node| node.0).collect::<BTreeSet<_>>(),
            backup_policy: None,
            created_at,
            launched_at: self.launched_at.map(|time| time.0).or_else(|| was_launched.then_some(created_at)),
            updated_at,
            error_code: self.error_code.as_ref().map(|code| code.0.clone()),
            task: None,
            engine_version,
        })
    }

    fn accounts(&self, instance: &Instance) -> Result<Vec<Account>, Problem> {
        let mut accounts: Vec<Account> = Vec::new();
        for (index, entry) in self.accounts.iter().enumerate() {
            let at =
                |problem: (&str, String)| in_field(format!("accounts[{index}].{}", problem.0))(problem.1);
            let account = entry.account(instance).map_err(at)?;
            account.permit_beside(&accounts).map_err(|_| {
                at(("name", format!("must be another one; there are at most {MAX_ACCOUNTS} accounts")))
            })?;
            accounts.push(account);
        }
        Ok(accounts)
    }

    fn minor_versions(&self, instance: &Instance) -> Result<MinorVersions, Problem> {
        let versions = (self.engine_minor_version.clone(), self.proxy_minor_version.clone());
        let problem = "must be four numbers with dots between, and not after the latest of its version";
        MinorVersions::of(instance, versions.0, versions.1).map_err(|field| in_field(field)(problem))
    }

    fn billing(&self) -> Result<Billing, Problem> {
        let order_id = self.order_id.as_ref().map(|id| id.0.clone());
        match (self.charging_mode, order_id) {
            (None | Some(0), None) => Ok(Billing::PostPaid),
            (None | Some(0), Some(_)) => Err(in_field("order_id")("needs a charging_mode of 1")),
            (Some(1), order_id) => Ok(Billing::PrePaid { order_id }),
            (Some(_), _) => Err(in_field("charging_mode")("must be 0 or 1")),
        }
    }

    fn subscription(&self, instance: &Instance) -> Result<Option<Subscription>, Problem> {
        let Some(entry) = &self.subscription else { return Ok(None) };
        if instance.billing == Billing::PostPaid {
            return Err(in_field("subscription")("needs a charging_mode of 1"));
        }
        let read = entry.subscription(instance.created_at).map(Some);
        read.map_err(|(field, problem)| in_field(format!("subscription.{field}"))(problem))
    }

    fn maintenance(&self) -> Result<MaintenanceWindow, Problem> {
        let window = match (&self.maintain_begin, &self.maintain_end) {
            (None, None) => Some(MaintenanceWindow::DEFAULT),
            (Some(begin), Some(end)) => MaintenanceWindow::between(&begin.0, &end.0),
            _ => None,
        };
        let problem = "must be, with maintain_end, one of the windows that are offered";
        window.ok_or_else(|| in_field("maintain_begin")(problem))
    }

    fn zone_codes(&self, region: &str) -> Result<Vec<String>, Problem> {
        let Some(zones) = &self.zones else { return Ok(vec![builtin::zone_code(region, 1)]) };
        if zones.is_empty() || zones.iter().any(|code| code.0.contains(',')) {
            return Err(in_field("zones")("must name one zone at least, and none with a comma"));
        }
        Ok(zones.iter().map(|code| code.0.clone()).collect())
    }

    fn configuration(&self, instance: &Instance, now: Timestamp) -> Result<InstanceConfig, Problem> {
        let daily = |entry: &Option<DailyScanEntry>, kind: AnalysisKind| {
            let read = |entry: &DailyScanEntry| kind.permit(instance).and_then(|()| entry.scan(now));
            entry.as_ref().map(read).transpose()
        };
        let expired = |entry: &ExpiredKeyScanEntry| {
            AnalysisKind::Expired.permit(instance).and_then(|()| entry.scan(now))
        };
        let expired = self.expire_autoscan.as_ref().map(expired).transpose();
        let whitelist = self.whitelist.as_ref().map(WhitelistEntry::whitelist).transpose();
        let bandwidth = self.bandwidth_policy.as_ref().map(BandwidthEntry::policy).transpose();
        Ok(InstanceConfig {
            parameters: read_parameters(&self.parameters, &instance.parameters())
                .map_err(in_field("parameters"))?,
            whitelist: whitelist.map_err(in_field("whitelist"))?.unwrap_or_default(),
            bandwidth_policy: bandwidth.map_err(in_field("bandwidth_policy"))?,
            big_key_scan: daily(&self.bigkey_autoscan, AnalysisKind::Big)
                .map_err(in_field("bigkey_autoscan"))?,
            hot_key_scan: daily(&self.hotkey_autoscan, AnalysisKind::Hot)
                .map_err(in_field("hotkey_autoscan"))?,
            expired_key_scan: expired.map_err(in_field("expire_autoscan"))?,
            ..InstanceConfig::default()
        })
    }

    fn work(&self, status: InstanceStatus, backups: &[Backup]) -> Result<Option<WorkPlan>, Problem> {
        let Some(work) = self.work else { return Ok(None) };
        if status.leads_to().is_none() {
            return Err(in_field("work")(format!("cannot be: {status} does not end by itself")));
        }
        if backups.iter().any(|backup| backup.status.open_plan().is_some()) {
            return Err(in_field("work")("cannot be while a backup is open"));
        }
        work.plan().map(Some).map_err(in_field("work"))
    }
}

fn default_name(id: InstanceId) -> InstanceName {
    let name = format!("dcs-{}", &id.to_string()[..8]);
    InstanceName::try_from(name).expect("twelve letters, digits and a dash are a name")
}

fn default_engine() -> Text<Engine> {
    Text(Engine::Redis)
}

fn read_capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Capacity>, D::Error> {
    Option::<f64>::deserialize(deserializer)?
        .map(Capacity::from_gigabytes)
        .transpose()
        .map_err(D::Error::custom)
}

#[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "serde calls it so")]
fn write_capacity<S: Serializer>(capacity: &Option<Capacity>, serializer: S) -> Result<S::Ok, S::Error> {
    capacity.map(Capacity::as_gigabytes).serialize(serializer)
}
