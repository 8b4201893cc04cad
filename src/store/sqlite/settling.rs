//! Writes changes that came due, each if the status is still what it was.

use crate::domain::origin::Origin;
use crate::store::row::{BackupStatusRow, backup_status_code, record_kind};
use crate::store::sqlite::backups::update_status;
use crate::store::sqlite::events::{self, Change};
use crate::store::sqlite::writer::WriterState;
use crate::store::{BackupChange, StoreError};

/// Makes the changes whose `from` still holds, in order.
pub(super) async fn apply(state: &mut WriterState, changes: Vec<BackupChange>) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors } = state;
    let actor_key = actors
        .key(connection, &Origin::SYSTEM.actor)
        .await
        .map_err(StoreError::during("record who changes a backup"))?;
    let mut history = Vec::with_capacity(changes.len());
    for change in changes {
        instances.forget(change.instance_id);
        let instance_key: Option<i64> =
            sqlx::query_scalar("SELECT instance_key FROM instances WHERE instance_id = ?")
                .bind(&change.instance_id.as_bytes()[..])
                .fetch_optional(&mut *connection)
                .await
                .map_err(StoreError::during("find the instance of a change"))?;
        let Some(instance_key) = instance_key else { continue };
        let from_status = backup_status_code(change.from);
        let to = BackupStatusRow::from(&change.to);
        let was_as_expected = update_status(connection, instance_key, change.number, from_status, &to)
            .await
            .map_err(StoreError::during("change the status of a backup"))?;
        if !was_as_expected {
            continue;
        }
        match change.to.open_plan() {
            Some(plan) => sqlx::query("UPDATE open_work SET due_at = ? WHERE instance_key = ?")
                .bind(plan.finish_at.as_millis())
                .bind(instance_key),
            None => sqlx::query("DELETE FROM open_work WHERE instance_key = ?").bind(instance_key),
        }
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("plan what follows a change"))?;
        let event = Change {
            at: change.at,
            instance_key,
            record_kind: record_kind::BACKUP,
            record_number: Some(change.number),
            from_status: Some(from_status),
            to_status: Some(to.status),
            origin: &Origin::SYSTEM,
        };
        history.push(event.into_row(actor_key));
    }
    events::append(connection, history).await.map_err(StoreError::during("record changes that came due"))
}
