//! Backup records and the states they go through.
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
//! Source: wire contract v1.0, section 3.2.

use std::time::Duration;

use crate::domain::backup_file::{BackupFile, BackupFormat};
use crate::domain::id::{BackupId, InstanceId};
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{Failure, FailureCode, Progress, WorkPlan};

/// The number of a record within its instance: 1 for the first, without gaps.
pub type RecordNumber = u64;

/// The version of the cache engine that backup files name. Not the instance's own, which may change after the backup.
const FILE_ENGINE_VERSION: &str = "5.0.14";

/// A backup record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The id of the record.
    pub id: BackupId,
    /// The instance that was backed up.
    pub instance_id: InstanceId,
    /// The record's number within its instance.
    pub number: RecordNumber,
    /// Who asked for it: a caller or the schedule.
    pub kind: BackupKind,
    /// The format of its file.
    pub format: BackupFormat,
    /// The note that the caller attached.
    pub remark: Option<Remark>,
    /// When the record was made. Never before the instance's previous record.
    pub created_at: Timestamp,
    /// The zone in which its name shows the time of creation.
    pub name_offset: UtcOffset,
    /// Where it is in its life.
    pub status: BackupStatus,
}

/// Returns the name of a backup made at `created_at`.
pub fn backup_name(created_at: Timestamp, offset: UtcOffset) -> String {
    format!("backup_{}", created_at.compact_local(offset))
}

/// Who asked for a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// A caller.
    Manual,
    /// The instance's backup policy.
    Automatic,
}

impl BackupKind {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Automatic => "auto",
        }
    }
}

/// What a caller asks to have recorded. The instance's facts turn it into a [`Backup`] or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBackup {
    /// The id of the record to be.
    pub id: BackupId,
    /// Who asked for it.
    pub kind: BackupKind,
    /// The note of the caller.
    pub remark: Option<Remark>,
    /// The format asked for; the instance's own when absent.
    pub format: Option<BackupFormat>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// How long the work takes in all.
    pub duration: Duration,
    /// The zone of the record's name.
    pub name_offset: UtcOffset,
}

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
                progress: Progress::of_running(started_at, plan.finish_at, at),
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
    pub fn failure_code(&self) -> Option<FailureCode> {
        match self {
            Self::Failed(failure) | Self::Deleted(Ending::Failed(failure)) => Some(failure.code),
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
            Self::Backuping { started_at, plan } => Progress::of_running(*started_at, plan.finish_at, now),
            Self::Succeed(_) | Self::Expired(_) | Self::Deleted(Ending::Completed(_)) => Progress::COMPLETE,
            Self::Failed(failure) | Self::Deleted(Ending::Failed(failure)) => failure.progress,
        }
    }
}

impl Backup {
    /// Returns the next event that its plan has due at `now` or before, with the instant it is due.
    pub fn due_event(&self, now: Timestamp) -> Option<(BackupEvent, Timestamp)> {
        let (event, due_at) = match self.status {
            BackupStatus::Waiting { plan } => (BackupEvent::Start, plan.start_at),
            BackupStatus::Backuping { plan, .. } => {
                let event = match plan.failure {
                    Some(code) => BackupEvent::Fail { code },
                    None => BackupEvent::Complete { size_bytes: self.file().size_bytes() },
                };
                (event, plan.finish_at)
            }
            BackupStatus::Succeed(_)
            | BackupStatus::Failed(_)
            | BackupStatus::Expired(_)
            | BackupStatus::Deleted(_) => return None,
        };
        (due_at <= now).then_some((event, due_at))
    }

    /// Returns the file behind the record; the same bytes each time, derived from what never changes in it.
    pub fn file(&self) -> BackupFile<'_> {
        BackupFile {
            format: self.format,
            instance_id: self.instance_id,
            backup_id: self.id,
            created_at_ms: self.created_at.as_millis(),
            engine_version: FILE_ENGINE_VERSION,
            remark: self.remark.as_ref().map(Remark::as_str),
        }
    }

    /// Returns the record's name: `backup_` and the local time of its creation as `yyyyMMddHHmmss`.
    pub fn name(&self) -> String {
        backup_name(self.created_at, self.name_offset)
    }

    /// Returns whether its file is there to be restored.
    pub fn is_restorable(&self) -> bool {
        matches!(self.status, BackupStatus::Succeed(_))
    }

    /// Makes sure that its file can be downloaded.
    ///
    /// `in_use` says whether a restore from it is waiting or running.
    ///
    /// # Errors
    /// `InstanceRestoring` while it is in use, `BackupNotUsable` without a file.
    ///
    /// Source: wire contract v1.0, sections 2.4 and 3.4.
    pub fn permit_download(&self, in_use: bool) -> Result<(), Refusal> {
        match (in_use, self.is_restorable()) {
            (true, _) => Err(Refusal::InstanceRestoring),
            (false, false) => Err(Refusal::BackupNotUsable),
            (false, true) => Ok(()),
        }
    }
}

impl Backup {
    /// Decides what deleting the record changes: the status it then has, or nothing if it is deleted already.
    ///
    /// `in_use` says whether a restore from it is waiting or running.
    ///
    /// # Errors
    /// `InstanceBackingUp` while it is waiting or running, `InstanceRestoring` while it is in use.
    ///
    /// Source: wire contract v1.0, section 2.3.
    pub fn deleted(&self, in_use: bool, now: Timestamp) -> Result<Option<BackupStatus>, Refusal> {
        if in_use {
            return Err(Refusal::InstanceRestoring);
        }
        match self.status.kind() {
            BackupStatusKind::Deleted => Ok(None),
            BackupStatusKind::Waiting | BackupStatusKind::Backuping => Err(Refusal::InstanceBackingUp),
            BackupStatusKind::Succeed | BackupStatusKind::Failed | BackupStatusKind::Expired => self
                .status
                .transition(BackupEvent::Delete, now)
                .map(Some)
                .map_err(|_| Refusal::InstanceStateUnsupported),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn backup(status: BackupStatus) -> Backup {
        Backup {
            id: BackupId::from_bytes([1; 16]),
            instance_id: InstanceId::from_bytes([2; 16]),
            number: 1,
            kind: BackupKind::Manual,
            format: BackupFormat::Rdb,
            remark: None,
            created_at: at(1_000),
            name_offset: UtcOffset::from_minutes(480).unwrap(),
            status,
        }
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
            let plan = WorkPlan::new(at(1_000), Duration::from_millis(duration_ms));
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
                            prop_assert_eq!(after.failure_code(), before.failure_code());
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

        #[test]
        fn due_events_lead_to_the_end_in_time_order(duration_ms in 0_u64..100_000) {
            let plan = WorkPlan::new(at(1_000), Duration::from_millis(duration_ms));
            let mut backup = backup(BackupStatus::Waiting { plan });
            let mut last = at(1_000);
            while let Some((event, due_at)) = backup.due_event(Timestamp::MAX) {
                prop_assert!(due_at >= last);
                last = due_at;
                backup.status = backup.status.transition(event, due_at).unwrap();
            }
            prop_assert_eq!(backup.status.kind(), BackupStatusKind::Succeed);
            prop_assert_eq!(backup.status.size_bytes(), backup.file().to_bytes().len() as u64);
            prop_assert_eq!(last, plan.finish_at);
        }
    }

    #[test]
    fn an_open_backup_cannot_be_deleted_and_a_deleted_one_stays_as_it_is() {
        let plan = WorkPlan::new(at(1_000), Duration::from_secs(5));
        let waiting = backup(BackupStatus::Waiting { plan });
        assert_eq!(waiting.deleted(false, at(2_000)), Err(Refusal::InstanceBackingUp));
        let completion = Completion { started_at: at(1_000), finished_at: at(2_000), size_bytes: 9 };
        let succeed = backup(BackupStatus::Succeed(completion));
        assert_eq!(succeed.deleted(true, at(3_000)), Err(Refusal::InstanceRestoring));
        let deleted = BackupStatus::Deleted(Ending::Completed(completion));
        assert_eq!(succeed.deleted(false, at(3_000)), Ok(Some(deleted)));
        assert_eq!(backup(deleted).deleted(false, at(4_000)), Ok(None));
    }
}
