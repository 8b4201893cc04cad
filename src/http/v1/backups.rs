//! Backups on v1.0: create, list, delete, download links.
//!
//! Source: wire contract v1.0, sections 2.1 to 2.4.

use actix_web::HttpResponse;

use crate::domain::id::BackupId;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine};
use crate::http::endpoint::{Call, InstanceCall};
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::record_body;
use crate::http::record_view::{BackupView, BackupsView};
use crate::http::v1::records_query;

/// `POST …/backups`: records a backup.
pub(in crate::http) async fn create_backup(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let request = record_body::create_backup(&call.body, ApiVersion::V1)?;
    let backup_id = engine
        .create_backup(ApiVersion::V1, instance, request, call.origin)
        .await
        .map_err(ApiError::failing_with(&error_code::BACKUP_SAVE_FAILED))?;
    Ok(record_body::backup_created(backup_id))
}

/// `GET …/backups`: lists the backups of an instance, newest first.
pub(in crate::http) async fn list_backups(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let (page, now) = engine
        .list_backups(instance, records_query(&call.query)?)
        .await
        .map_err(ApiError::failing_with(&error_code::BACKUP_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(BackupsView {
        backup_record_response: page
            .items
            .iter()
            .map(|backup| BackupView::new(backup, now, ApiVersion::V1))
            .collect(),
        total_num: page.total,
    }))
}

/// `DELETE …/backups/{backup_id}`: deletes a backup's file; the record stays listed.
pub(in crate::http) async fn delete_backup(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let backup_id = backup_id(&call)?;
    engine
        .delete_backup(instance, backup_id, call.origin)
        .await
        .map_err(ApiError::failing_with(&error_code::DELETE_BACKUP_FAILED))?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "message": "" })))
}

/// `POST …/backups/{backup_id}/links`: makes a link to a backup's file.
pub(in crate::http) async fn create_links(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let backup_id = backup_id(&call)?;
    let life = record_body::create_links(&call.body)?;
    let link = engine
        .create_link(instance, backup_id, life)
        .await
        .map_err(ApiError::failing_with(&error_code::BACKUP_QUERY_FAILED))?;
    Ok(record_body::link_created(&link, &call.base_url()?))
}

/// Reads the id of a backup in the path.
///
/// # Errors
/// `InvalidParameter` (`backup_id`).
pub(in crate::http) fn backup_id(call: &Call) -> Result<BackupId, Refusal> {
    call.path_part("backup_id").parse().map_err(|_| Refusal::InvalidParameter { name: "backup_id" })
}
