//! What outlives a restart, as it is kept: JSON documents by name.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::clock::{ClockRate, ClockSetting};
use crate::domain::fault::Fault;
use crate::domain::instance::transition::{InstanceProgression, StateDurations};
use crate::domain::time::Timestamp;
use crate::domain::work::Progression;
use crate::engine::EngineError;
use crate::engine::transitions::{Model, RuleDecision, RuleScope, TransitionRule};
use crate::store::StoreError;

pub(in crate::engine) const CLOCK: &str = "clock";
pub(in crate::engine) const IDS: &str = "ids";
pub(in crate::engine) const TRANSITIONS: &str = "transitions";
pub(in crate::engine) const FAULTS: &str = "faults";

pub(in crate::engine) fn as_json(value: &impl Serialize) -> Result<String, EngineError> {
    serde_json::to_string(value).map_err(|_| inconsistent("a setting cannot be written as JSON"))
}

pub(in crate::engine) fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, EngineError> {
    serde_json::from_str(text).map_err(|_| inconsistent("a kept setting cannot be read"))
}

pub(in crate::engine) fn inconsistent(what: &'static str) -> EngineError {
    StoreError::Inconsistent { what }.into()
}

/// Returns the key that signs links where ids follow from a seed: links are reproducible then, too.
pub(super) fn link_key(ids_seed: u64) -> [u8; 32] {
    Sha256::digest(format!("the links of ids that follow from {ids_seed}")).into()
}

/// What a test has decided. What is absent is as usual.
#[derive(Clone, Debug, Default)]
pub(super) struct PersistedSettings {
    /// What the clock shows.
    pub(super) clock: Option<ClockSetting>,
    /// What ids follow from.
    pub(super) ids: Option<u64>,
    /// What moves work on.
    pub(super) rules: Vec<TransitionRule>,
    /// What goes wrong.
    pub(super) faults: Vec<Fault>,
}

impl PersistedSettings {
    /// Reads the settings that are kept.
    pub(super) fn read(mut settings: BTreeMap<String, String>) -> Result<Self, EngineError> {
        let clock = settings.remove(CLOCK).map(|text| read::<ClockDocument>(&text)?.face()).transpose()?;
        let ids = settings.remove(IDS).map(|text| read::<IdsDocument>(&text)).transpose()?;
        let rules: Vec<RuleDocument> = match settings.remove(TRANSITIONS) {
            Some(text) => read(&text)?,
            None => Vec::new(),
        };
        Ok(Self {
            clock,
            ids: ids.and_then(|ids| ids.seed),
            rules: rules.into_iter().map(RuleDocument::rule).collect::<Result<_, _>>()?,
            faults: settings.remove(FAULTS).map_or_else(|| Ok(Vec::new()), |text| read(&text))?,
        })
    }
}

/// The clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::engine) struct ClockDocument {
    shown_ms: i64,
    set_at_ms: i64,
    rate: f64,
    frozen: bool,
}

impl ClockDocument {
    pub(in crate::engine) fn of(face: ClockSetting) -> Self {
        let (shown, set_at, rate, frozen) = face.parts();
        Self { shown_ms: shown.as_millis(), set_at_ms: set_at.as_millis(), rate: rate.as_f64(), frozen }
    }

    pub(in crate::engine) fn face(&self) -> Result<ClockSetting, EngineError> {
        let time =
            |millis| Timestamp::from_millis(millis).map_err(|_| inconsistent("the kept clock has no time"));
        let rate = ClockRate::new(self.rate).map_err(|_| inconsistent("the kept clock has no rate"))?;
        Ok(ClockSetting::from_parts(time(self.shown_ms)?, time(self.set_at_ms)?, rate, self.frozen))
    }
}

/// The seed of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::engine) struct IdsDocument {
    pub(in crate::engine) seed: Option<u64>,
}

/// A rule about what moves something on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::engine) struct RuleDocument {
    model: String,
    project_id: Option<String>,
    instance_id: Option<String>,
    /// Waiting and running, in milliseconds; zeros when it takes no time. Empty when it moves by hand, or by states.
    durations_ms: Option<(u64, u64)>,
    /// How long states of an instance last, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    states_ms: Option<BTreeMap<String, u64>>,
}

impl RuleDocument {
    pub(in crate::engine) fn of(rule: &TransitionRule) -> Self {
        let (durations_ms, states_ms) = match &rule.decision {
            RuleDecision::Work(_, Progression::Immediate)
            | RuleDecision::Instance(InstanceProgression::Immediate) => (Some((0, 0)), None),
            RuleDecision::Work(_, Progression::Manual)
            | RuleDecision::Instance(InstanceProgression::Manual) => (None, None),
            RuleDecision::Work(_, Progression::Timed { waiting, running }) => {
                (Some((millis(*waiting), millis(*running))), None)
            }
            RuleDecision::Instance(InstanceProgression::Timed(durations)) => {
                let states = durations.iter();
                let states = states.map(|(state, lasting)| (state.as_str().to_owned(), millis(lasting)));
                (None, Some(states.collect()))
            }
        };
        Self {
            model: rule.decision.model().as_str().to_owned(),
            project_id: rule.scope.project().map(|id| id.to_string()),
            instance_id: rule.scope.instance().map(|id| id.to_string()),
            durations_ms,
            states_ms,
        }
    }

    pub(in crate::engine) fn rule(self) -> Result<TransitionRule, EngineError> {
        let unreadable = || inconsistent("a kept rule cannot be read");
        let project = self.project_id.map(|id| id.parse()).transpose().map_err(|_| unreadable())?;
        let instance = self.instance_id.map(|id| id.parse()).transpose().map_err(|_| unreadable())?;
        let scope = match (instance, project) {
            (Some(instance), _) => RuleScope::Instance(instance),
            (None, Some(project)) => RuleScope::Project(project),
            (None, None) => RuleScope::Everything,
        };
        let decision = match Model::parse(&self.model).ok_or_else(unreadable)? {
            Model::Work(model) => RuleDecision::Work(model, progression(self.durations_ms)),
            Model::Instance => RuleDecision::Instance(match (self.states_ms, self.durations_ms) {
                (Some(states), _) => InstanceProgression::Timed(durations(states).ok_or_else(unreadable)?),
                (None, Some(_)) => InstanceProgression::Immediate,
                (None, None) => InstanceProgression::Manual,
            }),
        };
        Ok(TransitionRule { scope, decision })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn progression(durations_ms: Option<(u64, u64)>) -> Progression {
    match durations_ms {
        None => Progression::Manual,
        Some((0, 0)) => Progression::Immediate,
        Some((waiting, running)) => Progression::Timed {
            waiting: Duration::from_millis(waiting),
            running: Duration::from_millis(running),
        },
    }
}

fn durations(states_ms: BTreeMap<String, u64>) -> Option<StateDurations> {
    let mut durations = StateDurations::default();
    for (state, millis) in states_ms {
        durations.set(state.parse().ok()?, Duration::from_millis(millis)).ok()?;
    }
    Some(durations)
}
