//! The faults there are, and their document: it is one in the control API, in seeds and in the database.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};
use utoipa::ToSchema;

use crate::domain::fault::{Effect, Fault, Latency, Matcher};
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::origin::ApiVersion;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::seed::text::{DurationText, Text, TimeText};

/// How many faults there may be.
pub const MAX_FAULTS: usize = 1000;

/// The faults there are, in the order in which they were made.
#[derive(Default)]
pub(super) struct Faults {
    list: RwLock<Vec<Fault>>,
    changing: Arc<Mutex<()>>,
}

/// The right to change faults, held until a change of them is persisted. It is the last lock to be taken: its holder waits for
/// nothing but the store.
pub(super) type FaultsGuard = OwnedMutexGuard<()>;

impl Faults {
    pub(super) async fn lock(&self) -> FaultsGuard {
        Arc::clone(&self.changing).lock_owned().await
    }

    /// Returns the faults that are not over.
    pub(super) fn present(&self, now: Timestamp) -> Vec<Fault> {
        self.read().iter().filter(|fault| !fault.is_over(now)).cloned().collect()
    }

    pub(super) fn any(&self, is_such: impl Fn(&Fault) -> bool) -> bool {
        self.read().iter().any(is_such)
    }

    /// Replaces the faults, once that is persisted, for whoever holds the lock.
    pub(super) fn replace(&self, faults: Vec<Fault>) {
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Fault>> {
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds the faults of a seed that are not there; those that are stay as they are, or are overwritten. Those above the limit are left
/// out.
pub(super) fn merge(faults: &mut Vec<Fault>, seeded: &[Fault], overwrite: bool) {
    if overwrite {
        faults.retain(|fault| seeded.iter().all(|seeded| seeded.id != fault.id));
    }
    for seeded in seeded {
        if faults.len() < MAX_FAULTS && faults.iter().all(|fault| fault.id != seeded.id) {
            faults.push(seeded.clone());
        }
    }
}

/// A fault, as it is asked for, shown, seeded and persisted.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Fault)]
pub struct FaultDocument {
    /// Its id; given by the emulator.
    #[serde(default)]
    id: String,
    /// Which calls it matches; all of them if nothing is said.
    #[serde(default, rename = "match")]
    matcher: MatcherDocument,
    /// How many more calls it has an effect on; without end if absent.
    #[serde(default)]
    times: Option<u64>,
    /// How likely it has an effect on a call that it matches, 0 to 1; always if absent.
    #[serde(default)]
    probability: Option<f64>,
    /// How long it lasts from when that is said; without end if absent. Goes by the emulator's clock. Beside `expires_at` that is what counts.
    #[serde(default)]
    ttl: Option<DurationText>,
    /// When it ends, if it does: as it was given, or as it follows from `ttl`.
    #[serde(default)]
    expires_at: Option<TimeText>,
    /// On how many calls it has had an effect.
    #[serde(default)]
    hits: u64,
    /// What it does.
    effect: EffectDocument,
}

/// Which calls a fault matches. What is absent matches everything.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Matcher)]
struct MatcherDocument {
    operation: Option<String>,
    #[schema(value_type = Option<String>)]
    api: Option<Text<ApiVersion>>,
    #[schema(value_type = Option<String>)]
    project_id: Option<Text<ProjectId>>,
    #[schema(value_type = Option<String>)]
    instance_id: Option<Text<InstanceId>>,
}

/// What a fault does: one or more of these.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Effect)]
struct EffectDocument {
    /// Answer with this status instead; with `error_code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The code of that answer; `DCS.5000` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    /// What that answer says; that of the code if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Wait before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency: Option<LatencyDocument>,
    /// Cut the connection instead of answering. The call is not carried out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    /// Let the backup, restore or other work that the call begins end so, after its normal time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
}

/// A delay, or the bounds between which it lies.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Latency)]
enum LatencyDocument {
    /// Always the same.
    Fixed(DurationText),
    /// Somewhere between.
    Between {
        /// At least.
        min: DurationText,
        /// At most.
        max: DurationText,
    },
}

/// How work ends.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Outcome {
    status: OutcomeStatus,
    #[schema(value_type = String)]
    error_code: Text<FailureCode>,
}

/// The only end that is not the usual one.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum OutcomeStatus {
    Failed,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (matcher, effect) = (&self.matcher, &self.effect);
        let latency = effect.latency.map(|latency| match latency {
            Latency::Fixed(latency) => LatencyDocument::Fixed(Text(latency)),
            Latency::Between { min, max } => LatencyDocument::Between { min: Text(min), max: Text(max) },
        });
        let failed = |code| Outcome { status: OutcomeStatus::Failed, error_code: Text(code) };
        let document = FaultDocument {
            id: self.id.clone(),
            matcher: MatcherDocument {
                operation: matcher.operation.clone(),
                api: matcher.api.map(Text),
                project_id: matcher.project_id.map(Text),
                instance_id: matcher.instance_id.map(Text),
            },
            times: self.times,
            probability: self.probability,
            ttl: self.ttl.map(Text),
            expires_at: self.expires_at.map(Text),
            hits: self.hits,
            effect: EffectDocument {
                status: effect.status,
                error_code: effect.error_code.clone(),
                message: effect.message.clone(),
                latency,
                cut: effect.cut,
                outcome: effect.failure.map(failed),
            },
        };
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let FaultDocument { id, matcher, times, probability, ttl, expires_at, hits, effect } =
            FaultDocument::deserialize(deserializer)?;
        let latency = effect.latency.map(|latency| match latency {
            LatencyDocument::Fixed(latency) => Latency::Fixed(latency.0),
            LatencyDocument::Between { min, max } => Latency::Between { min: min.0, max: max.0 },
        });
        let fault = Self {
            id,
            matcher: Matcher {
                operation: matcher.operation,
                api: matcher.api.map(|api| api.0),
                project_id: matcher.project_id.map(|id| id.0),
                instance_id: matcher.instance_id.map(|id| id.0),
            },
            times,
            probability,
            ttl: ttl.map(|ttl| ttl.0),
            expires_at: expires_at.map(|expires_at| expires_at.0),
            hits,
            effect: Effect {
                status: effect.status,
                error_code: effect.error_code,
                message: effect.message,
                latency,
                cut: effect.cut,
                failure: effect.outcome.map(|outcome| outcome.error_code.0),
            },
        };
        fault.checked().map_err(D::Error::custom)
    }
}

/// Gives a fault of a seed an id, if it has none: the same fault is the same when the seed is applied again.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(super) fn seeded(fault: Fault) -> Result<Fault, String> {
    if fault.ttl.is_some() && fault.expires_at.is_none() {
        return Err("ttl needs expires_at in a seed".to_owned());
    }
    if !fault.id.is_empty() {
        return Ok(fault);
    }
    let text = serde_json::to_string(&fault).map_err(|error| error.to_string())?;
    Ok(Fault { id: hex::encode(&Sha256::digest(text.as_bytes())[..16]), ..fault })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_as_it_was_written() {
        for text in [
            r#"{"effect": {"status": 503, "error_code": "DCS.5030", "message": "Later.", "cut": true}, "times": 2, "probability": 0}"#,
            r#"{"effect": {"outcome": {"status": "failed", "error_code": "dcs.08.0003"}}, "id": "f", "hits": 7}"#,
            r#"{"effect": {"latency": "1ms"}, "ttl": "2h", "expires_at": "2030-01-02T03:04:05Z"}"#,
            r#"{"effect": {"latency": {"min": "1s", "max": "2s"}}, "match": {"api": "V2", "operation": "x"}}"#,
        ] {
            let fault: Fault = serde_json::from_str(text).unwrap();
            let written = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&written).unwrap(), fault, "{written}");
        }
    }
}
