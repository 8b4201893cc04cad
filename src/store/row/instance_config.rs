//! Rows of the configuration of instances.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::sqlite::SqliteRow;

use crate::domain::config_template::{ConfigTemplate, TemplateKind, TemplateRef};
use crate::domain::id::{ParameterChangeId, TemplateId};
use crate::domain::instance::{Engine, EngineVersion};
use crate::domain::instance_config::{
    BandwidthPolicy, ChangedParameter, DailyScan, Dated, ExpiredKeyScan, InstanceConfig, ScaleIn, ScanTime,
    Tag, TagKey, TagValue, Whitelist, WhitelistGroup,
};
use crate::domain::time::Timestamp;
use crate::store::ParameterHistoryEntry;
use crate::store::error::StoreError;
use crate::store::row::{bytes16, column, parse, timestamp};

/// The names of documents in `side_settings`.
pub(in crate::store) mod setting_name {
    pub(in crate::store) const WHITELIST: &str = "whitelist";
    pub(in crate::store) const BIG_KEY_SCAN: &str = "big_key_scan";
    pub(in crate::store) const HOT_KEY_SCAN: &str = "hot_key_scan";
    pub(in crate::store) const EXPIRED_KEY_SCAN: &str = "expired_key_scan";
    pub(in crate::store) const BANDWIDTH_POLICY: &str = "bandwidth_policy";
}

/// A value that is kept as a JSON document.
pub(in crate::store) trait Document: Sized {
    /// The document's form.
    type Form: Serialize + DeserializeOwned;

    /// Returns the form of the value.
    fn form(&self) -> Self::Form;

    /// Restores the value; none if the program would never have written the form.
    fn value(form: Self::Form) -> Option<Self>;

    /// Writes the value.
    fn to_json(&self) -> Result<String, StoreError> {
        serde_json::to_string(&self.form())
            .map_err(|_| StoreError::Inconsistent { what: "a side setting cannot be written as JSON" })
    }

    /// Reads the value.
    fn from_json(text: &str) -> Result<Self, StoreError> {
        let form = serde_json::from_str(text).ok();
        form.and_then(Self::value)
            .ok_or(StoreError::Inconsistent { what: "side_settings.document is malformed" })
    }
}

#[derive(Serialize, Deserialize)]
pub(in crate::store) struct WhitelistForm {
    enabled: bool,
    groups: Vec<(String, Vec<String>)>,
}

impl Document for Whitelist {
    type Form = WhitelistForm;

    fn form(&self) -> WhitelistForm {
        let groups = self.groups().iter().map(|group| (group.name.clone(), group.addresses.clone()));
        WhitelistForm { enabled: self.is_enabled(), groups: groups.collect() }
    }

    fn value(form: WhitelistForm) -> Option<Self> {
        let group = |(name, addresses)| WhitelistGroup { name, addresses };
        Self::new(form.enabled, form.groups.into_iter().map(group).collect()).ok()
    }
}

#[derive(Serialize, Deserialize)]
pub(in crate::store) struct DailyScanForm {
    enabled: bool,
    at: Vec<String>,
}

impl Document for DailyScan {
    type Form = DailyScanForm;

    fn form(&self) -> DailyScanForm {
        let at = self.times().iter().map(ToString::to_string).collect();
        DailyScanForm { enabled: self.is_enabled(), at }
    }

    fn value(form: DailyScanForm) -> Option<Self> {
        let times: Option<Vec<_>> = form.at.iter().map(|text| ScanTime::parse(text)).collect();
        Self::new(form.enabled, times?).ok()
    }
}

#[derive(Serialize, Deserialize)]
pub(in crate::store) struct ExpiredKeyScanForm {
    enabled: bool,
    first_scan_at: Option<String>,
    interval_s: Option<u64>,
    timeout_s: Option<u64>,
    keys: Option<u32>,
}

impl Document for ExpiredKeyScan {
    type Form = ExpiredKeyScanForm;

    fn form(&self) -> ExpiredKeyScanForm {
        ExpiredKeyScanForm {
            enabled: self.is_enabled,
            first_scan_at: self.first_scan_at.clone(),
            interval_s: self.interval_s,
            timeout_s: self.timeout_s,
            keys: self.keys,
        }
    }

    fn value(form: ExpiredKeyScanForm) -> Option<Self> {
        let ExpiredKeyScanForm { enabled, first_scan_at, interval_s, timeout_s, keys } = form;
        Self { is_enabled: enabled, first_scan_at, interval_s, timeout_s, keys }.checked().ok()
    }
}

#[derive(Serialize, Deserialize)]
pub(in crate::store) struct BandwidthPolicyForm {
    window_minutes: u32,
    upper_percent: u32,
    grow_cooldown_s: u64,
    shrinks: Option<bool>,
    lower_percent: Option<u32>,
    shrink_cooldown_s: Option<u64>,
}

impl Document for BandwidthPolicy {
    type Form = BandwidthPolicyForm;

    fn form(&self) -> BandwidthPolicyForm {
        let ScaleIn { is_enabled, lower_percent, cooldown_s } = self.scale_in;
        BandwidthPolicyForm {
            window_minutes: self.window_minutes,
            upper_percent: self.upper_percent,
            grow_cooldown_s: self.grow_cooldown_s,
            shrinks: is_enabled,
            lower_percent,
            shrink_cooldown_s: cooldown_s,
        }
    }

    fn value(form: BandwidthPolicyForm) -> Option<Self> {
        let scale_in = ScaleIn {
            is_enabled: form.shrinks,
            lower_percent: form.lower_percent,
            cooldown_s: form.shrink_cooldown_s,
        };
        let BandwidthPolicyForm { window_minutes, upper_percent, grow_cooldown_s, .. } = form;
        Self { window_minutes, upper_percent, grow_cooldown_s, scale_in }.checked().ok()
    }
}

/// What changed at one time, in `parameter_changes.changes`.
#[derive(Serialize, Deserialize)]
struct ChangedForm {
    name: String,
    old: String,
    new: String,
}

/// Writes what of the parameters changed.
pub(in crate::store) fn changes_json(changes: &[ChangedParameter]) -> Result<String, StoreError> {
    let form = |change: &ChangedParameter| ChangedForm {
        name: change.name.clone(),
        old: change.old_value.clone(),
        new: change.new_value.clone(),
    };
    serde_json::to_string(&changes.iter().map(form).collect::<Vec<_>>())
        .map_err(|_| StoreError::Inconsistent { what: "changes of parameters cannot be written as JSON" })
}

/// Reads a row of `parameter_changes`.
pub(in crate::store) fn parameter_history_entry(
    row: &SqliteRow,
) -> Result<ParameterHistoryEntry, StoreError> {
    let changes: Vec<ChangedForm> = serde_json::from_str(column(row, "changes")?)
        .map_err(|_| StoreError::Inconsistent { what: "parameter_changes.changes is malformed" })?;
    let change =
        |form: ChangedForm| ChangedParameter { name: form.name, old_value: form.old, new_value: form.new };
    Ok(ParameterHistoryEntry {
        id: ParameterChangeId::from_bytes(bytes16(row, "change_id")?),
        at: timestamp(row, "changed_at")?,
        changes: changes.into_iter().map(change).collect(),
    })
}

/// Reads a row of `instance_tags`.
pub(in crate::store) fn tag(row: &SqliteRow) -> Result<Tag, StoreError> {
    let malformed = StoreError::Inconsistent { what: "a tag is malformed" };
    let key = TagKey::try_from(column::<String>(row, "key")?).map_err(|_| malformed.clone())?;
    let value = TagValue::try_from(column::<String>(row, "value")?).map_err(|_| malformed)?;
    Ok(Tag { key, value })
}

/// Puts a document of `side_settings` where it belongs.
pub(in crate::store) fn take_document(
    settings: &mut InstanceConfig,
    name: &str,
    document: &str,
    updated_at: Timestamp,
) -> Result<(), StoreError> {
    match name {
        setting_name::WHITELIST => settings.whitelist = Whitelist::from_json(document)?,
        setting_name::BIG_KEY_SCAN => {
            settings.big_key_scan = Some(Dated { value: DailyScan::from_json(document)?, updated_at });
        }
        setting_name::HOT_KEY_SCAN => {
            settings.hot_key_scan = Some(Dated { value: DailyScan::from_json(document)?, updated_at });
        }
        setting_name::EXPIRED_KEY_SCAN => {
            settings.expired_key_scan =
                Some(Dated { value: ExpiredKeyScan::from_json(document)?, updated_at });
        }
        setting_name::BANDWIDTH_POLICY => {
            settings.bandwidth_policy = Some(BandwidthPolicy::from_json(document)?);
        }
        _ => return Err(StoreError::Inconsistent { what: "side_settings.name is unknown" }),
    }
    Ok(())
}

/// Writes the values of a template.
pub(in crate::store) fn values_json(values: &BTreeMap<u8, String>) -> Result<String, StoreError> {
    serde_json::to_string(values)
        .map_err(|_| StoreError::Inconsistent { what: "values of a template cannot be written as JSON" })
}

/// Reads a row of `config_templates`.
pub(in crate::store) fn template(row: &SqliteRow) -> Result<ConfigTemplate, StoreError> {
    let engine_version = EngineVersion::new(Engine::Redis, column(row, "engine_version")?)
        .map_err(|_| StoreError::Inconsistent { what: "config_templates.engine_version is unknown" })?;
    let cache_mode = parse(row, "cache_mode", "config_templates.cache_mode is unknown")?;
    Ok(ConfigTemplate {
        id: TemplateRef::Own(TemplateId::from_bytes(bytes16(row, "template_id")?)),
        name: column(row, "name")?,
        description: column(row, "description")?,
        kind: TemplateKind {
            engine_version,
            cache_mode,
            edition: parse(row, "product_type", "config_templates.product_type is unknown")?,
            storage: parse(row, "storage_type", "config_templates.storage_type is unknown")?,
        },
        values: serde_json::from_str(column(row, "parameter_values")?).map_err(|_| {
            StoreError::Inconsistent { what: "config_templates.parameter_values is malformed" }
        })?,
        created_at: Some(timestamp(row, "created_at")?),
    })
}
