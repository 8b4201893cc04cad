//! Probes for those who run the server: is it alive, can it serve, what has it measured.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::context::state;
use crate::http::error::ApiError;
use crate::http::openapi::describe::{Family, describe};
use crate::http::operation;

/// Describes the operations.
pub(super) fn family() -> Family {
    Family {
        name: "Probes",
        about: "For those who run the server.",
        operations: vec![
            describe(&operation::LIVEZ, "Tells that the process is alive")
                .answers_any(200, "application/json"),
            describe(&operation::READYZ, "Tells whether requests can be served")
                .answers_any(200, "application/json"),
            describe(&operation::METRICS, "Shows what was measured, as Prometheus reads it")
                .answers_any(200, "text/plain"),
        ],
    }
}

/// Tells that the process is alive.
pub(super) async fn livez(_request: HttpRequest, _body: Bytes) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "alive" })))
}

/// Tells whether requests can be served: the database is migrated and seeded (or nobody would listen), and can be written.
pub(super) async fn readyz(request: HttpRequest, _body: Bytes) -> Result<HttpResponse, ApiError> {
    state(&request)?.engine.probe().await.map_err(|error| {
        tracing::warn!(error = %error, "not ready");
        ApiError::Unavailable
    })?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "status": "ready" })))
}

/// Shows what was measured, in Prometheus' text format.
pub(super) async fn metrics(request: HttpRequest, _body: Bytes) -> Result<HttpResponse, ApiError> {
    let text = state(&request)?.metrics.text().map_err(|error| {
        tracing::error!(error = %error, "measurements cannot be shown");
        ApiError::Panicked
    })?;
    Ok(HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text))
}
