//! Permissions: which action an instance permits in which operational state. One table, which every use case asks.
//!
//! Source: docs/contract/dcs-v1.0.md, section 3.4.

use crate::domain::background_work::Occupation;
use crate::domain::instance::{Instance, InstanceState, InstanceStatus, InstanceTask, OpenWork};
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
    /// Change its size or placement: zones, network, replicas.
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
    /// Begin background work that keeps others from changing it.
    Occupy,
    /// Begin background work beside whatever it does: analyses, diagnoses, sessions.
    Inspect,
}

/// The operational state of an instance: its status, and what runs on it while that is RUNNING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationalState {
    /// In a state, without an open backup.
    In(InstanceStatus),
    /// RUNNING, with an open backup.
    BackingUp,
    /// RUNNING, with background work that keeps others from changing it.
    Occupied(Occupation),
}

/// The number of operational states.
const OPERATIONAL_STATES: usize = 14;

impl OperationalState {
    /// Every operational state, in the order of the columns of [`PERMISSIONS`].
    pub const ALL: [Self; OPERATIONAL_STATES] = [
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
        // Stands for all occupations: they permit the same.
        Self::Occupied(Occupation::SwitchOver),
    ];

    /// Returns the refusal of what the state does not permit. It is the same for every action.
    pub fn refusal(self) -> Refusal {
        match self {
            Self::BackingUp => Refusal::InstanceBackingUp,
            Self::Occupied(occupation) => occupation.refusal(),
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

    /// Decides whether the state permits an action.
    ///
    /// # Errors
    /// As [`OperationalState::refusal`].
    pub fn permit(self, action: InstanceAction) -> Result<(), Refusal> {
        let same =
            |state: &Self| *state == self || matches!((*state, self), (Self::Occupied(_), Self::Occupied(_)));
        let column = Self::ALL.iter().position(same);
        let row = PERMISSIONS.iter().find(|(of, _)| *of == action);
        // Neither can be absent: both lists are complete, as a test below makes sure.
        let permitted = row.zip(column).is_some_and(|((_, cells), column)| cells[column]);
        if permitted { Ok(()) } else { Err(self.refusal()) }
    }
}

/// Permitted.
const Y: bool = true;
/// Refused.
const N: bool = false;

/// The table: a row an action, a column an operational state, in the order of [`OperationalState::ALL`].
#[rustfmt::skip]
pub const PERMISSIONS: [(InstanceAction, [bool; OPERATIONAL_STATES]); 16] = {
    use InstanceAction as A;
    [
        //                    CREATING        RESTORING     FLUSHING    CLOSING    FROZEN
        //                       RUNNING          RESTARTING      ERROR    STARTING          occupied
        //                          backing up       EXTENDING      CLOSED    CREATEFAILED
        (A::CreateBackup,   [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::CreateRestore,  [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::DeleteBackup,   [Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y]),
        (A::CreateLinks,    [Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y]),
        (A::Extend,         [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::ChangePassword, [N, Y, Y,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::Configure,      [N, Y, Y,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::Update,         [N, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, N,    N, Y]),
        (A::Delete,         [N, Y, N,    N, N, N,    N, Y, Y,    N, N, Y,    N, N]),
        (A::Restart,        [N, Y, N,    N, N, N,    N, Y, N,    N, N, N,    N, N]),
        (A::Flush,          [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::Stop,           [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::Start,          [N, N, N,    N, N, N,    N, N, Y,    N, N, N,    N, N]),
        (A::Read,           [Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y, Y,    Y, Y]),
        (A::Occupy,         [N, Y, N,    N, N, N,    N, N, N,    N, N, N,    N, N]),
        (A::Inspect,        [N, Y, Y,    N, N, N,    N, N, N,    N, N, N,    N, Y]),
    ]
};

impl InstanceState {
    /// Returns the state the instance is in.
    pub fn state(&self) -> OperationalState {
        match (self.status, self.open_work) {
            (InstanceStatus::Running, Some(OpenWork::Backup(_))) => OperationalState::BackingUp,
            (InstanceStatus::Running, Some(OpenWork::Restore { .. })) => {
                OperationalState::In(InstanceStatus::Restoring)
            }
            (InstanceStatus::Running, Some(OpenWork::Occupied(occupation))) => {
                OperationalState::Occupied(occupation)
            }
            (status, _) => OperationalState::In(status),
        }
    }

    /// Decides whether the instance permits an action now.
    ///
    /// # Errors
    /// As [`OperationalState::refusal`].
    pub fn permit(&self, action: InstanceAction) -> Result<(), Refusal> {
        self.state().permit(action)
    }

    /// Decides whether the instance may be deleted now.
    ///
    /// # Errors
    /// `InstancePrepaid`, which waiting would not mend; as [`InstanceState::permit`].
    pub fn permit_deletion(&self) -> Result<(), Refusal> {
        if self.is_prepaid {
            return Err(Refusal::InstancePrepaid);
        }
        self.permit(InstanceAction::Delete)
    }
}

impl Instance {
    /// Returns the state the instance is in.
    pub fn state(&self) -> OperationalState {
        match (self.status, self.task) {
            (InstanceStatus::Running, Some(InstanceTask::Backup)) => OperationalState::BackingUp,
            (InstanceStatus::Running, Some(InstanceTask::Occupied(occupation))) => {
                OperationalState::Occupied(occupation)
            }
            (status, _) => OperationalState::In(status),
        }
    }

    /// Decides whether the instance permits an action now.
    ///
    /// # Errors
    /// As [`OperationalState::refusal`].
    pub fn permit(&self, action: InstanceAction) -> Result<(), Refusal> {
        self.state().permit(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_column_and_no_action_two_rows() {
        for status in InstanceStatus::ALL {
            assert!(OperationalState::ALL.contains(&OperationalState::In(status)), "{status}");
        }
        for (number, (action, _)) in PERMISSIONS.iter().enumerate() {
            assert!(PERMISSIONS[..number].iter().all(|(other, _)| other != action), "{action:?}");
        }
    }

    #[test]
    fn what_begins_work_needs_an_idle_running_instance() {
        use InstanceAction as A;
        for action in [A::CreateBackup, A::CreateRestore, A::Extend, A::Flush, A::Stop] {
            for state in OperationalState::ALL {
                let permitted = state.permit(action).is_ok();
                assert_eq!(permitted, state == OperationalState::In(InstanceStatus::Running), "{state:?}");
            }
        }
    }
}
