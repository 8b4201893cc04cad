//! Enterprise projects of the caller's account, and what its projects have in them.

use std::cmp::Reverse;

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{json as answer, nothing, zoned};
use crate::domain::enterprise_project::{
    EnterpriseProject, EnterpriseProjectChange, EnterpriseProjectKind, EnterpriseProjectRef,
    EnterpriseProjectRefusal, EnterpriseProjectRequest, EnterpriseProjectStatus, EnterpriseProjects,
    ResourceKind,
};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::context::AccountContext;
use crate::http::error::codes::INTERNAL;
use crate::http::error::{ApiError, OrFail, Response};
use crate::http::extract::{Query, mandatory_object, offset, whole_number};

/// How many rows a page has unless a limit is named, and at most.
const PAGE: u64 = 1000;

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    description: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

fn body(call: &AccountContext) -> Result<EnterpriseProjectRequest, Refusal> {
    let body: Body = mandatory_object(&call.context.body)?;
    let kind = body.kind.filter(|kind| !kind.is_empty()).map(|kind| kind_of(&kind)).transpose()?;
    Ok(EnterpriseProjectRequest { name: body.name, description: body.description, kind })
}

fn kind_of(word: &str) -> Result<EnterpriseProjectKind, Refusal> {
    EnterpriseProjectKind::parse(word).ok_or(Refusal::InvalidParameter { name: "type" })
}

/// Answers refusals of the domain.
fn refused(refusal: EnterpriseProjectRefusal) -> ApiError {
    Refusal::EnterpriseProject(refusal).into()
}

/// Reads the id in the path; what has another form is of nothing that there is.
fn id_of(call: &AccountContext) -> Result<EnterpriseProjectRef, ApiError> {
    let id = call.context.path_part("enterprise_project_id").parse();
    id.map_err(|_| refused(EnterpriseProjectRefusal::Missing))
}

async fn projects(engine: &Engine, call: &AccountContext) -> Result<EnterpriseProjects, ApiError> {
    engine.enterprise_projects(call.account.clone()).await.or_fail(&INTERNAL)
}

fn view(project: &EnterpriseProject) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "type": project.kind,
        "status": project.status,
        "delete_flag": false,
        "created_at": zoned(project.created_at),
        "updated_at": zoned(project.updated_at),
    })
}

fn shown(project: &EnterpriseProject) -> HttpResponse {
    answer(&json!({ "enterprise_project": view(project) }))
}

/// Returns the rows of a page.
fn page<T>(rows: Vec<T>, offset: u64, limit: u64) -> impl Iterator<Item = T> {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    rows.into_iter().skip(number(offset)).take(number(limit))
}

fn limit(limit: Option<u64>) -> Result<u64, Refusal> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=PAGE).contains(&limit) { Ok(limit) } else { Err(Refusal::InvalidQuery { name: "limit" }) }
}

/// Returns whether a query asks for an enterprise project.
fn is_asked_for(query: &Query, project: &EnterpriseProject) -> bool {
    let name = |wanted: &str| project.name.to_lowercase().contains(&wanted.to_lowercase());
    query.get("name").is_none_or(name)
        && query.get("id").is_none_or(|id| id == project.id.to_string())
        && query.get("status").is_none_or(|status| status == u8::from(project.status).to_string())
        && query.get("type").is_none_or(|kind| kind == project.kind.as_str())
}

/// `GET /v1.0/enterprise-projects`.
pub(super) async fn list(engine: Engine, call: AccountContext) -> Response {
    let query = &call.context.query;
    let invalid = |name| Refusal::InvalidQuery { name };
    let limit = match query.get("limit") {
        Some(text) => limit(Some(whole_number(text).ok_or(invalid("limit"))?))?,
        None => PAGE,
    };
    let offset = offset(query)?;
    let by_change = match query.get("sort_key") {
        None | Some("created_at") => false,
        Some("updated_at") => true,
        Some(_) => return Err(invalid("sort_key").into()),
    };
    let is_ascending = match query.get("sort_dir") {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(invalid("sort_dir").into()),
    };
    if query.get("status").is_some_and(|status| !["1", "2"].contains(&status)) {
        return Err(invalid("status").into());
    }
    query.get("type").map(kind_of).transpose()?;
    let projects = projects(&engine, &call).await?;
    let mut rows: Vec<_> = projects.all().iter().filter(|project| is_asked_for(query, project)).collect();
    let time = |project: &EnterpriseProject| if by_change { project.updated_at } else { project.created_at };
    // Of those of one time the later stands where a later time would have it.
    if is_ascending {
        rows.sort_by_key(|project| time(project));
    } else {
        rows.reverse();
        rows.sort_by_key(|project| Reverse(time(project)));
    }
    let count = rows.len();
    let rows: Vec<_> = page(rows, offset, limit).map(view).collect();
    Ok(answer(&json!({ "enterprise_projects": rows, "total_count": count })))
}

/// `GET /v1.0/enterprise-projects/{enterprise_project_id}`.
pub(super) async fn show(engine: Engine, call: AccountContext) -> Response {
    let id = id_of(&call)?;
    Ok(shown(projects(&engine, &call).await?.find(id).map_err(refused)?))
}

/// `POST /v1.0/enterprise-projects`.
pub(super) async fn create(engine: Engine, call: AccountContext) -> Response {
    let request = body(&call)?;
    let made = engine.create_enterprise_project(call.caller(), request).await.or_fail(&INTERNAL)?;
    Ok(HttpResponse::Created().json(json!({ "enterprise_project": view(&made) })))
}

/// `PUT /v1.0/enterprise-projects/{enterprise_project_id}`.
pub(super) async fn update(engine: Engine, call: AccountContext) -> Response {
    let change = EnterpriseProjectChange::Update(id_of(&call)?, body(&call)?);
    Ok(shown(&engine.change_enterprise_project(call.caller(), change).await.or_fail(&INTERNAL)?))
}

#[derive(Deserialize)]
struct ActionBody {
    action: String,
}

/// `POST /v1.0/enterprise-projects/{enterprise_project_id}/action`.
pub(super) async fn switch(engine: Engine, call: AccountContext) -> Response {
    let (id, body) = (id_of(&call)?, mandatory_object::<ActionBody>(&call.context.body)?);
    let status = match body.action.as_str() {
        "enable" => EnterpriseProjectStatus::Enabled,
        "disable" => EnterpriseProjectStatus::Disabled,
        _ => return Err(Refusal::InvalidParameter { name: "action" }.into()),
    };
    let change = EnterpriseProjectChange::Switch(id, status);
    engine.change_enterprise_project(call.caller(), change).await.or_fail(&INTERNAL)?;
    Ok(nothing())
}

/// `DELETE /v1.0/enterprise-projects/{enterprise_project_id}`.
pub(super) async fn delete(engine: Engine, call: AccountContext) -> Response {
    let change = EnterpriseProjectChange::Delete(id_of(&call)?);
    engine.change_enterprise_project(call.caller(), change).await.or_fail(&INTERNAL)?;
    Ok(nothing())
}

#[derive(Deserialize)]
struct MigrationBody {
    resource_type: String,
    resource_id: String,
    project_id: Option<String>,
}

/// `POST /v1.0/enterprise-projects/{enterprise_project_id}/resources-migrate`.
pub(super) async fn migrate(engine: Engine, call: AccountContext) -> Response {
    let missing = || refused(EnterpriseProjectRefusal::ResourceMissing);
    let target = id_of(&call)?;
    let body: MigrationBody = mandatory_object(&call.context.body)?;
    let kind = ResourceKind::parse(&body.resource_type).ok_or_else(missing)?;
    let project_id = match body.project_id.filter(|id| !id.is_empty()) {
        Some(id) => id.parse().map_err(|_| missing())?,
        None => call.project_id,
    };
    if !call.reaches(project_id).await? {
        return Err(missing());
    }
    let resource = (project_id, kind, body.resource_id);
    engine.move_resource(call.caller(), target, resource).await.or_fail(&INTERNAL)?;
    Ok(nothing())
}

#[derive(Deserialize)]
struct FilterBody {
    #[serde(default)]
    resource_types: Vec<String>,
    #[serde(default)]
    projects: Vec<String>,
    offset: Option<i64>,
    limit: Option<i64>,
}

/// `POST /v1.0/enterprise-projects/{enterprise_project_id}/resources/filter`.
pub(super) async fn filter(engine: Engine, call: AccountContext) -> Response {
    let id = id_of(&call)?;
    let body: FilterBody = mandatory_object(&call.context.body)?;
    let limit = limit(body.limit.map(|limit| limit.try_into().unwrap_or(0)))?;
    let offset = u64::try_from(body.offset.unwrap_or(0));
    let offset = offset.map_err(|_| Refusal::InvalidParameter { name: "offset" })?;
    projects(&engine, &call).await?.find(id).map_err(refused)?;
    let is_wanted = |kind: &ResourceKind| {
        body.resource_types.is_empty() || body.resource_types.iter().any(|word| kind.word() == Some(word))
    };
    let kinds: Vec<_> = ResourceKind::ALL.into_iter().filter(is_wanted).collect();
    let named: Vec<_> = body.projects.iter().filter_map(|id| id.parse().ok()).collect();
    let reached = if body.projects.is_empty() { None } else { Some(named.as_slice()) };
    let mut rows = Vec::new();
    for project in call.reached(reached).await? {
        let found = engine.enterprise_resources(id, project.id, kinds.clone()).await.or_fail(&INTERNAL)?;
        rows.extend(found.into_iter().map(|resource| {
            json!({
                "project_id": project.id,
                "project_name": project.name,
                "resource_type": resource.kind.word(),
                "resource_id": resource.id,
                "resource_name": resource.name,
                "resource_detail": null,
                "enterprise_project_id": id,
            })
        }));
    }
    let count = rows.len();
    let rows: Vec<_> = page(rows, offset, limit).collect();
    Ok(answer(&json!({ "resources": rows, "errors": [], "total_count": count })))
}
