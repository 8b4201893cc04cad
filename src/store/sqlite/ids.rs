//! Which ids are taken.

use sqlx::SqliteExecutor;

use crate::store::StoreError;

/// Returns whether anything has the id that is given ids of its own: an instance, a record of any kind, what is asked after, or what
/// is set of an instance or a project.
pub(super) async fn is_taken(executor: impl SqliteExecutor<'_>, id: [u8; 16]) -> Result<bool, StoreError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM backups WHERE backup_id = ?1)
             OR EXISTS (SELECT 1 FROM restores WHERE restore_id = ?1)
             OR EXISTS (SELECT 1 FROM instances WHERE instance_id = ?1)
             OR EXISTS (SELECT 1 FROM jobs WHERE job_id = ?1)
             OR EXISTS (SELECT 1 FROM background_tasks WHERE task_id = ?1)
             OR EXISTS (SELECT 1 FROM backup_policies WHERE policy_id = ?1)
             OR EXISTS (SELECT 1 FROM parameter_changes WHERE change_id = ?1)
             OR EXISTS (SELECT 1 FROM config_templates WHERE template_id = ?1)",
    )
    .bind(&id[..])
    .fetch_one(executor)
    .await
    .map_err(StoreError::during("look whether an id is taken"))
}
