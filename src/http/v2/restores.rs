//! Restores on v2: create, list.
//!
//! Source: wire contract v2, section 2.2.

use actix_web::HttpResponse;

use crate::engine::{ApiVersion, Engine};
use crate::http::endpoint::InstanceCall;
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::record_body;
use crate::http::record_view::{RestoreView, RestoresView};
use crate::http::v2::records_query;

/// `POST …/restores`: restores an instance from one of its backups.
pub(in crate::http) async fn create_restore(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let request = record_body::create_restore(&call.body)?;
    let restore_id = engine
        .create_restore(ApiVersion::V2, instance, request, call.origin)
        .await
        .map_err(ApiError::failing_with(&error_code::RESTORE_SAVE_FAILED))?;
    Ok(record_body::restore_created(restore_id))
}

/// `GET …/restores`: lists the restores of an instance, newest first.
pub(in crate::http) async fn list_restores(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let (page, now) = engine
        .list_restores(instance, records_query(&call.query)?)
        .await
        .map_err(ApiError::failing_with(&error_code::RESTORE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(RestoresView {
        restore_record_response: page.items.iter().map(|restore| RestoreView::new(restore, now)).collect(),
        total_num: page.total,
    }))
}
