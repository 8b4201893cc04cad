//! Restores: create, list, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.5 and 2.6; docs/contract/dcs-v2.md, section 2.2.

use actix_web::HttpResponse;

use crate::engine::{ApiVersion, Engine};
use crate::http::api::backups::body;
use crate::http::api::backups::body::{CreateRestoreBody, RestoreCreated};
use crate::http::api::backups::view::{RestoreView, RestoresView};
use crate::http::api::v1;
use crate::http::api::v2;
use crate::http::context::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::openapi::describe::{Family, describe};
use crate::http::operation;

/// Describes the operations.
pub(in crate::http) fn family() -> Family {
    Family {
        name: "Restores",
        about: "Restores of an instance from its backups.",
        operations: vec![
            describe(&operation::CREATE_RESTORE, "Restores an instance from one of its backups")
                .makes_what_has_an_id()
                .takes::<CreateRestoreBody>()
                .answers::<RestoreCreated>(),
            describe(&operation::LIST_RESTORES, "Lists the restores of an instance, newest first")
                .spoken_in(ApiVersion::V1)
                .query(v1::RECORDS_QUERY)
                .answers::<RestoresView>(),
            describe(&operation::LIST_RESTORES, "Lists the restores of an instance, newest first")
                .spoken_in(ApiVersion::V2)
                .query(v2::RECORDS_QUERY)
                .answers::<RestoresView>(),
        ],
    }
}

/// `POST …/restores`: restores an instance from one of its backups.
pub(in crate::http) async fn create_restore(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let mut request = body::create_restore(&call.body)?;
    request.id = call.given_id()?;
    request.failure = call.failure;
    let restore_id = engine
        .create_restore(call.api, instance, request, call.origin)
        .await
        .map_err(ApiError::failing_with(&codes::RESTORE_SAVE_FAILED))?;
    Ok(body::restore_created(restore_id))
}

/// `GET …/restores`: lists the restores of an instance, newest first.
pub(in crate::http) async fn list_restores(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let (page, now) = engine
        .list_restores(instance, call.records_query()?)
        .await
        .map_err(ApiError::failing_with(&codes::RESTORE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(RestoresView {
        restore_record_response: page.items.iter().map(|restore| RestoreView::new(restore, now)).collect(),
        total_num: page.total,
    }))
}
