//! The version document of v2.
//!
//! Source: wire contract v2, section 1.1.

use actix_web::{HttpRequest, HttpResponse, web::Bytes};

use crate::http::endpoint::state;
use crate::http::error::ApiError;

/// When the version came to be, as its document says.
const UPDATED: &str = "2020-04-07T00:00:00Z";

/// `GET /v2`: the version document.
pub(in crate::http) async fn show_version(
    request: HttpRequest,
    _body: Bytes,
) -> Result<HttpResponse, ApiError> {
    let base_url = state(&request)?.base_url(&request);
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "version": {
            "id": "v2", "version": "", "min_version": "", "status": "CURRENT", "updated": UPDATED,
            "links": [{"rel": "self", "href": format!("{base_url}/v2")}],
        }
    })))
}
