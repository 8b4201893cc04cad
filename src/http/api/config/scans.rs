//! Scans that instances run by themselves: for big keys, hot keys, expired keys.

use actix_web::HttpResponse;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::domain::id::InstanceId;
use crate::domain::instance;
use crate::domain::instance_config::{
    ConfigChange, DailyScan, Dated, ExpiredKeyScan, InstanceConfig, ScanTime, scan_start,
};
use crate::domain::key_analysis::AnalysisKind;
use crate::domain::refusal::Refusal;
use crate::engine::{Engine, InstanceRef};
use crate::http::api::config::change::{change, text_or_number};
use crate::http::context::InstanceContext;
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::time::rfc3339;

/// Returns the configuration of an instance. That of any Redis is shown, whether it can be scanned so or not: clients read it of all.
async fn scan_settings(
    engine: &Engine,
    instance: InstanceRef,
    scan: AnalysisKind,
) -> Result<InstanceConfig, ApiError> {
    let found = engine.instance_config(instance).await;
    let (instance, settings) = found.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    if instance.engine == instance::Engine::Memcached {
        scan.permit(&instance)?;
    }
    Ok(settings)
}

/// `GET …/bigkey/autoscan`.
pub(super) async fn show_big_key_scan(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    let scan = scan_settings(&engine, instance, AnalysisKind::Big).await?.big_key_scan;
    Ok(HttpResponse::Ok().json(DailyScanView::new(instance.instance_id, scan.as_ref())))
}

/// `PUT …/bigkey/autoscan`.
pub(super) async fn change_big_key_scan(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let scan = ConfigChange::BigKeyScan(read_daily_scan(&context.body)?);
    let scan = change(&engine, instance, scan, context.origin).await?.big_key_scan;
    Ok(HttpResponse::Ok().json(DailyScanView::new(instance.instance_id, scan.as_ref())))
}

/// `GET …/hotkey/autoscan`.
pub(super) async fn show_hot_key_scan(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    let scan = scan_settings(&engine, instance, AnalysisKind::Hot).await?.hot_key_scan;
    Ok(HttpResponse::Ok().json(DailyScanView::new(instance.instance_id, scan.as_ref())))
}

/// `PUT …/hotkey/autoscan`.
pub(super) async fn change_hot_key_scan(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let scan = ConfigChange::HotKeyScan(read_daily_scan(&context.body)?);
    let scan = change(&engine, instance, scan, context.origin).await?.hot_key_scan;
    Ok(HttpResponse::Ok().json(DailyScanView::new(instance.instance_id, scan.as_ref())))
}

/// `GET …/scan-expire-keys/autoscan-config`.
pub(super) async fn show_expired_key_scan(
    engine: Engine,
    InstanceContext { instance, .. }: InstanceContext,
) -> Response {
    let scan = scan_settings(&engine, instance, AnalysisKind::Expired).await?.expired_key_scan;
    Ok(HttpResponse::Ok().json(ExpiredKeyScanView::new(instance.instance_id, scan)))
}

/// `PUT …/scan-expire-keys/autoscan-config`.
pub(super) async fn change_expired_key_scan(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let scan = ConfigChange::ExpiredKeyScan(read_expired_key_scan(&context.body)?);
    let scan = change(&engine, instance, scan, context.origin).await?.expired_key_scan;
    Ok(HttpResponse::Ok().json(ExpiredKeyScanView::new(instance.instance_id, scan)))
}

/// A scan at times of the day.
#[derive(Deserialize, ToSchema)]
pub(super) struct DailyScanBody {
    #[schema(required)]
    enable_auto_scan: Option<bool>,
    /// Times of the day, `HH:mm`, UTC. A client leaves an empty list out.
    #[schema(max_items = 24)]
    schedule_at: Option<Vec<String>>,
}

fn read_daily_scan(body: &[u8]) -> Result<DailyScan, Refusal> {
    let body: DailyScanBody = mandatory_object(body)?;
    let enabled = body.enable_auto_scan.ok_or(Refusal::InvalidParameter { name: "enable_auto_scan" })?;
    let times: Option<Vec<ScanTime>> =
        body.schedule_at.unwrap_or_default().iter().map(|text| ScanTime::parse(text)).collect();
    DailyScan::new(enabled, times.ok_or(Refusal::InvalidParameter { name: "schedule_at" })?)
}

/// A scan at intervals, in seconds. A text may stand for any number.
#[derive(Deserialize, ToSchema)]
pub(super) struct ExpiredKeyScanBody {
    #[schema(required)]
    enable_auto_scan: Option<bool>,
    /// ISO 8601, UTC where it has no zone.
    #[schema(max_length = 40)]
    first_scan_at: Option<String>,
    #[serde(default, deserialize_with = "number")]
    #[schema(minimum = 0)]
    interval: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(minimum = 2)]
    timeout: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    #[schema(minimum = 10, maximum = 100_000)]
    scan_keys_count: Option<i64>,
}

/// Reads a scan. Known quirk: the page wants its first time to be still to come, but a client sends back what it was once
/// shown; any time is taken.
fn read_expired_key_scan(body: &[u8]) -> Result<ExpiredKeyScan, Refusal> {
    let body: ExpiredKeyScanBody = mandatory_object(body)?;
    let is_enabled = body.enable_auto_scan.ok_or(Refusal::InvalidParameter { name: "enable_auto_scan" })?;
    let first_scan_at = body.first_scan_at.filter(|text| !text.is_empty());
    if first_scan_at.as_ref().is_some_and(|text| scan_start(text).is_none()) {
        return Err(Refusal::InvalidScanStart);
    }
    let count = |number: Option<i64>, refusal| number.map(u64::try_from).transpose().map_err(|_| refusal);
    let keys = body.scan_keys_count.map(u32::try_from).transpose().map_err(|_| Refusal::InvalidScanKeys)?;
    ExpiredKeyScan {
        is_enabled,
        first_scan_at,
        interval_s: count(body.interval, Refusal::InvalidScanInterval)?,
        timeout_s: count(body.timeout, Refusal::InvalidScanTimeout)?,
        keys,
    }
    .checked()
}

/// Takes a whole number, or a text of one.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = text_or_number(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| serde::de::Error::custom("no whole number"))
}

/// A scan at times of the day.
#[derive(Serialize, ToSchema)]
pub(super) struct DailyScanView {
    instance_id: String,
    enable_auto_scan: bool,
    schedule_at: Vec<String>,
    updated_at: Option<String>,
}

impl DailyScanView {
    fn new(instance: InstanceId, scan: Option<&Dated<DailyScan>>) -> Self {
        Self {
            instance_id: instance.to_string(),
            enable_auto_scan: scan.is_some_and(|scan| scan.value.is_enabled()),
            schedule_at: scan
                .into_iter()
                .flat_map(|scan| scan.value.times())
                .map(ToString::to_string)
                .collect(),
            updated_at: scan.map(|scan| rfc3339(scan.updated_at)),
        }
    }
}

/// A scan at intervals, in seconds.
#[derive(Serialize, ToSchema)]
pub(super) struct ExpiredKeyScanView {
    instance_id: String,
    enable_auto_scan: bool,
    first_scan_at: Option<String>,
    interval: Option<u64>,
    timeout: Option<u64>,
    scan_keys_count: Option<u32>,
    updated_at: Option<String>,
}

impl ExpiredKeyScanView {
    fn new(instance: InstanceId, scan: Option<Dated<ExpiredKeyScan>>) -> Self {
        let updated_at = scan.as_ref().map(|scan| rfc3339(scan.updated_at));
        let scan = scan.map(|scan| scan.value).unwrap_or_default();
        Self {
            instance_id: instance.to_string(),
            enable_auto_scan: scan.is_enabled,
            first_scan_at: scan.first_scan_at,
            interval: scan.interval_s,
            timeout: scan.timeout_s,
            scan_keys_count: scan.keys,
            updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_is_kept_as_it_was_written() {
        for text in ["2023-07-07T15:00:05.000", "2023-07-07T15:00:05.000Z", "2023-07-07T15:00:05+02:00"] {
            let body = format!(
                r#"{{"enable_auto_scan": true, "first_scan_at": "{text}", "interval": "60", "timeout": 120}}"#
            );
            let scan = read_expired_key_scan(body.as_bytes()).unwrap();
            assert_eq!((scan.first_scan_at.as_deref(), scan.interval_s), (Some(text), Some(60)));
        }
        for text in ["yesterday", "2023-07-07", "2023-13-07T15:00:05Z"] {
            let body = format!(r#"{{"enable_auto_scan": true, "first_scan_at": "{text}"}}"#);
            assert_eq!(read_expired_key_scan(body.as_bytes()), Err(Refusal::InvalidScanStart), "{text}");
        }
    }

    #[test]
    fn each_number_has_its_own_refusal() {
        for (member, refusal) in [
            ("interval", Refusal::InvalidScanInterval),
            ("timeout", Refusal::InvalidScanTimeout),
            ("scan_keys_count", Refusal::InvalidScanKeys),
        ] {
            let body = format!(r#"{{"enable_auto_scan": false, "{member}": -1}}"#);
            assert_eq!(read_expired_key_scan(body.as_bytes()), Err(refusal));
        }
    }
}
