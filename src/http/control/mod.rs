//! The control API, `/_emulator/…`: what a test asks of the emulator itself. JSON; an answer carries the new state and leaves
//! once that is kept.

pub(super) mod clock;
pub(super) mod documents;
pub(super) mod fault_decision;
pub(super) mod fault_routes;
pub(super) mod faults;
pub(super) mod journal;
pub(super) mod requests;
mod run_faults;
pub(super) mod seeded_faults;
pub(super) mod snapshots;
pub(super) mod state;
pub(super) mod transitions;
mod words;

use std::future::Future;

use actix_web::http::header::{AUTHORIZATION, HeaderName};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tracing::Instrument;
use utoipa::ToSchema;

use crate::domain::backup::BackupStatusKind;
use crate::domain::identity::Secret;
use crate::engine::control::Control;
use crate::engine::{ChangedRecord, EngineError, MadeChange};
use crate::http::auth::origin_check::AllowedHosts;
use crate::http::context::state;
use crate::http::control::fault_decision::Faults;
use crate::http::control::journal::Journal;
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::error::control::ControlError;
use crate::http::openapi::describe::Family;
use crate::http::time::rfc3339;

/// Carries the control token; so does `Authorization: Bearer`.
const X_EMULATOR_TOKEN: &str = "x-emulator-token";
/// Carries the id that what is made is to have.
pub(super) const X_EMULATOR_ID: HeaderName = HeaderName::from_static("x-emulator-id");
/// The same, as people read it.
pub(super) const EMULATOR_ID: &str = "X-Emulator-Id";

/// Describes the operations.
pub(super) fn family() -> Family {
    let described = [
        state::described(),
        documents::described(),
        snapshots::described(),
        clock::described(),
        transitions::described(),
        fault_routes::described(),
        requests::described(),
    ];
    Family {
        name: "The emulator itself",
        about: "Its clock, faults, rules, ids, state and journal, under the control of a test.",
        operations: described.into_iter().flatten().collect(),
    }
}

/// What the control API turns, and what it keeps beside the engine.
pub(super) struct ControlState {
    /// Whether there is a control API at all.
    pub(super) is_on: bool,
    pub(super) control: Control,
    pub(super) journal: Journal,
    pub(super) faults: Faults,
    /// Held by whoever changes which faults there are or how many calls they have left, from the look at them until what was kept
    /// holds. It is the last lock to be taken: its holder waits for nobody but the store.
    pub(super) faults_kept: tokio::sync::Mutex<()>,
    pub(super) token: Option<Secret>,
    /// The hosts by which it is served, besides those that need no mention.
    pub(super) allowed_hosts: AllowedHosts,
    /// The settings as they are shown.
    pub(super) config: serde_json::Value,
    /// Where the database is, as it is shown.
    pub(super) database: serde_json::Value,
}

/// A request to the control API that may be carried out.
struct ControlCall {
    request: HttpRequest,
    body: Bytes,
}

impl ControlCall {
    /// Lets a request through that carries the control token, where there is one.
    fn receive(request: HttpRequest, body: Bytes) -> Result<Self, ApiError> {
        admit(&request)?;
        Ok(Self { request, body })
    }

    fn state(&self) -> Result<&ControlState, ApiError> {
        Ok(&state(&self.request)?.control)
    }

    /// Reads the body; nothing at all counts as `{}`.
    fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let text: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let value = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| ControlError::Invalid(error.to_string().into()))?;
        deserializer.end().map_err(|error| ControlError::Invalid(error.to_string().into()))?;
        Ok(value)
    }

    fn path_part(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }
}

/// Lets a request through that carries the control token, where there is one.
pub(super) fn admit(request: &HttpRequest) -> Result<(), ApiError> {
    let Some(token) = &state(request)?.control.token else { return Ok(()) };
    let headers = request.headers();
    let own = headers.get(X_EMULATOR_TOKEN).and_then(|value| value.to_str().ok());
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let given = own.or(bearer).unwrap_or_default();
    // Hashes are compared: how much of a guess is right does not show in the time that it takes.
    let is_right = Sha256::digest(given.as_bytes()) == Sha256::digest(token.expose().as_bytes());
    if is_right { Ok(()) } else { Err(ControlError::Forbidden.into()) }
}

/// Lets a call of the API use what goes with the control API: there is one, and the call carries its token, if it has one.
pub(super) fn admit_beside(request: &HttpRequest) -> Result<(), ApiError> {
    if state(request)?.control.is_on { admit(request) } else { Err(ControlError::Off.into()) }
}

/// Carries out a handler of the control API.
async fn controlled<F>(
    request: HttpRequest,
    body: Bytes,
    handler: impl FnOnce(ControlCall) -> F,
) -> Result<HttpResponse, ApiError>
where
    F: Future<Output = Result<HttpResponse, ApiError>>,
{
    handler(ControlCall::receive(request, body)?).await
}

/// A change that was made, as answers tell of it.
#[derive(Serialize, ToSchema)]
struct Fired {
    at: String,
    model: &'static str,
    id: String,
    instance_id: String,
    /// Null: it has come into being.
    from: Option<&'static str>,
    to: &'static str,
}

impl Fired {
    fn of(change: &MadeChange) -> Self {
        let (model, id, from, to) = match change.record {
            ChangedRecord::Instance { from, to } => {
                ("instance", change.instance_id.to_string(), Some(from.as_str()), to.as_str())
            }
            ChangedRecord::Backup { id, from, to } => {
                ("backup", id.to_string(), from.map(BackupStatusKind::as_str), to.as_str())
            }
            ChangedRecord::Restore { id, from, to } => {
                ("restore", id.to_string(), Some(from.as_str()), to.as_str())
            }
        };
        Self { at: rfc3339(change.at), model, id, instance_id: change.instance_id.to_string(), from, to }
    }
}

fn fired(changes: &[MadeChange]) -> Vec<Fired> {
    changes.iter().map(Fired::of).collect()
}

/// Carries out a handler of the control API that changes something, to its end, although its caller may not wait for that:
/// what is remembered must follow what is kept.
async fn carried_through<F>(
    request: HttpRequest,
    body: Bytes,
    handler: impl FnOnce(ControlCall) -> F,
) -> Result<HttpResponse, ApiError>
where
    F: Future<Output = Result<HttpResponse, ApiError>> + 'static,
{
    to_its_end(handler(ControlCall::receive(request, body)?)).await
}

/// Does something on a task of its own, so that it ends although nobody may wait for it any more.
pub(super) async fn to_its_end<T: 'static>(
    work: impl Future<Output = Result<T, ApiError>> + 'static,
) -> Result<T, ApiError> {
    actix_web::rt::spawn(work.in_current_span()).await.map_err(|_| ApiError::Panicked)?
}

fn internal(error: EngineError) -> ApiError {
    ApiError::failing_with(&codes::INTERNAL)(error)
}

fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// Reads an id that may be absent.
fn optional_id<T: std::str::FromStr>(
    text: Option<&str>,
    name: &'static str,
) -> Result<Option<T>, ControlError> {
    text.map(str::parse).transpose().map_err(|_| ControlError::Invalid(format!("{name} is no id").into()))
}
