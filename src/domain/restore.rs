//! Restore records and the states they go through.
//!
//! ```text
//!            start              complete
//! (created) ──────► waiting ──────────► restoring ──────────► succeed
//!                      │ fail               │ fail
//!                      └──────► failed ◄────┘
//! ```
//!
//! The happy path: a restore is created waiting and its instance is RESTORING from that moment on; the work starts
//! (`restoring`) and completes (`succeed`), and the instance is RUNNING again. Records are never deleted.
//!
//! Source: docs/contract/dcs-v1.0.md, section 3.3.

use crate::domain::backup::RecordNumber;
use crate::domain::id::{BackupId, InstanceId, RestoreId};
use crate::domain::remark::Remark;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{Failure, FailureCode, Progress, WorkOptions, WorkPlan};

/// A restore record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The id of the record.
    pub id: RestoreId,
    /// The instance that was restored.
    pub instance_id: InstanceId,
    /// The record's number within its instance.
    pub number: RecordNumber,
    /// The backup it was restored from.
    pub source: RestoreSource,
    /// The note that the caller attached.
    pub remark: Option<Remark>,
    /// When the record was made. Never before the instance's previous restore.
    pub created_at: Timestamp,
    /// The zone in which its name shows the time of creation.
    pub name_offset: UtcOffset,
    /// Where it is in its life.
    pub status: RestoreStatus,
}

/// What a restore keeps of the backup it comes from, whatever becomes of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreSource {
    /// The backup.
    pub backup_id: BackupId,
    /// Its number within the instance.
    pub backup_number: RecordNumber,
    /// Its name.
    pub backup_name: String,
    /// Its note.
    pub backup_remark: Option<Remark>,
}

/// What a caller asks to have restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRestore {
    /// The id of the record to be.
    pub id: RestoreId,
    /// The note of the caller.
    pub remark: Option<Remark>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// How its work is to go.
    pub work: WorkOptions,
    /// The zone of the record's name.
    pub name_offset: UtcOffset,
}

/// Where a restore is in its life, with exactly what is true there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStatus {
    /// Accepted; the work has not started.
    Waiting {
        /// When its steps are due.
        plan: WorkPlan,
    },
    /// The work is running.
    Restoring {
        /// When the work started.
        started_at: Timestamp,
        /// When its steps are due.
        plan: WorkPlan,
    },
    /// The instance has the backup's data.
    Succeed {
        /// When the work started.
        started_at: Timestamp,
        /// When the work ended.
        finished_at: Timestamp,
    },
    /// The work failed; the instance has its previous data.
    Failed(Failure),
}

/// What happens to a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreEvent {
    /// The work starts.
    Start,
    /// The work is done.
    Complete,
    /// The work fails.
    Fail {
        /// Why.
        code: FailureCode,
    },
}

/// The event cannot happen to a restore in that status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to a restore that is {}", status.as_str())]
pub struct InvalidRestoreTransition {
    /// The status it is in.
    pub status: RestoreStatus,
    /// What was to happen.
    pub event: RestoreEvent,
}

/// The word of a status, without what is true in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStatusKind {
    /// See [`RestoreStatus::Waiting`].
    Waiting,
    /// See [`RestoreStatus::Restoring`].
    Restoring,
    /// See [`RestoreStatus::Succeed`].
    Succeed,
    /// See [`RestoreStatus::Failed`].
    Failed,
}

impl RestoreStatusKind {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Restoring, Self::Succeed, Self::Failed];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Restoring => "restoring",
            Self::Succeed => "succeed",
            Self::Failed => "failed",
        }
    }
}

impl RestoreStatus {
    /// Applies an event that happens at `at`; the only way from one status to another.
    ///
    /// # Errors
    /// [`InvalidRestoreTransition`] if the event cannot happen in this status.
    pub fn transition(self, event: RestoreEvent, at: Timestamp) -> Result<Self, InvalidRestoreTransition> {
        match (self, event) {
            (Self::Waiting { plan }, RestoreEvent::Start) => Ok(Self::Restoring { started_at: at, plan }),
            (Self::Waiting { .. }, RestoreEvent::Fail { code }) => {
                Ok(Self::Failed(Failure { started_at: None, failed_at: at, code, progress: Progress::NONE }))
            }
            (Self::Restoring { started_at, .. }, RestoreEvent::Complete) => {
                Ok(Self::Succeed { started_at, finished_at: at })
            }
            (Self::Restoring { started_at, plan }, RestoreEvent::Fail { code }) => {
                Ok(Self::Failed(Failure {
                    started_at: Some(started_at),
                    failed_at: at,
                    code,
                    progress: plan.progress(started_at, at),
                }))
            }
            (Self::Waiting { .. }, RestoreEvent::Complete)
            | (Self::Restoring { .. }, RestoreEvent::Start)
            | (
                Self::Succeed { .. } | Self::Failed(_),
                RestoreEvent::Start | RestoreEvent::Complete | RestoreEvent::Fail { .. },
            ) => Err(InvalidRestoreTransition { status: self, event }),
        }
    }

    /// Returns which status it is.
    pub fn kind(&self) -> RestoreStatusKind {
        match self {
            Self::Waiting { .. } => RestoreStatusKind::Waiting,
            Self::Restoring { .. } => RestoreStatusKind::Restoring,
            Self::Succeed { .. } => RestoreStatusKind::Succeed,
            Self::Failed(_) => RestoreStatusKind::Failed,
        }
    }

    /// Returns the word that the API shows.
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// Returns the plan of a restore that is waiting or running.
    pub fn open_plan(&self) -> Option<WorkPlan> {
        match self {
            Self::Waiting { plan } | Self::Restoring { plan, .. } => Some(*plan),
            Self::Succeed { .. } | Self::Failed(_) => None,
        }
    }

    /// Returns when the work started, if it has.
    pub fn started_at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { .. } => None,
            Self::Restoring { started_at, .. } | Self::Succeed { started_at, .. } => Some(*started_at),
            Self::Failed(failure) => failure.started_at,
        }
    }

    /// Returns when the work ended, well or badly, if it has.
    pub fn finished_at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { .. } | Self::Restoring { .. } => None,
            Self::Succeed { finished_at, .. } => Some(*finished_at),
            Self::Failed(failure) => Some(failure.failed_at),
        }
    }

    /// Returns why the work failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Failed(failure) => Some(*failure),
            Self::Waiting { .. } | Self::Restoring { .. } | Self::Succeed { .. } => None,
        }
    }

    /// Returns how far the work is at `now`.
    pub fn progress(&self, now: Timestamp) -> Progress {
        match self {
            Self::Waiting { .. } => Progress::NONE,
            Self::Restoring { started_at, plan } => plan.progress(*started_at, now),
            Self::Succeed { .. } => Progress::COMPLETE,
            Self::Failed(failure) => failure.progress,
        }
    }
}

impl Restore {
    /// Returns the next event of its plan, with the instant it is due; none if that is not planned.
    pub fn next_event(&self) -> Option<(RestoreEvent, Option<Timestamp>)> {
        match self.status {
            RestoreStatus::Waiting { plan } => Some((RestoreEvent::Start, plan.start_at())),
            RestoreStatus::Restoring { plan, .. } => {
                let event = plan.failure.map_or(RestoreEvent::Complete, |code| RestoreEvent::Fail { code });
                Some((event, plan.finish_at()))
            }
            RestoreStatus::Succeed { .. } | RestoreStatus::Failed(_) => None,
        }
    }

    /// Returns the next event that its plan has due at `now` or before, with the instant it is due.
    pub fn due_event(&self, now: Timestamp) -> Option<(RestoreEvent, Timestamp)> {
        let (event, due_at) = self.next_event()?;
        due_at.filter(|due_at| *due_at <= now).map(|due_at| (event, due_at))
    }

    /// Returns the record's name: `restore_` and the local time of its creation as `yyyyMMddHHmmss`.
    pub fn name(&self) -> String {
        format!("restore_{}", self.created_at.compact_local(self.name_offset))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::time::Duration;

    use super::*;
    use crate::domain::work::Progression;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn any_event() -> impl Strategy<Value = RestoreEvent> {
        prop_oneof![
            Just(RestoreEvent::Start),
            Just(RestoreEvent::Complete),
            prop::sample::select(FailureCode::ALL.to_vec()).prop_map(|code| RestoreEvent::Fail { code }),
        ]
    }

    proptest! {
        #[test]
        fn the_machine_agrees_with_the_contracts_table(
            events in prop::collection::vec((any_event(), 0_i64..2_000), 1..8), duration_ms in 0_u64..5_000,
        ) {
            let plan = WorkPlan::new(at(1_000), WorkOptions { progression: Progression::lasting(Duration::from_millis(duration_ms)), failure: None });
            let mut status = RestoreStatus::Waiting { plan };
            let mut now = 1_000;
            for (event, later) in events {
                now += later;
                let expected = match (status.as_str(), event) {
                    ("waiting", RestoreEvent::Start) => Some("restoring"),
                    ("waiting" | "restoring", RestoreEvent::Fail { .. }) => Some("failed"),
                    ("restoring", RestoreEvent::Complete) => Some("succeed"),
                    _ => None,
                };
                match status.transition(event, at(now)) {
                    Ok(after) => {
                        prop_assert_eq!(Some(after.as_str()), expected);
                        status = after;
                    }
                    Err(refused) => {
                        prop_assert_eq!(expected, None);
                        prop_assert_eq!(refused, InvalidRestoreTransition { status, event });
                    }
                }
                prop_assert_eq!(status.finished_at().is_some(), status.open_plan().is_none());
            }
        }
    }
}
