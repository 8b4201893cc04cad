//! Projects, domains and users, as far as clients ask for them. A caller sees only what is its own.

use actix_web::HttpRequest;
use actix_web::web::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::domain::id::ProjectId;
use crate::domain::identity::{Domain, Project};
use crate::engine::identity::ProjectFilter;
use crate::http::error::{ApiError, Response};
use crate::http::extract::Query;
use crate::http::identity::context::{IdentityContext, ListLinks, internal, json};

#[derive(Serialize)]
struct SelfLink {
    #[serde(rename = "self")]
    own: String,
}

#[derive(Serialize)]
struct ProjectView {
    id: String,
    name: String,
    domain_id: String,
    parent_id: String,
    is_domain: bool,
    enabled: bool,
    description: &'static str,
    links: SelfLink,
}

impl ProjectView {
    fn new(project: &Project, domain: &Domain, base_url: &str) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name.clone(),
            domain_id: domain.id.to_string(),
            parent_id: domain.id.to_string(),
            is_domain: false,
            enabled: true,
            description: "",
            links: SelfLink { own: format!("{base_url}/v3/projects/{}", project.id) },
        }
    }
}

#[derive(Serialize)]
struct ProjectsResponse {
    projects: Vec<ProjectView>,
    links: ListLinks,
}

/// `GET /v3/projects` and `GET /v3/auth/projects`: the projects in which the caller has a role.
pub(super) async fn list_projects(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let domain = context.identity.domain().await.map_err(internal)?;
    let query = Query::parse(request.query_string());
    let own_domain = domain.id.to_string();
    let elsewhere = |name| query.get(name).is_some_and(|id| id != own_domain);
    let disabled_only = query.get("enabled").is_some_and(|enabled| enabled.eq_ignore_ascii_case("false"));
    let projects = if elsewhere("domain_id") || elsewhere("parent_id") || disabled_only {
        Vec::new()
    } else {
        let filter = ProjectFilter { id: None, name: query.get("name").map(str::to_owned) };
        context.identity.projects(&context.user, filter).await.map_err(internal)?
    };
    Ok(json(&ProjectsResponse {
        projects: projects
            .iter()
            .map(|project| ProjectView::new(project, &domain, &context.base_url))
            .collect(),
        links: ListLinks::of(&context.base_url, request.path()),
    }))
}

/// `GET /v3/projects/{project_id}`: one project in which the caller has a role.
pub(super) async fn show_project(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let missing = || ApiError::NotFound { what: "the project" };
    let id = request.match_info().get("project_id").unwrap_or_default();
    let id: ProjectId = id.parse().map_err(|_| missing())?;
    let project = context.identity.project(&context.user, id).await.map_err(internal)?.ok_or_else(missing)?;
    let domain = context.identity.domain().await.map_err(internal)?;
    Ok(json(&json!({ "project": ProjectView::new(&project, &domain, &context.base_url) })))
}

#[derive(Serialize)]
struct DomainView {
    id: String,
    name: String,
    enabled: bool,
    description: &'static str,
    links: SelfLink,
}

/// `GET /v3/auth/domains`: the caller's own domain.
pub(super) async fn list_domains(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let domain = context.identity.domain().await.map_err(internal)?;
    let query = Query::parse(request.query_string());
    let is_asked_for = query.get("name").is_none_or(|name| name == domain.name);
    let links = SelfLink { own: format!("{}/v3/domains/{}", context.base_url, domain.id) };
    let view =
        DomainView { id: domain.id.to_string(), name: domain.name, enabled: true, description: "", links };
    let domains: Vec<DomainView> = is_asked_for.then_some(view).into_iter().collect();
    let links = ListLinks::of(&context.base_url, request.path());
    Ok(json(&json!({ "domains": domains, "links": links })))
}

/// `GET /v3/users`: the caller itself, if it is who is asked for.
pub(super) async fn list_users(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let domain = context.identity.domain().await.map_err(internal)?;
    let query = Query::parse(request.query_string());
    let is_asked_for = query.get("name").is_none_or(|name| name == context.user.name);
    let users: Vec<_> = is_asked_for
        .then(|| {
            json!({
                "id": context.user.id.to_string(), "name": context.user.name, "domain_id": domain.id.to_string(), "enabled": true,
                "links": SelfLink { own: format!("{}/v3/users/{}", context.base_url, context.user.id) },
            })
        })
        .into_iter()
        .collect();
    let links = ListLinks::of(&context.base_url, request.path());
    Ok(json(&json!({ "users": users, "links": links })))
}
