//! Security groups in the second version, that of the network service below. Its paths name no project.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::{GROUP_ID, KIND, RULE_FILTERS, rule_id, v1};
use crate::domain::id::NetworkId;
use crate::domain::networks::{ProjectNetwork, SecurityGroup, SecurityRule};
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::{ApiError, Response};
use crate::http::networks::context::{filtered, id_of, json as answer, network, page_v2, plain, refused};

fn rule_view(call: &ProjectContext, group: NetworkId, rule: &SecurityRule) -> Value {
    let mut view = v1::rule_view(call, group, rule);
    view.insert("project_id".to_owned(), json!(call.project_id));
    view.insert("created_at".to_owned(), plain(rule.created_at).into());
    view.insert("updated_at".to_owned(), plain(rule.created_at).into());
    view.into()
}

fn view(call: &ProjectContext, group: &SecurityGroup) -> Value {
    let rules: Vec<_> = group.rules.iter().map(|rule| rule_view(call, group.id, rule)).collect();
    json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": call.project_id,
        "project_id": call.project_id,
        "security_group_rules": rules,
        "created_at": plain(group.created_at),
        "updated_at": plain(group.updated_at),
    })
}

fn shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Result<Value, ApiError> {
    Ok(json!({ "security_group": view(call, network.group(id).map_err(refused)?) }))
}

fn rule_shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Result<Value, ApiError> {
    let (group, rule) = network.rule(id).map_err(refused)?;
    Ok(json!({ "security_group_rule": rule_view(call, group.id, rule) }))
}

/// `POST /v2.0/security-groups`.
pub(in crate::http::networks) async fn create(engine: Engine, call: ProjectContext) -> Response {
    Ok(HttpResponse::Created().json(shown(super::create(&engine, &call, true).await?, &call)?))
}

/// `GET /v2.0/security-groups`.
pub(in crate::http::networks) async fn list(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let rows = network(&engine, &call).await?.groups().map(|group| view(&call, group)).collect();
    let rows = filtered(query, &["id", "name", "tenant_id", "project_id", "description"], rows);
    Ok(answer(&page_v2(&call, "security_groups", rows)?))
}

/// `GET /v2.0/security-groups/{group_id}`.
pub(in crate::http::networks) async fn show(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, GROUP_ID, KIND)?;
    Ok(answer(&shown((id, network(&engine, &call).await?), &call)?))
}

/// `PUT /v2.0/security-groups/{group_id}`.
pub(in crate::http::networks) async fn update(engine: Engine, call: ProjectContext) -> Response {
    Ok(answer(&shown(super::update(&engine, &call, true).await?, &call)?))
}

/// `POST /v2.0/security-group-rules`.
pub(in crate::http::networks) async fn create_rule(engine: Engine, call: ProjectContext) -> Response {
    Ok(HttpResponse::Created().json(rule_shown(super::create_rule(&engine, &call, false).await?, &call)?))
}

/// `GET /v2.0/security-group-rules`.
pub(in crate::http::networks) async fn list_rules(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let rows = network.rules().map(|(group, rule)| rule_view(&call, group.id, rule)).collect();
    let rows = filtered(query, &RULE_FILTERS, rows);
    Ok(answer(&page_v2(&call, "security_group_rules", rows)?))
}

/// `GET /v2.0/security-group-rules/{rule_id}`.
pub(in crate::http::networks) async fn show_rule(engine: Engine, call: ProjectContext) -> Response {
    let id = rule_id(&call)?;
    Ok(answer(&rule_shown((id, network(&engine, &call).await?), &call)?))
}
