//! The clock: show, set, advance.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::clock::ClockRate;
use crate::engine::control::{ClockChange, Control};
use crate::http::control::context::{ControlContext, Fired, fired, internal, json};
use crate::http::control::words::{WireDuration, WireTime};
use crate::http::error::Response;
use crate::http::error::control::ControlError;

#[derive(Serialize, ToSchema)]
#[schema(as = Clock)]
pub(super) struct ClockView {
    now: WireTime,
    frozen: bool,
    rate: f64,
}

impl ClockView {
    fn of(control: &Control) -> Self {
        let (now, face) = control.clock();
        Self { now: WireTime(now), frozen: face.is_frozen(), rate: face.rate().as_f64() }
    }
}

/// `GET /_emulator/clock`: what the clock shows.
pub(super) async fn show(context: ControlContext) -> Response {
    Ok(json(&ClockView::of(&context.state()?.control)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClockChange)]
pub(super) struct SetBody {
    now: Option<WireTime>,
    frozen: Option<bool>,
    rate: Option<f64>,
}

/// `PUT /_emulator/clock`: sets, freezes or paces the clock.
pub(super) async fn set(context: ControlContext) -> Response {
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
    duration: WireDuration,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Advanced {
    now: WireTime,
    #[serde(rename = "advanced")]
    by: WireDuration,
    /// What has come due meanwhile, in order.
    fired: Vec<Fired>,
}

/// `POST /_emulator/clock/advance`: moves the clock forward; all work that is due then is done when it answers.
pub(super) async fn advance(context: ControlContext) -> Response {
    let AdvanceBody { duration } = context.json()?;
    let control = &context.state()?.control;
    let changes = control.advance(duration.0).await.map_err(internal)?;
    Ok(json(&Advanced { now: WireTime(control.clock().0), by: duration, fired: fired(&changes) }))
}
