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
    /// Returns what it is in the plan of what an instance permits.
    pub fn action(self) -> InstanceAction {
        match self {
            Self::Restart => InstanceAction::Restart,
            Self::Flush => InstanceAction::Flush,
            Self::Start => InstanceAction::Start,
            Self::Stop => InstanceAction::Stop,
        }
    }

    /// Returns the state that the instance is in meanwhile.
    pub fn passes_through(self) -> InstanceStatus {
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

    /// Lets the instance begin a way through `status`, and takes it into account. It has ended already if it takes no time.
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
