//! Security groups in the third version.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::{GROUP_ID, KIND, RULE_FILTERS, direction, ethertype, remote, rule_id};
use crate::domain::id::NetworkId;
use crate::domain::networks::{Ports, ProjectNetwork, SecurityGroup, SecurityRule};
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::{ApiError, Response};
use crate::http::networks::context::{
    filtered, id_of, is_of_enterprise_project, json as answer, network, page_v3, refused, request_id, zoned,
};

fn rule_view(call: &ProjectContext, group: NetworkId, rule: &SecurityRule) -> Value {
    let (prefix, remote_group, address_group) = remote(rule);
    json!({
        "id": rule.id,
        "project_id": call.project_id,
        "security_group_id": group,
        "direction": direction(rule),
        "ethertype": ethertype(rule),
        "protocol": rule.traffic.protocol,
        "multiport": rule.traffic.ports.as_ref().and_then(Ports::text),
        "remote_ip_prefix": prefix,
        "remote_group_id": remote_group,
        "remote_address_group_id": address_group,
        "description": rule.description.as_deref().unwrap_or_default(),
        "action": if rule.traffic.is_allowed { "allow" } else { "deny" },
        "priority": rule.traffic.priority,
        "created_at": zoned(rule.created_at),
        "updated_at": zoned(rule.created_at),
    })
}

/// Shows a group without its rules.
fn row(call: &ProjectContext, group: &SecurityGroup) -> Value {
    json!({
        "id": group.id,
        "name": group.name,
        "project_id": call.project_id,
        "description": group.description,
        "enterprise_project_id": group.enterprise_project_id,
        "tags": group.tags,
        "created_at": zoned(group.created_at),
        "updated_at": zoned(group.updated_at),
    })
}

fn shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Result<Value, ApiError> {
    let group = network.group(id).map_err(refused)?;
    let mut view = row(call, group);
    view["security_group_rules"] = group.rules.iter().map(|rule| rule_view(call, id, rule)).collect();
    Ok(json!({ "request_id": request_id(call), "security_group": view }))
}

fn rule_shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Result<Value, ApiError> {
    let (group, rule) = network.rule(id).map_err(refused)?;
    let view = rule_view(call, group.id, rule);
    Ok(json!({ "request_id": request_id(call), "security_group_rule": view }))
}

/// `POST /v3/{project_id}/vpc/security-groups`.
pub(in crate::http::networks) async fn create(engine: Engine, call: ProjectContext) -> Response {
    Ok(HttpResponse::Created().json(shown(super::create(&engine, &call, false).await?, &call)?))
}

/// `GET /v3/{project_id}/vpc/security-groups`.
pub(in crate::http::networks) async fn list(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let is_asked_for = |group: &&SecurityGroup| is_of_enterprise_project(query, &group.enterprise_project_id);
    let rows = network.groups().filter(is_asked_for).map(|group| row(&call, group)).collect();
    let rows = filtered(query, &["id", "name", "description", "project_id"], rows);
    Ok(answer(&page_v3(query, &request_id(&call), "security_groups", rows)?))
}

/// `GET /v3/{project_id}/vpc/security-groups/{group_id}`.
pub(in crate::http::networks) async fn show(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, GROUP_ID, KIND)?;
    Ok(answer(&shown((id, network(&engine, &call).await?), &call)?))
}

/// `PUT /v3/{project_id}/vpc/security-groups/{group_id}`.
pub(in crate::http::networks) async fn update(engine: Engine, call: ProjectContext) -> Response {
    Ok(answer(&shown(super::update(&engine, &call, false).await?, &call)?))
}

/// `POST /v3/{project_id}/vpc/security-group-rules`.
pub(in crate::http::networks) async fn create_rule(engine: Engine, call: ProjectContext) -> Response {
    Ok(HttpResponse::Created().json(rule_shown(super::create_rule(&engine, &call, true).await?, &call)?))
}

/// `GET /v3/{project_id}/vpc/security-group-rules`.
pub(in crate::http::networks) async fn list_rules(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let rows = network.rules().map(|(group, rule)| rule_view(&call, group.id, rule)).collect();
    let rows = filtered(query, &RULE_FILTERS, rows);
    Ok(answer(&page_v3(query, &request_id(&call), "security_group_rules", rows)?))
}

/// `GET /v3/{project_id}/vpc/security-group-rules/{rule_id}`.
pub(in crate::http::networks) async fn show_rule(engine: Engine, call: ProjectContext) -> Response {
    let id = rule_id(&call)?;
    Ok(answer(&rule_shown((id, network(&engine, &call).await?), &call)?))
}
