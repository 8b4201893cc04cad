//! Rows ⇄ values of the domain. A row that holds what the program would never have written is an `Inconsistent`.

use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::domain::backup::{
    Backup, BackupKind, BackupStatus, BackupStatusKind, Completion, Ending, Failure, RecordNumber,
};
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::{BackupId, InstanceId, ProjectId};
use crate::domain::instance::{
    Capacity, Creator, Engine, EngineVersion, Instance, InstanceName, InstanceStatus, Network, SideTask,
};
use crate::domain::remark::Remark;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{FailureCode, Progress, WorkPlan};
use crate::store::error::StoreError;

/// What `events.record_kind` and `open_work.record_kind` say the record is.
pub(super) mod record_kind {
    /// An instance.
    pub(in crate::store) const INSTANCE: i64 = 0;
    /// A backup.
    pub(in crate::store) const BACKUP: i64 = 1;
}

/// Returns the number that stands for a backup's status in the tables.
pub(super) fn backup_status_code(status: BackupStatusKind) -> i64 {
    match status {
        BackupStatusKind::Waiting => 0,
        BackupStatusKind::Backuping => 1,
        BackupStatusKind::Succeed => 2,
        BackupStatusKind::Failed => 3,
        BackupStatusKind::Expired => 4,
        BackupStatusKind::Deleted => 5,
    }
}

/// Returns the number that stands for an instance's status in `events`.
pub(super) fn instance_status_code(status: InstanceStatus) -> i64 {
    match status {
        InstanceStatus::Creating => 20,
        InstanceStatus::Running => 21,
        InstanceStatus::Error => 22,
        InstanceStatus::Restarting => 23,
        InstanceStatus::Extending => 24,
        InstanceStatus::Restoring => 25,
        InstanceStatus::Flushing => 26,
        InstanceStatus::Starting => 27,
        InstanceStatus::Closing => 28,
        InstanceStatus::Closed => 29,
        InstanceStatus::CreateFailed => 30,
        InstanceStatus::Frozen => 31,
    }
}

/// Returns the number that stands for who asked for a backup.
pub(super) fn backup_kind_code(kind: BackupKind) -> i64 {
    match kind {
        BackupKind::Manual => 0,
        BackupKind::Automatic => 1,
    }
}

/// Returns the number that stands for the format of a backup's file.
pub(super) fn backup_format_code(format: BackupFormat) -> i64 {
    match format {
        BackupFormat::Rdb => 0,
        BackupFormat::Aof => 1,
    }
}

/// Returns the number that stands for a failure: the last digit of its code.
pub(super) fn failure_number(code: FailureCode) -> i64 {
    let position = FailureCode::ALL.iter().position(|known| *known == code).unwrap_or_default();
    i64::try_from(position + 1).unwrap_or(i64::MAX)
}

/// The columns of a backup that change in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BackupStatusRow {
    pub(super) status: i64,
    pub(super) execution_at: Option<i64>,
    pub(super) updated_at: Option<i64>,
    pub(super) size_bytes: i64,
    pub(super) error_code: Option<i64>,
    pub(super) progress: Option<i64>,
}

impl From<&BackupStatus> for BackupStatusRow {
    fn from(status: &BackupStatus) -> Self {
        let progress = match status {
            BackupStatus::Failed(failure) | BackupStatus::Deleted(Ending::Failed(failure)) => {
                Some(i64::from(failure.progress.as_hundredths()))
            }
            BackupStatus::Waiting { .. }
            | BackupStatus::Backuping { .. }
            | BackupStatus::Succeed(_)
            | BackupStatus::Expired(_)
            | BackupStatus::Deleted(Ending::Completed(_)) => None,
        };
        Self {
            status: backup_status_code(status.kind()),
            execution_at: status.started_at().map(Timestamp::as_millis),
            updated_at: status.finished_at().map(Timestamp::as_millis),
            size_bytes: i64::try_from(status.size_bytes()).unwrap_or(i64::MAX),
            error_code: status.failure_code().map(failure_number),
            progress,
        }
    }
}

/// The columns that [`backup`] reads, from `backups b LEFT JOIN open_work w`.
pub(super) const BACKUP_COLUMNS: &str = "b.record_number, b.backup_id, b.status, b.backup_type, b.backup_format, \
     b.name_offset_minutes, b.created_at, b.execution_at, b.updated_at, b.size_bytes, b.error_code, b.progress, b.remark, \
     w.start_at, w.finish_at, w.failure";

/// Reads a backup of `instance_id` from a row of [`BACKUP_COLUMNS`].
pub(super) fn backup(row: &SqliteRow, instance_id: InstanceId) -> Result<Backup, StoreError> {
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
    let remark = column::<Option<String>>(row, "remark")?
        .map(Remark::try_from)
        .transpose()
        .map_err(|_| StoreError::Inconsistent { what: "backups.remark is too long" })?;
    let name_offset = i16::try_from(column::<i64>(row, "name_offset_minutes")?)
        .ok()
        .and_then(|minutes| UtcOffset::from_minutes(minutes).ok())
        .ok_or(StoreError::Inconsistent { what: "backups.name_offset_minutes is out of range" })?;
    Ok(Backup {
        id: BackupId::from_bytes(bytes16(row, "backup_id")?),
        instance_id,
        number: record_number(number)?,
        kind,
        format,
        remark,
        created_at: timestamp(row, "created_at")?,
        name_offset,
        status: backup_status(row)?,
    })
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

fn work_plan(row: &SqliteRow) -> Result<WorkPlan, StoreError> {
    Ok(WorkPlan {
        start_at: timestamp(row, "start_at")?,
        finish_at: timestamp(row, "finish_at")?,
        failure: column::<Option<i64>>(row, "failure")?.map(failure_code).transpose()?,
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

fn failure(row: &SqliteRow) -> Result<Failure, StoreError> {
    let started_at = column::<Option<i64>>(row, "execution_at")?.map(to_timestamp).transpose()?;
    let progress = u16::try_from(column::<i64>(row, "progress")?)
        .ok()
        .and_then(Progress::from_hundredths)
        .ok_or(StoreError::Inconsistent { what: "backups.progress is out of range" })?;
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

/// The columns that [`instance`] reads, from `instances i JOIN projects p LEFT JOIN open_work w`.
pub(super) const INSTANCE_COLUMNS: &str = "i.instance_id, p.project_id, i.name, i.description, i.engine, \
     i.engine_version, i.cache_mode, i.capacity_mb, i.spec_code, i.status, i.ip, i.port, i.no_password_access, i.zone_codes, \
     i.vpc_id, i.subnet_id, i.security_group_id, i.user_id, i.user_name, i.created_at, w.record_kind AS open_kind";

/// Reads an instance from a row of [`INSTANCE_COLUMNS`].
pub(super) fn instance(row: &SqliteRow) -> Result<Instance, StoreError> {
    let engine = parse::<Engine>(row, "engine", "instances.engine is unknown")?;
    let capacity_mb = u32::try_from(column::<i64>(row, "capacity_mb")?).ok();
    let zone_codes: String = column(row, "zone_codes")?;
    Ok(Instance {
        id: InstanceId::from_bytes(bytes16(row, "instance_id")?),
        project_id: ProjectId::from_bytes(bytes16(row, "project_id")?),
        name: InstanceName::try_from(column::<String>(row, "name")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.name is malformed" })?,
        description: column(row, "description")?,
        engine,
        engine_version: EngineVersion::new(engine, column(row, "engine_version")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.engine_version is unknown" })?,
        cache_mode: parse(row, "cache_mode", "instances.cache_mode is unknown")?,
        capacity: capacity_mb
            .and_then(|megabytes| Capacity::from_megabytes(megabytes).ok())
            .ok_or(StoreError::Inconsistent { what: "instances.capacity_mb is not offered" })?,
        spec_code: column(row, "spec_code")?,
        status: parse(row, "status", "instances.status is unknown")?,
        ip: column(row, "ip")?,
        port: u16::try_from(column::<i64>(row, "port")?)
            .map_err(|_| StoreError::Inconsistent { what: "instances.port is out of range" })?,
        no_password_access: column(row, "no_password_access")?,
        zone_codes: zone_codes.split(',').map(str::to_owned).collect(),
        network: Network {
            vpc_id: column(row, "vpc_id")?,
            subnet_id: column(row, "subnet_id")?,
            security_group_id: column(row, "security_group_id")?,
        },
        creator: Creator { user_id: column(row, "user_id")?, user_name: column(row, "user_name")? },
        created_at: timestamp(row, "created_at")?,
        task: match column::<Option<i64>>(row, "open_kind")? {
            Some(record_kind::BACKUP) => Some(SideTask::Backup),
            _ => None,
        },
    })
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
