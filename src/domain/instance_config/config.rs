//! The configuration of one instance, and its changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::instance::{Instance, InstanceAction};
use crate::domain::instance_config::parameter_table::MAXMEMORY_POLICY;
use crate::domain::instance_config::{
    BandwidthPolicy, DailyScan, ExpiredKeyScan, ParameterChange, Parameters, TagAction, Tags, Whitelist,
};
use crate::domain::key_analysis::AnalysisKind;
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::task::{TaskKind, TaskSubject};
use crate::domain::time::Timestamp;

/// A setting, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated<T> {
    /// The setting.
    pub value: T,
    /// When it was made.
    pub updated_at: Timestamp,
}

/// The configuration of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceConfig {
    /// The values that were set, by the parameters' ids.
    pub parameters: BTreeMap<u8, String>,
    /// When a parameter last got another value.
    pub parameters_changed_at: Option<Timestamp>,
    /// The tags.
    pub tags: Tags,
    /// Who may connect.
    pub whitelist: Whitelist,
    /// The scan for big keys.
    pub big_key_scan: Option<Dated<DailyScan>>,
    /// The scan for hot keys.
    pub hot_key_scan: Option<Dated<DailyScan>>,
    /// The scan for expired keys.
    pub expired_key_scan: Option<Dated<ExpiredKeyScan>>,
    /// The policy of bandwidth.
    pub bandwidth_policy: Option<BandwidthPolicy>,
}

/// A change of the configuration of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigChange {
    /// Sets parameters: all of them, or none.
    Parameters(Vec<ParameterChange>),
    /// Sets or removes tags.
    Tags(TagAction),
    /// Sets who may connect, in place of what was set.
    Whitelist(Whitelist),
    /// Sets the scan for big keys.
    BigKeyScan(DailyScan),
    /// Sets the scan for hot keys.
    HotKeyScan(DailyScan),
    /// Sets the scan for expired keys.
    ExpiredKeyScan(ExpiredKeyScan),
    /// Sets the policy of bandwidth, or removes it.
    BandwidthPolicy(Option<BandwidthPolicy>),
}

/// A parameter that has another value than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedParameter {
    /// Its name.
    pub name: String,
    /// The value it had.
    #[serde(rename = "old")]
    pub old_value: String,
    /// The value it has.
    #[serde(rename = "new")]
    pub new_value: String,
}

impl ConfigChange {
    /// Returns its kind of background work when no job is asked for, if it has one.
    pub fn task(&self) -> Option<TaskKind> {
        matches!(self, Self::Whitelist(_)).then_some(TaskKind::SetWhitelist)
    }

    /// Returns what a task tells of it.
    pub fn task_subject(&self) -> TaskSubject {
        let Self::Whitelist(whitelist) = self else { return TaskSubject::default() };
        let names: Vec<&str> = whitelist.groups().iter().map(|group| group.name.as_str()).collect();
        let group_name = Some(names.join(",")).filter(|names| !names.is_empty());
        TaskSubject { group_name, ..TaskSubject::default() }
    }

    /// Returns what it has instances look for by themselves, if it is about that.
    pub fn scan(&self) -> Option<AnalysisKind> {
        match self {
            Self::BigKeyScan(_) => Some(AnalysisKind::Big),
            Self::HotKeyScan(_) => Some(AnalysisKind::Hot),
            Self::ExpiredKeyScan(_) => Some(AnalysisKind::Expired),
            Self::Parameters(_) | Self::Tags(_) | Self::Whitelist(_) | Self::BandwidthPolicy(_) => None,
        }
    }

    /// Returns what the audit says of it. Values are not secret; addresses and tags are left out all the same.
    pub fn note(&self) -> String {
        match self {
            Self::Parameters(changes) => {
                let words = |change: &ParameterChange| format!("{}={}", change.name, change.value);
                let words = changes.iter().map(words).collect::<Vec<_>>().join(" ");
                // There may be many, and the history of parameters has them all.
                Remark::abridged(&format!("parameters {words}")).as_str().to_owned()
            }
            Self::Tags(TagAction::Create(_)) => "tags set".to_owned(),
            Self::Tags(TagAction::Delete(_)) => "tags removed".to_owned(),
            Self::Whitelist(whitelist) if whitelist.is_enabled() => "whitelist enabled".to_owned(),
            Self::Whitelist(_) => "whitelist disabled".to_owned(),
            Self::BigKeyScan(_) => "big key scan set".to_owned(),
            Self::HotKeyScan(_) => "hot key scan set".to_owned(),
            Self::ExpiredKeyScan(_) => "expired key scan set".to_owned(),
            Self::BandwidthPolicy(Some(_)) => "bandwidth policy set".to_owned(),
            Self::BandwidthPolicy(None) => "bandwidth policy removed".to_owned(),
        }
    }
}

impl InstanceConfig {
    /// Makes a change; returns the parameters that have another value by it.
    ///
    /// # Errors
    /// As [`Parameters::read`], [`Tags::apply`], [`Whitelist::permit`] and [`AnalysisKind::permit`]; then nothing has changed.
    pub fn apply(
        &mut self,
        change: ConfigChange,
        instance: &Instance,
        now: Timestamp,
    ) -> Result<Vec<ChangedParameter>, Refusal> {
        if let Some(scan) = change.scan() {
            scan.permit(instance)?;
        }
        match change {
            ConfigChange::Parameters(changes) => {
                instance.permit(InstanceAction::Configure)?;
                return self.set_parameters(&changes, &instance.parameters(), now);
            }
            ConfigChange::Tags(action) => self.tags.apply(action)?,
            ConfigChange::Whitelist(whitelist) => {
                Whitelist::permit(instance.engine, &instance.engine_version)?;
                self.whitelist = whitelist;
            }
            ConfigChange::BigKeyScan(value) => self.big_key_scan = Some(Dated { value, updated_at: now }),
            ConfigChange::HotKeyScan(value) => self.hot_key_scan = Some(Dated { value, updated_at: now }),
            ConfigChange::ExpiredKeyScan(value) => {
                self.expired_key_scan = Some(Dated { value, updated_at: now });
            }
            ConfigChange::BandwidthPolicy(policy) => self.bandwidth_policy = policy,
        }
        Ok(Vec::new())
    }

    fn set_parameters(
        &mut self,
        requested: &[ParameterChange],
        offered: &Parameters,
        now: Timestamp,
    ) -> Result<Vec<ChangedParameter>, Refusal> {
        let mut changed = Vec::new();
        for (id, new_value) in offered.read(requested)? {
            let Some(parameter) = offered.by_id(id) else { continue };
            let old_value = self.parameters.insert(id, new_value.clone());
            let old_value = old_value.unwrap_or_else(|| parameter.default.to_owned());
            if old_value != new_value {
                changed.push(ChangedParameter { name: parameter.name.to_owned(), old_value, new_value });
            }
        }
        if !changed.is_empty() {
            self.parameters_changed_at = Some(now);
        }
        Ok(changed)
    }

    /// Returns when a scan runs next by itself after `time`, where it is `now`; none if it does not.
    pub fn next_scan(&self, scan: AnalysisKind, time: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let daily = |scan: &Option<Dated<DailyScan>>| scan.as_ref()?.value.next_run(time, now);
        match scan {
            AnalysisKind::Big => daily(&self.big_key_scan),
            AnalysisKind::Hot => daily(&self.hot_key_scan),
            AnalysisKind::Expired => {
                let scan = self.expired_key_scan.as_ref()?;
                scan.value.next_run(scan.updated_at, time, now)
            }
            AnalysisKind::Offline => None,
        }
    }

    /// Decides whether an analysis finds what it looks for: uses of keys are counted by some policies only, none of them the usual one.
    /// Setting `compat.hotkey_needs_lfu`.
    ///
    /// # Errors
    /// `HotKeyScanUnsupported`.
    pub fn permit_analysis(&self, kind: AnalysisKind) -> Result<(), Refusal> {
        let counts_uses = self.parameter(MAXMEMORY_POLICY).is_some_and(|policy| policy.ends_with("-lfu"));
        if kind == AnalysisKind::Hot && !counts_uses { Err(Refusal::HotKeyScanUnsupported) } else { Ok(()) }
    }

    /// Returns the value of a parameter of an instance.
    pub fn parameter(&self, id: u8) -> Option<&str> {
        self.parameters.get(&id).map(String::as_str)
    }
}

impl Instance {
    /// Returns the parameters it has.
    pub fn parameters(&self) -> Parameters {
        Parameters::of(self.engine, &self.engine_version, self.cache_mode, self.max_memory_mb())
    }
}
