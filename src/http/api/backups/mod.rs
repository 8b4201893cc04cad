//! Backups: create, list, delete, download links. Both versions of the API are served here; what they write differently is in
//! `v1` and `v2`.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.1 to 2.4; docs/contract/dcs-v2.md, section 2.1.

pub(in crate::http) mod body;
pub(in crate::http) mod links;
pub(in crate::http) mod view;

use actix_web::HttpResponse;

use crate::domain::id::BackupId;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::http::api::backups::body::{BackupCreated, CreateBackupBody, CreateLinksBody, RemarkBody};
use crate::http::api::backups::links::LinksView;
use crate::http::api::backups::view::{BackupView, BackupsView};
use crate::http::api::v1;
use crate::http::api::v2;
use crate::http::context::{Call, InstanceCall};
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::openapi::describe::{Family, describe};
use crate::http::operation;

/// Describes the operations.
pub(in crate::http) fn family() -> Family {
    Family {
        name: "Backups",
        about: "Backups of an instance, and links to their files.",
        operations: vec![
            describe(&operation::CREATE_BACKUP, "Records a backup")
                .spoken_in(ApiVersion::V1)
                .makes_what_has_an_id()
                .takes::<RemarkBody>()
                .answers::<BackupCreated>(),
            describe(&operation::CREATE_BACKUP, "Records a backup")
                .spoken_in(ApiVersion::V2)
                .makes_what_has_an_id()
                .takes::<CreateBackupBody>()
                .answers::<BackupCreated>(),
            describe(&operation::LIST_BACKUPS, "Lists the backups of an instance, newest first")
                .spoken_in(ApiVersion::V1)
                .query(v1::RECORDS_QUERY)
                .answers::<BackupsView>(),
            describe(&operation::LIST_BACKUPS, "Lists the backups of an instance, newest first")
                .spoken_in(ApiVersion::V2)
                .query(v2::RECORDS_QUERY)
                .answers::<BackupsView>(),
            describe(&operation::DELETE_BACKUP, "Deletes a backup's file; the record stays listed")
                .spoken_in(ApiVersion::V1)
                .answers::<v1::Deleted>(),
            describe(&operation::DELETE_BACKUP, "Deletes a backup's file; the record stays listed")
                .spoken_in(ApiVersion::V2)
                .answers_nothing(),
            describe(&operation::CREATE_LINKS, "Makes a link to a backup's file")
                .takes::<CreateLinksBody>()
                .answers::<LinksView>(),
        ],
    }
}

/// `POST …/backups`: records a backup.
pub(in crate::http) async fn create_backup(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let mut request = body::create_backup(&call.body, call.api)?;
    request.id = call.given_id()?;
    request.failure = call.failure;
    let backup_id = engine
        .create_backup(call.api, instance, request, call.origin)
        .await
        .map_err(ApiError::failing_with(&codes::BACKUP_SAVE_FAILED))?;
    Ok(body::backup_created(backup_id))
}

/// `GET …/backups`: lists the backups of an instance, newest first.
pub(in crate::http) async fn list_backups(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let (page, now) = engine
        .list_backups(instance, call.records_query()?)
        .await
        .map_err(ApiError::failing_with(&codes::BACKUP_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(BackupsView {
        backup_record_response: page
            .items
            .iter()
            .map(|backup| BackupView::new(backup, now, call.api))
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
        .map_err(ApiError::failing_with(&codes::DELETE_BACKUP_FAILED))?;
    Ok(match call.api {
        ApiVersion::V1 => v1::backup_deleted(),
        ApiVersion::V2 => v2::backup_deleted(),
    })
}

/// `POST …/backups/{backup_id}/links`: makes a link to a backup's file.
pub(in crate::http) async fn create_links(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let backup_id = backup_id(&call)?;
    let life = body::create_links(&call.body)?;
    let link =
        engine.create_link(instance, backup_id, life).await.map_err(|error| match (call.api, error) {
            // Known quirk: on v2 only the deletion of an unknown backup has a code of its own.
            (ApiVersion::V2, EngineError::Refused(Refusal::BackupNotFound)) => {
                Refusal::InvalidParameter { name: "backup_id" }.into()
            }
            (_, error) => ApiError::failing_with(&codes::BACKUP_QUERY_FAILED)(error),
        })?;
    Ok(body::link_created(&link, &call.base_url()?))
}

/// Reads the id of a backup in the path.
fn backup_id(call: &Call) -> Result<BackupId, Refusal> {
    call.path_part("backup_id").parse().map_err(|_| Refusal::InvalidParameter { name: "backup_id" })
}
