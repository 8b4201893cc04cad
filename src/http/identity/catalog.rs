//! The catalogue: which services there are, and where.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::domain::id::ProjectId;
use crate::domain::identity::TokenScope;
use crate::engine::identity::ProjectFilter;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::identity::{IdentityCall, ListLinks, internal, json};

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
pub(in crate::http) async fn show_catalog(
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let call = IdentityCall::receive(&request, &body).await?;
    let project = project(&request, &call).await?;
    Ok(json(&CatalogResponse {
        catalog: entries(&call.base_url, call.identity.region(), project),
        links: ListLinks::of(&call.base_url, "/v3/auth/catalog"),
    }))
}

/// Returns the project that a request is about: the one it names, the token's, or the first of its user.
async fn project(request: &HttpRequest, call: &IdentityCall) -> Result<Option<ProjectId>, ApiError> {
    let named = request.headers().get("x-project-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let own = match &call.caller {
        Caller::TokenHolder(token) => match &token.scope {
            TokenScope::Project(project) => Some(project.id),
            TokenScope::Domain => None,
        },
        Caller::Anonymous | Caller::KeyOwner { .. } => None,
    };
    if let Some(id) = named.or(own) {
        return Ok(Some(id));
    }
    let projects = call.identity.projects(&call.user, ProjectFilter::default()).await.map_err(internal)?;
    Ok(projects.first().map(|project| project.id))
}
