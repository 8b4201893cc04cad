//! Writes changes that came due, each if the status is still what it was; expires backups beyond those that are kept.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use crate::domain::backup::{BackupStatus, BackupStatusKind};
use crate::domain::id::InstanceId;
use crate::domain::instance::InstanceStatus;
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkPlan;
use crate::store::row::{
    BackupStatusRow, RestoreStatusRow, backup_status_code, record_kind, restore_status_code,
};
use crate::store::sqlite::events::{self, Change};
use crate::store::sqlite::instances::{self, Audit};
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{backups, open_work, restores};
use crate::store::{BackupChange, DueChange, RestoreChange, StoreError};

/// Makes the changes whose `from` still holds, in order.
pub(super) async fn apply(
    state: &mut WriterState,
    changes: Vec<DueChange>,
    keep: Option<u32>,
) -> Result<(), StoreError> {
    let WriterState { connection, instances: known, actors, floors } = state;
    let actor_key = actors
        .key(connection, &Origin::SYSTEM.actor)
        .await
        .map_err(StoreError::during("record who changes a record"))?;
    for change in changes {
        match change {
            DueChange::Instance(change) => {
                known.forget(change.instance_id);
                if let Some(instance_key) = instance_key(connection, change.instance_id).await? {
                    instances::end_passage(connection, instance_key, change, actor_key).await?;
                }
            }
            DueChange::Backup(change) => {
                known.forget(change.instance_id);
                apply_to_backup(connection, floors, change, keep, actor_key).await?;
            }
            DueChange::Restore(change) => {
                known.forget(change.instance_id);
                apply_to_restore(connection, change, actor_key).await?;
            }
        }
    }
    Ok(())
}

async fn apply_to_backup(
    connection: &mut SqliteConnection,
    floors: &mut HashMap<i64, i64>,
    change: BackupChange,
    keep: Option<u32>,
    actor_key: i64,
) -> Result<(), StoreError> {
    let Some(instance_key) = instance_key(connection, change.instance_id).await? else { return Ok(()) };
    let from_status = backup_status_code(change.from);
    let to = BackupStatusRow::from(&change.to);
    let was_as_expected =
        backups::update_status(connection, instance_key, change.number, change.id, from_status, &to)
            .await
            .map_err(StoreError::during("change the status of a backup"))?;
    if !was_as_expected {
        return Ok(());
    }
    let event = Change {
        at: change.at,
        instance_key,
        record_kind: record_kind::BACKUP,
        record_number: Some(change.number),
        from_status: Some(from_status),
        to_status: Some(to.status),
        origin: &Origin::SYSTEM,
    };
    move_on(connection, event, change.to.open_plan(), actor_key).await?;
    if matches!(change.to, BackupStatus::Succeed(_)) {
        expire_beyond(connection, floors, instance_key, keep, change.at, actor_key).await?;
    }
    Ok(())
}

async fn apply_to_restore(
    connection: &mut SqliteConnection,
    change: RestoreChange,
    actor_key: i64,
) -> Result<(), StoreError> {
    let Some(instance_key) = instance_key(connection, change.instance_id).await? else { return Ok(()) };
    let from_status = restore_status_code(change.from);
    let to = RestoreStatusRow::from(&change.to);
    let was_as_expected =
        restores::update_status(connection, instance_key, change.number, change.id, from_status, &to)
            .await
            .map_err(StoreError::during("change the status of a restore"))?;
    if !was_as_expected {
        return Ok(());
    }
    let plan = change.to.open_plan();
    let event = Change {
        at: change.at,
        instance_key,
        record_kind: record_kind::RESTORE,
        record_number: Some(change.number),
        from_status: Some(from_status),
        to_status: Some(to.status),
        origin: &Origin::SYSTEM,
    };
    move_on(connection, event, plan, actor_key).await?;
    if plan.is_none() {
        let statuses = InstanceStatus::OF_RESTORE;
        let audit = Audit { at: change.at, origin: &Origin::SYSTEM, actor_key };
        instances::set_status(connection, instance_key, statuses, audit).await?;
    }
    Ok(())
}

/// Plans what follows a change of a record, and records the change.
async fn move_on(
    connection: &mut SqliteConnection,
    change: Change<'_>,
    plan: Option<WorkPlan>,
    actor_key: i64,
) -> Result<(), StoreError> {
    open_work::move_on(connection, change.instance_key, plan)
        .await
        .map_err(StoreError::during("plan what follows a change"))?;
    events::append(connection, vec![change.into_row(actor_key)])
        .await
        .map_err(StoreError::during("record a change that came due"))
}

/// Lets all but the `keep` newest usable backups of an instance expire.
///
/// `floors` holds, by instance, a number below which no record is usable: what has expired is not looked at again.
pub(super) async fn expire_beyond(
    connection: &mut SqliteConnection,
    floors: &mut HashMap<i64, i64>,
    instance_key: i64,
    keep: Option<u32>,
    at: Timestamp,
    actor_key: i64,
) -> Result<(), StoreError> {
    let Some(keep) = keep else { return Ok(()) };
    let (usable, expired) =
        (backup_status_code(BackupStatusKind::Succeed), backup_status_code(BackupStatusKind::Expired));
    let floor = floors.get(&instance_key).copied().unwrap_or(1);
    let oldest_kept: Option<i64> = sqlx::query_scalar(
        "SELECT record_number FROM backups WHERE instance_key = ? AND record_number >= ? AND status = ?
         ORDER BY record_number DESC LIMIT 1 OFFSET ?",
    )
    .bind(instance_key)
    .bind(floor)
    .bind(usable)
    .bind(i64::from(keep) - 1)
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::during("find the oldest backup that is kept"))?;
    let Some(oldest_kept) = oldest_kept else { return Ok(()) };
    let rows = sqlx::query(
        "UPDATE backups SET status = ?1
         WHERE instance_key = ?2 AND record_number >= ?3 AND record_number < ?4 AND status = ?5
         RETURNING record_number",
    )
    .bind(expired)
    .bind(instance_key)
    .bind(floor)
    .bind(oldest_kept)
    .bind(usable)
    .fetch_all(&mut *connection)
    .await
    .map_err(StoreError::during("let backups expire"))?;
    floors.insert(instance_key, oldest_kept);
    let mut numbers: Vec<i64> = rows
        .iter()
        .map(|row| row.try_get("record_number").map_err(StoreError::during("read a column")))
        .collect::<Result<_, _>>()?;
    numbers.sort_unstable();
    let event = |number: i64| Change {
        at,
        instance_key,
        record_kind: record_kind::BACKUP,
        record_number: u64::try_from(number).ok(),
        from_status: Some(usable),
        to_status: Some(expired),
        origin: &Origin::SYSTEM,
    };
    let history: Vec<_> = numbers.into_iter().map(|number| event(number).into_row(actor_key)).collect();
    events::append(connection, history).await.map_err(StoreError::during("record that backups expired"))
}

async fn instance_key(connection: &mut SqliteConnection, id: InstanceId) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar("SELECT instance_key FROM instances WHERE instance_id = ?")
        .bind(&id.as_bytes()[..])
        .fetch_optional(connection)
        .await
        .map_err(StoreError::during("find the instance of a change"))
}
