//! The emulator itself: is it well, what is it, how is it set; let its ids follow from a seed.

use serde::Deserialize;
use serde_json::{Value, json as value};
use utoipa::ToSchema;

use crate::engine::Counts;
use crate::http::control::context::{ControlContext, internal, json};
use crate::http::error::Response;
use crate::http::route::{Operation, api_word};
use crate::http::state::state;

/// `GET /_emulator/health`: is it well, and what does it keep.
pub(super) async fn health(context: ControlContext) -> Response {
    let writable = state(&context.request)?.engine.probe().await.is_ok();
    let version = env!("CARGO_PKG_VERSION");
    Ok(json(&value!({ "status": if writable { "ready" } else { "not ready" }, "version": version })))
}

/// `GET /_emulator/info`: version, database, uptime, counts.
pub(super) async fn info(context: ControlContext) -> Response {
    let app = state(&context.request)?;
    let counts = app.control.control.counts().await.map_err(internal)?;
    Ok(json(&value!({
        "version": env!("CARGO_PKG_VERSION"),
        "schema_version": counts.schema_version,
        "database": app.control.database,
        "uptime_s": app.started.elapsed().as_secs(),
        "counts": counts_view(&counts),
    })))
}

/// Shows how much is kept.
pub(in crate::http::control) fn counts_view(counts: &Counts) -> Value {
    value!({
        "projects": counts.projects, "instances": counts.instances, "backups": counts.backups,
        "restores": counts.restores, "events": counts.events,
    })
}

/// `GET /_emulator/config`: each setting with its value and where that comes from.
pub(super) async fn config(context: ControlContext) -> Response {
    Ok(json(&context.state()?.config))
}

/// `GET /_emulator/operations`: every operation by its stable name, with its routes.
pub(super) async fn operations(context: ControlContext) -> Response {
    let mut operations: Vec<(Operation, Vec<Value>)> = Vec::new();
    for entry in context.routes()? {
        let route =
            value!({ "method": entry.method.as_str(), "path": entry.path, "api": entry.api.map(api_word) });
        match operations.iter_mut().find(|(known, _)| known.name == entry.operation.name) {
            Some((_, routes)) => routes.push(route),
            None => operations.push((entry.operation, vec![route])),
        }
    }
    let view = |(operation, routes): (Operation, Vec<Value>)| value!({ "name": operation.name, "emulation": operation.emulation.as_str(), "routes": routes });
    let view: Vec<Value> = operations.into_iter().map(view).collect();
    Ok(json(&value!({ "operations": view })))
}

/// `GET /_emulator/ids`: the seed from which ids follow, or null.
pub(super) async fn show_ids(context: ControlContext) -> Response {
    Ok(json(&value!({ "seed": context.state()?.control.ids_seed() })))
}

/// From what ids follow.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Ids)]
pub(super) struct IdsBody {
    /// Required, so that what was forgotten is not taken for null.
    #[serde(deserialize_with = "Option::deserialize")]
    seed: Option<u64>,
}

/// `PUT /_emulator/ids`: lets ids follow from a seed, or, with null, not any more.
pub(super) async fn set_ids(context: ControlContext) -> Response {
    let IdsBody { seed } = context.json()?;
    let control = &context.state()?.control;
    control.reseed_ids(seed).await.map_err(internal)?;
    Ok(json(&value!({ "seed": control.ids_seed() })))
}
