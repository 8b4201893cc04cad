//! Analyses of keys: big ones, hot ones, expired ones, and those of backups.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 3.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::id::AnalysisId;
use crate::domain::instance::{CacheMode, Instance};
use crate::domain::key_analysis::{
    AnalysisKind, AnalysisStatus, FoundKey, KeyAnalysis, KeyGroup, OfflineTarget,
};
use crate::domain::page::PageRequest;
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::api::versions::{PAGE_QUERY, page_of, page_request};
use crate::http::context::{InstanceContext, RequestContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{Query, mandatory_object};
use crate::http::flexible;
use crate::http::route::{DELETE, GET, POST, QueryParameter, RouteEntry, Tag, reading, text, writing};

/// Returns the routes.
#[expect(clippy::too_many_lines, reason = "one row an operation")]
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag =
        Tag { name: "Key analyses", about: "Big, hot and expired keys, and the keys of backups." };
    const STATUS: QueryParameter =
        text("status", "Only those in this state.").one_of(&["waiting", "running", "success", "failed"]);
    const READ: &str = "dcs:instance:get";
    const WRITE: &str = "dcs:instance:modify";
    use AnalysisKind::{Big, Expired, Hot, Offline};
    TAG.routes([
        writing("create_bigkey_scan_task", WRITE)
            .summary("Looks for big keys")
            .v2(
                POST,
                "/instances/{instance_id}/bigkey-task",
                endpoint(|engine, context| create(engine, context, Big)),
            )
            .answers::<ScanView>(),
        reading("list_bigkey_scan_tasks", READ)
            .summary("Lists searches for big keys")
            .v2(
                GET,
                "/instances/{instance_id}/bigkey-tasks",
                endpoint(|engine, context| list(engine, context, Big)),
            )
            .query(PAGE_QUERY)
            .query(&[STATUS])
            .answers::<ScansView>(),
        reading("show_bigkey_scan_task_details", READ)
            .summary("Shows a search for big keys")
            .v2(
                GET,
                "/instances/{instance_id}/bigkey-task/{bigkey_id}",
                endpoint(|engine, context| show(engine, context, Big, "bigkey_id")),
            )
            .answers::<ScanView>(),
        writing("delete_bigkey_scan_task", WRITE)
            .summary("Deletes a search for big keys")
            .v2(
                DELETE,
                "/instances/{instance_id}/bigkey-task/{bigkey_id}",
                endpoint(|engine, context| delete(engine, context, Big, "bigkey_id")),
            )
            .answers_nothing(),
        writing("create_hotkey_scan_task", WRITE)
            .summary("Looks for hot keys")
            .v2(
                POST,
                "/instances/{instance_id}/hotkey-task",
                endpoint(|engine, context| create(engine, context, Hot)),
            )
            .answers::<ScanView>(),
        reading("list_hot_key_scan_tasks", READ)
            .summary("Lists searches for hot keys")
            .v2(
                GET,
                "/instances/{instance_id}/hotkey-tasks",
                endpoint(|engine, context| list(engine, context, Hot)),
            )
            .query(PAGE_QUERY)
            .query(&[STATUS])
            .answers::<ScansView>(),
        reading("show_hotkey_task_details", READ)
            .summary("Shows a search for hot keys")
            .v2(
                GET,
                "/instances/{instance_id}/hotkey-task/{hotkey_id}",
                endpoint(|engine, context| show(engine, context, Hot, "hotkey_id")),
            )
            .answers::<ScanView>(),
        writing("delete_hotkey_scan_task", WRITE)
            .summary("Deletes a search for hot keys")
            .v2(
                DELETE,
                "/instances/{instance_id}/hotkey-task/{hotkey_id}",
                endpoint(|engine, context| delete(engine, context, Hot, "hotkey_id")),
            )
            .answers_nothing(),
        reading("download_hot_key", READ)
            .summary("Downloads the hot keys that a search has found")
            .v2(POST, "/instances/{instance_id}/hotkey/{task_id}/export", endpoint(download_hot_keys))
            .answers_any(200, "text/csv"),
        writing("scan_expire_key", WRITE)
            .summary("Looks for expired keys, and removes them")
            .v2(
                POST,
                "/instances/{instance_id}/auto-expire/scan",
                endpoint(|engine, context| create(engine, context, Expired)),
            )
            .answers::<ExpiredScanView>(),
        writing("create_auto_expire_scan_task", WRITE)
            .summary("Looks for expired keys, and removes them, the newer way")
            .v2(
                POST,
                "/instances/{instance_id}/scan-expire-keys-task",
                endpoint(|engine, context| create(engine, context, Expired)),
            )
            .answers::<ExpiredScanView>(),
        reading("show_expire_key_scan_info", READ)
            .summary("Lists searches for expired keys")
            .v2(
                GET,
                "/instances/{instance_id}/auto-expire/histories",
                endpoint(|engine, context| list(engine, context, Expired)),
            )
            .query(PAGE_QUERY)
            .query(&[STATUS])
            .answers::<ExpiredScansView>(),
        writing("create_offline_key_analysis", WRITE)
            .summary("Analyses the keys of a backup")
            .v2(POST, "/instances/{instance_id}/offline/key-analysis", endpoint(create_offline))
            .takes::<OfflineBody>()
            .answers::<OfflineTaskView>(),
        reading("list_offline_key_analysis_task", READ)
            .summary("Lists analyses of backups")
            .v2(
                GET,
                "/instances/{instance_id}/offline/key-analysis",
                endpoint(|engine, context| list(engine, context, Offline)),
            )
            .query(PAGE_QUERY)
            .query(&[STATUS])
            .answers::<OfflineAnalysesView>(),
        reading("show_offline_key_analysis_task", READ)
            .summary("Shows an analysis of a backup")
            .v2(
                GET,
                "/instances/{instance_id}/offline/key-analysis/{task_id}",
                endpoint(|engine, context| show(engine, context, Offline, "task_id")),
            )
            .answers_any(200, "application/json"),
        writing("delete_offline_key_analysis_task", WRITE)
            .summary("Deletes an analysis of a backup")
            .v2(
                DELETE,
                "/instances/{instance_id}/offline/key-analysis/{task_id}",
                endpoint(|engine, context| delete(engine, context, Offline, "task_id")),
            )
            .answers::<OfflineTaskView>(),
    ])
}

async fn create(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
    kind: AnalysisKind,
) -> Response {
    let origin = (context.failure, context.origin);
    let analysis = engine.create_key_analysis(instance, kind, None, origin).await;
    let analysis = analysis.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    let instance_id = instance.instance_id.to_string();
    Ok(match kind {
        AnalysisKind::Expired => HttpResponse::Ok().json(ExpiredScanView::of(&analysis, instance_id)),
        _ => HttpResponse::Ok().json(ScanView {
            instance_id,
            row: ScanRow::of(&analysis),
            num: 0,
            keys: Vec::new(),
        }),
    })
}

async fn list(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
    kind: AnalysisKind,
) -> Response {
    let (page, status) = (page_request(&context.query)?, status(&context.query)?);
    let (_, mut analyses) =
        engine.key_analyses(instance, kind).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    analyses.retain(|analysis| status.is_none_or(|status| analysis.status == status));
    let instance_id = instance.instance_id.to_string();
    Ok(answer_list(kind, instance_id, &analyses, page))
}

fn answer_list(
    kind: AnalysisKind,
    instance_id: String,
    analyses: &[KeyAnalysis],
    page: PageRequest,
) -> HttpResponse {
    let total = analyses.len();
    let shown = page_of(analyses, page);
    match kind {
        AnalysisKind::Expired => {
            let records = shown.iter().map(|one| ExpiredScanView::of(one, instance_id.clone())).collect();
            HttpResponse::Ok().json(ExpiredScansView { instance_id, total, count: total, records })
        }
        AnalysisKind::Offline => {
            let records = shown.iter().map(OfflineRow::of).collect();
            HttpResponse::Ok().json(OfflineAnalysesView { instance_id, total, records })
        }
        AnalysisKind::Big | AnalysisKind::Hot => {
            let records = shown.iter().map(ScanRow::of).collect();
            HttpResponse::Ok().json(ScansView { instance_id, count: total, records })
        }
    }
}

async fn show(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
    kind: AnalysisKind,
    name: &'static str,
) -> Response {
    let found = engine.key_analysis(instance, kind, analysis_id(&context, kind, name)?).await;
    let (instance, analysis) = found.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(match kind {
        AnalysisKind::Offline => HttpResponse::Ok().json(offline_details(&instance, &analysis)),
        _ => HttpResponse::Ok().json(ScanView::of(&instance, &analysis)),
    })
}

async fn delete(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
    kind: AnalysisKind,
    name: &'static str,
) -> Response {
    let id = analysis_id(&context, kind, name)?;
    let deleted = engine.delete_key_analysis(instance, kind, id, context.origin).await;
    deleted.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(match kind {
        AnalysisKind::Offline => HttpResponse::Ok().json(OfflineTaskView { task_id: id.to_string() }),
        _ => HttpResponse::NoContent().finish(),
    })
}

/// `POST …/hotkey/{task_id}/export`: the keys as a table, a line each.
async fn download_hot_keys(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let id = analysis_id(&context, AnalysisKind::Hot, "task_id")?;
    let found = engine.key_analysis(instance, AnalysisKind::Hot, id).await;
    let (instance, analysis) = found.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    if analysis.status != AnalysisStatus::Success {
        return Err(Refusal::TaskRunning.into());
    }
    let mut table = "name,type,shard,db,size,unit,freq\n".to_owned();
    for key in ScanView::of(&instance, &analysis).keys {
        let KeyView { name, kind, shard, db, size, unit, freq } = key;
        let name = name.replace('"', "\"\"");
        // Writing to a text never fails.
        let _ = writeln!(table, "\"{name}\",{kind},{shard},{db},{size},{unit},{}", freq.unwrap_or_default());
    }
    let disposition = format!("attachment; filename=\"hotkey_{id}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type("text/csv")
        .insert_header((CONTENT_DISPOSITION, disposition))
        .body(table))
}

/// `POST …/offline/key-analysis`.
async fn create_offline(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: OfflineBody = mandatory_object(&context.body)?;
    let missing = Refusal::InvalidParameter { name: "node_id" };
    let node_id = flexible::text(body.node_id).ok_or(missing)?;
    let backup_id = flexible::text(body.backup_id).map(|id| id.parse()).transpose();
    let backup_id = backup_id.map_err(|_| Refusal::InvalidParameter { name: "backup_id" })?;
    let target = OfflineTarget { node_id, backup_id };
    let origin = (context.failure, context.origin);
    let analysis = engine.create_key_analysis(instance, AnalysisKind::Offline, Some(target), origin).await;
    let task_id = analysis.or_fail(&codes::INSTANCE_SAVE_FAILED)?.id.to_string();
    Ok(HttpResponse::Ok().json(OfflineTaskView { task_id }))
}

/// What is no id is the id of no analysis.
fn analysis_id(context: &RequestContext, kind: AnalysisKind, name: &str) -> Result<AnalysisId, ApiError> {
    Ok(context.path_part(name).parse().map_err(|_| kind.not_found())?)
}

fn status(query: &Query) -> Result<Option<AnalysisStatus>, Refusal> {
    let Some(word) = query.get("status") else { return Ok(None) };
    let status = AnalysisStatus::ALL.into_iter().find(|status| status.as_str() == word);
    status.map(Some).ok_or(Refusal::InvalidQuery { name: "status" })
}

/// A search, as lists have it.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyScanRow)]
struct ScanRow {
    id: String,
    status: &'static str,
    scan_type: &'static str,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl ScanRow {
    fn of(analysis: &KeyAnalysis) -> Self {
        Self {
            id: analysis.id.to_string(),
            status: analysis.status.as_str(),
            scan_type: if analysis.is_automatic { "auto" } else { "manual" },
            created_at: analysis.created_at.to_string(),
            started_at: analysis.started_at.map(|at| at.to_string()),
            finished_at: analysis.finished_at.map(|at| at.to_string()),
        }
    }
}

/// A search for big or hot keys.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyScan)]
struct ScanView {
    instance_id: String,
    #[serde(flatten)]
    row: ScanRow,
    num: usize,
    keys: Vec<KeyView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FoundKey)]
struct KeyView {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    shard: String,
    db: u32,
    size: u64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    freq: Option<u8>,
}

impl KeyView {
    fn of(key: &FoundKey, instance: &Instance) -> Self {
        Self {
            name: key.name.clone(),
            kind: key.kind.as_str(),
            shard: shard_address(instance, key.shard),
            db: key.db,
            size: key.size,
            unit: key.kind.unit(),
            freq: key.freq,
        }
    }
}

/// Returns the address of a shard; nothing for instances that have one only.
fn shard_address(instance: &Instance, shard: u32) -> String {
    if !matches!(instance.cache_mode, CacheMode::Cluster | CacheMode::Proxy) {
        return String::new();
    }
    let groups = instance.node_groups();
    let group = usize::try_from(shard).ok().and_then(|shard| groups.get(shard));
    let master = group.and_then(|group| group.nodes.first());
    master.map_or_else(String::new, |node| format!("{}:{}", node.ip, instance.port))
}

impl ScanView {
    fn of(instance: &Instance, analysis: &KeyAnalysis) -> Self {
        Self {
            instance_id: instance.id.to_string(),
            row: ScanRow::of(analysis),
            num: analysis.num,
            keys: analysis.keys.iter().map(|key| KeyView::of(key, instance)).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = KeyScans)]
struct ScansView {
    instance_id: String,
    /// Of all pages.
    count: usize,
    records: Vec<ScanRow>,
}

/// A search for expired keys.
#[derive(Serialize, ToSchema)]
#[schema(as = ExpiredKeyScanRecord)]
struct ExpiredScanView {
    instance_id: String,
    #[serde(flatten)]
    row: ScanRow,
    /// How many were found, and removed.
    num: usize,
}

impl ExpiredScanView {
    fn of(analysis: &KeyAnalysis, instance_id: String) -> Self {
        Self { instance_id, row: ScanRow::of(analysis), num: analysis.num }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExpiredKeyScans)]
struct ExpiredScansView {
    instance_id: String,
    /// Of all pages.
    total: usize,
    count: usize,
    records: Vec<ExpiredScanView>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = OfflineKeyAnalysis)]
struct OfflineBody {
    #[schema(required)]
    node_id: Option<String>,
    /// The backup; without it one is made, which no list shows.
    #[schema(format = "uuid")]
    backup_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OfflineKeyAnalysisTask)]
struct OfflineTaskView {
    task_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OfflineKeyAnalysisRow)]
struct OfflineRow {
    id: String,
    status: &'static str,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl OfflineRow {
    fn of(analysis: &KeyAnalysis) -> Self {
        let ScanRow { id, status, created_at, started_at, finished_at, .. } = ScanRow::of(analysis);
        Self { id, status, created_at, started_at, finished_at }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = OfflineKeyAnalyses)]
struct OfflineAnalysesView {
    instance_id: String,
    /// Of all pages.
    total: usize,
    records: Vec<OfflineRow>,
}

fn offline_details(instance: &Instance, analysis: &KeyAnalysis) -> Value {
    let offline = analysis.offline.as_ref();
    let group = |group: &KeyGroup| json!({"key_prefix": group.prefix, "type": group.kind, "bytes": group.bytes, "num": group.num});
    let key = |key: &FoundKey| json!({"key": key.name, "type": key.kind, "bytes": key.bytes, "num_of_elem": key.size});
    let types = offline.map(|offline| offline.types.as_slice()).unwrap_or_default();
    let prefixes = offline.map(|offline| offline.largest_key_prefixes.as_slice()).unwrap_or_default();
    let backup_id = offline.and_then(|offline| offline.backup_id);
    json!({
        "id": analysis.id, "instance_id": instance.id,
        "node_id": offline.map(|offline| &offline.node_id), "backup_id": backup_id,
        "group_name": offline.map(|offline| &offline.group_name), "node_ip": offline.map(|offline| &offline.node_ip),
        "node_ipv6": null, "node_type": offline.map(|offline| &offline.node_type),
        "analysis_type": if backup_id.is_some() { "old_backup" } else { "new_backup" },
        "started_at": analysis.started_at, "finished_at": analysis.finished_at,
        "total_bytes": offline.map(|offline| offline.total_bytes), "total_num": offline.map(|offline| offline.total_num),
        "largest_key_prefixes": prefixes.iter().map(group).collect::<Vec<_>>(),
        "largest_keys": analysis.keys.iter().map(key).collect::<Vec<_>>(),
        "type_bytes": types.iter().map(|one| json!({"type": one.kind, "bytes": one.bytes})).collect::<Vec<_>>(),
        "type_num": types.iter().map(|one| json!({"type": one.kind, "num": one.num})).collect::<Vec<_>>(),
    })
}
