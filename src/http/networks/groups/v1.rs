//! Security groups in the first version, and the form of rules that the second has, too.

use serde_json::{Map, Value, json};

use super::{GROUP_ID, KIND, RULE_FILTERS, direction, ethertype, remote, rule_id};
use crate::domain::id::NetworkId;
use crate::domain::networks::{Ports, ProjectNetwork, SecurityGroup, SecurityRule};
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::Response;
use crate::http::networks::context::{
    filtered, id_of, is_of_enterprise_project, json as answer, network, page, refused,
};

/// Shows a rule as the first version does.
pub(super) fn rule_view(call: &ProjectContext, group: NetworkId, rule: &SecurityRule) -> Map<String, Value> {
    let (prefix, remote_group, address_group) = remote(rule);
    let (least, most) = rule.traffic.ports.as_ref().map_or((None, None), Ports::bounds);
    let members = [
        ("id", json!(rule.id)),
        ("tenant_id", json!(call.project_id)),
        ("security_group_id", json!(group)),
        ("direction", json!(direction(rule))),
        ("ethertype", json!(ethertype(rule))),
        ("protocol", json!(rule.traffic.protocol)),
        ("port_range_min", json!(least)),
        ("port_range_max", json!(most)),
        ("remote_ip_prefix", prefix),
        ("remote_group_id", remote_group),
        ("remote_address_group_id", address_group),
        ("description", json!(rule.description.as_deref().unwrap_or_default())),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn view(call: &ProjectContext, group: &SecurityGroup) -> Value {
    let rules: Vec<_> = group.rules.iter().map(|rule| rule_view(call, group.id, rule)).collect();
    json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "vpc_id": group.vpc_id,
        "enterprise_project_id": group.enterprise_project_id,
        "security_group_rules": rules,
    })
}

fn shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Response {
    Ok(answer(&json!({ "security_group": view(call, network.group(id).map_err(refused)?) })))
}

fn rule_shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Response {
    let (group, rule) = network.rule(id).map_err(refused)?;
    Ok(answer(&json!({ "security_group_rule": rule_view(call, group.id, rule) })))
}

/// `POST /v1/{project_id}/security-groups`.
pub(in crate::http::networks) async fn create(engine: Engine, call: ProjectContext) -> Response {
    shown(super::create(&engine, &call, false).await?, &call)
}

/// `GET /v1/{project_id}/security-groups`.
pub(in crate::http::networks) async fn list(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let is_asked_for = |group: &&SecurityGroup| is_of_enterprise_project(query, &group.enterprise_project_id);
    let rows = network.groups().filter(is_asked_for).map(|group| view(&call, group)).collect();
    let rows = filtered(query, &["id", "name", "vpc_id"], rows);
    Ok(answer(&json!({ "security_groups": page(query, rows)? })))
}

/// `GET /v1/{project_id}/security-groups/{group_id}`.
pub(in crate::http::networks) async fn show(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, GROUP_ID, KIND)?;
    shown((id, network(&engine, &call).await?), &call)
}

/// `POST /v1/{project_id}/security-group-rules`.
pub(in crate::http::networks) async fn create_rule(engine: Engine, call: ProjectContext) -> Response {
    rule_shown(super::create_rule(&engine, &call, false).await?, &call)
}

/// `GET /v1/{project_id}/security-group-rules`.
pub(in crate::http::networks) async fn list_rules(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let rows = network.rules().map(|(group, rule)| rule_view(&call, group.id, rule).into()).collect();
    let rows = filtered(query, &RULE_FILTERS, rows);
    Ok(answer(&json!({ "security_group_rules": page(query, rows)? })))
}

/// `GET /v1/{project_id}/security-group-rules/{rule_id}`.
pub(in crate::http::networks) async fn show_rule(engine: Engine, call: ProjectContext) -> Response {
    let id = rule_id(&call)?;
    rule_shown((id, network(&engine, &call).await?), &call)
}
