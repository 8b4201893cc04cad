//! Rows of `background_tasks` and `jobs`.

use crate::domain::id::{JobId, TaskId};
use crate::domain::instance::Creator;
use crate::domain::task::{BackgroundTask, Job};
use crate::domain::time::Timestamp;

/// The columns of a [`TaskRow`], from `background_tasks t`.
pub(in crate::store) const TASK_COLUMNS: &str = "t.task_id, t.name, t.details, t.job_id, t.user_id, t.user_name, \
     EXISTS (SELECT 1 FROM waiting_changes c WHERE c.task_id = t.task_id), t.created_at, t.finished_at, t.failed, t.error_code";

/// A row of [`TASK_COLUMNS`].
pub(in crate::store) type TaskRow = (
    TaskId,
    String,
    Option<String>,
    Option<JobId>,
    String,
    String,
    bool,
    Timestamp,
    Option<Timestamp>,
    bool,
    Option<String>,
);

/// Takes a task. Of details that cannot be read there are none.
pub(in crate::store) fn task(row: TaskRow) -> BackgroundTask {
    let (id, name, details, job_id, user_id, user_name, waits, created_at, finished_at, failed, error_code) =
        row;
    let details = details.map(|details| serde_json::from_str(&details).unwrap_or_default());
    let creator = Creator { user_id, user_name };
    BackgroundTask { id, name, details, job_id, creator, waits, created_at, finished_at, failed, error_code }
}

/// The columns of a [`JobRow`], from `jobs j`.
pub(in crate::store) const JOB_COLUMNS: &str = "j.job_id, j.job_type, \
     EXISTS (SELECT 1 FROM waiting_changes c WHERE c.job_id = j.job_id), j.begin_at, j.end_at, j.fail_reason";

/// A row of [`JOB_COLUMNS`].
pub(in crate::store) type JobRow = (JobId, String, bool, Timestamp, Option<Timestamp>, Option<String>);

/// Takes a job.
pub(in crate::store) fn job((id, kind, waits, begun_at, ended_at, fail_reason): JobRow) -> Job {
    Job { id, kind, waits, begun_at, ended_at, fail_reason }
}
