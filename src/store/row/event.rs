//! Rows of `events`.

use sqlx::sqlite::SqliteRow;

use crate::domain::backup::BackupStatusKind;
use crate::domain::instance::InstanceStatus;
use crate::domain::restore::RestoreStatusKind;
use crate::store::EventChange;
use crate::store::error::StoreError;
use crate::store::row::{
    backup_status_code, column, instance_status_code, record_kind, record_number, restore_status_code,
};

/// Reads what an event changed from `record_kind`, `record_number`, `from_status` and `to_status`.
pub(in crate::store) fn event_change(row: &SqliteRow) -> Result<EventChange, StoreError> {
    let (from, to) = (column(row, "from_status")?, column(row, "to_status")?);
    let number = || record_number(column(row, "record_number")?);
    Ok(match column::<i64>(row, "record_kind")? {
        record_kind::INSTANCE => {
            let status = |code| status_of(code, &InstanceStatus::ALL, instance_status_code);
            EventChange::Instance { from: status(from)?, to: status(to)? }
        }
        record_kind::BACKUP => {
            let status = |code| status_of(code, &BackupStatusKind::ALL, backup_status_code);
            EventChange::Backup { number: number()?, from: status(from)?, to: status(to)? }
        }
        record_kind::RESTORE => {
            let status = |code| status_of(code, &RestoreStatusKind::ALL, restore_status_code);
            EventChange::Restore { number: number()?, from: status(from)?, to: status(to)? }
        }
        _ => return Err(StoreError::Inconsistent { what: "the subject of an event is unknown" }),
    })
}

/// Returns the status that a number stands for.
fn status_of<S: Copy>(
    number: Option<i64>,
    all: &[S],
    code: impl Fn(S) -> i64,
) -> Result<Option<S>, StoreError> {
    let Some(number) = number else { return Ok(None) };
    let status = all.iter().copied().find(|status| code(*status) == number);
    status.map(Some).ok_or(StoreError::Inconsistent { what: "the status of an event is unknown" })
}
