//! Faults: answers that go wrong on demand.
//!
//! A fault matches calls of the API and has an effect on them: an error instead of an answer, a delay, a cut connection, or
//! a backup or restore that fails after its normal time. What becomes of a call is decided in `fault_decision`.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::seed;
use crate::http::control::fault_decision::FaultyCall;
use crate::http::control::words::{self, WireDuration, WireTime};
use crate::http::error::control::ControlError;
use crate::http::route::api_of_word;

/// How many faults there may be.
pub(crate) const MOST_FAULTS: usize = 1000;

/// The longest delay.
const LONGEST_LATENCY: Duration = Duration::from_mins(10);
/// The longest code of an error, in bytes.
const LONGEST_CODE: usize = 64;

/// A fault, as it is asked for, shown and kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Its id; given by the emulator.
    #[serde(default)]
    pub(crate) id: String,
    /// Which calls it matches; all of them if nothing is said.
    #[serde(default, rename = "match")]
    pub(crate) matcher: Matcher,
    /// How many more calls it has an effect on; without end if absent.
    #[serde(default)]
    pub(crate) times: Option<u64>,
    /// How likely it has an effect on a call that it matches, 0 to 1; always if absent.
    #[serde(default)]
    pub(crate) probability: Option<f64>,
    /// How long it lasts from when that is said; without end if absent. Goes by the emulator's clock. Beside `expires_at` that is what counts.
    #[serde(default)]
    pub(crate) ttl: Option<WireDuration>,
    /// When it ends, if it does: as it was given, or as it follows from `ttl`.
    #[serde(default, with = "words::optional_time")]
    #[schema(value_type = Option<WireTime>)]
    pub(crate) expires_at: Option<Timestamp>,
    /// On how many calls it has had an effect.
    #[serde(default)]
    pub(crate) hits: u64,
    /// What it does.
    pub(crate) effect: Effect,
}

/// Which calls a fault matches. What is absent matches everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matcher {
    #[serde(default)]
    pub(crate) operation: Option<String>,
    #[serde(default)]
    pub(crate) api: Option<String>,
    #[serde(default)]
    pub(crate) project_id: Option<String>,
    #[serde(default)]
    pub(crate) instance_id: Option<String>,
}

/// What a fault does: one or more of these.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Effect {
    /// Answer with this status instead; with `error_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The code of that answer; `DCS.5000` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<String>,
    /// Wait before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) latency: Option<Latency>,
    /// Cut the connection instead of answering. The call is not carried out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cut: bool,
    /// Let the backup or restore that the call creates end so, after its normal time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
}

/// A delay, or the bounds between which it lies.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Latency {
    /// Always the same.
    Fixed(WireDuration),
    /// Somewhere between.
    Between {
        /// At least.
        min: WireDuration,
        /// At most.
        max: WireDuration,
    },
}

/// How a backup or restore ends.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    pub(crate) status: OutcomeStatus,
    pub(crate) error_code: String,
}

/// The only end that is not the usual one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OutcomeStatus {
    Failed,
}

impl Fault {
    /// Makes sure that the fault makes sense; returns what does not.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let effect = &self.effect;
        let has_effect =
            effect.status.is_some() || effect.latency.is_some() || effect.cut || effect.outcome.is_some();
        if !has_effect {
            return Some("effect must have one or more of status, latency, cut, outcome");
        }
        if effect.status.is_some_and(|status| !(400..600).contains(&status)) {
            return Some("effect.status must lie between 400 and 599");
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Some("probability must lie between 0 and 1");
        }
        if effect.outcome.as_ref().is_some_and(|outcome| FailureCode::parse(&outcome.error_code).is_none()) {
            return Some("effect.outcome.error_code must be one of dcs.08.0001 to dcs.08.0008");
        }
        if effect.error_code.as_ref().is_some_and(|code| code.len() > LONGEST_CODE) {
            return Some("effect.error_code must have at most 64 characters");
        }
        let longest = match &effect.latency {
            Some(Latency::Between { min, max }) if min.0 > max.0 => {
                return Some("effect.latency.min must not be above max");
            }
            Some(Latency::Between { max, .. }) => max.0,
            Some(Latency::Fixed(latency)) => latency.0,
            None => Duration::ZERO,
        };
        if longest > LONGEST_LATENCY {
            return Some("effect.latency must be at most 10min");
        }
        self.matcher.problem()
    }

    /// Returns whether it can have an effect on a call, should the dice have it so.
    pub(crate) fn may_hit(&self, call: FaultyCall<'_>) -> bool {
        let is_decided = if self.effect.outcome.is_some() { call.makes_work } else { call.is_answered };
        is_decided && self.matcher.matches(call)
    }

    /// Returns whether it has no effect any more.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.times == Some(0) || self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

impl Matcher {
    /// Returns what no call can have.
    fn problem(&self) -> Option<&'static str> {
        if self.api.as_deref().is_some_and(|api| api_of_word(api).is_none()) {
            return Some("match.api must be v1.0 or v2");
        }
        if self.project_id.as_deref().is_some_and(|id| id.parse::<ProjectId>().is_err()) {
            return Some("match.project_id is no id");
        }
        if self.instance_id.as_deref().is_some_and(|id| id.parse::<InstanceId>().is_err()) {
            return Some("match.instance_id is no id");
        }
        None
    }

    /// Returns whether it matches only calls about a project, which has these instances.
    pub(crate) fn is_within(&self, project: ProjectId, instances: &HashSet<InstanceId>) -> bool {
        seed::is_within(self.project_id.as_deref(), self.instance_id.as_deref(), project, instances)
    }

    fn matches(&self, call: FaultyCall<'_>) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        same(&self.operation, call.operation)
            && same(&self.api, call.api)
            && same(&self.project_id, call.project_id)
            && same(&self.instance_id, call.instance_id)
    }
}

impl Latency {
    pub(crate) fn choose(&self, dice: impl Fn() -> f64) -> Duration {
        match self {
            Self::Fixed(latency) => latency.0,
            Self::Between { min, max } => min.0 + max.0.saturating_sub(min.0).mul_f64(dice()),
        }
    }
}

/// Writes faults as they are kept.
pub(crate) fn faults_as_text(faults: &[Fault]) -> Result<String, ControlError> {
    serde_json::to_string(faults)
        .map_err(|_| ControlError::Invalid("the fault cannot be written as JSON".into()))
}

/// Checks a fault of a seed and gives it its usual form.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn form(fault: Value) -> Result<Value, String> {
    let mut fault: Fault = serde_json::from_value(fault).map_err(|error| error.to_string())?;
    if let Some(problem) = fault.problem() {
        return Err(problem.to_owned());
    }
    if fault.ttl.is_some() && fault.expires_at.is_none() {
        return Err("ttl needs expires_at in a seed".to_owned());
    }
    if fault.id.is_empty() {
        // The same fault is the same when the seed is applied again.
        let text = serde_json::to_string(&fault).map_err(|error| error.to_string())?;
        fault.id = hex::encode(&Sha256::digest(text.as_bytes())[..16]);
    }
    serde_json::to_value(fault).map_err(|error| error.to_string())
}

/// Reads faults in their usual form.
pub(crate) fn read(faults: &[Value]) -> Result<Vec<Fault>, ControlError> {
    let read = |fault: &Value| serde_json::from_value(fault.clone());
    let faults: Result<Vec<Fault>, _> = faults.iter().map(read).collect();
    faults.map_err(|error| ControlError::Invalid(error.to_string().into()))
}

/// Adds faults that are not there; those that are stay as they are, or are overwritten. Those above the limit are left out.
pub(crate) fn merge(faults: &mut Vec<Fault>, seeded: &[Fault], overwrite: bool) {
    if overwrite {
        faults.retain(|fault| seeded.iter().all(|seeded| seeded.id != fault.id));
    }
    for seeded in seeded {
        if faults.len() < MOST_FAULTS && faults.iter().all(|fault| fault.id != seeded.id) {
            faults.push(seeded.clone());
        }
    }
}

/// Adds the faults of the seeds of the start to those that were kept, as text; returns the text only if any are added.
///
/// # Errors
/// If the faults that were kept cannot be read.
pub fn at_start(kept: Option<&str>, seeded: &[Value]) -> Result<Option<String>, serde_json::Error> {
    if seeded.is_empty() {
        return Ok(None);
    }
    let mut faults: Vec<Fault> = serde_json::from_str(kept.unwrap_or("[]"))?;
    let seeded: Result<Vec<Fault>, _> =
        seeded.iter().map(|fault| serde_json::from_value(fault.clone())).collect();
    merge(&mut faults, &seeded?, false);
    serde_json::to_string(&faults).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_without_sense_is_refused() {
        for (text, sense) in [
            (r#"{"effect": {}}"#, false),
            (r#"{"effect": {"status": 200}}"#, false),
            (r#"{"effect": {"latency": {"min": "2s", "max": "1s"}}}"#, false),
            (r#"{"probability": 1.5, "effect": {"cut": true}}"#, false),
            (r#"{"effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0099"}}}"#, false),
            (r#"{"effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0002"}}}"#, true),
            (r#"{"effect": {"latency": "200ms", "status": 500, "error_code": "DCS.5000"}}"#, true),
        ] {
            assert_eq!(fault(text).problem().is_none(), sense, "{text}");
        }
    }
}
