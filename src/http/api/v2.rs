//! What v2 reads and writes in its own way.
//!
//! Source: docs/contract/dcs-v2.md, sections 1.2, 1.5, 1.8 and 2.3.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::domain::instance::Capacity;
use crate::domain::page::PageRequest;
use crate::domain::refusal::Refusal;
use crate::engine::{InstanceFilter, InstancePageStart, InstancesQuery, RecordsQuery};
use crate::http::context::state;
use crate::http::error::ApiError;
use crate::http::extract::{Query, bounded_limit, offset, tags_asked_for};
use crate::http::openapi::describe::{Family, QueryParameter, describe, flag, number, text};
use crate::http::operation;
use crate::http::time::window;

/// Describes what is about the version itself.
pub(in crate::http) fn family() -> Family {
    Family {
        name: "Versions",
        about: "Which versions of the service there are.",
        operations: vec![
            describe(&operation::SHOW_VERSION, "Shows the version").answers_any(200, "application/json"),
        ],
    }
}

/// When the version came to be, as its document says.
const UPDATED: &str = "2020-04-07T00:00:00Z";

/// `GET /v2`: the version document.
pub(in crate::http) async fn show_version(
    request: HttpRequest,
    _body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let base_url = state(&request)?.base_url(&request);
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "version": {
            "id": "v2", "version": "", "min_version": "", "status": "CURRENT", "updated": UPDATED,
            "links": [{"rel": "self", "href": format!("{base_url}/v2")}],
        }
    })))
}

const OFFSET: QueryParameter = number("offset", "How many lie before the page.");
const LIMIT: QueryParameter = number("limit", "How many a page holds, 10 unless something is said.");

/// What says which page of a list is asked for.
pub(in crate::http) const PAGE_QUERY: &[QueryParameter] = &[OFFSET, LIMIT];

/// What [`records_query`] reads.
pub(in crate::http) const RECORDS_QUERY: &[QueryParameter] = &[
    OFFSET,
    LIMIT,
    text("begin_time", "Only records created from then on, yyyyMMddHHmmss."),
    text("end_time", "Only records created until then."),
];

/// The same, by the names that tasks have for it.
pub(in crate::http) const TASKS_QUERY: &[QueryParameter] = &[
    OFFSET,
    LIMIT,
    text("start_time", "Only tasks that began from then on, yyyyMMddHHmmss."),
    text("end_time", "Only tasks that began until then."),
];

/// Reads which records a list is asked for.
///
/// # Errors
/// `InvalidQuery`; `WindowReversed` if the time range starts after its end.
pub(in crate::http) fn records_query(query: &Query) -> Result<RecordsQuery, Refusal> {
    let page = PageRequest { skip: offset(query)?, limit: bounded_limit(query)? };
    let window = window(query)?;
    if window.is_reversed() { Err(Refusal::WindowReversed) } else { Ok(RecordsQuery { window, page }) }
}

/// Answers that a backup has been deleted: without a body.
pub(in crate::http) fn backup_deleted() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// What [`instances_query`] reads.
pub(in crate::http) const INSTANCES_QUERY: &[QueryParameter] = &[
    OFFSET,
    LIMIT,
    text("instance_id", "Only the instance with this id."),
    text("name", "Only instances with this in their name."),
    text("name_equal", "`true` if `name` is the whole name; another text is itself a whole name."),
    text("status", "Only instances in this state."),
    text("ip", "Only instances with this in their address."),
    text("capacity", "Only instances of this size, in GB."),
    text("tags", "Only instances with all these tags: `key=value`, separated by commas."),
    flag("include_failure", "Whether instances whose creation failed are listed too."),
];

/// Reads which instances a list is asked for; `None` if no instance can be one of them.
///
/// # Errors
/// `InvalidQuery`.
pub(in crate::http) fn instances_query(query: &Query) -> Result<Option<InstancesQuery>, Refusal> {
    let start = InstancePageStart::Skip(offset(query)?);
    let limit = bounded_limit(query)?;
    Ok(filter(query).map(|filter| InstancesQuery { filter, start, limit }))
}

/// Reads the filters; `None` if nothing can match them.
fn filter(query: &Query) -> Option<InstanceFilter> {
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
        engine: None,
        capacity,
        tags: query.get("tags").map(tags_asked_for).unwrap_or_default(),
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
