//! Rows ⇄ values of the domain. A row that holds what the program would never have written is an `Inconsistent`.

mod backup;
mod instance;
mod restore;
mod side;
mod task;

use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::domain::backup::RecordNumber;
use crate::domain::remark::Remark;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{DueTimes, Failure, FailureCode, Progress, WorkPlan};
use crate::store::error::StoreError;

pub(super) use backup::{
    BACKUP_COLUMNS, BACKUP_WORK, BackupStatusRow, backup, backup_format_code, backup_kind_code,
    backup_status_code,
};
pub(super) use instance::{
    INSTANCE_COLUMNS, POLICY_JSON, instance, instance_status_code, kept_password, policy, replicas_json,
    transition,
};
pub(super) use restore::{RESTORE_COLUMNS, RESTORE_WORK, RestoreStatusRow, restore, restore_status_code};
pub(super) use side::{
    Document, changes_json, parameter_history_entry, side_name, tag, take_document, template, values_json,
};
pub(super) use task::{TASK_COLUMNS, details_json, job, task};

/// What `events.record_kind` and `open_work.record_kind` say the record is.
pub(super) mod record_kind {
    /// An instance.
    pub(in crate::store) const INSTANCE: i64 = 0;
    /// A backup.
    pub(in crate::store) const BACKUP: i64 = 1;
    /// A restore.
    pub(in crate::store) const RESTORE: i64 = 2;
}

/// Returns the number that stands for a failure: the last digit of its code.
pub(super) fn failure_number(code: FailureCode) -> i64 {
    let position = FailureCode::ALL.iter().position(|known| *known == code).unwrap_or_default();
    i64::try_from(position + 1).unwrap_or(i64::MAX)
}

/// Reads the plan of open work from `open_work`.
fn work_plan(row: &SqliteRow) -> Result<WorkPlan, StoreError> {
    let times = (column::<Option<i64>>(row, "start_at")?, column::<Option<i64>>(row, "finish_at")?);
    let due = match times {
        (Some(start_at), Some(finish_at)) => {
            Some(DueTimes { start_at: to_timestamp(start_at)?, finish_at: to_timestamp(finish_at)? })
        }
        _ => None,
    };
    Ok(WorkPlan { due, failure: column::<Option<i64>>(row, "failure")?.map(failure_code).transpose()? })
}

/// Reads what is known of work that failed.
fn failure(row: &SqliteRow) -> Result<Failure, StoreError> {
    let started_at = column::<Option<i64>>(row, "execution_at")?.map(to_timestamp).transpose()?;
    let progress = u16::try_from(column::<i64>(row, "progress")?)
        .ok()
        .and_then(Progress::from_hundredths)
        .ok_or(StoreError::Inconsistent { what: "progress is out of range" })?;
    Ok(Failure {
        started_at,
        failed_at: timestamp(row, "updated_at")?,
        code: failure_code(column(row, "error_code")?)?,
        progress,
    })
}

fn failure_code(number: i64) -> Result<FailureCode, StoreError> {
    FailureCode::ALL
        .into_iter()
        .find(|code| failure_number(*code) == number)
        .ok_or(StoreError::Inconsistent { what: "the failure code is unknown" })
}

/// Reads a note.
pub(super) fn remark(row: &SqliteRow, name: &'static str) -> Result<Option<Remark>, StoreError> {
    column::<Option<String>>(row, name)?
        .map(Remark::try_from)
        .transpose()
        .map_err(|_| StoreError::Inconsistent { what: "a remark is too long" })
}

/// Reads the zone of a record's name.
fn name_offset(row: &SqliteRow, name: &'static str) -> Result<UtcOffset, StoreError> {
    i16::try_from(column::<i64>(row, name)?)
        .ok()
        .and_then(|minutes| UtcOffset::from_minutes(minutes).ok())
        .ok_or(StoreError::Inconsistent { what: "the offset of a name is out of range" })
}

/// Reads a number of a record.
pub(super) fn record_number(number: i64) -> Result<RecordNumber, StoreError> {
    RecordNumber::try_from(number)
        .map_err(|_| StoreError::Inconsistent { what: "a record number is negative" })
}

/// Reads a column.
pub(super) fn column<'r, T>(row: &'r SqliteRow, name: &'static str) -> Result<T, StoreError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(name).map_err(StoreError::during("read a column"))
}

/// Reads a column that holds an id.
pub(super) fn bytes16(row: &SqliteRow, name: &'static str) -> Result<[u8; 16], StoreError> {
    let bytes: &[u8] = column(row, name)?;
    bytes.try_into().map_err(|_| StoreError::Inconsistent { what: "an id does not have 16 bytes" })
}

/// Reads a column that holds a time.
pub(super) fn timestamp(row: &SqliteRow, name: &'static str) -> Result<Timestamp, StoreError> {
    to_timestamp(column(row, name)?)
}

/// Takes a stored number of milliseconds.
pub(super) fn to_timestamp(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millis(millis).map_err(|_| StoreError::Inconsistent { what: "a time is out of range" })
}

/// Reads a column that holds a word.
pub(super) fn parse<T: std::str::FromStr>(
    row: &SqliteRow,
    name: &'static str,
    what: &'static str,
) -> Result<T, StoreError> {
    column::<&str>(row, name)?.parse().map_err(|_| StoreError::Inconsistent { what })
}
