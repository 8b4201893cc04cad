//! Rows of `background_tasks` and `jobs`.

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use crate::domain::id::{JobId, TaskId};
use crate::domain::instance::{Capacity, Creator};
use crate::domain::job::Job;
use crate::domain::task::{BackgroundTask, TaskSize};
use crate::store::error::StoreError;
use crate::store::row::{bytes16, column, timestamp, to_timestamp};

/// The columns that [`task`] reads, from `background_tasks t`.
pub(in crate::store) const TASK_COLUMNS: &str =
    "t.task_id, t.name, t.details, t.user_id, t.user_name, t.created_at, t.finished_at, t.failed";

/// What the details of a change of size say.
#[derive(Serialize, Deserialize)]
struct SizesForm {
    old: SizeForm,
    new: SizeForm,
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

/// Writes what a task changes the size of an instance from, and to.
pub(in crate::store) fn sizes_json((old, new): (&TaskSize, &TaskSize)) -> Result<String, StoreError> {
    serde_json::to_string(&SizesForm { old: SizeForm::of(old), new: SizeForm::of(new) })
        .map_err(|_| StoreError::Inconsistent { what: "the details of a task cannot be written as JSON" })
}

/// Reads a task from a row of [`TASK_COLUMNS`]. Details that say nothing of sizes are those of another kind of task.
pub(in crate::store) fn task(row: &SqliteRow) -> Result<BackgroundTask, StoreError> {
    let sizes: Option<SizesForm> = serde_json::from_str(column(row, "details")?).ok();
    Ok(BackgroundTask {
        id: TaskId::from_bytes(bytes16(row, "task_id")?),
        name: column(row, "name")?,
        sizes: sizes.and_then(|form| Some((form.old.size()?, form.new.size()?))),
        creator: Creator { user_id: column(row, "user_id")?, user_name: column(row, "user_name")? },
        created_at: timestamp(row, "created_at")?,
        finished_at: column::<Option<i64>>(row, "finished_at")?.map(to_timestamp).transpose()?,
        failed: column(row, "failed")?,
    })
}

/// Reads a job from a row of `jobs`.
pub(in crate::store) fn job(row: &SqliteRow) -> Result<Job, StoreError> {
    Ok(Job {
        id: JobId::from_bytes(bytes16(row, "job_id")?),
        kind: column(row, "job_type")?,
        begun_at: timestamp(row, "begin_at")?,
        ended_at: column::<Option<i64>>(row, "end_at")?.map(to_timestamp).transpose()?,
        fail_reason: column(row, "fail_reason")?,
    })
}
