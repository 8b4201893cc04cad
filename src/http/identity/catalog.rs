//! The catalogue of services, and the version documents.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json as value};

use crate::domain::id::ProjectId;
use crate::domain::identity::TokenScope;
use crate::engine::identity::ProjectFilter;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Response};
use crate::http::identity::context::{IdentityContext, ListLinks, internal, json};
use crate::http::state::state;

/// A service.
#[derive(Serialize)]
pub(super) struct CatalogEntry {
    id: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    endpoints: [Endpoint; 1],
}

#[derive(Serialize)]
struct Endpoint {
    id: &'static str,
    interface: &'static str,
    region: String,
    region_id: String,
    url: String,
}

/// Returns the catalogue of a project: identity, and DCS under the two types that clients look for.
pub(super) fn entries(base_url: &str, region: &str, project: Option<ProjectId>) -> Vec<CatalogEntry> {
    let entry = |(id, endpoint_id), kind, name, url| CatalogEntry {
        id,
        kind,
        name,
        endpoints: [Endpoint {
            id: endpoint_id,
            interface: "public",
            region: region.to_owned(),
            region_id: region.to_owned(),
            url,
        }],
    };
    let mut entries = vec![entry(("c1", "e1"), "identity", "keystone", format!("{base_url}/v3"))];
    if let Some(project) = project {
        let url = format!("{base_url}/v1.0/{project}");
        entries.push(entry(("c2", "e2"), "dcs", "dcs", url.clone()));
        entries.push(entry(("c3", "e3"), "dcsv1", "dcsv1", url));
    }
    entries
}

#[derive(Serialize)]
struct CatalogResponse {
    catalog: Vec<CatalogEntry>,
    links: ListLinks,
}

/// `GET /v3/auth/catalog`: the catalogue of the caller's project.
pub(super) async fn show_catalog(request: HttpRequest, body: Bytes) -> Response {
    let context = IdentityContext::receive(&request, &body).await?;
    let project = project(&request, &context).await?;
    Ok(json(&CatalogResponse {
        catalog: entries(&context.base_url, context.identity.region(), project),
        links: ListLinks::of(&context.base_url, "/v3/auth/catalog"),
    }))
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
