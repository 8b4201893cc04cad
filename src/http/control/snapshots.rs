//! Snapshots: take, list, show and remove them, and go back to one.

use std::rc::Rc;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde_json::{Value, json as value};

use crate::domain::snapshot::SnapshotName;
use crate::engine::{EngineError, Snapshot, SnapshotError, SnapshotFile};
use crate::http::control::error::ControlError;
use crate::http::control::faults::Fault;
use crate::http::control::state::counts_view;
use crate::http::control::{
    ControlCall, ControlState, carried_through, controlled, internal, json, to_its_end,
};
use crate::http::endpoint::state;
use crate::http::error::ApiError;
use crate::http::openapi::describe::{Description, describe};
use crate::http::operation::control as of;
use crate::http::time::rfc3339;

/// The media type of a SQLite database. Source: <https://www.iana.org/assignments/media-types/application/vnd.sqlite3>.
const SQLITE: &str = "application/vnd.sqlite3";
/// The longest file that is taken, in bytes.
const LONGEST_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Describes the operations.
pub(super) fn described() -> Vec<Description> {
    const JSON: &str = "application/json";
    const ONE: &str = "{snapshot_name}";
    const FILE: &str = "{snapshot_name}/file";
    vec![
        describe(&of::SNAPSHOTS, "Lists the snapshots").on(Method::GET).answers_any(200, JSON),
        describe(&of::SNAPSHOTS, "Shows a snapshot").on(Method::GET).at(ONE).answers_any(200, JSON),
        describe(&of::SNAPSHOTS, "Takes a snapshot, in place of one that has that name")
            .on(Method::PUT)
            .at(ONE)
            .answers_any(200, JSON),
        describe(&of::SNAPSHOTS, "Downloads the file of a snapshot: a SQLite database")
            .on(Method::GET)
            .at(FILE)
            .answers_any(200, SQLITE),
        describe(&of::SNAPSHOTS, "Makes a snapshot of a file, in place of one that has that name")
            .on(Method::PUT)
            .at(FILE)
            .takes_any(SQLITE)
            .answers_any(200, JSON),
        describe(&of::SNAPSHOTS, "Removes a snapshot").on(Method::DELETE).answers_any(200, JSON),
        describe(&of::SNAPSHOTS, "Goes back to a snapshot").on(Method::POST).answers_any(200, JSON),
    ]
}

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

impl ControlCall {
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
pub(in crate::http) async fn list(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| Ok(list_view(&call.state()?.control.snapshots().await?))).await
}

/// `GET /_emulator/snapshots/{snapshot_name}`: one snapshot.
pub(in crate::http) async fn show(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let name = call.snapshot_name()?;
        Ok(json(&view(&call.state()?.control.snapshot(&name).await?)))
    })
    .await
}

/// `PUT /_emulator/snapshots/{snapshot_name}`: takes a snapshot, in place of one that has that name.
pub(in crate::http) async fn take(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    carried_through(request, body, async |call| {
        let name = call.snapshot_name()?;
        Ok(json(&view(&call.state()?.control.take_snapshot(&name).await?)))
    })
    .await
}

/// `GET /_emulator/snapshots/{snapshot_name}/file`: the file of a snapshot.
pub(in crate::http) async fn download(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let name = call.snapshot_name()?;
        let file = call.state()?.control.snapshot_file(&name).await?;
        let (size_bytes, disposition) =
            (file.size_bytes(), format!("attachment; filename=\"{}.db\"", name.as_str()));
        Ok(HttpResponse::Ok()
            .content_type(SQLITE)
            .insert_header((CONTENT_DISPOSITION, disposition))
            .no_chunking(size_bytes)
            .streaming(stream::try_unfold(file, next_piece)))
    })
    .await
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
pub(in crate::http) async fn upload(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let call = ControlCall::receive(request, Bytes::new())?;
    let name = call.snapshot_name()?;
    let state = state(&call.request)?.clone();
    let announced = call.request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > LONGEST_FILE_BYTES)
    {
        return Err(ApiError::BodyTooLarge);
    }
    let upload = Rc::new(state.control.control.begin_upload(&name).await?);
    let take = |piece| {
        let upload = Rc::clone(&upload);
        async move { upload.write(piece).await.map_err(|error| internal(error.into())) }
    };
    state.bodies.read_pieces(&call.request, LONGEST_FILE_BYTES, take).await?;
    let upload = Rc::into_inner(upload).ok_or(ApiError::Panicked)?;
    let kept = async move { Ok(state.control.control.finish_upload(&name, upload).await?) };
    Ok(json(&view(&to_its_end(kept).await?)))
}

/// `DELETE /_emulator/snapshots/{snapshot_name}`: removes a snapshot.
pub(in crate::http) async fn remove(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    carried_through(request, body, async |call| {
        let name = call.snapshot_name()?;
        Ok(list_view(&call.state()?.control.delete_snapshot(&name).await?))
    })
    .await
}

/// `POST /_emulator/snapshots/{snapshot_name}/restore`: goes back to a snapshot.
pub(in crate::http) async fn restore(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    carried_through(request, body, async |call| {
        let name = call.snapshot_name()?;
        Ok(json(&view(&go_back(call.state()?, name).await?)))
    })
    .await
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
