//! What moves work on: rules about everything, a project or an instance, and steps by hand.

use std::time::Duration;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::domain::work::Progression;
use crate::engine::transitions::{RuleScope, TransitionRule, WorkModel};
use crate::http::control::error::ControlError;
use crate::http::control::words::WireDuration;
use crate::http::control::{ControlCall, controlled, fired, internal, json, optional_id};
use crate::http::error::ApiError;
use crate::http::extract::Query;

/// How many rules about a model there may be.
const MOST_RULES: usize = 1000;

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProgressionWord {
    Immediate,
    Time,
    Manual,
}

#[derive(Serialize)]
struct RuleView {
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    progression: ProgressionWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    durations: Option<serde_json::Value>,
}

impl RuleView {
    fn of(rule: &TransitionRule) -> Self {
        let (project_id, instance_id) = match rule.scope {
            RuleScope::Everything => (None, None),
            RuleScope::Project(id) => (Some(id.to_string()), None),
            RuleScope::Instance(id) => (None, Some(id.to_string())),
        };
        let (progression, durations) = match rule.progression {
            Progression::Immediate => (ProgressionWord::Immediate, None),
            Progression::Manual => (ProgressionWord::Manual, None),
            Progression::Timed { waiting, running } => {
                let durations = serde_json::json!({
                    "waiting": WireDuration(waiting),
                    running_word(rule.model): WireDuration(running),
                });
                (ProgressionWord::Time, Some(durations))
            }
        };
        Self { project_id, instance_id, progression, durations }
    }
}

/// Returns the status that work of a model has while it runs.
fn running_word(model: WorkModel) -> &'static str {
    match model {
        WorkModel::Backup => "backuping",
        WorkModel::Restore => "restoring",
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeBody {
    project_id: Option<String>,
    instance_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleBody {
    project_id: Option<String>,
    instance_id: Option<String>,
    progression: ProgressionWord,
    durations: Option<DurationsBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DurationsBody {
    waiting: Option<WireDuration>,
    #[serde(alias = "backuping", alias = "restoring")]
    running: Option<WireDuration>,
}

fn scope(project_id: Option<&str>, instance_id: Option<&str>) -> Result<RuleScope, ControlError> {
    let instance = optional_id(instance_id, "instance_id")?.map(RuleScope::Instance);
    let project = optional_id(project_id, "project_id")?.map(RuleScope::Project);
    Ok(instance.or(project).unwrap_or(RuleScope::Everything))
}

impl ControlCall {
    fn model(&self) -> Result<WorkModel, ControlError> {
        WorkModel::parse(self.path_part("model"))
            .ok_or(ControlError::NotFound("model; there are backup and restore"))
    }

    fn rules(&self, model: WorkModel) -> Result<HttpResponse, ApiError> {
        let rules: Vec<RuleView> = self.state()?.control.rules(model).iter().map(RuleView::of).collect();
        Ok(json(&serde_json::json!({ "model": model.as_str(), "rules": rules })))
    }
}

/// `GET /_emulator/transitions/{model}`: the rules; without one the settings hold.
pub(in crate::http) async fn show(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| call.rules(call.model()?)).await
}

/// `PUT /_emulator/transitions/{model}`: makes a rule about work to come.
pub(in crate::http) async fn set(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let model = call.model()?;
        let body: RuleBody = call.json()?;
        let scope = scope(body.project_id.as_deref(), body.instance_id.as_deref())?;
        let durations = body.durations;
        let progression = match body.progression {
            ProgressionWord::Immediate => Progression::Immediate,
            ProgressionWord::Manual => Progression::Manual,
            ProgressionWord::Time => {
                let durations = durations.ok_or(ControlError::Invalid("durations are missing".into()))?;
                let time = |given: Option<WireDuration>| given.map_or(Duration::ZERO, |given| given.0);
                Progression::Timed { waiting: time(durations.waiting), running: time(durations.running) }
            }
        };
        if call.state()?.control.rules(model).len() >= MOST_RULES {
            return Err(ControlError::TooMany("rules").into());
        }
        call.state()?.control.rule(model, scope, Some(progression)).await.map_err(internal)?;
        call.rules(model)
    })
    .await
}

/// `DELETE /_emulator/transitions/{model}?project_id=&instance_id=`: removes a rule; removing none changes nothing.
pub(in crate::http) async fn remove(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let model = call.model()?;
        let query = Query::parse(call.request.query_string());
        let scope = scope(query.get("project_id"), query.get("instance_id"))?;
        call.state()?.control.rule(model, scope, None).await.map_err(internal)?;
        call.rules(model)
    })
    .await
}

/// `POST /_emulator/transitions/{model}/step`: moves open work one step on, due or not.
pub(in crate::http) async fn step(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let model = call.model()?;
        let body: ScopeBody = call.json()?;
        let scope = scope(body.project_id.as_deref(), body.instance_id.as_deref())?;
        let changes = call.state()?.control.step(model, scope).await.map_err(internal)?;
        Ok(json(&serde_json::json!({ "fired": fired(&changes) })))
    })
    .await
}
