//! Snapshots: take, list, show and remove them, and go back to one.

use actix_web::HttpResponse;
use serde_json::{Value, json as value};

use crate::domain::snapshot::SnapshotName;
use crate::engine::{EngineError, Snapshot, SnapshotError};
use crate::http::control::context::{ControlContext, internal, json};
use crate::http::control::faults::Fault;
use crate::http::control::state::counts_view;
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, Response};
use crate::http::state::ControlState;
use crate::http::time::rfc3339;

impl From<SnapshotError> for ApiError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::NotFound => ControlError::NotFound("snapshot").into(),
            SnapshotError::TooMany => ControlError::TooMany("snapshots").into(),
            SnapshotError::Unusable { reason } => ControlError::Unusable(reason).into(),
            SnapshotError::Store(error) => internal(EngineError::from(error)),
        }
    }
}

impl ControlContext {
    fn snapshot_name(&self) -> Result<SnapshotName, ControlError> {
        let invalid = |error: crate::domain::snapshot::InvalidSnapshotName| error.to_string().into();
        self.path_part("snapshot_name").parse().map_err(|error| ControlError::Invalid(invalid(error)))
    }
}

/// Shows a snapshot. One that says nothing of itself was not made here, or is damaged.
fn view(snapshot: &Snapshot) -> Value {
    value!({
        "name": snapshot.name.as_str(),
        "size_bytes": snapshot.size_bytes,
        "created_at": snapshot.label.map(|label| rfc3339(label.created_at)),
        "schema_version": snapshot.label.map(|label| label.counts.schema_version),
        "counts": snapshot.label.map(|label| counts_view(&label.counts)),
    })
}

fn list_view(snapshots: &[Snapshot]) -> HttpResponse {
    json(&value!({ "snapshots": snapshots.iter().map(view).collect::<Vec<_>>() }))
}

/// `GET /_emulator/snapshots`: all snapshots.
pub(super) async fn list(context: ControlContext) -> Response {
    Ok(list_view(&context.state()?.control.snapshots().await?))
}

/// `GET /_emulator/snapshots/{snapshot_name}`: one snapshot.
pub(super) async fn show(context: ControlContext) -> Response {
    let name = context.snapshot_name()?;
    Ok(json(&view(&context.state()?.control.snapshot(&name).await?)))
}

/// `PUT /_emulator/snapshots/{snapshot_name}`: takes a snapshot, in place of one that has that name.
pub(super) async fn take(context: ControlContext) -> Response {
    let name = context.snapshot_name()?;
    Ok(json(&view(&context.state()?.control.take_snapshot(&name).await?)))
}

/// `DELETE /_emulator/snapshots/{snapshot_name}`: removes a snapshot.
pub(super) async fn remove(context: ControlContext) -> Response {
    let name = context.snapshot_name()?;
    Ok(list_view(&context.state()?.control.delete_snapshot(&name).await?))
}

/// `POST /_emulator/snapshots/{snapshot_name}/restore`: goes back to a snapshot.
pub(super) async fn restore(context: ControlContext) -> Response {
    let name = context.snapshot_name()?;
    Ok(json(&view(&go_back(context.state()?, name).await?)))
}

async fn go_back(state: &ControlState, name: SnapshotName) -> Result<Snapshot, ApiError> {
    let prepared = state.control.prepare_restore(name).await?;
    let faults: Vec<Fault> = match prepared.faults() {
        Some(text) => serde_json::from_str(text)
            .map_err(|_| ControlError::Unusable("the faults kept in it cannot be read".to_owned()))?,
        None => Vec::new(),
    };
    // Nobody keeps faults of before while they go.
    Ok(prepared.carry_out(state.faults_kept.lock(), || state.faults.replace(faults)).await?)
}
