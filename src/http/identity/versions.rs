//! The version documents of the identity service.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::http::context::state;
use crate::http::error::ApiError;

fn version(base_url: &str) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{base_url}/v3/")}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    })
}

/// `GET /`: all versions. The status 300 is what the protocol asks for: there are several, choose one.
pub(in crate::http) async fn show_versions(
    request: HttpRequest,
    _body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let base_url = state(&request)?.base_url(&request);
    Ok(HttpResponse::MultipleChoices().json(json!({ "versions": { "values": [version(&base_url)] } })))
}

/// `GET /v3`: this version.
pub(in crate::http) async fn show_version(
    request: HttpRequest,
    _body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let base_url = state(&request)?.base_url(&request);
    Ok(HttpResponse::Ok().json(json!({ "version": version(&base_url) })))
}
