//! Sessions of the clients of instances.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 4.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::contents::Session;
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::api::config::change::{JobView, job_begun};
use crate::http::api::versions::{PAGE_QUERY, page_of, page_request};
use crate::http::context::{InstanceContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{Query, mandatory_object};
use crate::http::flexible::{self, Flexible};
use crate::http::route::{GET, POST, QueryParameter, RouteEntry, Tag, reading, text, writing};

/// How many addresses a caller may name.
const MAX_ADDRESSES: usize = 1000;

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Sessions", about: "Sessions of the clients of an instance." };
    const SESSIONS_QUERY: &[QueryParameter] = &[
        text("node_id", "The node.").required(),
        text("addr", "Only those whose address contains this."),
        text("sort", "The field by which they are sorted."),
        text("order", "`asc` or `desc`, which it is for a field unless something is said."),
    ];
    TAG.routes([
        reading("scan_clients", "dcs:clients:list")
            .summary("Has the sessions of a node read")
            .v2(POST, "/instances/{instance_id}/clients", endpoint(scan))
            .takes::<ScanBody>()
            .answers::<JobView>(),
        reading("list_clients", "dcs:clients:list")
            .summary("Lists the sessions of a node")
            .v2(GET, "/instances/{instance_id}/clients", endpoint(list))
            .query(SESSIONS_QUERY)
            .query(PAGE_QUERY)
            .answers::<SessionsView>(),
        writing("hang_up_clients", "dcs:clients:kill")
            .summary("Ends sessions of a node")
            .v2(POST, "/instances/{instance_id}/clients/kill", endpoint(end))
            .takes::<EndBody>()
            .answers_nothing(),
        writing("hang_up_kill_all_clients", "dcs:clients:kill")
            .summary("Ends all sessions of a node, or of all nodes")
            .v2(POST, "/instances/{instance_id}/clients/kill-all", endpoint(end_all))
            .takes::<EndAllBody>()
            .answers::<JobView>(),
    ])
}

/// `POST …/clients`: reads the sessions of a node.
async fn scan(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: ScanBody = mandatory_object(&context.body)?;
    let scanned = engine.scan_sessions(instance, node_id(body.node_id)?, context.origin).await;
    let job_id = scanned.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(job_begun(job_id))
}

/// `GET …/clients`: lists the sessions of a node, by their ids unless something else is asked for.
async fn list(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let query = &context.query;
    let node_id = query.get("node_id").ok_or(ApiError::MissingQuery { name: "node_id" })?;
    let (page, (field, descends)) = (page_request(query)?, order(query)?);
    let found = engine.sessions(instance, node_id).await;
    let (time, mut sessions) = found.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    if let Some(part) = query.get("addr") {
        sessions.retain(|session| session.addr.contains(part));
    }
    sessions.sort_by(|one, other| {
        let order = one.compare_by(other, field);
        if descends { order.reverse() } else { order }
    });
    let clients = page_of(&sessions, page).iter().cloned().map(SessionView::of).collect();
    Ok(HttpResponse::Ok().json(SessionsView { time: time.to_string(), count: sessions.len(), clients }))
}

/// Reads by which field sessions are sorted, and whether the last comes first.
fn order(query: &Query) -> Result<(&str, bool), Refusal> {
    let sort = query.get("sort");
    if sort.is_some_and(|field| !Session::FIELDS.contains(&field)) {
        return Err(Refusal::InvalidQuery { name: "sort" });
    }
    let descends = match query.get("order") {
        None => sort.is_some(),
        Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(Refusal::InvalidQuery { name: "order" }),
    };
    Ok((sort.unwrap_or("id"), descends))
}

/// `POST …/clients/kill`: ends sessions of a node.
async fn end(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: EndBody = mandatory_object(&context.body)?;
    let node_id = node_id(body.node_id)?;
    let addresses = body.client_addrs.filter(|addresses| addresses.len() <= MAX_ADDRESSES);
    let addresses = addresses.ok_or(Refusal::InvalidParameter { name: "client_addrs" })?;
    let ended = engine.end_sessions(instance, node_id, addresses, context.origin).await;
    ended.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST …/clients/kill-all`: ends all sessions of a node, or of all nodes.
async fn end_all(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: EndAllBody = mandatory_object(&context.body)?;
    let invalid = Refusal::InvalidParameter { name: "kill_all_nodes" };
    let of_all = match body.kill_all_nodes.as_ref().and_then(Flexible::given) {
        Some(given) => given.boolean().ok_or(invalid)?,
        None => false,
    };
    let node_id = if of_all { None } else { Some(node_id(body.node_id)?) };
    let ended = engine.end_all_sessions(instance, node_id, (context.failure, context.origin)).await;
    let job_id = ended.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(job_begun(job_id))
}

fn node_id(given: Option<String>) -> Result<String, Refusal> {
    flexible::text(given).ok_or(Refusal::InvalidParameter { name: "node_id" })
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SessionScan)]
struct ScanBody {
    node_id: Option<String>,
    /// Makes no difference: sessions are always read anew.
    #[expect(dead_code, reason = "it makes no difference")]
    clean_cache: Option<Flexible>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = SessionsToEnd)]
struct EndBody {
    node_id: Option<String>,
    /// Their addresses, or those by which they are known, with the port or without.
    client_addrs: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = AllSessionsToEnd)]
struct EndAllBody {
    /// Needed unless it is all nodes.
    node_id: Option<String>,
    kill_all_nodes: Option<Flexible>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
struct SessionsView {
    /// When they were read last on demand.
    time: String,
    /// Of all pages.
    count: usize,
    clients: Vec<SessionView>,
}

/// A session, as the command `CLIENT LIST` tells it.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    id: String,
    addr: String,
    fd: String,
    name: String,
    cmd: String,
    age: u64,
    idle: u64,
    db: String,
    flags: String,
    sub: u64,
    psub: u64,
    multi: i64,
    qbuf: u64,
    qbuf_free: u64,
    obl: u64,
    oll: u64,
    omem: u64,
    events: String,
    network: String,
    peer: String,
    user: String,
}

impl SessionView {
    #[rustfmt::skip]
    fn of(session: Session) -> Self {
        let Session {
            node: _, id, addr, fd, name, cmd, age, idle, db, flags, sub, psub, multi, qbuf, qbuf_free, obl, oll, omem,
            events, network, peer, user,
        } = session;
        Self {
            id, addr, fd, name, cmd, age, idle, db, flags, sub, psub, multi, qbuf, qbuf_free, obl, oll, omem, events,
            network, peer, user,
        }
    }
}
