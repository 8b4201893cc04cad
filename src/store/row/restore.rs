//! Rows of `restores`.

use serde::Deserialize;
use sqlx::sqlite::SqliteRow;

use crate::domain::backup::backup_name;
use crate::domain::id::{BackupId, InstanceId, RestoreId};
use crate::domain::restore::{Restore, RestoreSource, RestoreStatus, RestoreStatusKind};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{
    WorkPlanRow, WorkRow, failure_number, json, record_number, to_bytes16, to_name_offset, to_remark,
    to_timestamp,
};

/// Returns the number that stands for a restore's status in the tables.
pub(in crate::store) fn restore_status_code(status: RestoreStatusKind) -> i64 {
    match status {
        RestoreStatusKind::Waiting => 0,
        RestoreStatusKind::Succeed => 2,
        RestoreStatusKind::Failed => 3,
        RestoreStatusKind::Restoring => 6,
    }
}

/// The columns of a restore that change in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct RestoreStatusRow {
    pub(in crate::store) status: i64,
    pub(in crate::store) execution_at: Option<i64>,
    pub(in crate::store) updated_at: Option<i64>,
    pub(in crate::store) error_code: Option<i64>,
    pub(in crate::store) progress: Option<i64>,
}

impl From<&RestoreStatus> for RestoreStatusRow {
    fn from(status: &RestoreStatus) -> Self {
        let failure = status.failure();
        Self {
            status: restore_status_code(status.kind()),
            execution_at: status.started_at().map(Timestamp::as_millis),
            updated_at: status.finished_at().map(Timestamp::as_millis),
            error_code: failure.map(|failure| failure_number(failure.code)),
            progress: failure.map(|failure| i64::from(failure.progress.as_hundredths())),
        }
    }
}

/// A row of `restores r JOIN backups b LEFT JOIN open_work w` as [`restore`] reads it.
pub(in crate::store) const RESTORE_JSON: &str = "json_object('record_number', r.record_number, 'restore_id', hex(r.restore_id), \
     'status', r.status, 'name_offset_minutes', r.name_offset_minutes, 'created_at', r.created_at, 'remark', r.remark, \
     'backup_id', hex(b.backup_id), 'backup_number', b.record_number, 'backup_created_at', b.created_at, \
     'backup_name_offset', b.name_offset_minutes, 'backup_remark', b.remark, \
     'work', json_object('execution_at', r.execution_at, 'updated_at', r.updated_at, \
                         'error_code', r.error_code, 'progress', r.progress), \
     'plan', json_object('start_at', w.start_at, 'finish_at', w.finish_at, 'failure', w.failure))";

/// The backup that a restore `r` comes from, and the work that is open on it, if any: behind `FROM restores r`.
pub(in crate::store) const RESTORE_WORK: &str = "LEFT JOIN backups b ON b.instance_key = r.instance_key \
     AND b.record_number = r.backup_number LEFT JOIN open_work w ON w.instance_key = r.instance_key \
     AND w.record_kind = 2 AND w.record_number = r.record_number";

/// A row of [`RESTORE_JSON`].
#[derive(Deserialize)]
pub(in crate::store) struct RestoreRow {
    record_number: i64,
    restore_id: String,
    status: i64,
    name_offset_minutes: i16,
    created_at: i64,
    remark: Option<String>,
    backup_id: String,
    backup_number: i64,
    backup_created_at: i64,
    backup_name_offset: i16,
    backup_remark: Option<String>,
    work: WorkRow,
    plan: WorkPlanRow,
}

/// Reads a restore of `instance_id` from a row with [`RESTORE_JSON`] in the column `restore`.
pub(in crate::store) fn restore(row: &SqliteRow, instance_id: InstanceId) -> Result<Restore, StoreError> {
    json::<RestoreRow>(row, "restore")?.into_restore(instance_id)
}

impl RestoreRow {
    pub(in crate::store) fn into_restore(self, instance_id: InstanceId) -> Result<Restore, StoreError> {
        let backup_created_at = to_timestamp(self.backup_created_at)?;
        Ok(Restore {
            id: RestoreId::from_bytes(to_bytes16(&self.restore_id)?),
            instance_id,
            number: record_number(self.record_number)?,
            status: self.status()?,
            source: RestoreSource {
                backup_id: BackupId::from_bytes(to_bytes16(&self.backup_id)?),
                backup_number: record_number(self.backup_number)?,
                backup_name: backup_name(backup_created_at, to_name_offset(self.backup_name_offset)?),
                backup_remark: to_remark(self.backup_remark)?,
            },
            remark: to_remark(self.remark)?,
            created_at: to_timestamp(self.created_at)?,
            name_offset: to_name_offset(self.name_offset_minutes)?,
        })
    }

    fn status(&self) -> Result<RestoreStatus, StoreError> {
        Ok(match self.status {
            0 => RestoreStatus::Waiting { plan: self.plan.plan()? },
            2 => RestoreStatus::Succeed {
                started_at: self.work.started_at()?,
                finished_at: self.work.finished_at()?,
            },
            3 => RestoreStatus::Failed(self.work.failure()?),
            6 => RestoreStatus::Restoring { started_at: self.work.started_at()?, plan: self.plan.plan()? },
            _ => return Err(StoreError::Inconsistent { what: "restores.status is unknown" }),
        })
    }
}
