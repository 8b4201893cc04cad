//! What moves work and instances on: rules about everything, a project or an instance, and steps by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::instance::transition::{InstanceProgression, NotTransient, StateDurations};
use crate::domain::work::Progression;
use crate::engine::transitions::{Model, RuleDecision, RuleScope, TransitionRule, WorkModel};
use crate::engine::{DurationText, Text};
use crate::http::control::context::{ControlContext, Fired, fired, internal, json, optional_id};
use crate::http::error::Response;
use crate::http::error::control::ControlError;
use crate::http::extract::Query;
use crate::http::route::{QueryParameter, text};

pub(super) const SCOPE: &[QueryParameter] = &[
    text("project_id", "The rule about this project."),
    text("instance_id", "The rule about this instance."),
];

/// The rules about a model.
#[derive(Serialize, ToSchema)]
#[schema(as = Rules)]
pub(super) struct RulesView {
    model: &'static str,
    rules: Vec<RuleView>,
}

/// What a step has moved, in order.
#[derive(Serialize, ToSchema)]
pub(super) struct Stepped {
    fired: Vec<Fired>,
}

#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Progression)]
enum ProgressionWord {
    Immediate,
    Time,
    Manual,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RuleShown)]
struct RuleView {
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    progression: ProgressionWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    durations: Option<Durations>,
}

impl RuleView {
    fn of(rule: &TransitionRule) -> Self {
        let (project_id, instance_id) = match rule.scope {
            RuleScope::Everything => (None, None),
            RuleScope::Project(id) => (Some(id.to_string()), None),
            RuleScope::Instance(id) => (None, Some(id.to_string())),
        };
        let (progression, durations) = match &rule.decision {
            RuleDecision::Work(_, Progression::Immediate)
            | RuleDecision::Instance(InstanceProgression::Immediate) => (ProgressionWord::Immediate, None),
            RuleDecision::Work(_, Progression::Manual)
            | RuleDecision::Instance(InstanceProgression::Manual) => (ProgressionWord::Manual, None),
            RuleDecision::Work(model, Progression::Timed { waiting, running }) => {
                let durations = [(WAITING, *waiting), (model.running_word(), *running)];
                (ProgressionWord::Time, Some(Durations::of(durations)))
            }
            RuleDecision::Instance(InstanceProgression::Timed(durations)) => {
                let durations = durations.iter().map(|(state, lasting)| (state.as_str(), lasting));
                (ProgressionWord::Time, Some(Durations::of(durations)))
            }
        };
        Self { project_id, instance_id, progression, durations }
    }
}

/// The status that work has until it runs.
const WAITING: &str = "waiting";
/// What the running state may be called for every model.
const RUNNING: &str = "running";

/// How long states last, by their names.
#[derive(Serialize, Deserialize, ToSchema)]
struct Durations(BTreeMap<String, DurationText>);

impl Durations {
    fn of(durations: impl IntoIterator<Item = (&'static str, Duration)>) -> Self {
        let named = durations.into_iter().map(|(state, lasting)| (state.to_owned(), Text(lasting)));
        Self(named.collect())
    }

    /// Reads how long work of a model waits and runs; what is not said takes no time.
    fn of_work(self, model: WorkModel) -> Result<Progression, ControlError> {
        let (mut waiting, mut running) = (Duration::ZERO, Duration::ZERO);
        for (state, Text(lasting)) in self.0 {
            match state.as_str() {
                WAITING => waiting = lasting,
                word if word == RUNNING || word == model.running_word() => running = lasting,
                _ => {
                    let problem =
                        format!("durations.{state}: must be one of {WAITING}, {}", model.running_word());
                    return Err(ControlError::Invalid(problem.into()));
                }
            }
        }
        Ok(Progression::Timed { waiting, running })
    }

    /// Reads how long states of an instance last.
    fn of_instance(self) -> Result<InstanceProgression, ControlError> {
        let mut durations = StateDurations::default();
        for (state, Text(lasting)) in self.0 {
            let set = state.parse().map_err(|_| NotTransient).and_then(|known| durations.set(known, lasting));
            set.map_err(|problem| ControlError::Invalid(format!("durations.{state}: {problem}").into()))?;
        }
        Ok(InstanceProgression::Timed(durations))
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Scope)]
pub(super) struct ScopeBody {
    project_id: Option<String>,
    instance_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rule)]
pub(super) struct RuleBody {
    project_id: Option<String>,
    instance_id: Option<String>,
    progression: ProgressionWord,
    durations: Option<Durations>,
}

impl RuleBody {
    /// Reads what the rule says of a model.
    fn decision(self, model: Model) -> Result<RuleDecision, ControlError> {
        let missing = || ControlError::Invalid("durations are missing".into());
        Ok(match model {
            Model::Work(model) => RuleDecision::Work(
                model,
                match self.progression {
                    ProgressionWord::Immediate => Progression::Immediate,
                    ProgressionWord::Manual => Progression::Manual,
                    ProgressionWord::Time => self.durations.ok_or_else(missing)?.of_work(model)?,
                },
            ),
            Model::Instance => RuleDecision::Instance(match self.progression {
                ProgressionWord::Immediate => InstanceProgression::Immediate,
                ProgressionWord::Manual => InstanceProgression::Manual,
                ProgressionWord::Time => self.durations.ok_or_else(missing)?.of_instance()?,
            }),
        })
    }
}

fn scope(project_id: Option<&str>, instance_id: Option<&str>) -> Result<RuleScope, ControlError> {
    let instance = optional_id(instance_id, "instance_id")?.map(RuleScope::Instance);
    let project = optional_id(project_id, "project_id")?.map(RuleScope::Project);
    Ok(instance.or(project).unwrap_or(RuleScope::Everything))
}

impl ControlContext {
    fn model(&self) -> Result<Model, ControlError> {
        Model::parse(self.path_part("model")).ok_or(ControlError::NotFound(
            "model; there are backup, restore, account, analysis, diagnosis, migration, task and instance",
        ))
    }

    fn query_scope(&self) -> Result<RuleScope, ControlError> {
        let query = Query::parse(self.request.query_string());
        scope(query.get("project_id"), query.get("instance_id"))
    }

    fn all_rules(&self, model: Model) -> Response {
        self.rules(model, |_| true)
    }

    fn rules(&self, model: Model, are_asked_for: impl Fn(&TransitionRule) -> bool) -> Response {
        let rules = self.state()?.control.rules(model);
        let rules: Vec<RuleView> =
            rules.iter().filter(|rule| are_asked_for(rule)).map(RuleView::of).collect();
        Ok(json(&RulesView { model: model.as_str(), rules }))
    }
}

/// `GET /_emulator/transitions/{model}?project_id=&instance_id=`: the rules, or the one about a project or an instance; without
/// one the settings hold.
pub(super) async fn show(context: ControlContext) -> Response {
    let asked_for = Some(context.query_scope()?).filter(|scope| *scope != RuleScope::Everything);
    context.rules(context.model()?, |rule| asked_for.is_none_or(|scope| rule.scope == scope))
}

/// `PUT /_emulator/transitions/{model}`: makes a rule about what is to come.
pub(super) async fn set(context: ControlContext) -> Response {
    let model = context.model()?;
    let body: RuleBody = context.json()?;
    let scope = scope(body.project_id.as_deref(), body.instance_id.as_deref())?;
    let decision = body.decision(model)?;
    if !context.state()?.control.rule(scope, decision).await.map_err(internal)? {
        return Err(ControlError::TooMany("rules").into());
    }
    context.all_rules(model)
}

/// `DELETE /_emulator/transitions/{model}?project_id=&instance_id=`: removes a rule; removing none changes nothing.
pub(super) async fn remove(context: ControlContext) -> Response {
    let model = context.model()?;
    context.state()?.control.remove_rule(model, context.query_scope()?).await.map_err(internal)?;
    context.all_rules(model)
}

/// `POST /_emulator/transitions/{model}/step`: moves what is open one step on, due or not.
pub(super) async fn step(context: ControlContext) -> Response {
    let model = context.model()?;
    let body: ScopeBody = context.json()?;
    let scope = scope(body.project_id.as_deref(), body.instance_id.as_deref())?;
    let changes = context.state()?.control.step(model, scope).await.map_err(internal)?;
    Ok(json(&Stepped { fired: fired(&changes) }))
}
