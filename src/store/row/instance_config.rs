//! What of the configuration of instances is kept as documents.

use serde::de::DeserializeOwned;

use crate::domain::instance_config::{
    BandwidthPolicy, DailyScan, Dated, ExpiredKeyScan, InstanceConfig, Whitelist,
};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;

/// The names of documents in `side_settings`.
pub(in crate::store) mod setting_name {
    pub(in crate::store) const WHITELIST: &str = "whitelist";
    pub(in crate::store) const BIG_KEY_SCAN: &str = "big_key_scan";
    pub(in crate::store) const HOT_KEY_SCAN: &str = "hot_key_scan";
    pub(in crate::store) const EXPIRED_KEY_SCAN: &str = "expired_key_scan";
    pub(in crate::store) const BANDWIDTH_POLICY: &str = "bandwidth_policy";
}

/// Every document.
const NAMES: [&str; 5] = [
    setting_name::WHITELIST,
    setting_name::BIG_KEY_SCAN,
    setting_name::HOT_KEY_SCAN,
    setting_name::EXPIRED_KEY_SCAN,
    setting_name::BANDWIDTH_POLICY,
];

/// Returns the document of a name, if that is set.
pub(in crate::store) fn document(settings: &InstanceConfig, name: &str) -> Option<String> {
    let text = match name {
        setting_name::WHITELIST => serde_json::to_string(&settings.whitelist),
        setting_name::BIG_KEY_SCAN => serde_json::to_string(&settings.big_key_scan.as_ref()?.value),
        setting_name::HOT_KEY_SCAN => serde_json::to_string(&settings.hot_key_scan.as_ref()?.value),
        setting_name::EXPIRED_KEY_SCAN => serde_json::to_string(&settings.expired_key_scan.as_ref()?.value),
        _ => serde_json::to_string(settings.bandwidth_policy.as_ref()?),
    };
    text.ok()
}

/// Returns the documents that are set, with their names, and when they were set if that is known.
pub(in crate::store) fn documents(
    settings: &InstanceConfig,
) -> impl Iterator<Item = (&'static str, String, Option<Timestamp>)> {
    let is_set = |name: &&str| *name != setting_name::WHITELIST || settings.whitelist != Whitelist::default();
    let daily = |scan: &Option<Dated<DailyScan>>| scan.as_ref().map(|scan| scan.updated_at);
    let updated_at = move |name: &str| match name {
        setting_name::BIG_KEY_SCAN => daily(&settings.big_key_scan),
        setting_name::HOT_KEY_SCAN => daily(&settings.hot_key_scan),
        setting_name::EXPIRED_KEY_SCAN => settings.expired_key_scan.as_ref().map(|scan| scan.updated_at),
        _ => None,
    };
    let documents = NAMES.into_iter().filter(is_set);
    documents.filter_map(move |name| Some((name, document(settings, name)?, updated_at(name))))
}

/// Puts a document where it belongs.
pub(in crate::store) fn take_document(
    settings: &mut InstanceConfig,
    name: &str,
    document: &str,
    updated_at: Timestamp,
) -> Result<(), StoreError> {
    let daily = |scan: DailyScan| DailyScan::new(scan.is_enabled(), scan.times().to_vec());
    let daily = || Ok::<_, StoreError>(Some(Dated { value: read(document, daily)?, updated_at }));
    match name {
        setting_name::WHITELIST => {
            let checked = |list: Whitelist| Whitelist::new(list.is_enabled(), list.groups().to_vec());
            settings.whitelist = read(document, checked)?;
        }
        setting_name::BIG_KEY_SCAN => settings.big_key_scan = daily()?,
        setting_name::HOT_KEY_SCAN => settings.hot_key_scan = daily()?,
        setting_name::EXPIRED_KEY_SCAN => {
            let value = read(document, ExpiredKeyScan::checked)?;
            settings.expired_key_scan = Some(Dated { value, updated_at });
        }
        setting_name::BANDWIDTH_POLICY => {
            settings.bandwidth_policy = Some(read(document, BandwidthPolicy::checked)?);
        }
        _ => return Err(StoreError::Inconsistent { what: "side_settings.name is unknown" }),
    }
    Ok(())
}

/// Reads a document that keeps the rules.
fn read<T: DeserializeOwned>(
    document: &str,
    checked: impl FnOnce(T) -> Result<T, Refusal>,
) -> Result<T, StoreError> {
    let read = serde_json::from_str(document).ok().and_then(|value| checked(value).ok());
    read.ok_or(StoreError::Inconsistent { what: "side_settings.document is malformed" })
}
