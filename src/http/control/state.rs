//! The emulator itself: is it well, what is it, how is it set; let its ids follow from a seed.

use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json as value};
use utoipa::ToSchema;

use crate::engine::{ApiVersion, Counts};
use crate::http::context::state;
use crate::http::control::{carried_through, controlled, internal, json};
use crate::http::error::ApiError;
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation::Operation;
use crate::http::operation::control as of;
use crate::http::routes;

/// Describes the operations.
pub(super) fn described() -> Vec<Description> {
    const JSON: &str = "application/json";
    vec![
        describe(&of::HEALTH, "Tells whether the emulator is well").answers_any(200, JSON),
        describe(&of::INFO, "Tells version, database, uptime, and how much there is").answers_any(200, JSON),
        describe(&of::CONFIG, "Shows each setting with its value and where that comes from")
            .answers_any(200, JSON),
        describe(&of::OPERATIONS, "Lists every operation by its stable name, with its routes")
            .answers_any(200, JSON),
        describe(&of::IDS, "Shows from which seed ids follow").on(Method::GET).answers::<IdsBody>(),
        describe(&of::IDS, "Lets ids follow from a seed, or, with null, not any more")
            .on(Method::PUT)
            .takes::<IdsBody>()
            .answers::<IdsBody>(),
    ]
}

/// `GET /_emulator/health`: is it well, and what does it keep.
pub(in crate::http) async fn health(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let writable = state(&call.request)?.engine.probe().await.is_ok();
        let version = env!("CARGO_PKG_VERSION");
        Ok(json(&value!({ "status": if writable { "ready" } else { "not ready" }, "version": version })))
    })
    .await
}

/// `GET /_emulator/info`: version, database, uptime, counts.
pub(in crate::http) async fn info(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let app = state(&call.request)?;
        let counts = app.control.control.counts().await.map_err(internal)?;
        Ok(json(&value!({
            "version": env!("CARGO_PKG_VERSION"),
            "schema_version": counts.schema_version,
            "database": app.control.database,
            "uptime_s": app.started.elapsed().as_secs(),
            "counts": counts_view(&counts),
        })))
    })
    .await
}

/// Shows how much is kept.
pub(in crate::http::control) fn counts_view(counts: &Counts) -> Value {
    value!({
        "projects": counts.projects, "instances": counts.instances, "backups": counts.backups,
        "restores": counts.restores, "events": counts.events,
    })
}

/// `GET /_emulator/config`: each setting with its value and where that comes from.
pub(in crate::http) async fn config(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| Ok(json(&call.state()?.config))).await
}

/// `GET /_emulator/operations`: every operation by its stable name, with its routes.
pub(in crate::http) async fn operations(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |_| {
        let mut operations: Vec<(&'static Operation, Vec<Value>)> = Vec::new();
        for entry in routes::table() {
            let route = value!({ "method": entry.method.as_str(), "path": entry.path, "api": entry.api.map(api_word) });
            match operations.iter_mut().find(|(known, _)| known.name == entry.operation.name) {
                Some((_, routes)) => routes.push(route),
                None => operations.push((entry.operation, vec![route])),
            }
        }
        let view = |(operation, routes): (&Operation, Vec<Value>)| {
            value!({ "name": operation.name, "emulation": operation.emulation.as_str(), "routes": routes })
        };
        let view: Vec<Value> = operations.into_iter().map(view).collect();
        Ok(json(&value!({ "operations": view })))
    })
    .await
}

/// Returns the word for a version that faults and the journal use.
pub(in crate::http) fn api_word(api: ApiVersion) -> &'static str {
    match api {
        ApiVersion::V1 => "v1.0",
        ApiVersion::V2 => "v2",
    }
}

/// Returns the version that a word stands for.
pub(in crate::http) fn api_of_word(word: &str) -> Option<ApiVersion> {
    [ApiVersion::V1, ApiVersion::V2].into_iter().find(|api| api_word(*api).eq_ignore_ascii_case(word))
}

/// `GET /_emulator/ids`: the seed from which ids follow, or null.
pub(in crate::http) async fn show_ids(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| Ok(json(&value!({ "seed": call.state()?.control.ids_seed() }))))
        .await
}

/// From what ids follow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Ids)]
struct IdsBody {
    /// Required, so that what was forgotten is not taken for null.
    #[serde(deserialize_with = "Option::deserialize")]
    seed: Option<u64>,
}

/// `PUT /_emulator/ids`: lets ids follow from a seed, or, with null, not any more.
pub(in crate::http) async fn set_ids(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    carried_through(request, body, async |call| {
        let IdsBody { seed } = call.json()?;
        let control = &call.state()?.control;
        control.reseed_ids(seed).await.map_err(internal)?;
        Ok(json(&value!({ "seed": control.ids_seed() })))
    })
    .await
}
