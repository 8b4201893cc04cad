//! Snapshots: take, list, show and remove them, and go back to one.

use std::rc::Rc;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde_json::{Value, json as value};

use crate::domain::snapshot::SnapshotName;
use crate::engine::{EngineError, Snapshot, SnapshotError, SnapshotFile};
use crate::http::control::context::{ControlContext, internal, json};
use crate::http::control::state::counts_view;
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, Response};
use crate::http::state::{run_to_completion, state};
use crate::http::time::rfc3339;

/// The media type of a SQLite database. Source: <https://www.iana.org/assignments/media-types/application/vnd.sqlite3>.
pub(super) const SQLITE: &str = "application/vnd.sqlite3";
/// The longest file that is taken, in bytes.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

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

/// `GET /_emulator/snapshots/{snapshot_name}/file`: the file of a snapshot.
pub(super) async fn download(context: ControlContext) -> Response {
    let name = context.snapshot_name()?;
    let file = context.state()?.control.snapshot_file(&name).await?;
    let (size_bytes, disposition) =
        (file.size_bytes(), format!("attachment; filename=\"{}.db\"", name.as_str()));
    Ok(HttpResponse::Ok()
        .content_type(SQLITE)
        .insert_header((CONTENT_DISPOSITION, disposition))
        .no_chunking(size_bytes)
        .streaming(stream::try_unfold(file, next_piece)))
}

async fn next_piece(file: SnapshotFile) -> Result<Option<(Bytes, SnapshotFile)>, EngineError> {
    let piece = file.next().await.map_err(|error| {
        tracing::error!(error = %error, "a download was cut: the snapshot could not be read to its end");
        EngineError::from(error)
    })?;
    Ok((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
}

/// `PUT /_emulator/snapshots/{snapshot_name}/file`: makes a snapshot of a file, in place of one that has that name. Where the client goes
/// away, or what it sends cannot be one, nothing is left of it.
pub(super) async fn upload(request: HttpRequest) -> Response {
    let context = ControlContext::receive(request, Bytes::new())?;
    let name = context.snapshot_name()?;
    let state = state(&context.request)?.clone();
    let announced = context.request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > MAX_FILE_BYTES) {
        return Err(ApiError::BodyTooLarge);
    }
    let upload = Rc::new(state.control.control.begin_upload(&name).await?);
    let take = |piece| {
        let upload = Rc::clone(&upload);
        async move { upload.write(piece).await.map_err(|error| internal(error.into())) }
    };
    state.bodies.read_pieces(&context.request, MAX_FILE_BYTES, take).await?;
    let upload = Rc::into_inner(upload).ok_or(ApiError::Panicked)?;
    let kept = async move { Ok(state.control.control.finish_upload(&name, upload).await?) };
    Ok(json(&view(&run_to_completion(kept).await?)))
}

/// `DELETE /_emulator/snapshots/{snapshot_name}`: removes a snapshot.
pub(super) async fn remove(context: ControlContext) -> Response {
    let name = context.snapshot_name()?;
    Ok(list_view(&context.state()?.control.delete_snapshot(&name).await?))
}

/// `POST /_emulator/snapshots/{snapshot_name}/restore`: goes back to a snapshot.
pub(super) async fn restore(context: ControlContext) -> Response {
    let name = context.snapshot_name()?;
    Ok(json(&view(&context.state()?.control.restore_snapshot(name).await?)))
}
