//! Writes changes that came due, each if the status is still what it was.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use crate::domain::backup::{BackupKind, BackupStatus};
use crate::domain::id::InstanceId;
use crate::domain::instance::InstanceStatus;
use crate::domain::origin::Origin;
use crate::domain::work::WorkPlan;
use crate::store::row::{
    BackupStatusRow, RestoreStatusRow, backup_status_code, record_kind, restore_status_code,
};
use crate::store::sqlite::events::{self, Change};
use crate::store::sqlite::instances::{self, Audit};
use crate::store::sqlite::retention::{self, Expiry};
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{backups, open_work, restores};
use crate::store::{BackupChange, ChangedRecord, DueChange, MadeChange, RestoreChange, StoreError};

/// Makes the changes whose `from` still holds, in order; returns what was made.
pub(super) async fn apply(
    state: &mut WriterState,
    changes: Vec<DueChange>,
    keep: Option<u32>,
) -> Result<Vec<MadeChange>, StoreError> {
    let WriterState { connection, instances: known, actors, floors } = state;
    let actor_key = actors
        .key(connection, &Origin::SYSTEM.actor)
        .await
        .map_err(StoreError::during("record who changes a record"))?;
    let mut made = Vec::with_capacity(changes.len());
    let mut keys = HashMap::new();
    for change in changes {
        let instance_id = change.instance_id();
        known.forget(instance_id);
        let instance_key = if let Some(key) = keys.get(&instance_id) {
            *key
        } else {
            let Some(key) = instance_key(connection, instance_id).await? else { continue };
            keys.insert(instance_id, key);
            key
        };
        match change {
            DueChange::Instance(change) => {
                made.extend(instances::end_passage(connection, instance_key, change, actor_key).await?);
            }
            DueChange::Backup(change) => {
                let keep = Expiry { keep, floors };
                made.extend(apply_to_backup(connection, keep, instance_key, &change, actor_key).await?);
            }
            DueChange::Restore(change) => {
                made.extend(apply_to_restore(connection, instance_key, &change, actor_key).await?);
            }
        }
    }
    Ok(made)
}

async fn apply_to_backup(
    connection: &mut SqliteConnection,
    expiry: Expiry<'_>,
    instance_key: i64,
    change: &BackupChange,
    actor_key: i64,
) -> Result<Vec<MadeChange>, StoreError> {
    let from_status = backup_status_code(change.from);
    let to = BackupStatusRow::from(&change.to);
    let was_as_expected =
        backups::update_status(connection, instance_key, change.number, change.id, from_status, &to)
            .await
            .map_err(StoreError::during("change the status of a backup"))?;
    if !was_as_expected {
        return Ok(Vec::new());
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
    let mut all = vec![MadeChange {
        record: ChangedRecord::Backup { id: change.id, from: Some(change.from), to: change.to.kind() },
        instance_id: change.instance_id,
        at: change.at,
    }];
    if matches!(change.to, BackupStatus::Succeed(_)) {
        let gone = retention::expire_beyond(connection, expiry, instance_key, change.at, actor_key).await?;
        all.extend(gone.into_iter().map(|id| retention::expiry(id, change.instance_id, change.at)));
        if change.kind == BackupKind::Automatic {
            let released = retention::release(connection, &[(instance_key, change.at)], actor_key).await?;
            all.extend(released.into_iter().map(|(_, change)| change));
        }
    }
    Ok(all)
}

async fn apply_to_restore(
    connection: &mut SqliteConnection,
    instance_key: i64,
    change: &RestoreChange,
    actor_key: i64,
) -> Result<Vec<MadeChange>, StoreError> {
    let from_status = restore_status_code(change.from);
    let to = RestoreStatusRow::from(&change.to);
    let was_as_expected =
        restores::update_status(connection, instance_key, change.number, change.id, from_status, &to)
            .await
            .map_err(StoreError::during("change the status of a restore"))?;
    if !was_as_expected {
        return Ok(Vec::new());
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
    let record = ChangedRecord::Restore { id: change.id, from: change.from, to: change.to.kind() };
    let mut all = vec![MadeChange { record, instance_id: change.instance_id, at: change.at }];
    if plan.is_none() {
        let statuses = InstanceStatus::OF_RESTORE;
        let audit = Audit { at: change.at, origin: &Origin::SYSTEM, actor_key };
        instances::set_status(connection, instance_key, statuses, audit).await?;
        // The days of its backup may have ended meanwhile.
        let released = retention::release(connection, &[(instance_key, change.at)], actor_key).await?;
        all.extend(released.into_iter().map(|(_, change)| change));
    }
    Ok(all)
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

async fn instance_key(connection: &mut SqliteConnection, id: InstanceId) -> Result<Option<i64>, StoreError> {
    sqlx::query_scalar("SELECT instance_key FROM instances WHERE instance_id = ?")
        .bind(&id.as_bytes()[..])
        .fetch_optional(connection)
        .await
        .map_err(StoreError::during("find the instance of a change"))
}
