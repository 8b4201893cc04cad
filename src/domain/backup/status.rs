//! The states of a backup.
//!
//! ```text
//!            start             complete             expire
//! (created) ──────► waiting ──────────► backuping ──────────► succeed ────────► expired
//!                      │ fail               │ fail               │ delete         │ delete
//!                      └──────► failed ◄────┘                    ▼                ▼
//!                                 └──────────── delete ──────► deleted ◄──────────┘
//! ```
//!
//! The happy path: a backup is created waiting, its work starts (`backuping`), completes (`succeed`), and one day the
//! record is deleted: its file is gone, the record stays listed. With a planned duration of zero all of it up to
//! `succeed` happens at the instant of creation.
//!
//! Source: docs/contract/dcs-v1.0.md, section 3.2.

use crate::domain::time::Timestamp;
use crate::domain::work::{Failure, FailureCode, Progress, WorkPlan};

/// Where a backup is in its life, with exactly what is true there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupStatus {
    /// Accepted; the work has not started.
    Waiting {
        /// When its steps are due.
        plan: WorkPlan,
    },
    /// The work is running.
    Backuping {
        /// When the work started.
        started_at: Timestamp,
        /// When its steps are due.
        plan: WorkPlan,
    },
    /// The file is there.
    Succeed(Completion),
    /// The work failed; there is no file.
    Failed(Failure),
    /// The retention is over; the file is gone.
    Expired(Completion),
    /// A caller deleted it; the file is gone. Final.
    Deleted(Ending),
}

/// What is known of work that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// When the work started.
    pub started_at: Timestamp,
    /// When the work ended.
    pub finished_at: Timestamp,
    /// The exact length of the file.
    pub size_bytes: u64,
}

/// How a record had ended before it was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It had succeeded (and may have expired).
    Completed(Completion),
    /// It had failed.
    Failed(Failure),
}

/// What happens to a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupEvent {
    /// The work starts.
    Start,
    /// The work is done and has written a file of that many bytes.
    Complete {
        /// The exact length of the file.
        size_bytes: u64,
    },
    /// The work fails.
    Fail {
        /// Why.
        code: FailureCode,
    },
    /// The retention is over.
    Expire,
    /// A caller deletes the record.
    Delete,
}

/// The event cannot happen to a backup in that status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} cannot happen to a backup that is {}", status.as_str())]
pub struct InvalidTransition {
    /// The status it is in.
    pub status: BackupStatus,
    /// What was to happen.
    pub event: BackupEvent,
}

/// The word of a status, without what is true in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackupStatusKind {
    /// See [`BackupStatus::Waiting`].
    Waiting,
    /// See [`BackupStatus::Backuping`].
    Backuping,
    /// See [`BackupStatus::Succeed`].
    Succeed,
    /// See [`BackupStatus::Failed`].
    Failed,
    /// See [`BackupStatus::Expired`].
    Expired,
    /// See [`BackupStatus::Deleted`].
    Deleted,
}

impl BackupStatusKind {
    /// Every status, in the order of a life.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Backuping, Self::Succeed, Self::Failed, Self::Expired, Self::Deleted];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Backuping => "backuping",
            Self::Succeed => "succeed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
        }
    }
}

impl BackupStatus {
    /// Applies an event that happens at `at`; the only way from one status to another.
    ///
    /// # Errors
    /// [`InvalidTransition`] if the event cannot happen in this status.
    pub fn transition(self, event: BackupEvent, at: Timestamp) -> Result<Self, InvalidTransition> {
        let refused = Err(InvalidTransition { status: self, event });
        match (self, event) {
            (Self::Waiting { plan }, BackupEvent::Start) => Ok(Self::Backuping { started_at: at, plan }),
            (Self::Waiting { .. }, BackupEvent::Fail { code }) => {
                Ok(Self::Failed(Failure { started_at: None, failed_at: at, code, progress: Progress::NONE }))
            }
            (Self::Backuping { started_at, .. }, BackupEvent::Complete { size_bytes }) => {
                Ok(Self::Succeed(Completion { started_at, finished_at: at, size_bytes }))
            }
            (Self::Backuping { started_at, plan }, BackupEvent::Fail { code }) => Ok(Self::Failed(Failure {
                started_at: Some(started_at),
                failed_at: at,
                code,
                progress: plan.progress(started_at, at),
            })),
            (Self::Succeed(completion), BackupEvent::Expire) => Ok(Self::Expired(completion)),
            (Self::Succeed(completion) | Self::Expired(completion), BackupEvent::Delete) => {
                Ok(Self::Deleted(Ending::Completed(completion)))
            }
            (Self::Failed(failure), BackupEvent::Delete) => Ok(Self::Deleted(Ending::Failed(failure))),
            (
                Self::Waiting { .. },
                BackupEvent::Complete { .. } | BackupEvent::Expire | BackupEvent::Delete,
            )
            | (Self::Backuping { .. }, BackupEvent::Start | BackupEvent::Expire | BackupEvent::Delete)
            | (
                Self::Succeed(_) | Self::Failed(_) | Self::Expired(_),
                BackupEvent::Start | BackupEvent::Complete { .. } | BackupEvent::Fail { .. },
            )
            | (Self::Failed(_) | Self::Expired(_), BackupEvent::Expire)
            | (
                Self::Deleted(_),
                BackupEvent::Start
                | BackupEvent::Complete { .. }
                | BackupEvent::Fail { .. }
                | BackupEvent::Expire
                | BackupEvent::Delete,
            ) => refused,
        }
    }

    /// Returns which status it is.
    pub fn kind(&self) -> BackupStatusKind {
        match self {
            Self::Waiting { .. } => BackupStatusKind::Waiting,
            Self::Backuping { .. } => BackupStatusKind::Backuping,
            Self::Succeed(_) => BackupStatusKind::Succeed,
            Self::Failed(_) => BackupStatusKind::Failed,
            Self::Expired(_) => BackupStatusKind::Expired,
            Self::Deleted(_) => BackupStatusKind::Deleted,
        }
    }

    /// Returns the word that the API shows.
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// Returns the plan of a backup that is waiting or running.
    pub fn open_plan(&self) -> Option<WorkPlan> {
        match self {
            Self::Waiting { plan } | Self::Backuping { plan, .. } => Some(*plan),
            Self::Succeed(_) | Self::Failed(_) | Self::Expired(_) | Self::Deleted(_) => None,
        }
    }

    /// Returns when the work started, if it has.
    pub fn started_at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { .. } => None,
            Self::Backuping { started_at, .. } => Some(*started_at),
            Self::Succeed(done) | Self::Expired(done) | Self::Deleted(Ending::Completed(done)) => {
                Some(done.started_at)
            }
            Self::Failed(failure) | Self::Deleted(Ending::Failed(failure)) => failure.started_at,
        }
    }

    /// Returns when the work ended, well or badly, if it has. Expiry and deletion do not change it.
    pub fn finished_at(&self) -> Option<Timestamp> {
        match self {
            Self::Waiting { .. } | Self::Backuping { .. } => None,
            Self::Succeed(done) | Self::Expired(done) | Self::Deleted(Ending::Completed(done)) => {
                Some(done.finished_at)
            }
            Self::Failed(failure) | Self::Deleted(Ending::Failed(failure)) => Some(failure.failed_at),
        }
    }

    /// Returns how long its file is or was, in bytes; zero if there never was one.
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Succeed(done) | Self::Expired(done) | Self::Deleted(Ending::Completed(done)) => {
                done.size_bytes
            }
            Self::Waiting { .. }
            | Self::Backuping { .. }
            | Self::Failed(_)
            | Self::Deleted(Ending::Failed(_)) => 0,
        }
    }

    /// Returns why the work failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Failed(failure) | Self::Deleted(Ending::Failed(failure)) => Some(*failure),
            Self::Waiting { .. }
            | Self::Backuping { .. }
            | Self::Succeed(_)
            | Self::Expired(_)
            | Self::Deleted(Ending::Completed(_)) => None,
        }
    }

    /// Returns how far the work is at `now`.
    pub fn progress(&self, now: Timestamp) -> Progress {
        match self {
            Self::Waiting { .. } => Progress::NONE,
            Self::Backuping { started_at, plan } => plan.progress(*started_at, now),
            Self::Succeed(_) | Self::Expired(_) | Self::Deleted(Ending::Completed(_)) => Progress::COMPLETE,
            Self::Failed(failure) | Self::Deleted(Ending::Failed(failure)) => failure.progress,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::work::{Progression, WorkOptions};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    /// The contract's table of transitions, as words.
    fn model(from: BackupStatusKind, event: BackupEvent) -> Option<BackupStatusKind> {
        use BackupStatusKind as Kind;
        match (from.as_str(), event) {
            ("waiting", BackupEvent::Start) => Some(Kind::Backuping),
            ("waiting" | "backuping", BackupEvent::Fail { .. }) => Some(Kind::Failed),
            ("backuping", BackupEvent::Complete { .. }) => Some(Kind::Succeed),
            ("succeed", BackupEvent::Expire) => Some(Kind::Expired),
            ("succeed" | "failed" | "expired", BackupEvent::Delete) => Some(Kind::Deleted),
            _ => None,
        }
    }

    fn any_event() -> impl Strategy<Value = BackupEvent> {
        prop_oneof![
            Just(BackupEvent::Start),
            (1_u64..1_000_000).prop_map(|size_bytes| BackupEvent::Complete { size_bytes }),
            prop::sample::select(FailureCode::ALL.to_vec()).prop_map(|code| BackupEvent::Fail { code }),
            Just(BackupEvent::Expire),
            Just(BackupEvent::Delete),
        ]
    }

    proptest! {
        #[test]
        fn the_machine_agrees_with_the_contracts_table(
            events in prop::collection::vec((any_event(), 0_i64..2_000), 1..12), duration_ms in 0_u64..5_000,
        ) {
            let plan = WorkPlan::new(at(1_000), WorkOptions { progression: Progression::lasting(Duration::from_millis(duration_ms)), failure: None });
            let mut status = BackupStatus::Waiting { plan };
            let mut now = 1_000;
            for (event, later) in events {
                now += later;
                let before = status;
                match (before.transition(event, at(now)), model(before.kind(), event)) {
                    (Ok(after), Some(kind)) => {
                        prop_assert_eq!(after.kind(), kind);
                        // What has ended keeps what it ended with.
                        if let Some(finished_at) = before.finished_at() {
                            prop_assert_eq!(after.finished_at(), Some(finished_at));
                            prop_assert_eq!(after.size_bytes(), before.size_bytes());
                            prop_assert_eq!(after.failure(), before.failure());
                            prop_assert_eq!(after.progress(at(now)), before.progress(at(now)));
                        }
                        status = after;
                    }
                    (Err(refused), None) => prop_assert_eq!(refused, InvalidTransition { status: before, event }),
                    (outcome, expected) => prop_assert!(false, "{:?} but the contract says {:?}", outcome, expected),
                }
                let order = [Some(at(1_000)), status.started_at(), status.finished_at()];
                let known: Vec<_> = order.into_iter().flatten().collect();
                prop_assert!(known.is_sorted(), "created, started, finished: {:?}", known);
            }
        }
    }
}
