//! Faults: calls that go wrong on demand.
//!
//! A fault matches calls of the API and has an effect on them: an error instead of an answer, a delay, a cut connection, or
//! work (a backup, a restore, background work) that fails after its normal time. [`decide`] says what becomes of a call.

use std::collections::HashSet;
use std::time::Duration;

use crate::domain::analysis_kind::AnalysisKind;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::origin::ApiVersion;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;

/// The operation by which a fault matches the backups that policies make.
pub const SCHEDULED_BACKUP: &str = "scheduled_backup";
/// The operations by which faults match what instances begin by themselves.
pub const SCHEDULED: [&str; 4] =
    [SCHEDULED_BACKUP, "scheduled_bigkey_scan", "scheduled_hotkey_scan", "scheduled_expire_key_scan"];
/// The operations of calls whose work can be made to fail after its normal time.
const WORK: &[&str] = &[
    "create_backup",
    "create_restore",
    "create_bigkey_scan_task",
    "create_hotkey_scan_task",
    "scan_expire_key",
    "create_auto_expire_scan_task",
    "create_offline_key_analysis",
    "update_public_ip",
    "delete_public_ip",
    "update_bandwidth",
    "create_diagnosis_task",
    "create_redislog",
    "upgrade_instance_minor_version",
    "start_instance_resize_check_job",
    "export_instances_task",
    "change_master_standby_async",
    "execute_cluster_switchover",
    "delete_ip_from_domain_name",
    "create_acl_account",
    "update_acl_account",
    "reset_acl_account_pass_word",
    "delete_acl_account",
    "hang_up_kill_all_clients",
    "create_migration_task",
    "set_online_migration_task",
    "batch_restart_online_migration_tasks",
    "exchange_instance_ip",
    "rollback_exchange_instance_ip",
];
const MAX_LATENCY: Duration = Duration::from_mins(10);
/// The longest code of an error, in bytes.
const MAX_CODE_LENGTH: usize = 64;
/// The longest text of an error, in bytes.
const MAX_MESSAGE_LENGTH: usize = 1024;

/// A fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its id; given by the emulator.
    pub id: String,
    /// Which calls it matches.
    pub matcher: Matcher,
    /// How many more calls it has an effect on; without end if absent.
    pub times: Option<u64>,
    /// How likely it has an effect on a call that it matches, 0 to 1; always if absent.
    pub probability: Option<f64>,
    /// How long it was to last when that was said.
    pub ttl: Option<Duration>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// On how many calls it has had an effect.
    pub hits: u64,
    /// What it does.
    pub effect: Effect,
}

/// Which calls a fault matches. What is absent matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// The stable name of the operation.
    pub operation: Option<String>,
    /// The version of the API.
    pub api: Option<ApiVersion>,
    /// The project in the path.
    pub project_id: Option<ProjectId>,
    /// The instance in the path.
    pub instance_id: Option<InstanceId>,
}

/// What a fault does: one or more of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Answer with this status instead.
    pub status: Option<u16>,
    /// The code of that answer.
    pub error_code: Option<String>,
    /// What that answer says.
    pub message: Option<String>,
    /// Wait before anything else.
    pub latency: Option<Latency>,
    /// Cut the connection instead of answering. The call is not carried out.
    pub cut: bool,
    /// Let the work that the call creates fail so, after its normal time.
    pub failure: Option<FailureCode>,
}

/// A delay, or the bounds between which it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Somewhere between.
    Between {
        /// At least.
        min: Duration,
        /// At most.
        max: Duration,
    },
}

/// The fault makes no sense; it is said why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidFault(&'static str);

/// A call, as far as faults look at it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The stable name of the operation.
    pub operation: &'static str,
    /// The version of the API, if the route is of one.
    pub api: Option<ApiVersion>,
    /// The project in the path, if there is one.
    pub project_id: Option<ProjectId>,
    /// The instance in the path, if there is one.
    pub instance_id: Option<InstanceId>,
}

/// An error that a fault has a call answered with. What it does not say follows from the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedError {
    /// The status.
    pub status: u16,
    /// The code.
    pub error_code: Option<String>,
    /// The text.
    pub message: Option<String>,
}

/// What faults do to one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultDecision {
    /// How long the call waits first.
    pub latency: Duration,
    /// Whether its connection is cut.
    pub cut: bool,
    /// An error that is answered instead.
    pub error: Option<InjectedError>,
    /// The failure that the work it creates runs into.
    pub failure: Option<FailureCode>,
    /// Whether one of the faults is limited to a number of calls, of which this is one.
    pub uses_up: bool,
    /// The ids of the faults that hit the call.
    hits: Vec<String>,
}

impl Fault {
    /// Returns the fault if it makes sense.
    ///
    /// # Errors
    /// [`InvalidFault`].
    pub fn checked(self) -> Result<Self, InvalidFault> {
        let effect = &self.effect;
        let has_effect =
            effect.status.is_some() || effect.latency.is_some() || effect.cut || effect.failure.is_some();
        let (min, max) = effect.latency.map_or((Duration::ZERO, Duration::ZERO), Latency::bounds);
        for (is_wrong, problem) in [
            (!has_effect, "effect must have one or more of status, latency, cut, outcome"),
            (
                effect.status.is_some_and(|status| !(400..600).contains(&status)),
                "effect.status must lie between 400 and 599",
            ),
            (
                self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)),
                "probability must lie between 0 and 1",
            ),
            (
                effect.error_code.as_ref().is_some_and(|code| code.len() > MAX_CODE_LENGTH),
                "effect.error_code must have at most 64 characters",
            ),
            (
                effect.message.as_ref().is_some_and(|message| message.len() > MAX_MESSAGE_LENGTH),
                "effect.message must have at most 1024 characters",
            ),
            (min > max, "effect.latency.min must not be above max"),
            (max > MAX_LATENCY, "effect.latency must be at most 10min"),
        ] {
            if is_wrong {
                return Err(InvalidFault(problem));
            }
        }
        Ok(self)
    }

    /// Decides when a fault ends that begins `now` and was given `ttl` or `expires_at`. Given both, as a fault is shown, the time
    /// is what counts.
    ///
    /// # Errors
    /// [`InvalidFault`] if it is over already.
    pub fn beginning(self, now: Timestamp) -> Result<Self, InvalidFault> {
        if self.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(InvalidFault("expires_at must be later than what the emulator's clock shows"));
        }
        let expires_at = self.expires_at.or_else(|| self.ttl.map(|ttl| now.saturating_add(ttl)));
        Ok(Self { expires_at, ..self })
    }

    /// Returns whether it has no effect any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.times == Some(0) || self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// Returns whether it can have an effect on a call, should the dice have it so. Nobody waits for the answer of what a schedule
    /// begins, so that only its end can be decided.
    pub fn may_hit(&self, call: Call, now: Timestamp) -> bool {
        let is_scheduled = SCHEDULED.contains(&call.operation);
        let is_decided = match self.effect.failure {
            Some(_) => is_scheduled || WORK.contains(&call.operation),
            None => !is_scheduled,
        };
        is_decided && !self.is_over(now) && self.matcher.matches(call)
    }

    /// Returns whether it can have an effect on anything that a schedule begins by an operation.
    pub fn may_hit_schedule(&self, operation: &str, now: Timestamp) -> bool {
        let is_such = |wanted: &String| wanted.eq_ignore_ascii_case(operation);
        self.effect.failure.is_some()
            && !self.is_over(now)
            && self.matcher.operation.as_ref().is_none_or(is_such)
    }
}

/// Returns the operation by which faults match the analyses of a kind that schedules begin; none if they begin no such.
pub fn scheduled_scan(kind: AnalysisKind) -> Option<&'static str> {
    let [_, big, hot, expired] = SCHEDULED;
    match kind {
        AnalysisKind::Big => Some(big),
        AnalysisKind::Hot => Some(hot),
        AnalysisKind::Expired => Some(expired),
        AnalysisKind::Offline => None,
    }
}

impl Matcher {
    /// Returns whether it matches only calls about a project, which has these instances.
    pub fn is_within(&self, project: ProjectId, instances: &HashSet<InstanceId>) -> bool {
        self.project_id == Some(project) || self.instance_id.is_some_and(|id| instances.contains(&id))
    }

    fn matches(&self, call: Call) -> bool {
        self.operation.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(call.operation))
            && self.api.is_none_or(|wanted| call.api == Some(wanted))
            && self.project_id.is_none_or(|wanted| call.project_id == Some(wanted))
            && self.instance_id.is_none_or(|wanted| call.instance_id == Some(wanted))
    }
}

impl Latency {
    fn bounds(self) -> (Duration, Duration) {
        match self {
            Self::Fixed(latency) => (latency, latency),
            Self::Between { min, max } => (min, max),
        }
    }

    fn choose(self, dice: impl Fn() -> f64) -> Duration {
        match self {
            Self::Fixed(latency) => latency,
            Self::Between { min, max } => min + max.saturating_sub(min).mul_f64(dice()),
        }
    }
}

/// Decides what faults do to a call; `dice` yields numbers from 0 to below 1. Returns `None` if they do nothing.
pub fn decide(faults: &[Fault], call: Call, now: Timestamp, dice: impl Fn() -> f64) -> Option<FaultDecision> {
    let mut decision: Option<FaultDecision> = None;
    for fault in faults.iter().filter(|fault| fault.may_hit(call, now)) {
        if fault.probability.is_some_and(|probability| dice() >= probability) {
            continue;
        }
        let decision = decision.get_or_insert_default();
        decision.hits.push(fault.id.clone());
        decision.uses_up |= fault.times.is_some();
        let effect = &fault.effect;
        decision.latency += effect.latency.map_or(Duration::ZERO, |latency| latency.choose(&dice));
        decision.cut |= effect.cut;
        if decision.error.is_none() {
            let (error_code, message) = (&effect.error_code, &effect.message);
            decision.error = effect.status.map(|status| InjectedError {
                status,
                error_code: error_code.clone(),
                message: message.clone(),
            });
        }
        decision.failure = decision.failure.or(effect.failure);
    }
    decision
}

impl FaultDecision {
    /// Counts the call with the faults that hit it.
    pub fn count(&self, faults: &mut [Fault]) {
        for fault in faults.iter_mut().filter(|fault| self.hits.contains(&fault.id)) {
            fault.hits += 1;
            fault.times = fault.times.map(|times| times.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
    const CUT: Effect =
        Effect { status: None, error_code: None, message: None, latency: None, cut: true, failure: None };

    fn fault(effect: Effect) -> Fault {
        Fault {
            id: "f".to_owned(),
            matcher: Matcher::default(),
            times: None,
            probability: None,
            ttl: None,
            expires_at: None,
            hits: 0,
            effect,
        }
    }

    fn decide(fault: Fault) -> Option<FaultDecision> {
        let call = Call {
            operation: "create_backup",
            api: Some(ApiVersion::V2),
            project_id: PROJECT.parse().ok(),
            instance_id: None,
        };
        super::decide(&[fault], call, Timestamp::MIN, || 0.5)
    }

    #[test]
    fn a_fault_without_sense_is_refused() {
        let between =
            |min, max| Latency::Between { min: Duration::from_secs(min), max: Duration::from_secs(max) };
        let latency = |latency| fault(Effect { latency: Some(latency), ..Effect::default() });
        let status = |status| fault(Effect { status: Some(status), ..Effect::default() });
        for (fault, sense) in [
            (fault(Effect::default()), false),
            (status(200), false),
            (status(500), true),
            (latency(between(2, 1)), false),
            (latency(between(1, 2)), true),
            (latency(Latency::Fixed(Duration::from_secs(601))), false),
            (Fault { probability: Some(1.5), ..fault(CUT) }, false),
            (fault(Effect { error_code: Some("x".repeat(65)), ..CUT }), false),
            (fault(Effect { failure: Some(FailureCode::TimedOut), ..Effect::default() }), true),
        ] {
            assert_eq!(fault.clone().checked().is_ok(), sense, "{fault:?}");
        }
    }

    #[test]
    fn a_fault_ends_after_its_times() {
        let effect = Effect { status: Some(503), ..Effect::default() };
        let mut faults = [Fault { times: Some(2), ..fault(effect) }];
        for left in [1, 0] {
            let decision = decide(faults[0].clone()).unwrap();
            let error = InjectedError { status: 503, error_code: None, message: None };
            assert_eq!((decision.error.clone(), decision.uses_up), (Some(error), true));
            decision.count(&mut faults);
            assert_eq!(faults[0].times, Some(left));
        }
        assert_eq!(decide(faults[0].clone()), None);
    }

    #[test]
    fn a_fault_matches_what_has_all_it_names() {
        let named = |operation: &str| Matcher { operation: Some(operation.to_owned()), ..Matcher::default() };
        for (matcher, matches) in [
            (Matcher::default(), true),
            (Matcher { api: Some(ApiVersion::V2), ..named("Create_Backup") }, true),
            (Matcher { api: Some(ApiVersion::V1), ..named("create_backup") }, false),
            (named("list_backups"), false),
            (Matcher { project_id: PROJECT.parse().ok(), ..Matcher::default() }, true),
            (Matcher { project_id: "f".repeat(32).parse().ok(), ..Matcher::default() }, false),
        ] {
            let fault = Fault { matcher: matcher.clone(), ..fault(CUT) };
            assert_eq!(decide(fault).is_some(), matches, "{matcher:?}");
        }
    }

    #[test]
    fn the_dice_decide_between_never_and_always() {
        for (probability, hit) in [(0.5, false), (0.51, true), (0.0, false), (1.0, true)] {
            let fault = Fault { probability: Some(probability), ..fault(CUT) };
            assert_eq!(decide(fault).is_some(), hit, "{probability}");
        }
    }
}
