//! What the calls about networks share: changes, pages and times.

use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::id::NetworkId;
use crate::domain::networks::{NetworkChange, NetworkKind, NetworkRefusal, ProjectNetwork};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::{ApiError, OrFail, codes};
use crate::http::extract::{Query, whole_number};

/// How many rows a page has unless a limit is named, and at most.
const PAGE: usize = 2000;

/// Reads the network of the project.
pub(super) async fn network(engine: &Engine, call: &ProjectContext) -> Result<ProjectNetwork, ApiError> {
    engine.network(call.project_id).await.or_fail(&codes::INTERNAL)
}

/// Changes the network of the project.
pub(super) async fn change<W>(
    engine: &Engine,
    call: &ProjectContext,
    work: W,
) -> Result<(NetworkId, ProjectNetwork), ApiError>
where
    W: FnOnce(&mut ProjectNetwork, &NetworkChange<'_>) -> Result<NetworkId, NetworkRefusal> + Send + 'static,
{
    engine.change_network(call.project_id, call.context.origin.clone(), work).await.or_fail(&codes::INTERNAL)
}

/// Answers refusals of the domain.
pub(super) fn refused(refusal: NetworkRefusal) -> ApiError {
    Refusal::Network(refusal).into()
}

/// Reads an id in the path; what has another form is of nothing that there is.
pub(super) fn id_of(call: &ProjectContext, name: &str, kind: NetworkKind) -> Result<NetworkId, ApiError> {
    call.context.path_part(name).parse().map_err(|_| refused(NetworkRefusal::Missing(kind)))
}

/// Returns the page of rows that is asked for: those behind the row with the id `marker`, at most `limit`. An unknown marker has none
/// behind it.
///
/// # Errors
/// `InvalidQuery` for a limit that is none.
pub(super) fn page(query: &Query, rows: Vec<Value>) -> Result<Vec<Value>, Refusal> {
    let limit = match query.get("limit") {
        None => PAGE,
        Some(text) => {
            let limit = whole_number(text).and_then(|limit| usize::try_from(limit).ok());
            limit.filter(|limit| *limit <= PAGE).ok_or(Refusal::InvalidQuery { name: "limit" })?
        }
    };
    let skipped = match query.get("marker") {
        None => 0,
        Some(marker) => rows.iter().position(|row| row["id"] == marker).map_or(rows.len(), |at| at + 1),
    };
    Ok(rows.into_iter().skip(skipped).take(limit).collect())
}

/// A page as the network service below answers it: by id, with a link to the next one where a limit was named.
pub(super) fn page_v2(call: &ProjectContext, name: &str, mut rows: Vec<Value>) -> Result<Value, ApiError> {
    let query = &call.context.query;
    rows.sort_by(|one, other| one["id"].as_str().cmp(&other["id"].as_str()));
    if query.get("marker").is_some_and(|marker| rows.iter().all(|row| row["id"] != marker)) {
        return Err(Refusal::InvalidQuery { name: "marker" }.into());
    }
    let last = rows.last().map(|row| row["id"].clone());
    let page = page(query, rows)?;
    let end = page.last().and_then(|row| row["id"].as_str()).map(str::to_owned);
    let mut answer = Map::new();
    if let (Some(limit), Some(end)) = (query.get("limit"), end)
        && last != Some(end.as_str().into())
    {
        let others = query.pairs().filter(|(name, _)| !matches!(*name, "limit" | "marker"));
        let pairs = others.chain([("limit", limit), ("marker", &end)]);
        let next = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let href = format!("{}{}?{next}", call.context.base_url()?, call.context.path());
        answer.insert(format!("{name}_links"), json!([{"rel": "next", "href": href}]));
    }
    answer.insert(name.to_owned(), page.into());
    Ok(answer.into())
}

/// Keeps the rows whose members have the values that the query names of them; a member that is asked for several times has one of the
/// values.
pub(super) fn filtered(query: &Query, members: &[&'static str], rows: Vec<Value>) -> Vec<Value> {
    let is_like = |row: &Value| {
        members.iter().all(|member| {
            let mut wanted = query.pairs().filter(|(name, _)| name == member).peekable();
            wanted.peek().is_none() || wanted.any(|(_, wanted)| is_text(&row[member], wanted))
        })
    };
    rows.into_iter().filter(is_like).collect()
}

fn is_text(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string == text,
        Value::Null => false,
        Value::Bool(is_so) => text.parse() == Ok(*is_so),
        other => other.as_u64().is_some_and(|number| text.parse() == Ok(number)),
    }
}

/// A page as the third version answers it: with what tells where the next one begins.
pub(super) fn page_v3(
    query: &Query,
    request_id: &str,
    name: &str,
    rows: Vec<Value>,
) -> Result<Value, ApiError> {
    let last = rows.last().map(|row| row["id"].clone());
    let page = page(query, rows)?;
    let mut info = Map::new();
    if let (Some(first), Some(end)) = (page.first(), page.last()) {
        info.insert("previous_marker".to_owned(), first["id"].clone());
        if last.as_ref() != Some(&end["id"]) {
            info.insert("next_marker".to_owned(), end["id"].clone());
        }
    }
    info.insert("current_count".to_owned(), page.len().into());
    Ok(json!({ "request_id": request_id, name: page, "page_info": info }))
}

/// Returns the id of the request, as the third version repeats it in bodies.
pub(super) fn request_id(call: &ProjectContext) -> String {
    call.context.origin.request_id.map(|id| id.to_string()).unwrap_or_default()
}

/// Whether an enterprise project is asked for, or those of all.
pub(super) fn is_of_enterprise_project(query: &Query, id: &str) -> bool {
    query.get("enterprise_project_id").is_none_or(|wanted| wanted == id || wanted == "all_granted_eps")
}

/// A time without a zone, as the first versions write it.
pub(super) fn plain(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A time with its zone, as the third version writes it.
pub(super) fn zoned(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

pub(super) fn nothing() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
