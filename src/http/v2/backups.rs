//! Backups on v2: create, list, delete, download links.
//!
//! Source: wire contract v2, section 2.1.

use actix_web::HttpResponse;

use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::http::endpoint::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::record_body;
use crate::http::record_view::{BackupView, BackupsView};
use crate::http::v1::backups::backup_id;
use crate::http::v2::records_query;

/// `POST …/backups`: records a backup.
pub(in crate::http) async fn create_backup(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let request = record_body::create_backup(&call.body, ApiVersion::V2)?;
    let backup_id = engine
        .create_backup(ApiVersion::V2, instance, request, call.origin)
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
            .map(|backup| BackupView::new(backup, now, ApiVersion::V2))
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
    Ok(HttpResponse::NoContent().finish())
}

/// `POST …/backups/{backup_id}/links`: makes a link to a backup's file.
pub(in crate::http) async fn create_links(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let backup_id = backup_id(&call)?;
    let life = record_body::create_links(&call.body)?;
    let link = engine.create_link(instance, backup_id, life).await.map_err(|error| match error {
        // Known quirk: only the deletion of an unknown backup has a code of its own.
        EngineError::Refused(Refusal::BackupNotFound) => {
            Refusal::InvalidParameter { name: "backup_id" }.into()
        }
        error => ApiError::failing_with(&error_code::BACKUP_QUERY_FAILED)(error),
    })?;
    Ok(record_body::link_created(&link, &call.base_url()?))
}
