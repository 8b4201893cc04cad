//! The catalogue of services as a whole and in lists, and the version documents.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json as value};

use crate::domain::id::ProjectId;
use crate::domain::identity::TokenScope;
use crate::domain::service::{SERVICES, Service, ServiceEntry};
use crate::engine::identity::ProjectFilter;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Response};
use crate::http::extract::Query;
use crate::http::identity::context::{IdentityContext, ListLinks, SelfLink, internal, json};
use crate::http::route::path_parts;
use crate::http::state::{BaseUrl, state};

/// A service under one of its types.
#[derive(Serialize)]
pub(super) struct CatalogEntry {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    endpoints: Vec<Endpoint>,
}

#[derive(Serialize)]
struct Endpoint {
    id: String,
    interface: &'static str,
    region: String,
    region_id: String,
    url: String,
}

/// The interface that all endpoints are.
const INTERFACE: &str = "public";
/// The region of endpoints that belong to none.
const NO_REGION: &str = "*";

/// Returns the catalogue of a project; without a project the URLs of services whose paths have one end before it.
pub(super) fn entries(base_url: &BaseUrl, region: &str, project: Option<ProjectId>) -> Vec<CatalogEntry> {
    let all = SERVICES.iter().flat_map(|service| service.entries.iter().map(move |entry| (service, entry)));
    let entry = |(service, entry): (&Service, &ServiceEntry)| {
        let mut url = base_url.of_service(service) + entry.path;
        if let Some(project) = project.filter(|_| entry.is_of_project) {
            url = format!("{url}/{project}");
        }
        let endpoint = |id, region: &str| Endpoint {
            id,
            interface: INTERFACE,
            region: region.to_owned(),
            region_id: region.to_owned(),
            url: url.clone(),
        };
        let mut endpoints = vec![endpoint(format!("e{}", entry.number), region)];
        if service.is_global {
            endpoints.push(endpoint(format!("g{}", entry.number), NO_REGION));
        }
        CatalogEntry { id: format!("c{}", entry.number), kind: entry.kind, name: entry.name, endpoints }
    };
    all.map(entry).collect()
}

#[derive(Serialize)]
struct CatalogResponse {
    catalog: Vec<CatalogEntry>,
    links: ListLinks,
}

/// `GET /v3/auth/catalog`: the catalogue of the caller's project.
pub(super) async fn show_catalog(request: HttpRequest, body: Bytes) -> Response {
    let Catalog { context, entries } = Catalog::receive(&request, &body).await?;
    let links = ListLinks::of(&context.base_url, request.path());
    Ok(json(&CatalogResponse { catalog: entries, links }))
}

/// The catalogue of the caller's project, for what is shown of it one by one.
struct Catalog {
    context: IdentityContext,
    entries: Vec<CatalogEntry>,
}

impl Catalog {
    async fn receive(request: &HttpRequest, body: &Bytes) -> Result<Self, ApiError> {
        let context = IdentityContext::receive(request, body).await?;
        let project = project(request, &context).await?;
        Ok(Self { entries: entries(&context.base_url, context.identity.region(), project), context })
    }

    /// Returns the services as they are shown.
    fn services(&self) -> impl Iterator<Item = Value> {
        self.entries.iter().map(|entry| {
            value!({
                "id": entry.id, "type": entry.kind, "name": entry.name, "enabled": true, "description": "",
                "links": SelfLink::to(&self.context.base_url, "services", &entry.id),
            })
        })
    }

    /// Returns the endpoints of all services as they are shown.
    fn endpoints(&self) -> impl Iterator<Item = Value> {
        let all = self.entries.iter().flat_map(|entry| entry.endpoints.iter().map(move |one| (entry, one)));
        all.map(|(entry, endpoint)| {
            value!({
                "id": endpoint.id, "service_id": entry.id, "interface": endpoint.interface, "enabled": true,
                "region": endpoint.region, "region_id": endpoint.region_id, "url": endpoint.url,
                "links": SelfLink::to(&self.context.base_url, "endpoints", &endpoint.id),
            })
        })
    }
}

/// `GET /v3/services`: the services of the catalogue, all or those of a type.
pub(super) async fn list_services(request: HttpRequest, body: Bytes) -> Response {
    let catalog = Catalog::receive(&request, &body).await?;
    Ok(list(&request, &catalog.context.base_url, ("services", catalog.services()), &["type"]))
}

/// `GET /v3/services/{service_id}`.
pub(super) async fn show_service(request: HttpRequest, body: Bytes) -> Response {
    let catalog = Catalog::receive(&request, &body).await?;
    show(&request, "service", catalog.services())
}

/// `GET /v3/endpoints`: the endpoints of the catalogue, all or those of an interface or a service.
pub(super) async fn list_endpoints(request: HttpRequest, body: Bytes) -> Response {
    let catalog = Catalog::receive(&request, &body).await?;
    let rows = ("endpoints", catalog.endpoints());
    Ok(list(&request, &catalog.context.base_url, rows, &["interface", "service_id"]))
}

/// `GET /v3/endpoints/{endpoint_id}`.
pub(super) async fn show_endpoint(request: HttpRequest, body: Bytes) -> Response {
    let catalog = Catalog::receive(&request, &body).await?;
    show(&request, "endpoint", catalog.endpoints())
}

/// Returns the one region as it is shown.
fn region(context: &IdentityContext) -> Value {
    let id = context.identity.region();
    value!({
        "id": id, "type": "public", "description": "", "parent_region_id": null, "locales": {"en-us": id, "zh-cn": id},
        "links": SelfLink::to(&context.base_url, "regions", id),
    })
}

/// `GET /v3/regions`: the region.
pub(super) async fn list_regions(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    Ok(list(&request, &context.base_url, ("regions", [region(&context)].into_iter()), &[]))
}

/// `GET /v3/regions/{region_id}`.
pub(super) async fn show_region(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    show(&request, "region", [region(&context)].into_iter())
}

/// Answers with a list of rows under its name, of which those are left that have what the query says of `filters`.
fn list(
    request: &HttpRequest,
    base_url: &str,
    (name, rows): (&str, impl Iterator<Item = Value>),
    filters: &[&str],
) -> HttpResponse {
    let query = Query::parse(request.query_string());
    let is_asked_for = |row: &Value| {
        filters.iter().all(|filter| query.get(filter).is_none_or(|wanted| row[*filter] == wanted))
    };
    let rows: Vec<Value> = rows.filter(is_asked_for).collect();
    json(&value!({ name: rows, "links": ListLinks::of(base_url, request.path()) }))
}

/// Answers with the row, under its name, that has the id in the path.
fn show(request: &HttpRequest, name: &'static str, mut rows: impl Iterator<Item = Value>) -> Response {
    let id = path_parts(request).next().map(|(_, id)| id).unwrap_or_default();
    let row = rows.find(|row| row["id"] == id).ok_or(ApiError::NotFound { what: name })?;
    Ok(json(&value!({ name: row })))
}

/// Returns the project that a request is about: the one it names, the token's, or the first of its user.
async fn project(request: &HttpRequest, context: &IdentityContext) -> Result<Option<ProjectId>, ApiError> {
    let named = request.headers().get("x-project-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let own = match &context.caller {
        Caller::TokenHolder(token) => match &token.scope {
            TokenScope::Project(project) => Some(project.id),
            TokenScope::Domain => None,
        },
        Caller::Anonymous | Caller::KeyOwner { .. } => None,
    };
    if let Some(id) = named.or(own) {
        return Ok(Some(id));
    }
    let projects =
        context.identity.projects(&context.user, ProjectFilter::default()).await.map_err(internal)?;
    Ok(projects.first().map(|project| project.id))
}

fn version(base_url: &str) -> Value {
    value!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{base_url}/v3/")}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    })
}

/// `GET /`: all versions. The status 300 is what the protocol asks for: there are several, choose one.
pub(super) async fn show_versions(request: HttpRequest, _body: Bytes) -> Response {
    let base_url = state(&request)?.base_url(&request);
    Ok(HttpResponse::MultipleChoices().json(value!({ "versions": { "values": [version(&base_url)] } })))
}

/// `GET /v3`: this version.
pub(super) async fn show_version(request: HttpRequest, _body: Bytes) -> Response {
    let base_url = state(&request)?.base_url(&request);
    Ok(HttpResponse::Ok().json(value!({ "version": version(&base_url) })))
}
