//! The emulator itself: is it well, what is it, how is it set; empty it, fill it, let its ids follow from a seed.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json as value};

use crate::domain::id::ProjectId;
use crate::engine::seed::{Notation, SeedReader};
use crate::engine::{ApiVersion, EngineError, SeedReport};
use crate::http::control::error::ControlError;
use crate::http::control::fault_routes::faults_as_text;
use crate::http::control::faults::Fault;
use crate::http::control::journal::JournalFilter;
use crate::http::control::{ControlState, controlled, internal, json, optional_id};
use crate::http::endpoint::state;
use crate::http::error::ApiError;
use crate::http::operation::Operation;
use crate::http::routes;

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
            "counts": {
                "projects": counts.projects, "instances": counts.instances, "backups": counts.backups,
                "restores": counts.restores, "events": counts.events,
            },
        })))
    })
    .await
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResetBody {
    project_id: Option<String>,
    #[serde(default = "yes")]
    seed: bool,
}

fn yes() -> bool {
    true
}

fn report(report: &SeedReport) -> Value {
    value!({
        "projects_created": report.projects_created, "instances_created": report.instances_created,
        "instances_kept": report.instances_kept, "users_created": report.users_created, "differences": report.differences,
    })
}

/// `POST /_emulator/reset`: empties everything or a project, and applies the seeds of the start again.
pub(in crate::http) async fn reset(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let ResetBody { project_id, seed } = call.json()?;
        let project = optional_id(project_id.as_deref(), "project_id")?;
        let done = match project {
            Some(project) => reset_project(call.state()?, project, seed).await?,
            None => reset_everything(call.state()?, seed).await?,
        };
        Ok(json(&report(&done)))
    })
    .await
}

async fn reset_everything(state: &ControlState, seed: bool) -> Result<SeedReport, ApiError> {
    // Nobody keeps faults of before while they go.
    let keeping = state.faults_kept.lock().await;
    let done = state.control.reset(None, seed, None).await.map_err(internal)?;
    state.faults.replace(Vec::new());
    drop(keeping);
    state.journal.clear(&JournalFilter::default());
    Ok(done)
}

/// What is limited to the project, or to an instance of it, goes with it.
async fn reset_project(state: &ControlState, project: ProjectId, seed: bool) -> Result<SeedReport, ApiError> {
    let keeping = state.faults_kept.lock().await;
    let instances = state.control.instances_of(project).await.map_err(internal)?;
    let stays = |fault: &Fault| !fault.matcher.is_within(project, &instances);
    let mut staying = state.present_faults();
    staying.retain(stays);
    let text = faults_as_text(&staying)?;
    let done = state.control.reset(Some(project), seed, Some(text)).await.map_err(internal)?;
    state.faults.edit(|faults| faults.retain(stays));
    drop(keeping);
    state.journal.clear(&JournalFilter::of_project(project));
    Ok(done)
}

/// `POST /_emulator/seed`: applies a seed document, in YAML or JSON.
pub(in crate::http) async fn seed(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let invalid = |problem: String| ControlError::Invalid(problem.into());
        let text = std::str::from_utf8(&call.body).map_err(|error| invalid(error.to_string()))?;
        let control = &call.state()?.control;
        let mut reader = SeedReader::new(control.region());
        reader.read("body", Notation::Yaml, text).map_err(|error| invalid(error.to_string()))?;
        let done = control.seed(reader.finish()).await.map_err(|error| match error {
            EngineError::Refused(refusal) => ApiError::from(invalid(refusal.to_string())),
            error => internal(error),
        })?;
        Ok(json(&report(&done)))
    })
    .await
}

/// `GET /_emulator/ids`: the seed from which ids follow, or null.
pub(in crate::http) async fn show_ids(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| Ok(json(&value!({ "seed": call.state()?.control.ids_seed() }))))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdsBody {
    /// Required, so that what was forgotten is not taken for null.
    #[serde(deserialize_with = "Option::deserialize")]
    seed: Option<u64>,
}

/// `PUT /_emulator/ids`: lets ids follow from a seed, or, with null, not any more.
pub(in crate::http) async fn set_ids(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let IdsBody { seed } = call.json()?;
        let control = &call.state()?.control;
        control.reseed_ids(seed).await.map_err(internal)?;
        Ok(json(&value!({ "seed": control.ids_seed() })))
    })
    .await
}
