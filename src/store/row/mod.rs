//! Rows ⇄ values of the domain. A row that holds what the program would never have written is an `Inconsistent`.

mod backup;
mod instance;
mod instance_config;
mod restore;
mod task;
mod value;

use serde::Deserialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::domain::background_work::Occupation;
use crate::domain::backup::RecordNumber;
use crate::domain::remark::Remark;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{DueTimes, Failure, FailureCode, Progress, WorkPlan};
use crate::store::error::StoreError;

pub(super) use backup::{
    BACKUP_JSON, BACKUP_WORK, BackupRow, BackupStatusRow, backup, backup_format_code, backup_kind_code,
    backup_status_code,
};
pub(super) use instance::{
    INSTANCE_COLUMNS, POLICY_JSON, instance_status_code, instances, policy, rename_commands_json, tags,
};
pub(super) use instance_config::{document, documents, setting_name, take_document};
pub(super) use restore::{
    RESTORE_JSON, RESTORE_WORK, RestoreRow, RestoreStatusRow, restore, restore_status_code,
};
pub(super) use task::{JOB_COLUMNS, TASK_COLUMNS, job, task};
pub(super) use value::Json;

/// What `open_work.record_kind` says the record is.
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

/// The columns of `open_work` that tell how work on a record goes on.
#[derive(Deserialize)]
struct WorkPlanRow {
    start_at: Option<i64>,
    finish_at: Option<i64>,
    failure: Option<i64>,
}

impl WorkPlanRow {
    fn plan(&self) -> Result<WorkPlan, StoreError> {
        let time = |millis: Option<i64>| millis.map(to_timestamp).transpose();
        let failure = self.failure.map(failure_code).transpose()?;
        Ok(plan(time(self.start_at)?, time(self.finish_at)?, failure))
    }
}

/// Returns the plan of work that starts and ends at some time, if it takes any, and fails, if it does.
pub(super) fn plan(
    start_at: Option<Timestamp>,
    finish_at: Option<Timestamp>,
    failure: Option<FailureCode>,
) -> WorkPlan {
    let due = start_at.zip(finish_at).map(|(start_at, finish_at)| DueTimes { start_at, finish_at });
    WorkPlan { due, failure }
}

/// The columns of a record that tell how its work went.
#[derive(Deserialize)]
struct WorkRow {
    execution_at: Option<i64>,
    updated_at: Option<i64>,
    error_code: Option<i64>,
    progress: Option<i64>,
}

impl WorkRow {
    fn started_at(&self) -> Result<Timestamp, StoreError> {
        present(self.execution_at).and_then(to_timestamp)
    }

    fn finished_at(&self) -> Result<Timestamp, StoreError> {
        present(self.updated_at).and_then(to_timestamp)
    }

    /// Returns what is known of work that failed.
    fn failure(&self) -> Result<Failure, StoreError> {
        let progress = u16::try_from(present(self.progress)?)
            .ok()
            .and_then(Progress::from_hundredths)
            .ok_or(StoreError::Inconsistent { what: "progress is out of range" })?;
        Ok(Failure {
            started_at: self.execution_at.map(to_timestamp).transpose()?,
            failed_at: self.finished_at()?,
            code: failure_code(present(self.error_code)?)?,
            progress,
        })
    }
}

/// Takes a value that a row in this state has.
fn present<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or(StoreError::Inconsistent { what: "a record lacks a value that its status needs" })
}

pub(super) fn failure_code(number: i64) -> Result<FailureCode, StoreError> {
    FailureCode::ALL
        .into_iter()
        .find(|code| failure_number(*code) == number)
        .ok_or(StoreError::Inconsistent { what: "the failure code is unknown" })
}

/// Takes a stored remark.
fn to_remark(text: Option<String>) -> Result<Option<Remark>, StoreError> {
    text.map(Remark::try_from)
        .transpose()
        .map_err(|_| StoreError::Inconsistent { what: "a remark is too long" })
}

/// Takes the zone of a record's name.
fn to_name_offset(minutes: i16) -> Result<UtcOffset, StoreError> {
    UtcOffset::from_minutes(minutes)
        .map_err(|_| StoreError::Inconsistent { what: "the offset of a name is out of range" })
}

/// Reads a column that holds a row as a JSON object. A row of one column crosses from SQLite's thread in a fraction of the time
/// that one of many takes.
pub(super) fn json<'r, T: Deserialize<'r>>(row: &'r SqliteRow, name: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(column(row, name)?).map_err(|error| {
        tracing::error!(error = %error, column = name, "a row is malformed");
        StoreError::Inconsistent { what: "a row is malformed" }
    })
}

/// Takes an id in hexadecimal.
pub(super) fn to_bytes16(text: &str) -> Result<[u8; 16], StoreError> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| StoreError::Inconsistent { what: "an id does not have 16 bytes" })?;
    Ok(bytes)
}

/// Reads what occupies an instance.
pub(super) fn occupation(word: Option<&str>) -> Result<Option<Occupation>, StoreError> {
    let unknown = StoreError::Inconsistent { what: "background_work.occupation is unknown" };
    word.map(str::parse).transpose().map_err(|_| unknown)
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

/// Takes a stored number of milliseconds.
pub(super) fn to_timestamp(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millis(millis).map_err(|_| StoreError::Inconsistent { what: "a time is out of range" })
}
