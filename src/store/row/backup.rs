//! Rows of `backups`.

use sqlx::sqlite::SqliteRow;

use crate::domain::backup::{Backup, BackupKind, BackupStatus, BackupStatusKind, Completion, Ending};
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::{BackupId, InstanceId};
use crate::domain::schedule::BackupTerms;
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{
    bytes16, column, failure, failure_number, name_offset, record_number, remark, timestamp, work_plan,
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

/// The columns that [`backup`] reads, from `backups b LEFT JOIN open_work w`.
pub(in crate::store) const BACKUP_COLUMNS: &str = "b.record_number, b.backup_id, b.status, b.backup_type, b.backup_format, \
     b.name_offset_minutes, b.created_at, b.execution_at, b.updated_at, b.size_bytes, b.error_code, b.progress, b.remark, \
     b.period, b.save_days, \
     w.start_at, w.finish_at, w.failure, \
     (SELECT b.record_number <= o.restorable_after FROM instances o WHERE o.instance_key = b.instance_key) AS is_outdated";

/// The work that is open on a backup `b`, if any: behind `FROM backups b`.
pub(in crate::store) const BACKUP_WORK: &str = "LEFT JOIN open_work w ON w.instance_key = b.instance_key \
     AND w.record_kind = 1 AND w.record_number = b.record_number";

/// Reads a backup of `instance_id` from a row of [`BACKUP_COLUMNS`].
pub(in crate::store) fn backup(row: &SqliteRow, instance_id: InstanceId) -> Result<Backup, StoreError> {
    let number: i64 = column(row, "record_number")?;
    let kind = match column::<i64>(row, "backup_type")? {
        0 => BackupKind::Manual,
        1 => BackupKind::Automatic,
        _ => return Err(StoreError::Inconsistent { what: "backups.backup_type is unknown" }),
    };
    let format = match column::<i64>(row, "backup_format")? {
        0 => BackupFormat::Rdb,
        1 => BackupFormat::Aof,
        _ => return Err(StoreError::Inconsistent { what: "backups.backup_format is unknown" }),
    };
    Ok(Backup {
        id: BackupId::from_bytes(bytes16(row, "backup_id")?),
        instance_id,
        number: record_number(number)?,
        kind,
        terms: terms(row)?,
        format,
        remark: remark(row, "remark")?,
        created_at: timestamp(row, "created_at")?,
        name_offset: name_offset(row, "name_offset_minutes")?,
        status: backup_status(row)?,
        is_outdated: column(row, "is_outdated")?,
    })
}

fn terms(row: &SqliteRow) -> Result<Option<BackupTerms>, StoreError> {
    let (Some(period), Some(save_days)) =
        (column::<Option<&str>>(row, "period")?, column::<Option<u8>>(row, "save_days")?)
    else {
        return Ok(None);
    };
    let window =
        period.parse().map_err(|_| StoreError::Inconsistent { what: "backups.period is malformed" })?;
    Ok(Some(BackupTerms { window, save_days }))
}

fn backup_status(row: &SqliteRow) -> Result<BackupStatus, StoreError> {
    let status = column::<i64>(row, "status")?;
    Ok(match status {
        0 => BackupStatus::Waiting { plan: work_plan(row)? },
        1 => BackupStatus::Backuping { started_at: timestamp(row, "execution_at")?, plan: work_plan(row)? },
        2 => BackupStatus::Succeed(completion(row)?),
        3 => BackupStatus::Failed(failure(row)?),
        4 => BackupStatus::Expired(completion(row)?),
        5 if column::<Option<i64>>(row, "error_code")?.is_some() => {
            BackupStatus::Deleted(Ending::Failed(failure(row)?))
        }
        5 => BackupStatus::Deleted(Ending::Completed(completion(row)?)),
        _ => return Err(StoreError::Inconsistent { what: "backups.status is unknown" }),
    })
}

fn completion(row: &SqliteRow) -> Result<Completion, StoreError> {
    Ok(Completion {
        started_at: timestamp(row, "execution_at")?,
        finished_at: timestamp(row, "updated_at")?,
        size_bytes: u64::try_from(column::<i64>(row, "size_bytes")?)
            .map_err(|_| StoreError::Inconsistent { what: "backups.size_bytes is negative" })?,
    })
}
