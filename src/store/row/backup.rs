//! Rows of `backups`.

use serde::Deserialize;
use sqlx::sqlite::SqliteRow;

use crate::domain::backup::{Backup, BackupKind, BackupStatus, BackupStatusKind, Completion, Ending};
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::{BackupId, InstanceId};
use crate::domain::schedule::BackupTerms;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{
    WorkPlanRow, WorkRow, failure_number, json, record_number, to_bytes16, to_name_offset, to_remark,
    to_timestamp,
};

/// Returns the number that stands for a backup's status in the tables.
pub(in crate::store) fn backup_status_code(status: BackupStatusKind) -> i64 {
    match status {
        BackupStatusKind::Waiting => 0,
        BackupStatusKind::Backuping => 1,
        BackupStatusKind::Succeed => 2,
        BackupStatusKind::Failed => 3,
        BackupStatusKind::Expired => 4,
        BackupStatusKind::Deleted => 5,
    }
}

/// Returns the number that stands for who asked for a backup.
pub(in crate::store) fn backup_kind_code(kind: BackupKind) -> i64 {
    match kind {
        BackupKind::Manual => 0,
        BackupKind::Automatic => 1,
    }
}

/// Returns the number that stands for the format of a backup's file.
pub(in crate::store) fn backup_format_code(format: BackupFormat) -> i64 {
    match format {
        BackupFormat::Rdb => 0,
        BackupFormat::Aof => 1,
    }
}

/// The columns of a backup that change in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct BackupStatusRow {
    pub(in crate::store) status: i64,
    pub(in crate::store) execution_at: Option<i64>,
    pub(in crate::store) updated_at: Option<i64>,
    pub(in crate::store) size_bytes: i64,
    pub(in crate::store) error_code: Option<i64>,
    pub(in crate::store) progress: Option<i64>,
}

impl From<&BackupStatus> for BackupStatusRow {
    fn from(status: &BackupStatus) -> Self {
        let failure = status.failure();
        Self {
            status: backup_status_code(status.kind()),
            execution_at: status.started_at().map(Timestamp::as_millis),
            updated_at: status.finished_at().map(Timestamp::as_millis),
            size_bytes: i64::try_from(status.size_bytes()).unwrap_or(i64::MAX),
            error_code: failure.map(|failure| failure_number(failure.code)),
            progress: failure.map(|failure| i64::from(failure.progress.as_hundredths())),
        }
    }
}

/// A row of `backups b LEFT JOIN open_work w` as [`backup`] reads it.
pub(in crate::store) const BACKUP_JSON: &str = "json_object('record_number', b.record_number, 'backup_id', hex(b.backup_id), \
     'status', b.status, 'backup_type', b.backup_type, 'backup_format', b.backup_format, \
     'name_offset_minutes', b.name_offset_minutes, 'created_at', b.created_at, 'size_bytes', b.size_bytes, \
     'remark', b.remark, 'period', b.period, 'save_days', b.save_days, \
     'work', json_object('execution_at', b.execution_at, 'updated_at', b.updated_at, \
                         'error_code', b.error_code, 'progress', b.progress), \
     'plan', json_object('start_at', w.start_at, 'finish_at', w.finish_at, 'failure', w.failure), \
     'is_outdated', (SELECT b.record_number <= o.restorable_after FROM instances o \
                     WHERE o.instance_key = b.instance_key))";

/// The work that is open on a backup `b`, if any: behind `FROM backups b`.
pub(in crate::store) const BACKUP_WORK: &str = "LEFT JOIN open_work w ON w.instance_key = b.instance_key \
     AND w.record_kind = 1 AND w.record_number = b.record_number";

/// A row of [`BACKUP_JSON`].
#[derive(Deserialize)]
pub(in crate::store) struct BackupRow {
    record_number: i64,
    backup_id: String,
    status: i64,
    backup_type: i64,
    backup_format: i64,
    name_offset_minutes: i16,
    created_at: i64,
    size_bytes: i64,
    remark: Option<String>,
    period: Option<String>,
    save_days: Option<u8>,
    is_outdated: Option<i64>,
    work: WorkRow,
    plan: WorkPlanRow,
}

/// Reads a backup of `instance_id` from a row with [`BACKUP_JSON`] in the column `backup`.
pub(in crate::store) fn backup(row: &SqliteRow, instance_id: InstanceId) -> Result<Backup, StoreError> {
    json::<BackupRow>(row, "backup")?.into_backup(instance_id)
}

impl BackupRow {
    pub(in crate::store) fn into_backup(self, instance_id: InstanceId) -> Result<Backup, StoreError> {
        let kind = match self.backup_type {
            0 => BackupKind::Manual,
            1 => BackupKind::Automatic,
            _ => return Err(StoreError::Inconsistent { what: "backups.backup_type is unknown" }),
        };
        let format = match self.backup_format {
            0 => BackupFormat::Rdb,
            1 => BackupFormat::Aof,
            _ => return Err(StoreError::Inconsistent { what: "backups.backup_format is unknown" }),
        };
        Ok(Backup {
            id: BackupId::from_bytes(to_bytes16(&self.backup_id)?),
            instance_id,
            number: record_number(self.record_number)?,
            kind,
            terms: self.terms()?,
            format,
            created_at: to_timestamp(self.created_at)?,
            name_offset: to_name_offset(self.name_offset_minutes)?,
            status: self.status()?,
            is_outdated: self.is_outdated == Some(1),
            remark: to_remark(self.remark)?,
        })
    }

    fn terms(&self) -> Result<Option<BackupTerms>, StoreError> {
        let (Some(period), Some(save_days)) = (&self.period, self.save_days) else { return Ok(None) };
        let window =
            period.parse().map_err(|_| StoreError::Inconsistent { what: "backups.period is malformed" })?;
        Ok(Some(BackupTerms { window, save_days }))
    }

    fn status(&self) -> Result<BackupStatus, StoreError> {
        Ok(match self.status {
            0 => BackupStatus::Waiting { plan: self.plan.plan()? },
            1 => BackupStatus::Backuping { started_at: self.work.started_at()?, plan: self.plan.plan()? },
            2 => BackupStatus::Succeed(self.completion()?),
            3 => BackupStatus::Failed(self.work.failure()?),
            4 => BackupStatus::Expired(self.completion()?),
            5 if self.work.error_code.is_some() => {
                BackupStatus::Deleted(Ending::Failed(self.work.failure()?))
            }
            5 => BackupStatus::Deleted(Ending::Completed(self.completion()?)),
            _ => return Err(StoreError::Inconsistent { what: "backups.status is unknown" }),
        })
    }

    fn completion(&self) -> Result<Completion, StoreError> {
        Ok(Completion {
            started_at: self.work.started_at()?,
            finished_at: self.work.finished_at()?,
            size_bytes: u64::try_from(self.size_bytes)
                .map_err(|_| StoreError::Inconsistent { what: "backups.size_bytes is negative" })?,
        })
    }
}
