//! Backups: create, list, delete, download links, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.1 to 2.4; docs/contract/dcs-v2.md, section 2.1.

pub(crate) mod body;

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::BackupId;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::http::api::backups::body::{BackupCreated, CreateBackupBody, CreateLinksBody, RemarkBody};
use crate::http::api::backups::body::{BackupView, BackupsView};
use crate::http::api::links::LinksView;
use crate::http::api::versions;
use crate::http::context::{InstanceContext, RequestContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::route::{DELETE, GET, Operation, POST, RouteEntry, Tag, reading, writing};

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Backups", about: "Backups of an instance, and links to their files." };
    const CREATE_BACKUP: Operation = writing("create_backup", "dcs:instance:backupData");
    const LIST_BACKUPS: Operation = reading("list_backups", "dcs:instance:getDataBackupLog");
    const DELETE_BACKUP: Operation = writing("delete_backup", "dcs:instance:deleteDataBackupFile");
    TAG.routes([
        CREATE_BACKUP
            .summary("Records a backup")
            .v1(POST, "/instances/{instance_id}/backups", endpoint(create_backup))
            .accepts_id()
            .takes::<RemarkBody>()
            .answers::<BackupCreated>(),
        CREATE_BACKUP
            .summary("Records a backup")
            .v2(POST, "/instances/{instance_id}/backups", endpoint(create_backup))
            .accepts_id()
            .takes::<CreateBackupBody>()
            .answers::<BackupCreated>(),
        LIST_BACKUPS
            .summary("Lists the backups of an instance, newest first")
            .v1(GET, "/instances/{instance_id}/backups", endpoint(list_backups))
            .query(versions::V1_RECORDS_QUERY)
            .answers::<BackupsView>(),
        LIST_BACKUPS
            .summary("Lists the backups of an instance, newest first")
            .v2(GET, "/instances/{instance_id}/backups", endpoint(list_backups))
            .query(versions::V2_RECORDS_QUERY)
            .answers::<BackupsView>(),
        DELETE_BACKUP
            .summary("Deletes a backup's file; the record stays listed")
            .v1(DELETE, "/instances/{instance_id}/backups/{backup_id}", endpoint(delete_backup))
            .answers::<Deleted>(),
        DELETE_BACKUP
            .summary("Deletes a backup's file; the record stays listed")
            .v2(DELETE, "/instances/{instance_id}/backups/{backup_id}", endpoint(delete_backup))
            .answers_nothing(),
        reading("create_backup_links", "dcs:instance:downloadBackupData")
            .summary("Makes a link to a backup's file")
            .both(POST, "/instances/{instance_id}/backups/{backup_id}/links", endpoint(create_links))
            .takes::<CreateLinksBody>()
            .answers::<LinksView>(),
    ])
}

/// `POST …/backups`: records a backup.
async fn create_backup(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let mut request = body::create_backup(&context.body, context.api)?;
    request.id = context.client_chosen_id()?;
    request.failure = context.failure;
    let backup_id = engine
        .create_backup(context.api, instance, request, context.origin)
        .await
        .or_fail(&codes::BACKUP_SAVE_FAILED)?;
    Ok(body::backup_created(backup_id))
}

/// `GET …/backups`: lists the backups of an instance, newest first.
async fn list_backups(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let (page, now) = engine
        .list_backups(instance, versions::records_query(&context)?)
        .await
        .or_fail(&codes::BACKUP_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(BackupsView {
        backup_record_response: page
            .items
            .iter()
            .map(|backup| BackupView::new(backup, now, context.api))
            .collect(),
        total_num: page.total,
    }))
}

/// `DELETE …/backups/{backup_id}`: deletes a backup's file; the record stays listed.
async fn delete_backup(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let backup_id = backup_id(&context)?;
    engine.delete_backup(instance, backup_id, context.origin).await.or_fail(&codes::DELETE_BACKUP_FAILED)?;
    Ok(match context.api {
        // A client insists on a body.
        ApiVersion::V1 => HttpResponse::Ok().json(Deleted { message: "" }),
        ApiVersion::V2 => HttpResponse::NoContent().finish(),
    })
}

/// `POST …/backups/{backup_id}/links`: makes a link to a backup's file.
async fn create_links(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let backup_id = backup_id(&context)?;
    let life = body::create_links(&context.body)?;
    let link =
        engine.create_link(instance, backup_id, life).await.map_err(|error| match (context.api, error) {
            // Known quirk: on v2 only the deletion of an unknown backup has a code of its own.
            (ApiVersion::V2, EngineError::Refused(Refusal::BackupNotFound)) => {
                Refusal::InvalidParameter { name: "backup_id" }.into()
            }
            (_, error) => ApiError::failing_with(&codes::BACKUP_QUERY_FAILED)(error),
        })?;
    Ok(body::link_created(&link, &context.base_url()?))
}

/// Reads the id of a backup in the path.
fn backup_id(context: &RequestContext) -> Result<BackupId, Refusal> {
    context.path_part("backup_id").parse().map_err(|_| Refusal::InvalidParameter { name: "backup_id" })
}

/// The body of an answer that says nothing.
#[derive(Serialize, ToSchema)]
struct Deleted {
    message: &'static str,
}
