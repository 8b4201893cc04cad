//! Restores: create, list, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.5 and 2.6; docs/contract/dcs-v2.md, section 2.2.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::id::{BackupId, RestoreId, UUID_LENGTH};
use crate::domain::refusal::Refusal;
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::engine::{CreateRestoreRequest, Engine};
use crate::http::api::backups::body::{created, remark, text_of};
use crate::http::api::versions;
use crate::http::context::{InstanceContext, endpoint};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::route::{GET, Operation, POST, RouteEntry, Tag, reading, writing};
use crate::http::time::rfc3339;

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Restores", about: "Restores of an instance from its backups." };
    const LIST_RESTORES: Operation = reading("list_restores", "dcs:instance:getDataRestoreLog");
    TAG.routes([
        writing("create_restore", "dcs:instance:restoreData")
            .summary("Restores an instance from one of its backups")
            .both(POST, "/instances/{instance_id}/restores", endpoint(create_restore))
            .accepts_id()
            .takes::<CreateRestoreBody>()
            .answers::<RestoreCreated>(),
        LIST_RESTORES
            .summary("Lists the restores of an instance, newest first")
            .v1(GET, "/instances/{instance_id}/restores", endpoint(list_restores))
            .query(versions::V1_RECORDS_QUERY)
            .answers::<RestoresView>(),
        LIST_RESTORES
            .summary("Lists the restores of an instance, newest first")
            .v2(GET, "/instances/{instance_id}/restores", endpoint(list_restores))
            .query(versions::V2_RECORDS_QUERY)
            .answers::<RestoresView>(),
    ])
}

/// `POST …/restores`: restores an instance from one of its backups.
async fn create_restore(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let mut request = create_restore_request(&context.body)?;
    request.id = context.client_chosen_id()?;
    request.failure = context.failure;
    let restore_id = engine
        .create_restore(context.api, instance, request, context.origin)
        .await
        .or_fail(&codes::RESTORE_SAVE_FAILED)?;
    Ok(restore_created(restore_id))
}

/// `GET …/restores`: lists the restores of an instance, newest first.
async fn list_restores(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let (page, now) = engine
        .list_restores(instance, versions::records_query(&context)?)
        .await
        .or_fail(&codes::RESTORE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(RestoresView {
        restore_record_response: page.items.iter().map(|restore| RestoreView::new(restore, now)).collect(),
        total_num: page.total,
    }))
}

/// A restore to be made.
#[derive(Debug, Deserialize, ToSchema)]
struct CreateRestoreBody {
    #[schema(required, format = "uuid")]
    backup_id: Option<String>,
    #[schema(max_length = 128)]
    remark: Option<String>,
}

/// Reads what a caller says of a restore to be made.
///
/// # Errors
/// `EmptyBody`, `InvalidBody`, `InvalidParameter` (`backup_id`), `RemarkTooLong`; in this order.
fn create_restore_request(body: &[u8]) -> Result<CreateRestoreRequest, Refusal> {
    let body: CreateRestoreBody = mandatory_object(body)?;
    let backup_id: Option<BackupId> = body.backup_id.and_then(|text| text.parse().ok());
    let backup_id = backup_id.ok_or(Refusal::InvalidParameter { name: "backup_id" })?;
    Ok(CreateRestoreRequest { backup_id, remark: remark(body.remark)?, id: None, failure: None })
}

/// Answers with the id of a new restore.
fn restore_created(id: RestoreId) -> HttpResponse {
    let mut buffer = [0; UUID_LENGTH];
    created("restore_id", id.encode(&mut buffer))
}

/// The id of the restore that was made.
#[derive(ToSchema)]
struct RestoreCreated {
    #[schema(format = "uuid")]
    #[expect(dead_code, reason = "only described")]
    restore_id: String,
}

/// A restore.
#[derive(Serialize, ToSchema)]
struct RestoreView {
    status: &'static str,
    progress: String,
    restore_id: String,
    backup_id: String,
    restore_remark: Option<String>,
    backup_remark: Option<String>,
    created_at: String,
    updated_at: Option<String>,
    restore_name: String,
    backup_name: String,
    error_code: Option<&'static str>,
}

impl RestoreView {
    /// Shows a restore as it is at `now`.
    fn new(restore: &Restore, now: Timestamp) -> Self {
        let status = &restore.status;
        Self {
            status: status.as_str(),
            progress: status.progress(now).to_string(),
            restore_id: restore.id.to_string(),
            backup_id: restore.source.backup_id.to_string(),
            restore_remark: text_of(restore.remark.as_ref()),
            backup_remark: text_of(restore.source.backup_remark.as_ref()),
            created_at: rfc3339(restore.created_at),
            updated_at: status.finished_at().map(rfc3339),
            restore_name: restore.name(),
            backup_name: restore.source.backup_name.clone(),
            error_code: status.failure().map(|failure| failure.code.as_str()),
        }
    }
}

/// A page of restores.
#[derive(Serialize, ToSchema)]
struct RestoresView {
    restore_record_response: Vec<RestoreView>,
    total_num: u64,
}
