//! Security groups and their rules: one set of them behind three versions of the service.

pub(super) mod v1;
pub(super) mod v2;
pub(super) mod v3;

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{change, id_of, nothing, refused};
use crate::domain::id::NetworkId;
use crate::domain::networks::{
    NetworkKind, NetworkRefusal, NetworkTag, Ports, ProjectNetwork, Remote, RuleRequest, SecurityRule,
};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::{ApiError, Response};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Texts, text};

const KIND: NetworkKind = NetworkKind::SecurityGroup;
const GROUP_ID: &str = "group_id";
const RULE_ID: &str = "rule_id";
/// What lists of rules are filtered by.
const RULE_FILTERS: [&str; 12] = [
    "id",
    "security_group_id",
    "protocol",
    "description",
    "remote_group_id",
    "direction",
    "action",
    "priority",
    "ethertype",
    "remote_ip_prefix",
    "remote_address_group_id",
    "tenant_id",
];

#[derive(Deserialize)]
struct Body {
    security_group: GroupBody,
}

#[derive(Deserialize)]
struct GroupBody {
    name: Option<String>,
    description: Option<String>,
    vpc_id: Option<String>,
    enterprise_project_id: Option<Texts>,
    tags: Option<Vec<NetworkTag>>,
}

fn body(call: &ProjectContext) -> Result<GroupBody, Refusal> {
    mandatory_object::<Body>(&call.context.body).map(|body| body.security_group)
}

#[derive(Deserialize)]
struct RuleEnvelope {
    security_group_rule: RuleBody,
}

#[derive(Deserialize)]
struct RuleBody {
    security_group_id: Option<String>,
    direction: Option<String>,
    ethertype: Option<String>,
    protocol: Option<Texts>,
    port_range_min: Option<u16>,
    port_range_max: Option<u16>,
    multiport: Option<Texts>,
    remote_ip_prefix: Option<String>,
    remote_group_id: Option<String>,
    remote_address_group_id: Option<String>,
    description: Option<String>,
    action: Option<String>,
    priority: Option<u64>,
}

/// Reads a rule, in whichever way the version writes ports, and whether it `has_priorities`.
fn rule_body(call: &ProjectContext, has_priorities: bool) -> Result<RuleRequest, ApiError> {
    let body = mandatory_object::<RuleEnvelope>(&call.context.body)?.security_group_rule;
    let multiport = body.multiport.and_then(|ports| text(Some(ports.0)));
    let ports = match (multiport, body.port_range_min, body.port_range_max) {
        (Some(text), _, _) => Some(Ports::parse(&text).map_err(refused)?),
        (None, None, None) => None,
        (None, least, most) => Some(Ports::Range(least, most)),
    };
    Ok(RuleRequest {
        security_group_id: text(body.security_group_id),
        direction: body.direction,
        ethertype: text(body.ethertype),
        protocol: body.protocol.and_then(|protocol| text(Some(protocol.0))),
        ports,
        remote_ip_prefix: text(body.remote_ip_prefix),
        remote_group_id: text(body.remote_group_id),
        remote_address_group_id: text(body.remote_address_group_id),
        description: body.description,
        action: text(body.action),
        priority: body.priority,
        has_priorities,
    })
}

/// Where traffic comes from or goes to, as all versions show it: a range of addresses, a group, or a group of addresses.
fn remote(rule: &SecurityRule) -> (Value, Value, Value) {
    match &rule.traffic.remote {
        Remote::Any => (Value::Null, Value::Null, Value::Null),
        Remote::Prefix(prefix) => (json!(prefix), Value::Null, Value::Null),
        Remote::Group(id) => (Value::Null, json!(id), Value::Null),
        Remote::AddressGroup(id) => (Value::Null, Value::Null, json!(id)),
    }
}

fn direction(rule: &SecurityRule) -> &'static str {
    if rule.traffic.is_ingress { "ingress" } else { "egress" }
}

fn ethertype(rule: &SecurityRule) -> &'static str {
    if rule.traffic.is_ipv6 { "IPv6" } else { "IPv4" }
}

/// Reads the id of a rule in the path.
fn rule_id(call: &ProjectContext) -> Result<NetworkId, ApiError> {
    id_of(call, RULE_ID, NetworkKind::SecurityRule)
}

/// `DELETE …/security-groups/{group_id}`, in every version.
pub(super) async fn delete(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, GROUP_ID, KIND)?;
    let work = change(&engine, &call, move |network, _| network.delete_group(id).map(|()| id));
    work.await?;
    Ok(nothing())
}

/// `DELETE …/security-group-rules/{rule_id}`, in every version.
pub(super) async fn delete_rule(engine: Engine, call: ProjectContext) -> Response {
    let id = rule_id(&call)?;
    let work = change(&engine, &call, move |network, _| {
        let group = network.rule(id)?.0.id;
        network.delete_rule(id).map(|()| group)
    });
    work.await?;
    Ok(nothing())
}

/// Changes the name and the description of a group, in a version that `has_free_names` or not; returns the network as it is then.
async fn update(
    engine: &Engine,
    call: &ProjectContext,
    has_free_names: bool,
) -> Result<(NetworkId, ProjectNetwork), ApiError> {
    let (id, body) = (id_of(call, GROUP_ID, KIND)?, body(call)?);
    let work = change(engine, call, move |network, change| {
        network.update_group(id, (body.name, has_free_names), body.description, change.now).map(|()| id)
    });
    work.await
}

/// Makes a group; a version that `has_free_names` takes any text as one.
async fn create(
    engine: &Engine,
    call: &ProjectContext,
    has_free_names: bool,
) -> Result<(NetworkId, ProjectNetwork), ApiError> {
    let body = body(call)?;
    let name = body.name.ok_or_else(|| refused(NetworkRefusal::Invalid { kind: KIND, name: "name" }))?;
    let places = (text(body.vpc_id), body.enterprise_project_id.and_then(|id| text(Some(id.0))));
    let (description, tags) = (body.description.unwrap_or_default(), body.tags.unwrap_or_default());
    let work = change(engine, call, move |network, change| {
        network.create_group((name, has_free_names), description, places, &tags, change)
    });
    work.await
}

/// Adds a rule; returns its id and the network as it is then.
async fn create_rule(
    engine: &Engine,
    call: &ProjectContext,
    has_priorities: bool,
) -> Result<(NetworkId, ProjectNetwork), ApiError> {
    let request = rule_body(call, has_priorities)?;
    change(engine, call, move |network, change| network.create_rule(request, change)).await
}
