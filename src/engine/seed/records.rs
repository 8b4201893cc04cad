//! Backups and restores in a seed. Of an entry only what matters must be written; the rest follows.

use serde::{Deserialize, Serialize};

use crate::domain::backup::{
    Backup, BackupKind, BackupStatus, BackupStatusKind, Completion, Ending, RecordNumber,
};
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::{BackupId, InstanceId, RestoreId};
use crate::domain::instance::policy::{BackupWindow, SAVE_DAYS};
use crate::domain::remark::Remark;
use crate::domain::restore::{Restore, RestoreSource, RestoreStatus, RestoreStatusKind};
use crate::domain::schedule::BackupTerms;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{DueTimes, Failure, FailureCode, Progress, WorkPlan};
use crate::engine::seed::text::{SeedText, Text, derived_id, is_false};

/// A backup in a seed.
pub(super) type BackupEntry = RecordEntry<BackupId, BackupStatusKind>;
/// A restore in a seed.
pub(super) type RestoreEntry = RecordEntry<RestoreId, RestoreStatusKind>;

/// A backup or a restore in a seed. Its place in the list is its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "I: SeedText, S: SeedText")]
pub(super) struct RecordEntry<I, S> {
    /// Follows from instance and place when left out.
    id: Option<Text<I>>,
    /// Of a restore; the newest backup of the instance when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_id: Option<Text<BackupId>>,
    /// Succeeded when left out.
    pub(super) status: Option<Text<S>>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<Text<BackupKind>>,
    /// What an automatic one has from its policy; together with `save_days`.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<Text<BackupWindow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    save_days: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Text<BackupFormat>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<Text<Remark>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<Text<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_at: Option<Text<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Text<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<Text<FailureCode>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Text<Progress>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_offset: Option<Text<UtcOffset>>,
    /// Made before the instance was resized: it cannot be restored.
    #[serde(default, skip_serializing_if = "is_false")]
    outdated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<WorkEntry>,
}

/// What is planned for a record that is open. Without times it moves when it is told to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WorkEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_at: Option<Text<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_at: Option<Text<Timestamp>>,
    /// The failure it runs into.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<Text<FailureCode>>,
}

impl From<WorkPlan> for WorkEntry {
    fn from(plan: WorkPlan) -> Self {
        Self {
            start_at: plan.start_at().map(Text),
            finish_at: plan.finish_at().map(Text),
            error_code: plan.failure.map(Text),
        }
    }
}

impl WorkEntry {
    /// Returns when the steps are due: both of them, or neither.
    fn due(self) -> Result<Option<DueTimes>, String> {
        match (self.start_at, self.finish_at) {
            (None, None) => Ok(None),
            (Some(Text(start_at)), Some(Text(finish_at))) => {
                in_order(&[start_at, finish_at])?;
                Ok(Some(DueTimes { start_at, finish_at }))
            }
            _ => Err("needs both start_at and finish_at of its work, or neither".to_owned()),
        }
    }

    /// Returns the plan of a status transition of an instance.
    pub(super) fn plan(self) -> Result<WorkPlan, String> {
        Ok(WorkPlan { due: self.due()?, failure: self.error_code.map(|code| code.0) })
    }
}

/// Where a record stands: what follows from that when its entry leaves it out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) instance_id: InstanceId,
    pub(super) number: RecordNumber,
    pub(super) created_at: Timestamp,
    pub(super) name_offset: UtcOffset,
}

/// What an entry says of the course of the work on a record that was created then.
struct Course<'e, I, S> {
    entry: &'e RecordEntry<I, S>,
    created_at: Timestamp,
}

/// The failure of a record that failed and does not say why.
const DEFAULT_FAILURE: FailureCode = FailureCode::TimedOut;

impl<I, S> Course<'_, I, S> {
    /// Makes sure that a record in a status says nothing of it that cannot be.
    fn forbid(&self, status: &str, names: &[&str]) -> Result<(), String> {
        let entry = self.entry;
        let given = [
            ("execution_at", entry.execution_at.is_some()),
            ("updated_at", entry.updated_at.is_some()),
            ("size", entry.size.is_some()),
            ("error_code", entry.error_code.is_some()),
            ("progress", entry.progress.is_some()),
            ("work", entry.work.is_some()),
        ];
        forbid(&format!("is {status}"), given.into_iter().filter(|(name, _)| names.contains(name)))
    }

    fn started_at(&self) -> Option<Timestamp> {
        self.entry.execution_at.map(|time| time.0)
    }

    fn waiting(&self) -> Result<WorkPlan, String> {
        self.forbid("waiting", &["execution_at", "updated_at", "size", "error_code", "progress"])?;
        self.plan(self.created_at)
    }

    fn running(&self, status: &str) -> Result<(Timestamp, WorkPlan), String> {
        self.forbid(status, &["updated_at", "size", "error_code", "progress"])?;
        let started_at = self.started_at().unwrap_or(self.created_at);
        in_order(&[self.created_at, started_at])?;
        Ok((started_at, self.plan(started_at)?))
    }

    /// Returns the plan of open work, whose last step cannot be due before `begun_at`.
    fn plan(&self, begun_at: Timestamp) -> Result<WorkPlan, String> {
        let plan = self.entry.work.unwrap_or_default().plan()?;
        if let Some(due) = plan.due {
            in_order(&[self.created_at, due.start_at])?;
            in_order(&[begun_at, due.finish_at])?;
        }
        Ok(plan)
    }

    /// Returns when completed work began and ended.
    fn completed(&self, status: &str) -> Result<(Timestamp, Timestamp), String> {
        self.forbid(status, &["error_code", "progress", "work"])?;
        let started_at = self.started_at().unwrap_or(self.created_at);
        let finished_at = self.entry.updated_at.map_or(started_at, |time| time.0);
        in_order(&[self.created_at, started_at, finished_at])?;
        Ok((started_at, finished_at))
    }

    fn failed(&self, status: &str) -> Result<Failure, String> {
        self.forbid(status, &["size", "work"])?;
        let begun_at = self.started_at().unwrap_or(self.created_at);
        let failed_at = self.entry.updated_at.map_or(begun_at, |time| time.0);
        in_order(&[self.created_at, begun_at, failed_at])?;
        let progress = self.entry.progress.map_or(Progress::NONE, |progress| progress.0);
        if progress == Progress::COMPLETE {
            return Err("failed and cannot have a progress of 100.00".to_owned());
        }
        let code = self.entry.error_code.map_or(DEFAULT_FAILURE, |code| code.0);
        Ok(Failure { started_at: self.started_at(), failed_at, code, progress })
    }
}

fn in_order(times: &[Timestamp]) -> Result<(), String> {
    let message = "has times that do not follow each other: created, started, finished";
    if times.is_sorted() { Ok(()) } else { Err(message.to_owned()) }
}

/// Makes sure that an entry of a kind says nothing that such a one cannot have.
fn forbid(kind: &str, given: impl IntoIterator<Item = (&'static str, bool)>) -> Result<(), String> {
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(format!("{kind} and cannot have {name}")),
        None => Ok(()),
    }
}

impl<I, S> RecordEntry<I, S> {
    /// Returns the course of the work. An entry with times of its steps must say when it was created: what is not said may follow
    /// from the seeding.
    fn course(&self, place: Place) -> Result<Course<'_, I, S>, String> {
        let has_times = self.work.is_some_and(|work| work.start_at.is_some() || work.finish_at.is_some());
        let has_steps = self.execution_at.is_some() || self.updated_at.is_some() || has_times;
        if self.created_at.is_none() && has_steps {
            return Err("has times of its steps and needs created_at too".to_owned());
        }
        Ok(Course { entry: self, created_at: place.created_at })
    }
}

impl BackupEntry {
    /// Makes the record; `default_format` is that of its instance.
    pub(super) fn complete(&self, place: Place, default_format: BackupFormat) -> Result<Backup, String> {
        forbid("is a backup", [("backup_id", self.backup_id.is_some())])?;
        let course = self.course(place)?;
        let mut backup = Backup {
            id: self.id.map_or_else(|| BackupId::from_bytes(default_id("backup", place)), |id| id.0),
            instance_id: place.instance_id,
            number: place.number,
            kind: self.kind.map_or(BackupKind::Manual, |kind| kind.0),
            terms: self.terms()?,
            format: self.format.map_or(default_format, |format| format.0),
            remark: self.remark.clone().map(|remark| remark.0),
            created_at: place.created_at,
            name_offset: self.name_offset.map_or(place.name_offset, |offset| offset.0),
            status: BackupStatus::Waiting { plan: WorkPlan { due: None, failure: None } },
            is_outdated: self.outdated,
        };
        let status = self.status.map_or(BackupStatusKind::Succeed, |status| status.0);
        let word = status.as_str();
        let completion = |backup: &Backup| {
            let (started_at, finished_at) = course.completed(word)?;
            let size_bytes = self.size.unwrap_or_else(|| backup.file().size_bytes());
            let fits = (1..=i64::MAX.unsigned_abs()).contains(&size_bytes);
            let completion = Completion { started_at, finished_at, size_bytes };
            if fits { Ok(completion) } else { Err(format!("is {word} and needs a size")) }
        };
        backup.status = match status {
            BackupStatusKind::Waiting => BackupStatus::Waiting { plan: course.waiting()? },
            BackupStatusKind::Backuping => {
                let (started_at, plan) = course.running(word)?;
                BackupStatus::Backuping { started_at, plan }
            }
            BackupStatusKind::Succeed => BackupStatus::Succeed(completion(&backup)?),
            BackupStatusKind::Expired => BackupStatus::Expired(completion(&backup)?),
            BackupStatusKind::Failed => BackupStatus::Failed(course.failed(word)?),
            BackupStatusKind::Deleted if self.error_code.is_some() => {
                BackupStatus::Deleted(Ending::Failed(course.failed(word)?))
            }
            BackupStatusKind::Deleted => BackupStatus::Deleted(Ending::Completed(completion(&backup)?)),
        };
        Ok(backup)
    }

    /// Returns what the record has from a policy.
    fn terms(&self) -> Result<Option<BackupTerms>, String> {
        let is_automatic = self.kind == Some(Text(BackupKind::Automatic));
        match (&self.period, self.save_days) {
            (None, None) => Ok(None),
            (Some(Text(window)), Some(save_days)) if is_automatic && SAVE_DAYS.contains(&save_days) => {
                Ok(Some(BackupTerms { window: window.clone(), save_days }))
            }
            _ => Err("needs both period and save_days (1 to 7), and only if its type is auto".to_owned()),
        }
    }
}

impl From<&Backup> for BackupEntry {
    fn from(backup: &Backup) -> Self {
        let status = &backup.status;
        let failure = status.failure();
        Self {
            id: Some(Text(backup.id)),
            backup_id: None,
            status: Some(Text(status.kind())),
            kind: Some(Text(backup.kind)),
            period: backup.terms.as_ref().map(|terms| Text(terms.window.clone())),
            save_days: backup.terms.as_ref().map(|terms| terms.save_days),
            format: Some(Text(backup.format)),
            remark: backup.remark.clone().map(Text),
            created_at: Some(Text(backup.created_at)),
            execution_at: status.started_at().map(Text),
            updated_at: status.finished_at().map(Text),
            size: Some(status.size_bytes()).filter(|size| *size > 0),
            error_code: failure.map(|failure| Text(failure.code)),
            progress: failure.map(|failure| Text(failure.progress)),
            name_offset: Some(Text(backup.name_offset)),
            outdated: backup.is_outdated,
            work: status.open_plan().map(WorkEntry::from),
        }
    }
}

impl RestoreEntry {
    /// Makes the record; `backups` are those of its instance.
    pub(super) fn complete(&self, place: Place, backups: &[Backup]) -> Result<Restore, String> {
        let of_backups = [
            ("type", self.kind.is_some()),
            ("period", self.period.is_some()),
            ("save_days", self.save_days.is_some()),
            ("format", self.format.is_some()),
            ("size", self.size.is_some()),
            ("outdated", self.outdated),
        ];
        forbid("is a restore", of_backups)?;
        let course = self.course(place)?;
        let source = match self.backup_id {
            None => backups.last(),
            Some(Text(id)) => backups.iter().find(|backup| backup.id == id),
        };
        let source = source.ok_or("needs a backup of its instance to come from")?;
        let status = self.status.map_or(RestoreStatusKind::Succeed, |status| status.0);
        let word = status.as_str();
        Ok(Restore {
            id: self.id.map_or_else(|| RestoreId::from_bytes(default_id("restore", place)), |id| id.0),
            instance_id: place.instance_id,
            number: place.number,
            source: RestoreSource {
                backup_id: source.id,
                backup_number: source.number,
                backup_name: source.name(),
                backup_remark: source.remark.clone(),
            },
            remark: self.remark.clone().map(|remark| remark.0),
            created_at: place.created_at,
            name_offset: self.name_offset.map_or(place.name_offset, |offset| offset.0),
            status: match status {
                RestoreStatusKind::Waiting => RestoreStatus::Waiting { plan: course.waiting()? },
                RestoreStatusKind::Restoring => {
                    let (started_at, plan) = course.running(word)?;
                    RestoreStatus::Restoring { started_at, plan }
                }
                RestoreStatusKind::Succeed => {
                    let (started_at, finished_at) = course.completed(word)?;
                    RestoreStatus::Succeed { started_at, finished_at }
                }
                RestoreStatusKind::Failed => RestoreStatus::Failed(course.failed(word)?),
            },
        })
    }
}

impl From<&Restore> for RestoreEntry {
    fn from(restore: &Restore) -> Self {
        let failure = restore.status.failure();
        Self {
            id: Some(Text(restore.id)),
            backup_id: Some(Text(restore.source.backup_id)),
            status: Some(Text(restore.status.kind())),
            kind: None,
            period: None,
            save_days: None,
            format: None,
            size: None,
            outdated: false,
            remark: restore.remark.clone().map(Text),
            created_at: Some(Text(restore.created_at)),
            execution_at: restore.status.started_at().map(Text),
            updated_at: restore.status.finished_at().map(Text),
            error_code: failure.map(|failure| Text(failure.code)),
            progress: failure.map(|failure| Text(failure.progress)),
            name_offset: Some(Text(restore.name_offset)),
            work: restore.status.open_plan().map(WorkEntry::from),
        }
    }
}

/// Returns the id of a record that names none: the same each time, so that a seed applied again finds it.
fn default_id(kind: &str, place: Place) -> [u8; 16] {
    derived_id(&format!("{kind} {} of {}", place.number, place.instance_id))
}
