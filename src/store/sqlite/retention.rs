//! What lets backups expire: more of them than are kept, or the end of the days for which an automatic one stays.
//!
//! The newest usable automatic backup of an instance stays beyond its days, as `held`, until there is a newer one.

use std::collections::HashMap;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::domain::backup::{BackupStatusKind, RecordNumber};
use crate::domain::id::{BackupId, InstanceId};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::store::row::{self, backup_status_code, record_kind};
use crate::store::sqlite::events::{self, Change};
use crate::store::{ChangedRecord, MadeChange, ScheduleOutcome, StoreError};

/// How many usable backups of an instance stay, and what is known of those that went.
pub(super) struct Expiry<'s> {
    /// How many stay; none: all.
    pub(super) keep: Option<u32>,
    /// By instance, a number below which no record is usable: what has expired is not looked at again.
    pub(super) floors: &'s mut HashMap<i64, i64>,
}

/// Lets all but the newest usable backups of an instance expire; returns those that did, oldest first.
pub(super) async fn expire_beyond(
    connection: &mut SqliteConnection,
    Expiry { keep, floors }: Expiry<'_>,
    instance_key: i64,
    at: Timestamp,
    actor_key: i64,
) -> Result<Vec<BackupId>, StoreError> {
    let Some(keep) = keep else { return Ok(Vec::new()) };
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
    let Some(oldest_kept) = oldest_kept else { return Ok(Vec::new()) };
    let rows = sqlx::query(
        "UPDATE backups SET status = ?1
         WHERE instance_key = ?2 AND record_number >= ?3 AND record_number < ?4 AND status = ?5
         RETURNING record_number, backup_id",
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
    record_expired(connection, instance_key, &rows, at, actor_key).await
}

/// Lets the automatic backups of an instance expire that are only there because there was no newer one than them, now that
/// the one numbered `newer` can be used; returns which.
pub(super) async fn release_held(
    connection: &mut SqliteConnection,
    instance_key: i64,
    newer: RecordNumber,
    at: Timestamp,
    actor_key: i64,
) -> Result<Vec<BackupId>, StoreError> {
    let rows = sqlx::query(
        "UPDATE backups INDEXED BY usable_automatic_backups SET status = ?1
         WHERE instance_key = ?2 AND record_number < ?3 AND save_days IS NOT NULL AND status = 2 AND held = 1
         RETURNING record_number, backup_id",
    )
    .bind(backup_status_code(BackupStatusKind::Expired))
    .bind(instance_key)
    .bind(i64::try_from(newer).unwrap_or(i64::MAX))
    .fetch_all(&mut *connection)
    .await
    .map_err(StoreError::during("let a backup expire that was held"))?;
    record_expired(connection, instance_key, &rows, at, actor_key).await
}

/// Ends the days of those automatic backups for which they are over at `at`: they expire, or are held.
pub(super) async fn end_days(
    connection: &mut SqliteConnection,
    at: Timestamp,
    actor_key: i64,
) -> Result<ScheduleOutcome, StoreError> {
    let rows = sqlx::query(
        "SELECT b.instance_key, b.record_number, b.backup_id, i.instance_id,
                b.updated_at + b.save_days * 86400000 AS ended_at,
                i.deleted_at IS NULL AND EXISTS (
                    SELECT 1 FROM backups n INDEXED BY usable_automatic_backups
                    WHERE n.instance_key = b.instance_key AND n.record_number > b.record_number
                      AND n.save_days IS NOT NULL AND n.status = 2) AS goes
         FROM backups b JOIN instances i USING (instance_key)
         WHERE b.save_days IS NOT NULL AND b.status = 2 AND b.held IS NULL
           AND b.updated_at + b.save_days * 86400000 <= ?
         ORDER BY ended_at, b.instance_key, b.record_number",
    )
    .bind(at.as_millis())
    .fetch_all(&mut *connection)
    .await
    .map_err(StoreError::during("find backups whose days are over"))?;
    let mut outcome = ScheduleOutcome { done: rows.len(), ..ScheduleOutcome::default() };
    for row in rows {
        let (instance_key, goes) = (row::column(&row, "instance_key")?, row::column(&row, "goes")?);
        let change = if goes {
            sqlx::query("UPDATE backups SET status = 4 WHERE instance_key = ? AND record_number = ?")
        } else {
            sqlx::query("UPDATE backups SET held = 1 WHERE instance_key = ? AND record_number = ?")
        };
        change
            .bind(instance_key)
            .bind(row::column::<i64>(&row, "record_number")?)
            .execute(&mut *connection)
            .await
            .map_err(StoreError::during("end the days of a backup"))?;
        if goes {
            let instance_id = InstanceId::from_bytes(row::bytes16(&row, "instance_id")?);
            let ended_at = row::timestamp(&row, "ended_at")?;
            let gone = record_expired(connection, instance_key, &[row], ended_at, actor_key).await?;
            outcome.changes.extend(gone.into_iter().map(|id| expiry(id, instance_id, ended_at)));
        }
    }
    Ok(outcome)
}

/// Returns the change of a backup that expired.
pub(super) fn expiry(id: BackupId, instance_id: InstanceId, at: Timestamp) -> MadeChange {
    let (from, to) = (Some(BackupStatusKind::Succeed), BackupStatusKind::Expired);
    MadeChange { record: ChangedRecord::Backup { id, from, to }, instance_id, at }
}

/// Records that backups of an instance expired, the oldest first; returns which.
async fn record_expired(
    connection: &mut SqliteConnection,
    instance_key: i64,
    rows: &[SqliteRow],
    at: Timestamp,
    actor_key: i64,
) -> Result<Vec<BackupId>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (usable, expired) =
        (backup_status_code(BackupStatusKind::Succeed), backup_status_code(BackupStatusKind::Expired));
    let mut gone: Vec<(i64, BackupId)> = rows
        .iter()
        .map(|row| {
            Ok((row::column(row, "record_number")?, BackupId::from_bytes(row::bytes16(row, "backup_id")?)))
        })
        .collect::<Result<_, StoreError>>()?;
    gone.sort_unstable_by_key(|(number, _)| *number);
    let event = |number: i64| Change {
        at,
        instance_key,
        record_kind: record_kind::BACKUP,
        record_number: u64::try_from(number).ok(),
        from_status: Some(usable),
        to_status: Some(expired),
        origin: &Origin::SYSTEM,
    };
    let history = gone.iter().map(|(number, _)| event(*number).into_row(actor_key)).collect();
    events::append(connection, history).await.map_err(StoreError::during("record that backups expired"))?;
    Ok(gone.into_iter().map(|(_, id)| id).collect())
}
