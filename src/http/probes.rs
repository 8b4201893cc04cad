//! Probes for those who run the server: is it alive, can it serve, what has it measured.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::context::route;
use crate::http::error::{ApiError, Response};
use crate::http::route::{GET, HEAD, RouteEntry, Tag, open};
use crate::http::state::state;

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Probes", about: "For those who run the server." };
    TAG.routes([
        open("livez")
            .summary("Tells that the process is alive")
            .at(GET, "/livez", route(livez))
            .at(HEAD, "/livez", route(livez))
            .answers_any(200, "application/json"),
        open("readyz")
            .summary("Tells whether requests can be served")
            .at(GET, "/readyz", route(readyz))
            .at(HEAD, "/readyz", route(readyz))
            .answers_any(200, "application/json"),
        open("metrics")
            .summary("Shows what was measured, as Prometheus reads it")
            .at(GET, "/metrics", route(metrics))
            .answers_any(200, "text/plain"),
    ])
}

/// Tells that the process is alive.
async fn livez(_request: HttpRequest, _body: Bytes) -> Response {
    Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "alive" })))
}

/// Tells whether requests can be served: the database is migrated and seeded (or nobody would listen), and can be written.
async fn readyz(request: HttpRequest, _body: Bytes) -> Response {
    state(&request)?.engine.probe().await.map_err(|error| {
        tracing::warn!(error = %error, "not ready");
        ApiError::Unavailable
    })?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "ready" })))
}

/// Shows what was measured, in Prometheus' text format.
async fn metrics(request: HttpRequest, _body: Bytes) -> Response {
    let text = state(&request)?.metrics.text().map_err(|error| {
        tracing::error!(error = %error, "measurements cannot be shown");
        ApiError::Panicked
    })?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}
