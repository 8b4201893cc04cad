//! The state as a document: empty it, fill it from a seed, write it down as one.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json as value};
use utoipa::ToSchema;

use crate::engine::seed::{Export, Notation, Seed, SeedReader};
use crate::engine::{EngineError, SeedReport};
use crate::http::control::context::{ControlContext, internal, json, optional_id};
use crate::http::control::journal::JournalFilter;
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, Response};
use crate::http::extract::Query;

/// The longest seed that is taken in a request, in bytes. At the start there is no limit.
pub(crate) const MAX_SEED_BYTES: usize = 64 * 1024 * 1024;

/// What is to be emptied.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reset)]
pub(super) struct ResetBody {
    /// Only this project.
    project_id: Option<String>,
    /// Whether the seeds of the start are applied again.
    #[serde(default = "yes")]
    #[schema(default = true)]
    seed: bool,
}

fn yes() -> bool {
    true
}

fn report(report: &SeedReport) -> Value {
    value!({
        "projects_created": report.projects_created, "instances_created": report.instances_created,
        "instances_kept": report.instances_kept, "instances_replaced": report.instances_replaced,
        "backups_created": report.backups_created, "restores_created": report.restores_created,
        "users_created": report.users_created, "differences": report.differences,
    })
}

/// `POST /_emulator/reset`: empties everything or a project, and applies the seeds of the start again.
pub(super) async fn reset(context: ControlContext) -> Response {
    let ResetBody { project_id, seed } = context.json()?;
    let project = optional_id(project_id.as_deref(), "project_id")?;
    let state = context.state()?;
    let done = state.control.reset(project, seed).await.map_err(internal)?;
    state.journal.clear(&project.map_or_else(JournalFilter::default, JournalFilter::of_project));
    Ok(json(&report(&done)))
}

/// `POST /_emulator/seed`: applies a seed document, in YAML or JSON; with `overwrite=true` also to what is there already.
pub(super) async fn seed(context: ControlContext) -> Response {
    let invalid = |problem: String| ControlError::Invalid(problem.into());
    let overwrite = match Query::parse(context.request.query_string()).get("overwrite") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(invalid("overwrite must be true or false".to_owned()).into()),
    };
    let control = &context.state()?.control;
    let seed = parse(control.region().to_owned(), context.body.clone()).await?;
    let done = control.seed(seed, overwrite).await;
    let done = done.map_err(|error| match error {
        error @ (EngineError::Refused(_) | EngineError::Unstorable(_)) => {
            ApiError::from(invalid(error.to_string()))
        }
        error => internal(error),
    })?;
    Ok(json(&report(&done)))
}

/// Reads and checks a seed, beside the threads that serve requests: a long one takes a while.
async fn parse(region: String, body: Bytes) -> Result<Seed, ApiError> {
    let parsed = tokio::task::spawn_blocking(move || {
        let text = std::str::from_utf8(&body).map_err(|error| error.to_string())?;
        let mut reader = SeedReader::new(&region);
        reader.read("body", Notation::Yaml, text).map_err(|error| error.to_string())?;
        Ok::<Seed, String>(reader.finish())
    });
    let parsed = parsed.await.map_err(|_| ApiError::Panicked)?;
    parsed.map_err(|problem| ControlError::Invalid(problem.into()).into())
}

/// `GET /_emulator/export`: the state, whole or with `project_id` of a project, as a seed that brings it back.
pub(super) async fn export(context: ControlContext) -> Response {
    let query = Query::parse(context.request.query_string());
    let project = optional_id(query.get("project_id"), "project_id")?;
    let mut export = context.state()?.control.export(project).await.map_err(internal)?;
    // What fails at once is answered well; what fails later cuts the answer.
    let first = export.next().await.transpose().map_err(internal)?.unwrap_or_default();
    let pieces = stream::unfold((Some(first), export), next_piece);
    Ok(HttpResponse::Ok().content_type("application/json").streaming(pieces))
}

type Piece = Result<Bytes, EngineError>;

async fn next_piece(
    (first, mut export): (Option<String>, Export),
) -> Option<(Piece, (Option<String>, Export))> {
    let piece = match first {
        Some(first) => Ok(first),
        None => export.next().await?,
    };
    if let Err(error) = &piece {
        tracing::error!(error = %error, "an export was cut: the state could not be read to its end");
    }
    Some((piece.map(Bytes::from), (None, export)))
}
