//! The configuration of instances and projects in a seed, in the words of the API: read and written in one form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::catalogue::{Edition, Storage};
use crate::domain::config_template::{ConfigTemplate, TemplateAttributes, TemplateKind, TemplateRef};
use crate::domain::id::{ProjectId, TemplateId};
use crate::domain::instance::policy::{BackupPlan, BackupPolicy, PlanRequest, PolicyRequest, StoredPolicy};
use crate::domain::instance::{CacheMode, Engine, EngineVersion, Instance};
use crate::domain::instance_config::{
    BandwidthPolicy, DailyScan, Dated, ExpiredKeyScan, ParameterChange, Parameters, ScaleIn, ScanTime, Tag,
    TagKey, TagValue, Whitelist, WhitelistGroup, scan_start,
};
use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::engine::seed::text::{Short, Text, derived_id};

/// Values of parameters, by their names.
pub(super) type ParameterValues = BTreeMap<String, String>;

/// Reads values of parameters.
pub(super) fn read_parameters(
    values: &ParameterValues,
    offered: &Parameters,
) -> Result<BTreeMap<u8, String>, String> {
    let change = |(name, value): (&String, &String)| ParameterChange {
        id: String::new(),
        name: name.clone(),
        value: value.clone(),
    };
    let changes: Vec<ParameterChange> = values.iter().map(change).collect();
    offered.read(&changes).map_err(|refusal| refusal.to_string())
}

/// Writes those values that can still be set: another size may not offer a value of before.
pub(super) fn write_parameters(values: &BTreeMap<u8, String>, offered: &Parameters) -> ParameterValues {
    let named = |(id, value): (&u8, &String)| {
        let parameter = offered.by_id(*id).filter(|parameter| parameter.range.holds(value))?;
        Some((parameter.name.to_owned(), value.clone()))
    };
    values.iter().filter_map(named).collect()
}

/// A tag in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TagEntry {
    key: Text<TagKey>,
    #[serde(default)]
    value: Option<Text<TagValue>>,
}

impl TagEntry {
    pub(super) fn tag(&self) -> Tag {
        let value = self.value.as_ref().map(|value| value.0.clone());
        Tag { key: self.key.0.clone(), value: value.unwrap_or_default() }
    }
}

impl From<&Tag> for TagEntry {
    fn from(tag: &Tag) -> Self {
        Self { key: Text(tag.key.clone()), value: Some(Text(tag.value.clone())) }
    }
}

/// A backup policy in a seed. It is written as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyEntry {
    /// Follows from the instance when left out.
    backup_policy_id: Option<Short>,
    /// When it runs next, as it has planned; from the seeding on when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_run_at: Option<Text<Timestamp>>,
    created_at: Option<Text<Timestamp>>,
    updated_at: Option<Text<Timestamp>>,
    backup_type: Option<Short>,
    #[serde(skip_serializing_if = "Option::is_none")]
    save_days: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    periodical_backup_plan: Option<PlanEntry>,
}

/// When a policy makes backups, in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanEntry {
    begin_at: Option<Short>,
    period_type: Option<Short>,
    #[serde(default)]
    backup_at: Vec<u64>,
    timezone_offset: Option<Short>,
}

impl PolicyEntry {
    /// Makes the policy of an instance.
    pub(super) fn policy(&self, instance: &Instance, offset: UtcOffset) -> Result<StoredPolicy, String> {
        let text = |text: &Option<Short>| text.as_ref().map(|text| text.0.clone());
        let plan = self.periodical_backup_plan.as_ref().map(|plan| PlanRequest {
            begin_at: text(&plan.begin_at),
            period_type: text(&plan.period_type),
            backup_at: plan.backup_at.clone(),
            timezone_offset: text(&plan.timezone_offset),
        });
        let sent = PolicyRequest { backup_type: text(&self.backup_type), save_days: self.save_days, plan };
        let policy = BackupPolicy::new(sent, offset).map_err(|refusal| refusal.to_string())?;
        let id = match &self.backup_policy_id {
            Some(id) => id.0.parse().map_err(|_| "has a backup_policy_id that is no UUID".to_owned())?,
            None => uuid::Uuid::from_bytes(derived_id(&format!("backup policy of {}", instance.id))),
        };
        let created_at = self.created_at.map_or(instance.created_at, |time| time.0);
        let updated_at = self.updated_at.map_or(created_at, |time| time.0);
        if updated_at < created_at {
            return Err("was updated before it was created".to_owned());
        }
        let policy = policy.ok_or("says nothing")?;
        if self.next_run_at.is_some() && !policy.is_automatic() {
            return Err("has a next run and is not auto".to_owned());
        }
        Ok(StoredPolicy { id, policy, created_at, updated_at })
    }

    /// Writes a policy.
    pub(super) fn of(kept: &StoredPolicy, next_run_at: Option<Timestamp>) -> Self {
        let StoredPolicy { id, policy, created_at, updated_at } = kept;
        let plan = policy.plan.as_ref().map(|plan| PlanEntry {
            begin_at: Some(Short(plan.window().as_str().to_owned())),
            period_type: Some(Short(BackupPlan::PERIOD.to_owned())),
            backup_at: plan.days().iter().copied().map(u64::from).collect(),
            timezone_offset: Some(Short(plan.timezone_offset().to_owned())),
        });
        Self {
            backup_policy_id: Some(Short(id.to_string())),
            next_run_at: next_run_at.map(Text),
            created_at: Some(Text(*created_at)),
            updated_at: Some(Text(*updated_at)),
            backup_type: Some(Short(policy.kind.as_str().to_owned())),
            save_days: policy.save_days.map(u64::from),
            periodical_backup_plan: plan,
        }
    }
}

/// A whitelist in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhitelistEntry {
    enable_whitelist: bool,
    #[serde(default)]
    whitelist: Vec<GroupEntry>,
}

/// A group of addresses in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupEntry {
    group_name: String,
    #[serde(default)]
    ip_list: Vec<String>,
}

impl WhitelistEntry {
    pub(super) fn whitelist(&self) -> Result<Whitelist, String> {
        let group = |group: &GroupEntry| WhitelistGroup {
            name: group.group_name.clone(),
            addresses: group.ip_list.clone(),
        };
        let groups = self.whitelist.iter().map(group).collect();
        Whitelist::new(self.enable_whitelist, groups).map_err(|refusal| refusal.to_string())
    }

    /// Writes a whitelist, if one was set.
    pub(super) fn of(whitelist: &Whitelist) -> Option<Self> {
        let group = |group: &WhitelistGroup| GroupEntry {
            group_name: group.name.clone(),
            ip_list: group.addresses.clone(),
        };
        (*whitelist != Whitelist::default()).then(|| Self {
            enable_whitelist: whitelist.is_enabled(),
            whitelist: whitelist.groups().iter().map(group).collect(),
        })
    }
}

/// A scan for big or hot keys in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DailyScanEntry {
    enable_auto_scan: bool,
    #[serde(default)]
    schedule_at: Vec<ScanTime>,
    updated_at: Option<Text<Timestamp>>,
}

impl DailyScanEntry {
    pub(super) fn scan(&self, now: Timestamp) -> Result<Dated<DailyScan>, Refusal> {
        let value = DailyScan::new(self.enable_auto_scan, self.schedule_at.clone())?;
        Ok(Dated { value, updated_at: self.updated_at.map_or(now, |time| time.0) })
    }
}

impl From<Dated<DailyScan>> for DailyScanEntry {
    fn from(scan: Dated<DailyScan>) -> Self {
        Self {
            enable_auto_scan: scan.value.is_enabled(),
            schedule_at: scan.value.times().to_vec(),
            updated_at: Some(Text(scan.updated_at)),
        }
    }
}

/// A scan for expired keys in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpiredKeyScanEntry {
    enable_auto_scan: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_scan_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scan_keys_count: Option<u32>,
    updated_at: Option<Text<Timestamp>>,
}

impl ExpiredKeyScanEntry {
    pub(super) fn scan(&self, now: Timestamp) -> Result<Dated<ExpiredKeyScan>, Refusal> {
        if self.first_scan_at.as_deref().is_some_and(|text| scan_start(text).is_none()) {
            return Err(Refusal::InvalidScanStart);
        }
        let scan = ExpiredKeyScan {
            is_enabled: self.enable_auto_scan,
            first_scan_at: self.first_scan_at.clone(),
            interval_s: self.interval,
            timeout_s: self.timeout,
            keys: self.scan_keys_count,
        };
        Ok(Dated { value: scan.checked()?, updated_at: self.updated_at.map_or(now, |time| time.0) })
    }
}

impl From<Dated<ExpiredKeyScan>> for ExpiredKeyScanEntry {
    fn from(Dated { value: scan, updated_at }: Dated<ExpiredKeyScan>) -> Self {
        Self {
            enable_auto_scan: scan.is_enabled,
            first_scan_at: scan.first_scan_at,
            interval: scan.interval_s,
            timeout: scan.timeout_s,
            scan_keys_count: scan.keys,
            updated_at: Some(Text(updated_at)),
        }
    }
}

/// A policy of bandwidth in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandwidthEntry {
    window_size: u32,
    bandwidth_usage_upper_threshold: u32,
    scale_out_cooldown: u64,
    scale_in_enabled: Option<bool>,
    bandwidth_usage_lower_threshold: Option<u32>,
    scale_in_cooldown: Option<u64>,
}

impl BandwidthEntry {
    pub(super) fn policy(&self) -> Result<BandwidthPolicy, String> {
        let scale_in = ScaleIn {
            is_enabled: self.scale_in_enabled,
            lower_percent: self.bandwidth_usage_lower_threshold,
            cooldown_s: self.scale_in_cooldown,
        };
        let policy = BandwidthPolicy {
            window_minutes: self.window_size,
            upper_percent: self.bandwidth_usage_upper_threshold,
            grow_cooldown_s: self.scale_out_cooldown,
            scale_in,
        };
        policy.checked().map_err(|refusal| refusal.to_string())
    }
}

impl From<BandwidthPolicy> for BandwidthEntry {
    fn from(policy: BandwidthPolicy) -> Self {
        Self {
            window_size: policy.window_minutes,
            bandwidth_usage_upper_threshold: policy.upper_percent,
            scale_out_cooldown: policy.grow_cooldown_s,
            scale_in_enabled: policy.scale_in.is_enabled,
            bandwidth_usage_lower_threshold: policy.scale_in.lower_percent,
            scale_in_cooldown: policy.scale_in.cooldown_s,
        }
    }
}

/// A template of configuration parameters in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateEntry {
    /// Follows from project and name when left out.
    template_id: Option<Text<TemplateId>>,
    name: Short,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    engine_version: String,
    cache_mode: Text<CacheMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_type: Option<Text<Edition>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_type: Option<Text<Storage>>,
    #[serde(default)]
    params: ParameterValues,
    created_at: Option<Text<Timestamp>>,
}

impl TemplateEntry {
    /// Makes the template of a project.
    pub(super) fn template(&self, project_id: ProjectId, now: Timestamp) -> Result<ConfigTemplate, String> {
        let name = &self.name.0;
        let default_id = || TemplateId::from_bytes(derived_id(&format!("template {name} of {project_id}")));
        let id = self.template_id.map_or_else(default_id, |id| id.0);
        let engine_version = EngineVersion::new(Engine::Redis, self.engine_version.clone())
            .map_err(|error| format!("engine_version {error}"))?;
        let kind = TemplateKind {
            engine_version,
            cache_mode: self.cache_mode.0,
            edition: self.product_type.map(|word| word.0).unwrap_or_default(),
            storage: self.storage_type.map(|word| word.0).unwrap_or_default(),
        };
        let template = ConfigTemplate {
            id: TemplateRef::Own(id),
            name: String::new(),
            description: None,
            kind,
            values: BTreeMap::new(),
            created_at: None,
        };
        let words = TemplateAttributes {
            name: Some(name.clone()),
            description: self.description.clone(),
            values: Some(self.params.clone()),
        };
        let created_at = self.created_at.map_or(now, |time| time.0);
        template.derived(id, words, created_at).map_err(|refusal| refusal.to_string())
    }
}

impl From<ConfigTemplate> for TemplateEntry {
    fn from(template: ConfigTemplate) -> Self {
        Self {
            template_id: match template.id {
                TemplateRef::Own(id) => Some(Text(id)),
                TemplateRef::Shipped(_) => None,
            },
            params: write_parameters(&template.values, &template.kind.parameters()),
            name: Short(template.name),
            description: template.description,
            engine_version: template.kind.engine_version.as_str().to_owned(),
            cache_mode: Text(template.kind.cache_mode),
            product_type: Some(template.kind.edition).filter(|one| *one != Edition::default()).map(Text),
            storage_type: Some(template.kind.storage).filter(|one| *one != Storage::default()).map(Text),
            created_at: template.created_at.map(Text),
        }
    }
}
