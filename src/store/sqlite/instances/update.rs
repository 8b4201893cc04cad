//! Changing what of an instance takes no time.

use sqlx::SqliteConnection;

use crate::domain::id::ProjectId;
use crate::domain::instance::{Instance, InstanceUpdate};
use crate::domain::task::NewTask;
use crate::domain::task::TaskDetails;
use crate::store::StoreError;
use crate::store::sqlite::background_tasks;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::KnownInstance;
use crate::store::sqlite::instances::creation::{rename_commands_json, require_free};
use crate::store::sqlite::instances::{note, policy, shown, waiting};

/// Changes an instance; a new name must be free in `names`, if that is a project. A new port is told by the background task that comes
/// with the update.
pub(super) async fn update(
    connection: &mut SqliteConnection,
    known: &KnownInstance,
    (update, port_change): (&InstanceUpdate, Option<&NewTask>),
    policy_id: [u8; 16],
    names: Option<ProjectId>,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let after = update.applied_to(&before)?;
    if let Some(project_id) = names.filter(|_| after.name != before.name) {
        require_free(connection, project_id, vec![after.name.as_str()]).await?;
    }
    let Some(text) = update.note(&before, &after) else { return Ok(()) };
    write(connection, known.key, &after, audit).await?;
    if let Some(wanted) = update.new_policy(&before) {
        policy::set(connection, known.key, wanted, policy_id, audit.at).await?;
    }
    if after.maintenance != before.maintenance {
        waiting::replan(connection, known.key, after.maintenance, audit.at).await?;
    }
    if let Some(task) = port_change.filter(|_| after.port != before.port) {
        let details = TaskDetails { ports: Some((before.port, after.port)), ..TaskDetails::default() };
        let span = (audit.at, Some(audit.at));
        background_tasks::begin(connection, known.key, task, &details, span).await?;
    }
    note(connection, known.key, after.status, &text, audit).await
}

async fn write(
    connection: &mut SqliteConnection,
    instance_key: i64,
    after: &Instance,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE instances
         SET name = ?, description = ?, maintain_begin = ?, maintain_end = ?, security_group_id = ?, port = ?,
             rename_commands = ?, updated_at = max(?, created_at)
         WHERE instance_key = ?",
    )
    .bind(after.name.as_str())
    .bind(&after.description)
    .bind(after.maintenance.begin())
    .bind(after.maintenance.end())
    .bind(&after.network.security_group_id)
    .bind(i64::from(after.port))
    .bind(rename_commands_json(&after.rename_commands))
    .bind(audit.at.as_millis())
    .bind(instance_key)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("change an instance"))
}
