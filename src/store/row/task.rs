//! Rows of `background_tasks` and `jobs`.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use crate::domain::id::{JobId, TaskId};
use crate::domain::instance::{Capacity, Creator};
use crate::domain::task::Job;
use crate::domain::task::{BackgroundTask, TaskDetails, TaskReplica, TaskSize, TaskSubject};
use crate::store::error::StoreError;
use crate::store::row::{bytes16, column, timestamp, to_timestamp};

/// The columns that [`task`] reads, from `background_tasks t`.
pub(in crate::store) const TASK_COLUMNS: &str = "t.task_id, t.name, t.details, t.user_id, t.user_name, t.created_at, \
     t.finished_at, t.failed, t.error_code, t.job_id, \
     EXISTS (SELECT 1 FROM waiting_changes c WHERE c.task_id = t.task_id) AS waits";

/// What the details of a task say. Each kind of task has members of its own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct DetailsForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<SizeForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<SizeForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<(u16, u16)>,
    /// The shard, the zone and the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<(String, String, String)>,
    #[serde(flatten)]
    subject: TaskSubject,
}

#[derive(Serialize, Deserialize)]
struct SizeForm {
    capacity_mb: u32,
    spec_code: String,
    cache_mode: String,
    copies: u32,
}

impl SizeForm {
    fn of(size: &TaskSize) -> Self {
        Self {
            capacity_mb: size.capacity.as_megabytes(),
            spec_code: size.spec_code.clone(),
            cache_mode: size.cache_mode.as_str().to_owned(),
            copies: size.copies,
        }
    }

    fn size(self) -> Option<TaskSize> {
        Some(TaskSize {
            capacity: Capacity::from_megabytes(self.capacity_mb).ok()?,
            spec_code: self.spec_code,
            cache_mode: self.cache_mode.parse().ok()?,
            copies: self.copies,
        })
    }
}

/// Writes what a task is about.
pub(in crate::store) fn details_json(details: &TaskDetails) -> Result<String, StoreError> {
    let (old, new) = details.sizes.as_ref().map(|(old, new)| (SizeForm::of(old), SizeForm::of(new))).unzip();
    let replica = details.replica.clone().map(|replica| (replica.group_name, replica.zone_code, replica.ip));
    serde_json::to_string(&DetailsForm {
        old,
        new,
        ports: details.ports,
        replica,
        subject: details.subject.clone(),
    })
    .map_err(|_| StoreError::Inconsistent { what: "the details of a task cannot be written as JSON" })
}

/// Reads what a task is about: nothing of what cannot be read.
fn details(json: &str) -> TaskDetails {
    let form: DetailsForm = serde_json::from_str(json).unwrap_or_default();
    let replica = |(group_name, zone_code, ip)| TaskReplica { group_name, zone_code, ip };
    TaskDetails {
        sizes: form.old.and_then(SizeForm::size).zip(form.new.and_then(SizeForm::size)),
        ports: form.ports,
        replica: form.replica.map(replica),
        subject: form.subject,
    }
}

/// Reads a task from a row of [`TASK_COLUMNS`].
pub(in crate::store) fn task(row: &SqliteRow) -> Result<BackgroundTask, StoreError> {
    let has_job = column::<Option<&[u8]>>(row, "job_id")?.is_some();
    Ok(BackgroundTask {
        id: TaskId::from_bytes(bytes16(row, "task_id")?),
        name: column(row, "name")?,
        details: column::<Option<&str>>(row, "details")?.map(details),
        job_id: if has_job { Some(JobId::from_bytes(bytes16(row, "job_id")?)) } else { None },
        creator: Creator { user_id: column(row, "user_id")?, user_name: column(row, "user_name")? },
        waits: column(row, "waits")?,
        created_at: timestamp(row, "created_at")?,
        finished_at: column::<Option<i64>>(row, "finished_at")?.map(to_timestamp).transpose()?,
        failed: column(row, "failed")?,
        error_code: column(row, "error_code")?,
    })
}

/// Reads a job from a row of `jobs`.
pub(in crate::store) fn job(row: &SqliteRow) -> Result<Job, StoreError> {
    Ok(Job {
        id: JobId::from_bytes(bytes16(row, "job_id")?),
        kind: column(row, "job_type")?,
        waits: column(row, "waits")?,
        begun_at: timestamp(row, "begin_at")?,
        ended_at: column::<Option<i64>>(row, "end_at")?.map(to_timestamp).transpose()?,
        fail_reason: column(row, "fail_reason")?,
    })
}
