//! Status transitions of an instance that end by themselves.
//!
//! ```text
//! (created) ─► CREATING ─► RUNNING | CREATEFAILED        RUNNING ─► RESTARTING | EXTENDING | FLUSHING ─► RUNNING
//! RUNNING ─► CLOSING ─► CLOSED ─► STARTING ─► RUNNING    ERROR ─► RESTARTING ─► RUNNING
//! ```
//!
//! Each is one step, planned when it starts. RESTORING is not among them: the restore's record ends that.
//!
//! Source: docs/contract/dcs-v1.0.md, section 3.1.

use std::time::Duration;

use crate::domain::id::InstanceId;
use crate::domain::instance::{InstanceAction, InstanceState, InstanceStatus, OpenWork};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::work::{WorkOptions, WorkPlan};

impl InstanceStatus {
    /// Returns the state that this one leads to by itself; none if it lasts.
    pub fn leads_to(self) -> Option<Self> {
        match self {
            Self::Creating | Self::Restarting | Self::Extending | Self::Flushing | Self::Starting => {
                Some(Self::Running)
            }
            Self::Closing => Some(Self::Closed),
            Self::Running
            | Self::Error
            | Self::Restoring
            | Self::Closed
            | Self::CreateFailed
            | Self::Frozen => None,
        }
    }
}

/// What a caller can have done to an instance as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusAction {
    /// Restart it, in whichever manner.
    Restart,
    /// Remove all its data.
    Flush,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
}

impl StatusAction {
    /// Returns the action that an instance must permit.
    pub fn action(self) -> InstanceAction {
        match self {
            Self::Restart => InstanceAction::Restart,
            Self::Flush => InstanceAction::Flush,
            Self::Start => InstanceAction::Start,
            Self::Stop => InstanceAction::Stop,
        }
    }

    /// Returns the state that the instance is in meanwhile.
    pub fn transient_status(self) -> InstanceStatus {
        match self {
            Self::Restart => InstanceStatus::Restarting,
            Self::Flush => InstanceStatus::Flushing,
            Self::Start => InstanceStatus::Starting,
            Self::Stop => InstanceStatus::Closing,
        }
    }
}

/// An instance in a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusTransition {
    /// The instance.
    pub instance_id: InstanceId,
    /// The state it is in meanwhile.
    pub status: InstanceStatus,
    /// When it ends, and how.
    pub plan: WorkPlan,
}

impl StatusTransition {
    /// Returns the state at its end; none if the state it is in leads nowhere.
    pub fn end(&self) -> Option<InstanceStatus> {
        let end = self.status.leads_to()?;
        let failed = self.plan.failure.is_some();
        Some(match (self.status, failed) {
            (InstanceStatus::Creating, true) => InstanceStatus::CreateFailed,
            (_, true) => InstanceStatus::Error,
            (_, false) => end,
        })
    }

    /// Returns the state at its end and the instant at which that is due, if it is at `now`.
    pub fn due_end(&self, now: Timestamp) -> Option<(InstanceStatus, Timestamp)> {
        let due_at = self.plan.finish_at().filter(|due_at| *due_at <= now)?;
        self.end().map(|end| (end, due_at))
    }
}

impl InstanceState {
    /// Decides whether something can be done to the instance as a whole now.
    ///
    /// # Errors
    /// `ActionUnsupported` for emptying Redis 3.x or Memcached; as [`InstanceState::permit`].
    pub fn permit_status_action(&self, action: StatusAction) -> Result<(), Refusal> {
        if action == StatusAction::Flush && self.is_first_generation {
            return Err(Refusal::ActionUnsupported);
        }
        self.permit(action.action())
    }

    /// Begins a transition through `status`. One that takes no time has ended when this returns.
    ///
    /// # Errors
    /// As [`InstanceState::permit`]; then nothing has changed.
    pub fn start_transition(
        &mut self,
        action: InstanceAction,
        status: InstanceStatus,
        work: WorkOptions,
        now: Timestamp,
    ) -> Result<StatusTransition, Refusal> {
        self.permit(action)?;
        let transition =
            StatusTransition { instance_id: self.instance_id, status, plan: WorkPlan::new(now, work) };
        if let Some((end, _)) = transition.due_end(now) {
            self.status = end;
        } else {
            self.status = status;
            self.open_work = Some(OpenWork::StatusTransition);
        }
        Ok(transition)
    }
}

impl InstanceStatus {
    /// The states that pass by themselves, after a time. RESTORING is not one of them: it ends when the restore does.
    ///
    /// Source: docs/contract/dcs-v1.0.md, section 3.1.
    pub const TRANSIENT: [Self; 6] =
        [Self::Creating, Self::Restarting, Self::Extending, Self::Flushing, Self::Starting, Self::Closing];
}

/// What ends a state that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateProgression {
    /// It has passed as soon as it begins.
    Immediate,
    /// It lasts.
    Lasting(Duration),
    /// It ends when it is told to.
    Manual,
}

/// What moves an instance on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceProgression {
    /// No state lasts.
    Immediate,
    /// Each named state lasts its duration; the others follow wider rules, or the default.
    Timed(StateDurations),
    /// It moves when it is told to.
    Manual,
}

impl InstanceProgression {
    /// Returns what ends a state, if anything is said of it.
    pub fn of_state(&self, state: InstanceStatus) -> Option<StateProgression> {
        match self {
            Self::Immediate => Some(StateProgression::Immediate),
            Self::Timed(durations) => durations.get(state).map(StateProgression::Lasting),
            Self::Manual => Some(StateProgression::Manual),
        }
    }
}

/// How long states last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDurations([Option<Duration>; InstanceStatus::TRANSIENT.len()]);

impl StateDurations {
    /// Says how long a state lasts.
    ///
    /// # Errors
    /// [`NotTransient`] if the state does not pass by itself.
    pub fn set(&mut self, state: InstanceStatus, duration: Duration) -> Result<(), NotTransient> {
        let place = place(state).ok_or(NotTransient)?;
        self.0[place] = Some(duration);
        Ok(())
    }

    /// Returns how long a state lasts, if that is said.
    pub fn get(&self, state: InstanceStatus) -> Option<Duration> {
        self.0[place(state)?]
    }

    /// Returns the states of which something is said, with how long they last.
    pub fn iter(&self) -> impl Iterator<Item = (InstanceStatus, Duration)> + '_ {
        InstanceStatus::TRANSIENT
            .into_iter()
            .zip(self.0)
            .filter_map(|(state, duration)| Some((state, duration?)))
    }
}

fn place(state: InstanceStatus) -> Option<usize> {
    InstanceStatus::TRANSIENT.iter().position(|passing| *passing == state)
}

/// The state does not pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of CREATING, RESTARTING, EXTENDING, FLUSHING, STARTING, CLOSING")]
pub struct NotTransient;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_that_pass_have_a_duration() {
        let mut durations = StateDurations::default();
        for state in InstanceStatus::ALL {
            let passes = InstanceStatus::TRANSIENT.contains(&state);
            assert_eq!(durations.set(state, Duration::from_secs(1)).is_ok(), passes, "{state:?}");
            assert_eq!(durations.get(state).is_some(), passes, "{state:?}");
            assert_eq!(NotTransient.to_string().contains(state.as_str()), passes, "{state:?}");
        }
        assert_eq!(durations.iter().map(|(state, _)| state).collect::<Vec<_>>(), InstanceStatus::TRANSIENT);
    }

    #[test]
    fn nothing_is_said_of_a_state_that_is_not_named() {
        let mut durations = StateDurations::default();
        durations.set(InstanceStatus::Creating, Duration::from_secs(15)).unwrap();
        let timed = InstanceProgression::Timed(durations);
        let creating = timed.of_state(InstanceStatus::Creating);
        assert_eq!(creating, Some(StateProgression::Lasting(Duration::from_secs(15))));
        assert_eq!(timed.of_state(InstanceStatus::Extending), None);
        let manual = InstanceProgression::Manual.of_state(InstanceStatus::Extending);
        assert_eq!(manual, Some(StateProgression::Manual));
    }
}
