//! Instances: show one, list those of a project.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.8 and 2.9; docs/contract/dcs-v2.md, section 2.3.

use actix_web::HttpResponse;

use crate::domain::id::InstanceId;
use crate::domain::instance::Capacity;
use crate::domain::page::PageLimit;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::api::instances::view::{InstanceView, InstancesView};
use crate::http::api::versions::PAGE_QUERY;
use crate::http::context::{InstanceContext, ProjectContext};
use crate::http::error::{OrFail, Response, codes};
use crate::http::extract::{Query, bounded_limit, clamped_limit, offset, start};
use crate::http::route::{QueryParameter, flag, number, text};

/// `GET …/instances/{instance_id}`: shows an instance.
pub(super) async fn get_instance(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let (instance, now) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(InstanceView::of_one(instance, context.api, now)))
}

/// `GET …/instances`: lists the instances of a project, newest first.
pub(super) async fn list_instances(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let query = match context.api {
        ApiVersion::V1 => v1_instances_query(&context.query)?,
        ApiVersion::V2 => v2_instances_query(&context.query)?,
    };
    let Some(query) = query else {
        // A filter that nothing can match is not an error.
        return Ok(HttpResponse::Ok().json(InstancesView::empty()));
    };
    let (page, now) =
        engine.list_instances(project_id, query).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    Ok(HttpResponse::Ok().json(InstancesView::new(page, context.api, now)))
}
/// The query parameters of v1.0.
pub(super) const V1_INSTANCES_QUERY: &[QueryParameter] = &[
    number("start", "The ordinal of the first instance, from 1.").from(1),
    text("marker", "The id of the instance before the page; then `start` is not looked at."),
    number("limit", "How many instances a page holds; 1000 at most.").from(1),
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
pub(super) fn v1_instances_query(query: &Query) -> Result<Option<InstancesQuery>, Refusal> {
    let start = page_start(query)?;
    let limit = clamped_limit(query, PageLimit::ALL)?;
    Ok(v1_filter(query).map(|filter| InstancesQuery { filter, start, limit }))
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
fn v1_filter(query: &Query) -> Option<InstanceFilter> {
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

/// The query parameters of v2.
pub(super) const V2_INSTANCES_QUERY: &[QueryParameter] = &[
    PAGE_QUERY[0],
    PAGE_QUERY[1],
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
pub(super) fn v2_instances_query(query: &Query) -> Result<Option<InstancesQuery>, Refusal> {
    let start = InstancePageStart::Skip(offset(query)?);
    let limit = bounded_limit(query)?;
    Ok(v2_filter(query).map(|filter| InstancesQuery { filter, start, limit }))
}

/// Reads the filters; `None` if nothing can match them.
fn v2_filter(query: &Query) -> Option<InstanceFilter> {
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

/// Reads which tags a list is filtered by: keys with values, `a=1,b=2`, or as one client writes them, `{'a':'1', 'b':'2'}`. A key
/// without a value asks for the key alone.
fn tags_asked_for(text: &str) -> Vec<(String, Option<String>)> {
    let bare = |part: &str| part.trim_matches([' ', '\'', '"']).to_owned();
    let (pairs, between) = match text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        Some(inner) => (inner, ':'),
        None => (text, '='),
    };
    let pair = |pair: &str| {
        let (key, value) = pair.split_once(between).unwrap_or((pair, ""));
        (bare(key), Some(bare(value)).filter(|value| !value.is_empty()))
    };
    pairs.split(',').filter(|pair| !pair.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_asked_for_in_two_notations() {
        let both = [("a".to_owned(), Some("1".to_owned())), ("b".to_owned(), Some("x y".to_owned()))];
        for text in ["a=1,b=x y", "{'a':'1', 'b':'x y'}", "{\"a\": \"1\",\"b\": \"x y\"}", "a=1,,b=x y,"] {
            assert_eq!(tags_asked_for(text), both, "{text}");
        }
        assert_eq!(tags_asked_for("a,b="), [("a".to_owned(), None), ("b".to_owned(), None)]);
    }
}
