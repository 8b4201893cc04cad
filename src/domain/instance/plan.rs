//! What an instance permits in which situation: one table, which every use case asks.
//!
//! Source: docs/contract/dcs-v1.0.md, section 3.4.

use crate::domain::instance::{Instance, InstanceFacts, InstanceStatus, OpenWork, SideTask};
use crate::domain::refusal::Refusal;

/// Something that a caller wants of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceAction {
    /// Record a backup.
    CreateBackup,
    /// Restore it.
    CreateRestore,
    /// Delete one of its backups; whether that one is open or in use is the record's own matter.
    DeleteBackup,
    /// Make a link to the file of a backup; likewise.
    CreateLinks,
    /// Change its size.
    Extend,
    /// Change how its clients log in.
    ChangePassword,
    /// Change the parameters of its engine.
    Configure,
    /// Change its name, its description, and what else takes no time.
    Update,
    /// Delete it.
    Delete,
    /// Restart it.
    Restart,
    /// Empty it.
    Flush,
    /// Stop it.
    Stop,
    /// Start it.
    Start,
    /// Look at it, or at anything of it.
    Read,
}

/// The situation of an instance: its state, and whether a backup runs beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// In a state, without an open backup.
    In(InstanceStatus),
    /// RUNNING, with an open backup.
    BackingUp,
}

/// How many situations there are.
const SITUATIONS: usize = 13;

impl Situation {
    /// Every situation, in the order of the columns of [`PLAN`].
    pub const ALL: [Self; SITUATIONS] = [
        Self::In(InstanceStatus::Creating),
        Self::In(InstanceStatus::Running),
        Self::BackingUp,
        Self::In(InstanceStatus::Restoring),
        Self::In(InstanceStatus::Restarting),
        Self::In(InstanceStatus::Extending),
        Self::In(InstanceStatus::Flushing),
        Self::In(InstanceStatus::Error),
        Self::In(InstanceStatus::Closed),
        Self::In(InstanceStatus::Closing),
        Self::In(InstanceStatus::Starting),
        Self::In(InstanceStatus::CreateFailed),
        Self::In(InstanceStatus::Frozen),
    ];

    /// Returns the refusal of everything that the situation does not permit. It is the same for every action.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::BackingUp => Refusal::InstanceBackingUp,
            Self::In(InstanceStatus::Creating) => Refusal::InstanceCreating,
            Self::In(InstanceStatus::Restoring) => Refusal::InstanceRestoring,
            Self::In(InstanceStatus::Restarting) => Refusal::InstanceRestarting,
            Self::In(InstanceStatus::Extending) => Refusal::InstanceExtending,
            Self::In(
                InstanceStatus::Running
                | InstanceStatus::Error
                | InstanceStatus::Flushing
                | InstanceStatus::Starting
                | InstanceStatus::Closing
                | InstanceStatus::Closed
                | InstanceStatus::CreateFailed
                | InstanceStatus::Frozen,
            ) => Refusal::InstanceStateUnsupported,
        }
    }

    /// Decides whether the situation permits an action.
    ///
    /// # Errors
    /// As [`Situation::refusal`].
    pub fn permit(self, action: InstanceAction) -> Result<(), Refusal> {
        let column = Self::ALL.iter().position(|situation| *situation == self);
        let row = PLAN.iter().find(|(of, _)| *of == action);
        // Neither can be absent: both lists are complete, as a test below makes sure.
        let permitted = row.zip(column).is_some_and(|((_, cells), column)| cells[column]);
        if permitted { Ok(()) } else { Err(self.refusal()) }
    }
}

/// Permitted.
const Y: bool = true;
/// Refused.
const N: bool = false;

/// The table: a row an action, a column a situation, in the order of [`Situation::ALL`].
#[rustfmt::skip]
pub const PLAN: [(InstanceAction, [bool; SITUATIONS]); 14] = {
    use InstanceAction as A;
    [
        //                    CREATING        RESTORING     FLUSHING    CLOSING    FROZEN
        //                       RUNNING          RESTARTING      ERROR    STARTING
        //                          backing up       EXTENDING      CLOSED    CREATEFAILED
        (A::CreateBackup,   [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N]),
        (A::CreateRestore,  [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N]),
        (A::DeleteBackup,   [Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y]),
        (A::CreateLinks,    [Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y]),
        (A::Extend,         [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N]),
        (A::ChangePassword, [N, Y, Y,    N, N, N,    N, N, N,    N, N, N,    N]),
        (A::Configure,      [N, Y, Y,    N, N, N,    N, N, N,    N, N, N,    N]),
        (A::Update,         [N, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, N,    N]),
        (A::Delete,         [N, Y, N,    N, N, N,    N, Y, Y,    N, N, Y,    N]),
        (A::Restart,        [N, Y, N,    N, N, N,    N, Y, N,    N, N, N,    N]),
        (A::Flush,          [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N]),
        (A::Stop,           [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N]),
        (A::Start,          [N, N, N,    N, N, N,    N, N, Y,    N, N, N,    N]),
        (A::Read,           [Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y]),
    ]
};

impl InstanceFacts {
    /// Returns the situation the instance is in.
    pub fn situation(&self) -> Situation {
        match (self.status, self.open_work) {
            (InstanceStatus::Running, Some(OpenWork::Backup(_))) => Situation::BackingUp,
            (InstanceStatus::Running, Some(OpenWork::Restore { .. })) => {
                Situation::In(InstanceStatus::Restoring)
            }
            (status, _) => Situation::In(status),
        }
    }

    /// Decides whether the instance permits an action now.
    ///
    /// # Errors
    /// As [`Situation::refusal`].
    pub fn permit(&self, action: InstanceAction) -> Result<(), Refusal> {
        self.situation().permit(action)
    }

    /// Decides whether the instance may be deleted now.
    ///
    /// # Errors
    /// `InstancePrepaid`, which waiting would not mend; as [`InstanceFacts::permit`].
    pub fn permit_deletion(&self) -> Result<(), Refusal> {
        if self.is_prepaid {
            return Err(Refusal::InstancePrepaid);
        }
        self.permit(InstanceAction::Delete)
    }
}

impl Instance {
    /// Returns the situation the instance is in.
    pub fn situation(&self) -> Situation {
        match (self.status, self.task) {
            (InstanceStatus::Running, Some(SideTask::Backup)) => Situation::BackingUp,
            (status, _) => Situation::In(status),
        }
    }

    /// Decides whether the instance permits an action now.
    ///
    /// # Errors
    /// As [`Situation::refusal`].
    pub fn permit(&self, action: InstanceAction) -> Result<(), Refusal> {
        self.situation().permit(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_column_and_no_action_two_rows() {
        for status in InstanceStatus::ALL {
            assert!(Situation::ALL.contains(&Situation::In(status)), "{status}");
        }
        for (number, (action, _)) in PLAN.iter().enumerate() {
            assert!(PLAN[..number].iter().all(|(other, _)| other != action), "{action:?}");
        }
    }

    #[test]
    fn what_begins_work_needs_an_idle_running_instance() {
        use InstanceAction as A;
        for action in [A::CreateBackup, A::CreateRestore, A::Extend, A::Flush, A::Stop] {
            for situation in Situation::ALL {
                let permitted = situation.permit(action).is_ok();
                assert_eq!(permitted, situation == Situation::In(InstanceStatus::Running), "{situation:?}");
            }
        }
    }
}
