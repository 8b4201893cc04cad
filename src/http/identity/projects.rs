//! Projects, domains and users, as far as clients ask for them. A caller sees only what is its own.

use std::ops::Range;

use actix_web::HttpRequest;
use actix_web::web::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::domain::id::ProjectId;
use crate::domain::identity::{Domain, Project};
use crate::domain::refusal::Refusal;
use crate::engine::identity::ProjectFilter;
use crate::http::error::{ApiError, Response};
use crate::http::extract::{Query, whole_number};
use crate::http::identity::context::{IdentityContext, ListLinks, SelfLink, internal, json};
use crate::http::route::{QueryParameter, flag, number, path_part, text};

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
            links: SelfLink::to(base_url, "projects", project.id),
        }
    }
}

#[derive(Serialize)]
struct ProjectsResponse {
    projects: Vec<ProjectView>,
    links: ListLinks,
}

/// How many projects a page has at most.
const MAX_PER_PAGE: u16 = 5_000;

/// What the list of projects is asked for.
pub(super) const PROJECTS_QUERY: &[QueryParameter] = &[
    text("name", "Only the project of this name."),
    text("domain_id", "Only projects of this domain."),
    text("parent_id", "Only projects below this one; the domain has all."),
    flag("enabled", "Only projects that are enabled, or not; all are."),
    flag("is_domain", "Only projects that are domains, or not; none is."),
    number("page", "The page, from 1.").from(1),
    number("per_page", "How many a page has.").from(1).up_to(MAX_PER_PAGE),
];

/// `GET /v3/projects` and `GET /v3/auth/projects`: the projects in which the caller has a role.
pub(super) async fn list_projects(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let domain = context.account().await?;
    let query = Query::parse(request.query_string());
    let page = page(&query)?;
    let own_domain = domain.id.to_string();
    let elsewhere = |name| query.get(name).is_some_and(|id| id != own_domain);
    let domains_only = query.get("is_domain").is_some_and(|domain| domain.eq_ignore_ascii_case("true"));
    let disabled_only = query.get("enabled").is_some_and(|enabled| enabled.eq_ignore_ascii_case("false"));
    let projects = if elsewhere("domain_id") || elsewhere("parent_id") || domains_only || disabled_only {
        Vec::new()
    } else {
        let filter = ProjectFilter { id: None, name: query.get("name").map(str::to_owned) };
        context.identity.projects(&context.user, filter).await.map_err(internal)?
    };
    Ok(json(&ProjectsResponse {
        projects: projects
            .iter()
            .skip(page.start)
            .take(page.len())
            .map(|project| ProjectView::new(project, &domain, &context.base_url))
            .collect(),
        links: ListLinks::of(&context.base_url, request.path()),
    }))
}

/// Reads which projects of a list are wanted: all, unless page and size of a page are there, which go together.
fn page(query: &Query) -> Result<Range<usize>, Refusal> {
    let number = |name, most| match query.get(name) {
        None => Ok(None),
        Some(text) => match whole_number(text).filter(|number| (1..=most).contains(number)) {
            Some(number) => Ok(usize::try_from(number).ok()),
            None => Err(Refusal::InvalidQuery { name }),
        },
    };
    match (number("page", u64::from(u32::MAX))?, number("per_page", u64::from(MAX_PER_PAGE))?) {
        (None, None) => Ok(0..usize::MAX),
        (Some(page), Some(size)) => Ok((page - 1) * size..page * size),
        (None, Some(_)) => Err(Refusal::InvalidQuery { name: "page" }),
        (Some(_), None) => Err(Refusal::InvalidQuery { name: "per_page" }),
    }
}

/// `GET /v3/projects/{project_id}`: one project in which the caller has a role.
pub(super) async fn show_project(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let missing = || ApiError::NotFound { what: "the project" };
    let id = path_part(&request, "project_id").unwrap_or_default();
    let id: ProjectId = id.parse().map_err(|_| missing())?;
    let project = context.identity.project(&context.user, id).await.map_err(internal)?.ok_or_else(missing)?;
    let domain = context.account().await?;
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

/// `GET /v3/auth/domains` and `GET /v3/domains`: the caller's own account.
pub(super) async fn list_domains(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let domain = context.account().await?;
    let query = Query::parse(request.query_string());
    let is_asked_for = query.get("name").is_none_or(|name| name == domain.name);
    let links = SelfLink::to(&context.base_url, "domains", domain.id);
    let view =
        DomainView { id: domain.id.to_string(), name: domain.name, enabled: true, description: "", links };
    let domains: Vec<DomainView> = is_asked_for.then_some(view).into_iter().collect();
    let links = ListLinks::of(&context.base_url, request.path());
    Ok(json(&json!({ "domains": domains, "links": links })))
}

/// `GET /v3/users`: the caller itself, if it is who is asked for.
pub(super) async fn list_users(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let domain = context.account().await?;
    let query = Query::parse(request.query_string());
    let is_asked_for = query.get("name").is_none_or(|name| name == context.user.name);
    let users: Vec<_> = is_asked_for
        .then(|| {
            json!({
                "id": context.user.id.to_string(), "name": context.user.name, "domain_id": domain.id.to_string(), "enabled": true,
                "links": SelfLink::to(&context.base_url, "users", context.user.id),
            })
        })
        .into_iter()
        .collect();
    let links = ListLinks::of(&context.base_url, request.path());
    Ok(json(&json!({ "users": users, "links": links })))
}
