//! Instances on v2: get and list.
//!
//! Source: wire contract v2, section 2.3.

use actix_web::HttpResponse;

use crate::domain::instance::Capacity;
use crate::engine::{ApiVersion, Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::endpoint::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::error_code;
use crate::http::extract::{Query, bounded_limit, offset};
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
    Ok(HttpResponse::Ok().json(InstanceView::of_one(instance, ApiVersion::V2, now)))
}

/// `GET …/instances`: lists the instances of a project, newest first.
pub(in crate::http) async fn list_instances(
    engine: Engine,
    ProjectCall { call, project_id }: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    let limit = bounded_limit(&call.query)?;
    let start = InstancePageStart::Skip(offset(&call.query)?);
    let Some(filter) = filter(&call.query) else {
        // A filter that nothing can match is not an error.
        return Ok(HttpResponse::Ok().json(InstancesView::empty()));
    };
    let (page, now) = engine
        .list_instances(project_id, InstancesQuery { filter, start, limit })
        .await
        .map_err(ApiError::failing_with(&error_code::INSTANCE_QUERY_FAILED))?;
    Ok(HttpResponse::Ok().json(InstancesView::new(page, ApiVersion::V2, now)))
}

/// Reads the filters; `None` if nothing can match them.
fn filter(query: &Query) -> Option<InstanceFilter> {
    // Instances have no tags yet, so that no instance has all of those asked for.
    if query.get("tags").is_some() {
        return None;
    }
    let id = query.first_of(&["instance_id", "id"]).map(|(_, id)| id.parse()).transpose().ok()?;
    let status = query.get("status").map(|status| status.to_ascii_uppercase().parse()).transpose().ok()?;
    let gigabytes = query.get("capacity").map(str::parse::<f64>).transpose().ok()?;
    let capacity = gigabytes.map(Capacity::from_gigabytes).transpose().ok()?;
    let (name_is, name_contains) = names(query);
    Some(InstanceFilter {
        id,
        name_is,
        name_contains,
        status,
        ip: None,
        ip_contains: query.get("ip").map(str::to_owned),
        capacity,
        include_create_failed: query.is_true(&["include_failure", "includeFailure"]),
    })
}

/// Reads the two filters on names: the name as a whole, and a part of it.
///
/// Known quirk: `name_equal` is "true" to compare `name` as a whole, "false" to look for it as a part, and any other text is
/// a whole name by itself; the pages' wording allows both uses.
fn names(query: &Query) -> (Option<String>, Option<String>) {
    let name = query.get("name").map(str::to_owned);
    match query.get("name_equal") {
        Some(flag) if flag.eq_ignore_ascii_case("true") => (name, None),
        None => (None, name),
        Some(flag) if flag.eq_ignore_ascii_case("false") => (None, name),
        Some(whole) => (Some(whole.to_owned()), name),
    }
}
