//! The emulator itself: is it well, what is it, how is it set; its clock, and the seed from which ids follow.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use utoipa::ToSchema;

use crate::domain::clock::ClockRate;
use crate::engine::control::{ClockChange, Control};
use crate::engine::{ApiVersion, Counts, DurationText, Text, TimeText};
use crate::http::control::context::{ControlContext, Fired, fired, internal, json};
use crate::http::error::Response;
use crate::http::error::control::ControlError;
use crate::http::route::Operation;
use crate::http::state::state;

/// The type of the media of a certificate. Source: RFC 8555, section 9.1.
pub(super) const PEM: &str = "application/pem-certificate-chain";

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
pub(crate) fn counts_view(counts: &Counts) -> Value {
    value!({
        "projects": counts.projects, "instances": counts.instances, "backups": counts.backups,
        "restores": counts.restores, "events": counts.events,
    })
}

/// `GET /_emulator/config`: each setting with its value and where that comes from.
pub(super) async fn config(context: ControlContext) -> Response {
    Ok(json(&context.state()?.config))
}

/// `GET /_emulator/ca`: the certificate, in PEM, of the authority that makes the certificates of HTTPS.
pub(super) async fn certificate_authority(context: ControlContext) -> Response {
    let authority = context.state()?.certificate_authority.clone();
    let authority =
        authority.ok_or(ControlError::NotFound("certificate authority; --tls-mode self-signed has one"))?;
    Ok(HttpResponse::Ok().content_type(PEM).body(authority))
}

/// `GET /_emulator/operations`: every operation by its stable name, with its routes.
pub(super) async fn operations(context: ControlContext) -> Response {
    let mut operations: Vec<(Operation, Vec<Value>)> = Vec::new();
    for entry in context.routes()? {
        let route = value!({ "method": entry.method.as_str(), "path": entry.path, "api": entry.api.map(ApiVersion::as_str) });
        match operations.iter_mut().find(|(known, _)| known.name == entry.operation.name) {
            Some((_, routes)) => routes.push(route),
            None => operations.push((entry.operation, vec![route])),
        }
    }
    let view =
        |(operation, routes): (Operation, Vec<Value>)| value!({ "name": operation.name, "routes": routes });
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

#[derive(Serialize, ToSchema)]
#[schema(as = Clock)]
pub(super) struct ClockView {
    now: TimeText,
    frozen: bool,
    rate: f64,
}

impl ClockView {
    fn of(control: &Control) -> Self {
        let (now, face) = control.clock();
        Self { now: Text(now), frozen: face.is_frozen(), rate: face.rate().as_f64() }
    }
}

/// `GET /_emulator/clock`: what the clock shows.
pub(super) async fn show_clock(context: ControlContext) -> Response {
    Ok(json(&ClockView::of(&context.state()?.control)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClockChange)]
pub(super) struct SetBody {
    now: Option<TimeText>,
    frozen: Option<bool>,
    rate: Option<f64>,
}

/// `PUT /_emulator/clock`: sets, freezes or paces the clock.
pub(super) async fn set_clock(context: ControlContext) -> Response {
    let body: SetBody = context.json()?;
    let rate = body.rate.map(ClockRate::new).transpose();
    let rate = rate.map_err(|error| ControlError::Invalid(error.to_string().into()))?;
    let change = ClockChange { now: body.now.map(|now| now.0), frozen: body.frozen, rate };
    let control = &context.state()?.control;
    control.set_clock(change).await.map_err(internal)?;
    Ok(json(&ClockView::of(control)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Advance)]
pub(super) struct AdvanceBody {
    duration: DurationText,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Advanced {
    now: TimeText,
    #[serde(rename = "advanced")]
    by: DurationText,
    /// What has come due meanwhile, in order.
    fired: Vec<Fired>,
}

/// `POST /_emulator/clock/advance`: moves the clock forward; all work that is due then is done when it answers.
pub(super) async fn advance_clock(context: ControlContext) -> Response {
    let AdvanceBody { duration } = context.json()?;
    let control = &context.state()?.control;
    let changes = control.advance(duration.0).await.map_err(internal)?;
    Ok(json(&Advanced { now: Text(control.clock().0), by: duration, fired: fired(&changes) }))
}
