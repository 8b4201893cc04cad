//! What v1.0 reads and writes in its own way.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 1.5, 1.6, 2.3 and 2.9.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::InstanceId;
use crate::domain::page::{PageLimit, PageRequest};
use crate::domain::refusal::Refusal;
use crate::engine::{InstanceFilter, InstancePageStart, InstancesQuery, RecordsQuery};
use crate::http::extract::{Query, clamped_limit, start, tags_asked_for};
use crate::http::openapi::describe::{QueryParameter, flag, number, text};
use crate::http::time::window;

/// What [`records_query`] reads.
pub(in crate::http) const RECORDS_QUERY: &[QueryParameter] = &[
    number("start", "The ordinal of the first record, from 1."),
    number("limit", "How many records a page holds, 10 unless something is said."),
    text("beginTime", "Only records created from then on, yyyyMMddHHmmss."),
    text("endTime", "Only records created until then."),
];

/// Reads which records a list is asked for.
///
/// # Errors
/// `InvalidQuery`.
pub(in crate::http) fn records_query(query: &Query) -> Result<RecordsQuery, Refusal> {
    let page = PageRequest { skip: start(query)?, limit: clamped_limit(query, PageLimit::TEN)? };
    Ok(RecordsQuery { window: window(query)?, page })
}

/// The body of an answer that says nothing.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Deleted {
    message: &'static str,
}

/// Answers that a backup has been deleted: with a body, which a client insists on.
pub(in crate::http) fn backup_deleted() -> HttpResponse {
    HttpResponse::Ok().json(Deleted { message: "" })
}

/// What [`instances_query`] reads.
pub(in crate::http) const INSTANCES_QUERY: &[QueryParameter] = &[
    number("start", "The ordinal of the first instance, from 1."),
    text("marker", "The id of the instance before the page; then `start` is not looked at."),
    number("limit", "How many instances a page holds."),
    text("id", "Only the instance with this id."),
    text("name", "Only instances with this in their name."),
    flag("isExactMatchName", "Whether `name` is the whole name."),
    text("status", "Only instances in this state."),
    text("ip", "Only the instance with this address."),
    text("tags", "Only instances with all these tags: `key=value`, separated by commas."),
    flag("includeFailure", "Whether instances whose creation failed are listed too."),
];

/// Reads which instances a list is asked for; `None` if no instance can be one of them.
///
/// # Errors
/// `InvalidQuery`.
pub(in crate::http) fn instances_query(query: &Query) -> Result<Option<InstancesQuery>, Refusal> {
    let start = page_start(query)?;
    let limit = clamped_limit(query, PageLimit::ALL)?;
    Ok(filter(query).map(|filter| InstancesQuery { filter, start, limit }))
}

/// Returns where the page starts: after the marker, if there is one; then `start` is not looked at. Nothing follows a marker
/// that is no id.
fn page_start(query: &Query) -> Result<InstancePageStart, Refusal> {
    Ok(match query.get("marker").map(str::parse::<InstanceId>) {
        Some(Ok(marker)) => InstancePageStart::After(marker),
        Some(Err(_)) => InstancePageStart::Skip(u64::MAX),
        None => InstancePageStart::Skip(start(query)?),
    })
}

/// Reads the filters; `None` if nothing can match them.
fn filter(query: &Query) -> Option<InstanceFilter> {
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
        engine: None,
        capacity: None,
        tags: query.get("tags").map(tags_asked_for).unwrap_or_default(),
        include_create_failed: query.is_true(&["includeFailure", "include_failure"]),
    })
}
