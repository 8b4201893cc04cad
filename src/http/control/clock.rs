//! The clock: show, set, advance.

use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::clock::ClockRate;
use crate::engine::control::{ClockChange, Control};
use crate::http::control::words::{WireDuration, WireTime};
use crate::http::control::{Fired, carried_through, controlled, fired, internal, json};
use crate::http::error::ApiError;
use crate::http::error::control::ControlError;
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation::control as of;

/// Describes the operations.
pub(super) fn described() -> Vec<Description> {
    vec![
        describe(&of::CLOCK, "Shows what the clock shows").on(Method::GET).answers::<ClockView>(),
        describe(&of::CLOCK, "Sets, freezes or paces the clock")
            .on(Method::PUT)
            .takes::<SetBody>()
            .answers::<ClockView>(),
        describe(&of::CLOCK, "Moves the clock forward; what is due then is done when it answers")
            .on(Method::POST)
            .takes::<AdvanceBody>()
            .answers::<Advanced>(),
    ]
}

#[derive(Serialize, ToSchema)]
#[schema(as = Clock)]
struct ClockView {
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
pub(in crate::http) async fn show(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| Ok(json(&ClockView::of(&call.state()?.control)))).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClockChange)]
struct SetBody {
    now: Option<WireTime>,
    frozen: Option<bool>,
    rate: Option<f64>,
}

/// `PUT /_emulator/clock`: sets, freezes or paces the clock.
pub(in crate::http) async fn set(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    carried_through(request, body, async |call| {
        let body: SetBody = call.json()?;
        let rate = body.rate.map(ClockRate::new).transpose();
        let rate = rate.map_err(|error| ControlError::Invalid(error.to_string().into()))?;
        let change = ClockChange { now: body.now.map(|now| now.0), frozen: body.frozen, rate };
        let control = &call.state()?.control;
        control.set_clock(change).await.map_err(internal)?;
        Ok(json(&ClockView::of(control)))
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Advance)]
struct AdvanceBody {
    duration: WireDuration,
}

#[derive(Serialize, ToSchema)]
struct Advanced {
    now: WireTime,
    #[serde(rename = "advanced")]
    by: WireDuration,
    /// What has come due meanwhile, in order.
    fired: Vec<Fired>,
}

/// `POST /_emulator/clock/advance`: moves the clock forward; all work that is due then is done when it answers.
pub(in crate::http) async fn advance(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    carried_through(request, body, async |call| {
        let AdvanceBody { duration } = call.json()?;
        let control = &call.state()?.control;
        let changes = control.advance(duration.0).await.map_err(internal)?;
        Ok(json(&Advanced { now: WireTime(control.clock().0), by: duration, fired: fired(&changes) }))
    })
    .await
}
