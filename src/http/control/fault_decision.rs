//! What faults do to calls.
//!
//! Faults are few; while there are none, a call pays one comparison. What a call uses up of a fault is kept before it holds, so
//! that it is used up after a restart too, and never twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::http::control::faults::Fault;

/// A call, as far as faults look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FaultyCall<'a> {
    pub(crate) operation: &'a str,
    pub(crate) api: &'a str,
    pub(crate) project_id: &'a str,
    pub(crate) instance_id: &'a str,
    /// Whether it makes a backup or a restore, whose end can be decided.
    pub(crate) makes_work: bool,
    /// Whether anybody waits for its answer. If not, nothing but the end of its work can be decided.
    pub(crate) is_answered: bool,
}

/// What faults do to one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultDecision {
    pub(crate) latency: Duration,
    pub(crate) cut: bool,
    pub(crate) error: Option<(u16, Option<String>)>,
    pub(crate) outcome: Option<FailureCode>,
    /// The faults that hit the call.
    hits: Vec<String>,
    /// Whether one of them is used up a little by that, which outlives a restart.
    pub(super) uses_up: bool,
}

/// A fault that has an effect on a limited number of calls may hit a call: that is decided by one caller at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsesUp;

/// Decides what faults do to a call; `dice` yields numbers from 0 to below 1. Returns `None` if they do nothing.
pub(crate) fn decide(
    faults: &[Fault],
    call: FaultyCall<'_>,
    dice: impl Fn() -> f64,
) -> Option<FaultDecision> {
    let mut decision: Option<FaultDecision> = None;
    for fault in faults.iter().filter(|fault| fault.may_hit(call)) {
        if fault.probability.is_some_and(|probability| dice() >= probability) {
            continue;
        }
        let decision = decision.get_or_insert_with(FaultDecision::default);
        decision.hits.push(fault.id.clone());
        decision.uses_up |= fault.times.is_some();
        let effect = &fault.effect;
        decision.latency += effect.latency.as_ref().map_or(Duration::ZERO, |latency| latency.choose(&dice));
        decision.cut |= effect.cut;
        if decision.error.is_none() {
            decision.error = effect.status.map(|status| (status, effect.error_code.clone()));
        }
        let outcome = effect.outcome.as_ref().and_then(|outcome| FailureCode::parse(&outcome.error_code));
        decision.outcome = decision.outcome.or(outcome);
    }
    decision
}

impl FaultDecision {
    /// Counts the call with the faults that hit it.
    pub(super) fn count(&self, faults: &mut [Fault]) {
        for fault in faults.iter_mut().filter(|fault| self.hits.contains(&fault.id)) {
            fault.hits += 1;
            fault.times = fault.times.map(|times| times.saturating_sub(1));
        }
    }
}

/// All faults, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Faults {
    any: AtomicBool,
    faults: Mutex<Vec<Fault>>,
}

impl Faults {
    /// Returns whether there is any: the one comparison that a call pays.
    pub(crate) fn is_any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Returns the faults that are not over.
    pub(crate) fn all(&self, now: Timestamp) -> Vec<Fault> {
        self.lock().iter().filter(|fault| !fault.is_over(now)).cloned().collect()
    }

    /// Replaces all faults.
    pub(crate) fn replace(&self, faults: Vec<Fault>) {
        self.edit(|present| *present = faults);
    }

    /// Changes the faults, all at once.
    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut Vec<Fault>) -> T) -> T {
        let mut faults = self.lock();
        let changed = change(&mut faults);
        self.any.store(!faults.is_empty(), Ordering::Release);
        changed
    }

    /// Decides what happens to a call, and counts it; `dice` yields numbers from 0 to below 1. Returns `None` if nothing does,
    /// and [`UsesUp`] if it would use up a fault, which is to be kept first.
    pub(crate) fn decide(
        &self,
        call: FaultyCall<'_>,
        now: Timestamp,
        dice: impl Fn() -> f64,
    ) -> Result<Option<FaultDecision>, UsesUp> {
        self.edit(|faults| {
            faults.retain(|fault| !fault.is_over(now));
            if faults.iter().any(|fault| fault.times.is_some() && fault.may_hit(call)) {
                return Err(UsesUp);
            }
            let decision = decide(faults, call, dice);
            if let Some(decision) = &decision {
                decision.count(faults);
            }
            Ok(decision)
        })
    }

    /// Returns whether there is any that lets work fail which is done as `operation` at `at`, for nobody who calls for it.
    pub(crate) fn may_fail(&self, operation: &str, at: Timestamp) -> bool {
        let is_such = |fault: &Fault| {
            fault.effect.outcome.is_some()
                && !fault.is_over(at)
                && fault.matcher.operation.as_deref().is_none_or(|wanted| wanted == operation)
        };
        self.is_any() && self.lock().iter().any(is_such)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        serde_json::from_str(text).unwrap()
    }

    const CALL: FaultyCall<'_> = FaultyCall {
        operation: "create_backup",
        api: "v2",
        project_id: "p",
        instance_id: "i",
        makes_work: true,
        is_answered: true,
    };

    fn decide(faults: &Faults) -> Option<FaultDecision> {
        faults.decide(CALL, Timestamp::MIN, || 0.5).unwrap()
    }

    #[test]
    fn a_fault_ends_after_its_times() {
        let mut faults = vec![fault(r#"{"id": "f", "times": 2, "effect": {"status": 503}}"#)];
        for left in [1, 0] {
            let decision = super::decide(&faults, CALL, || 0.5).unwrap();
            assert_eq!((decision.error.clone(), decision.uses_up), (Some((503, None)), true));
            decision.count(&mut faults);
            assert_eq!(faults[0].times, Some(left));
        }
        assert!(faults[0].is_over(Timestamp::MIN));
    }

    #[test]
    fn what_may_be_used_up_is_not_decided_by_several_at_once() {
        let faults = Faults::default();
        faults.replace(vec![
            fault(r#"{"id": "e", "effect": {"latency": "1s"}}"#),
            fault(r#"{"id": "f", "match": {"api": "v1.0"}, "times": 2, "effect": {"status": 503}}"#),
        ]);
        assert_eq!(decide(&faults).unwrap().latency, Duration::from_secs(1));
        let of_v1 = FaultyCall { api: "v1.0", ..CALL };
        assert!(faults.decide(of_v1, Timestamp::MIN, || 0.5).is_err());
        let hits: Vec<u64> = faults.all(Timestamp::MIN).iter().map(|fault| fault.hits).collect();
        assert_eq!(hits, [1, 0]);
    }

    #[test]
    fn a_fault_matches_what_has_all_it_names() {
        for (matcher, matches) in [
            ("{}", true),
            (r#"{"operation": "create_backup", "api": "V2"}"#, true),
            (r#"{"operation": "list_backups"}"#, false),
            (r#"{"project_id": "q"}"#, false),
        ] {
            let faults = Faults::default();
            faults.replace(vec![fault(&format!(r#"{{"match": {matcher}, "effect": {{"cut": true}}}}"#))]);
            assert_eq!(decide(&faults).is_some(), matches, "{matcher}");
        }
    }

    #[test]
    fn the_dice_decide_between_never_and_always() {
        for (probability, hit) in [("0.5", false), ("0.51", true), ("0", false), ("1", true)] {
            let faults = Faults::default();
            faults.replace(vec![fault(&format!(
                r#"{{"probability": {probability}, "effect": {{"cut": true}}}}"#
            ))]);
            assert_eq!(decide(&faults).is_some(), hit, "{probability}");
        }
    }
}
