//! Rows of `restores`.

use sqlx::sqlite::SqliteRow;

use crate::domain::backup::backup_name;
use crate::domain::id::{BackupId, InstanceId, RestoreId};
use crate::domain::restore::{Restore, RestoreSource, RestoreStatus, RestoreStatusKind};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::row::{
    bytes16, column, failure, failure_number, name_offset, record_number, remark, timestamp, work_plan,
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

/// The columns that [`restore`] reads, from `restores r JOIN backups b LEFT JOIN open_work w`.
pub(in crate::store) const RESTORE_COLUMNS: &str = "r.record_number, r.restore_id, r.status, r.name_offset_minutes, \
     r.created_at, r.execution_at, r.updated_at, r.error_code, r.progress, r.remark, \
     b.backup_id, b.record_number AS backup_number, b.created_at AS backup_created_at, \
     b.name_offset_minutes AS backup_name_offset, b.remark AS backup_remark, w.start_at, w.finish_at, w.failure";

/// The backup that a restore `r` comes from, and the work that is open on it, if any: behind `FROM restores r`.
pub(in crate::store) const RESTORE_WORK: &str = "LEFT JOIN backups b ON b.instance_key = r.instance_key \
     AND b.record_number = r.backup_number LEFT JOIN open_work w ON w.instance_key = r.instance_key \
     AND w.record_kind = 2 AND w.record_number = r.record_number";

/// Reads a restore of `instance_id` from a row of [`RESTORE_COLUMNS`].
pub(in crate::store) fn restore(row: &SqliteRow, instance_id: InstanceId) -> Result<Restore, StoreError> {
    let backup_created_at = timestamp(row, "backup_created_at")?;
    Ok(Restore {
        id: RestoreId::from_bytes(bytes16(row, "restore_id")?),
        instance_id,
        number: record_number(column(row, "record_number")?)?,
        source: RestoreSource {
            backup_id: BackupId::from_bytes(bytes16(row, "backup_id")?),
            backup_number: record_number(column(row, "backup_number")?)?,
            backup_name: backup_name(backup_created_at, name_offset(row, "backup_name_offset")?),
            backup_remark: remark(row, "backup_remark")?,
        },
        remark: remark(row, "remark")?,
        created_at: timestamp(row, "created_at")?,
        name_offset: name_offset(row, "name_offset_minutes")?,
        status: restore_status(row)?,
    })
}

fn restore_status(row: &SqliteRow) -> Result<RestoreStatus, StoreError> {
    Ok(match column::<i64>(row, "status")? {
        0 => RestoreStatus::Waiting { plan: work_plan(row)? },
        2 => RestoreStatus::Succeed {
            started_at: timestamp(row, "execution_at")?,
            finished_at: timestamp(row, "updated_at")?,
        },
        3 => RestoreStatus::Failed(failure(row)?),
        6 => RestoreStatus::Restoring { started_at: timestamp(row, "execution_at")?, plan: work_plan(row)? },
        _ => return Err(StoreError::Inconsistent { what: "restores.status is unknown" }),
    })
}
