//! Instances on v1.0: get and list.
//!
//! Source: wire contract v1.0, sections 2.8 and 2.9.

use actix_web::HttpResponse;

use crate::domain::id::InstanceId;
use crate::domain::page::PageLimit;
use crate::engine::{ApiVersion, Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::endpoint::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::extract::{Query, clamped_limit, start};
use crate::http::instance_view::{InstanceView, InstancesView};

/// `GET …/instances/{instance_id}`: shows an instance.
pub(in crate::http) async fn get_instance(
    engine: Engine,
    InstanceCall { instance, .. }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let (instance, now) = engine
        .get_instance(instance)
        .await
        .map_err(ApiError::failing_with(&error_code::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstanceView::of_one(instance, ApiVersion::V1, now)))
}

/// `GET …/instances`: lists the instances of a project, newest first.
pub(in crate::http) async fn list_instances(
    engine: Engine,
    ProjectCall { call, project_id }: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    let skip = start(&call.query)?;
    let limit = clamped_limit(&call.query, PageLimit::ALL)?;
    let Some(filter) = filter(&call.query) else {
        // A filter that nothing can match is not an error.
        return Ok(HttpResponse::Ok().json(InstancesView::empty()));
    };
    let start = page_start(&call.query, skip);
    let (page, now) = engine
        .list_instances(project_id, InstancesQuery { filter, start, limit })
        .await
        .map_err(ApiError::failing_with(&error_code::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstancesView::new(page, ApiVersion::V1, now)))
}

/// Returns where the page starts: after the marker, if there is one. Nothing follows a marker that is no id.
fn page_start(query: &Query, skip: u64) -> InstancePageStart {
    match query.get("marker").map(str::parse::<InstanceId>) {
        Some(Ok(marker)) => InstancePageStart::After(marker),
        Some(Err(_)) => InstancePageStart::Skip(u64::MAX),
        None => InstancePageStart::Skip(skip),
    }
}

/// Reads the filters; `None` if nothing can match them.
fn filter(query: &Query) -> Option<InstanceFilter> {
    // Instances have no tags yet, so that no instance has all of those asked for.
    if query.get("tags").is_some() {
        return None;
    }
    let name = query.get("name").map(str::to_owned);
    let exact = query.is_true(&["isExactMatchName", "exactMatchName"]);
    let (name_is, name_contains) = if exact { (name, None) } else { (None, name) };
    Some(InstanceFilter {
        id: query.get("id").map(str::parse).transpose().ok()?,
        name_contains,
        name_is,
        status: query.get("status").map(str::parse).transpose().ok()?,
        ip: query.get("ip").map(str::to_owned),
        ip_contains: None,
        capacity: None,
        include_create_failed: query.is_true(&["includeFailure", "include_failure"]),
    })
}
