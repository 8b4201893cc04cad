//! Backups on v1.0: create, list, delete.
//!
//! Source: wire contract v1.0, sections 2.1 to 2.3.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use crate::domain::backup::Backup;
use crate::domain::id::{BackupId, UUID_LENGTH};
use crate::domain::page::{PageLimit, PageRequest};
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::{ApiVersion, BackupsQuery, CreateBackupRequest, Engine};
use crate::http::endpoint::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::extract::{clamped_limit, optional_object, start};
use crate::http::time::{rfc3339, window};

#[derive(Debug, Default, Deserialize)]
struct CreateBackupBody {
    remark: Option<String>,
}

/// `POST …/backups`: records a backup.
pub(in crate::http) async fn create_backup(
    engine: Engine,
    call: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let body: CreateBackupBody = optional_object(&call.call.body)?;
    let remark = body.remark.map(Remark::try_from).transpose().map_err(|_| Refusal::RemarkTooLong)?;
    let request = CreateBackupRequest { remark, format: None };
    let backup_id = engine
        .create_backup(ApiVersion::V1, call.instance, request, call.call.origin)
        .await
        .map_err(ApiError::failing_with(&error_code::BACKUP_SAVE_FAILED))?;
    Ok(created(backup_id))
}

/// Answers with the id of a new record.
fn created(backup_id: BackupId) -> HttpResponse {
    let mut buffer = [0; UUID_LENGTH];
    let body = format!("{{\"backup_id\":\"{}\"}}", backup_id.encode(&mut buffer));
    HttpResponse::Ok().content_type("application/json").body(body)
}

#[derive(Serialize)]
struct ListBackupsResponse {
    backup_record_response: Vec<BackupRecord>,
    total_num: u64,
}

/// A backup as the list shows it. Every member is always there; what is unknown is null.
#[derive(Serialize)]
struct BackupRecord {
    status: &'static str,
    remark: Option<String>,
    /// The window of a scheduled run. Manual backups have none.
    period: Option<&'static str>,
    progress: String,
    size: u64,
    instance_id: String,
    backup_id: String,
    created_at: String,
    updated_at: Option<String>,
    execution_at: Option<String>,
    backup_type: &'static str,
    backup_name: String,
    error_code: Option<&'static str>,
    /// A text: a JSON boolean makes a client crash.
    is_support_restore: &'static str,
}

impl BackupRecord {
    fn new(backup: &Backup, now: Timestamp) -> Self {
        let status = &backup.status;
        Self {
            status: status.as_str(),
            remark: backup.remark.as_ref().map(|remark| remark.as_str().to_owned()),
            period: None,
            progress: status.progress(now).to_string(),
            size: status.size_bytes(),
            instance_id: backup.instance_id.to_string(),
            backup_id: backup.id.to_string(),
            created_at: rfc3339(backup.created_at),
            updated_at: status.finished_at().map(rfc3339),
            execution_at: status.started_at().map(rfc3339),
            backup_type: backup.kind.as_str(),
            backup_name: backup.name(),
            error_code: status.failure_code().map(FailureCode::as_str),
            is_support_restore: if backup.is_restorable() { "TRUE" } else { "FALSE" },
        }
    }
}

/// `GET …/backups`: lists the backups of an instance, newest first.
pub(in crate::http) async fn list_backups(
    engine: Engine,
    call: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let query = &call.call.query;
    let page = PageRequest { skip: start(query)?, limit: clamped_limit(query, PageLimit::TEN)? };
    let query = BackupsQuery { window: window(query)?, page };
    let (page, now) = engine
        .list_backups(call.instance, query)
        .await
        .map_err(ApiError::failing_with(&error_code::BACKUP_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(ListBackupsResponse {
        backup_record_response: page.items.iter().map(|backup| BackupRecord::new(backup, now)).collect(),
        total_num: page.total,
    }))
}

/// `DELETE …/backups/{backup_id}`: deletes a backup's file; the record stays listed.
pub(in crate::http) async fn delete_backup(
    engine: Engine,
    call: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let backup_id =
        call.path_part("backup_id").parse().map_err(|_| Refusal::InvalidParameter { name: "backup_id" })?;
    engine
        .delete_backup(call.instance, backup_id, call.call.origin)
        .await
        .map_err(ApiError::failing_with(&error_code::DELETE_BACKUP_FAILED))?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "message": "" })))
}
