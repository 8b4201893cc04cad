//! Backup records.
//!
//! A record is made by [`crate::domain::instance::InstanceState::begin_backup`]; where it can go from there is drawn in
//! `status`.
//!
//! Source: docs/contract/dcs-v1.0.md, section 3.2.

mod status;

pub use status::{BackupEvent, BackupStatus, BackupStatusKind, Completion, Ending, InvalidTransition};

use crate::domain::backup_file::{BackupFile, BackupFormat};
use crate::domain::id::{BackupId, InstanceId};
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::schedule::BackupTerms;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::WorkOptions;

pub use crate::domain::instance::policy::BackupKind;

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
    /// What it has from the policy that made it, if it is known; a manual one has nothing.
    pub terms: Option<BackupTerms>,
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
    /// Whether the instance has been given another size since: then it cannot be restored any more.
    pub is_outdated: bool,
}

/// Returns the name of a backup made at `created_at`.
pub fn backup_name(created_at: Timestamp, offset: UtcOffset) -> String {
    format!("backup_{}", created_at.compact_local(offset))
}

/// What a caller asks to have recorded. The instance's state turns it into a [`Backup`] or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBackup {
    /// The id of the record to be.
    pub id: BackupId,
    /// What it has from the policy that makes it; nothing if a caller asks for it.
    pub terms: Option<BackupTerms>,
    /// The note of the caller.
    pub remark: Option<Remark>,
    /// The format asked for; the instance's own when absent.
    pub format: Option<BackupFormat>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// How its work is to go.
    pub work: WorkOptions,
    /// The zone of the record's name.
    pub name_offset: UtcOffset,
}

impl NewBackup {
    /// Returns who asks for it.
    pub fn kind(&self) -> BackupKind {
        if self.terms.is_some() { BackupKind::Automatic } else { BackupKind::Manual }
    }
}

impl Backup {
    /// Returns the next event of its plan, with the instant it is due; none if that is not planned.
    pub fn next_event(&self) -> Option<(BackupEvent, Option<Timestamp>)> {
        match self.status {
            BackupStatus::Waiting { plan } => Some((BackupEvent::Start, plan.start_at())),
            BackupStatus::Backuping { plan, .. } => {
                let event = match plan.failure {
                    Some(code) => BackupEvent::Fail { code },
                    None => BackupEvent::Complete { size_bytes: self.file().size_bytes() },
                };
                Some((event, plan.finish_at()))
            }
            BackupStatus::Succeed(_)
            | BackupStatus::Failed(_)
            | BackupStatus::Expired(_)
            | BackupStatus::Deleted(_) => None,
        }
    }

    /// Returns the next event that its plan has due at `now` or before, with the instant it is due.
    pub fn due_event(&self, now: Timestamp) -> Option<(BackupEvent, Timestamp)> {
        let (event, due_at) = self.next_event()?;
        due_at.filter(|due_at| *due_at <= now).map(|due_at| (event, due_at))
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

    /// Returns whether its file is there and can be restored.
    pub fn is_restorable(&self) -> bool {
        self.has_file() && !self.is_outdated
    }

    /// Returns whether its file is there.
    fn has_file(&self) -> bool {
        matches!(self.status, BackupStatus::Succeed(_))
    }

    /// Makes sure that its file can be downloaded.
    ///
    /// `in_use` says whether a restore from it is waiting or running.
    ///
    /// # Errors
    /// `InstanceRestoring` while it is in use, `BackupNotUsable` without a file.
    ///
    /// Source: docs/contract/dcs-v1.0.md, sections 2.4 and 3.4.
    pub fn permit_download(&self, in_use: bool) -> Result<(), Refusal> {
        match (in_use, self.has_file()) {
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
    /// Source: docs/contract/dcs-v1.0.md, section 2.3.
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
    use crate::domain::work::{Progression, WorkPlan};
    use std::time::Duration;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    fn planned(duration_ms: u64) -> WorkPlan {
        let progression = Progression::lasting(Duration::from_millis(duration_ms));
        WorkPlan::new(at(1_000), WorkOptions { progression, failure: None })
    }

    fn backup(status: BackupStatus) -> Backup {
        Backup {
            id: BackupId::from_bytes([1; 16]),
            instance_id: InstanceId::from_bytes([2; 16]),
            number: 1,
            kind: BackupKind::Manual,
            terms: None,
            format: BackupFormat::Rdb,
            remark: None,
            created_at: at(1_000),
            name_offset: UtcOffset::from_minutes(480).unwrap(),
            status,
            is_outdated: false,
        }
    }

    proptest! {
        #[test]
        fn due_events_lead_to_the_end_in_time_order(duration_ms in 0_u64..100_000) {
            let plan = planned(duration_ms);
            let mut backup = backup(BackupStatus::Waiting { plan });
            let mut last = at(1_000);
            while let Some((event, due_at)) = backup.due_event(Timestamp::MAX) {
                prop_assert!(due_at >= last);
                last = due_at;
                backup.status = backup.status.transition(event, due_at).unwrap();
            }
            prop_assert_eq!(backup.status.kind(), BackupStatusKind::Succeed);
            prop_assert_eq!(backup.status.size_bytes(), backup.file().to_bytes().len() as u64);
            prop_assert_eq!(Some(last), plan.finish_at());
        }
    }

    #[test]
    fn an_open_backup_cannot_be_deleted_and_a_deleted_one_stays_as_it_is() {
        let plan = planned(5_000);
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
