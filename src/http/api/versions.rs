//! The version document, and how each version names a page of records.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 1.5 and 1.6; docs/contract/dcs-v2.md, sections 1.2, 1.5 and 1.8.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::domain::page::{PageLimit, PageRequest};
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, RecordsQuery};
use crate::http::context::{RequestContext, route};
use crate::http::error::Response;
use crate::http::extract::{Query, bounded_limit, clamped_limit, offset, start};
use crate::http::route::{GET, QueryParameter, RouteEntry, Tag, number, open, text};
use crate::http::state::state;
use crate::http::time::window;

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Versions", about: "Which versions of the service there are." };
    TAG.routes([open("show_version")
        .summary("Shows the version")
        .at(GET, "/v2", route(show_version))
        .answers_any(200, "application/json")])
}

/// When the version came to be, as its document says.
const UPDATED: &str = "2020-04-07T00:00:00Z";

/// `GET /v2`: the version document.
async fn show_version(request: HttpRequest, _body: Bytes) -> Response {
    let base_url = state(&request)?.base_url(&request);
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "version": {
            "id": "v2", "version": "", "min_version": "", "status": "CURRENT", "updated": UPDATED,
            "links": [{"rel": "self", "href": format!("{base_url}/v2")}],
        }
    })))
}

/// What [`records_query`] reads on v1.0.
pub(super) const V1_RECORDS_QUERY: &[QueryParameter] = &[
    number("start", "The ordinal of the first record, from 1.").from(1),
    number("limit", "How many records a page holds, 10 unless something is said; 1000 at most.").from(1),
    text("beginTime", "Only records created from then on, yyyyMMddHHmmss."),
    text("endTime", "Only records created until then."),
];

const OFFSET: QueryParameter = number("offset", "How many lie before the page.").from(0);
const LIMIT: QueryParameter =
    number("limit", "How many a page holds, 10 unless something is said.").from(1).up_to(PageLimit::MAX);

/// What says which page of a list is asked for.
pub(super) const PAGE_QUERY: &[QueryParameter] = &[OFFSET, LIMIT];

/// What [`records_query`] reads on v2.
pub(super) const V2_RECORDS_QUERY: &[QueryParameter] = &[
    OFFSET,
    LIMIT,
    text("begin_time", "Only records created from then on, yyyyMMddHHmmss."),
    text("end_time", "Only records created until then."),
];

/// The same, by the names that tasks have for it.
pub(super) const TASKS_QUERY: &[QueryParameter] = &[
    OFFSET,
    LIMIT,
    text("start_time", "Only tasks that began from then on, yyyyMMddHHmmss."),
    text("end_time", "Only tasks that began until then."),
];

/// Reads which part of a list of v2 is asked for.
///
/// # Errors
/// `InvalidQuery`.
pub(super) fn page_request(query: &Query) -> Result<PageRequest, Refusal> {
    Ok(PageRequest { skip: offset(query)?, limit: bounded_limit(query)? })
}

/// Returns a page of a list that is there as a whole.
pub(super) fn page_of<T>(list: &[T], page: PageRequest) -> &[T] {
    let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let rest = &list[number(page.skip).min(list.len())..];
    &rest[..number(page.limit.as_u64()).min(rest.len())]
}

/// Reads which records a list is asked for, as the version has it.
///
/// # Errors
/// `InvalidQuery`; on v2 `WindowReversed` if the time range starts after its end.
pub(super) fn records_query(context: &RequestContext) -> Result<RecordsQuery, Refusal> {
    let query = &context.query;
    let page = match context.api {
        ApiVersion::V1 => PageRequest { skip: start(query)?, limit: clamped_limit(query, PageLimit::TEN)? },
        ApiVersion::V2 => page_request(query)?,
    };
    let window = window(query)?;
    if context.api == ApiVersion::V2 && window.is_reversed() {
        return Err(Refusal::WindowReversed);
    }
    Ok(RecordsQuery { window, page })
}
