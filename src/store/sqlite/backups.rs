//! What the writer does to backup records: a run of creates in one statement each for records and audit; deletes.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::domain::backup::Backup;
use crate::domain::id::{BackupId, InstanceId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::store::row::{
    self, BackupStatusRow, backup_format_code, backup_kind_code, backup_status_code, record_kind,
};
use crate::store::sqlite::events::{self, Change};
use crate::store::sqlite::open_work::{self, OpenWorkRow};
use crate::store::sqlite::settling;
use crate::store::sqlite::writer::WriterState;
use crate::store::{CreateBackup, DeleteBackup, StoreError};

/// Records a run of new backups, in order. The outer error undoes the whole transaction; an inner one is one command's.
pub(super) async fn create(
    state: &mut WriterState,
    run: Vec<CreateBackup>,
) -> Result<Vec<Result<Backup, StoreError>>, StoreError> {
    let WriterState { connection, instances, actors, floors } = state;
    instances.load(connection, run.iter().map(|create| create.instance.instance_id)).await?;
    let mut results = Vec::with_capacity(run.len());
    let (mut records, mut open, mut history) =
        (Vec::with_capacity(run.len()), Vec::new(), Vec::with_capacity(run.len()));
    let mut grown = BTreeMap::new();
    for create in run {
        let CreateBackup { instance, new, rules, keep, origin } = create;
        let Some(known) = instances.get_mut(instance.project_id, instance.instance_id) else {
            results.push(Err(Refusal::InstanceNotFound.into()));
            continue;
        };
        match known.facts.begin_backup(new, rules) {
            Ok(backup) => {
                let actor_key = actors
                    .key(connection, &origin.actor)
                    .await
                    .map_err(StoreError::during("record who asked for a backup"))?;
                records.push(NewBackupRow::new(known.key, &backup));
                open.extend(open_work_row(known.key, &backup));
                history.push(created_event(known.key, &backup, &origin).into_row(actor_key));
                if keep.is_some() && backup.is_restorable() {
                    grown.insert(known.key, (keep, backup.created_at));
                }
                results.push(Ok(backup));
            }
            Err(refusal) => results.push(Err(refusal.into())),
        }
    }
    if !records.is_empty() {
        insert(connection, &records, &open).await.map_err(StoreError::during("insert backups"))?;
        events::append(connection, &history)
            .await
            .map_err(StoreError::during("record the creation of backups"))?;
    }
    for (instance_key, (keep, at)) in grown {
        let actor_key = actors
            .key(connection, &Origin::SYSTEM.actor)
            .await
            .map_err(StoreError::during("record who lets backups expire"))?;
        settling::expire_beyond(connection, floors, instance_key, keep, at, actor_key).await?;
    }
    Ok(results)
}

/// Marks a backup as deleted.
pub(super) async fn delete(state: &mut WriterState, delete: DeleteBackup) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    let DeleteBackup { instance, backup_id, enabled, now, origin } = delete;
    instances.load(connection, std::iter::once(instance.instance_id)).await?;
    let known =
        instances.get_mut(instance.project_id, instance.instance_id).ok_or(Refusal::InstanceNotFound)?;
    if !enabled {
        return Err(Refusal::BackupUnsupported.into());
    }
    let backup =
        find(connection, known.key, instance.instance_id, backup_id).await?.ok_or(Refusal::BackupNotFound)?;
    let Some(deleted) = backup.deleted(known.facts.restores_from(backup.number), now)? else { return Ok(()) };
    let actor_key = actors
        .key(connection, &origin.actor)
        .await
        .map_err(StoreError::during("record who deletes a backup"))?;
    // In the writer nothing can come between the look and the change; the guard says so to the database.
    let changed = update_status(
        connection,
        known.key,
        backup.number,
        backup_status_code(backup.status.kind()),
        &BackupStatusRow::from(&deleted),
    )
    .await
    .map_err(StoreError::during("delete a backup"))?;
    if !changed {
        return Err(StoreError::Inconsistent { what: "a backup changed while it was being deleted" });
    }
    let event = Change {
        at: now,
        instance_key: known.key,
        record_kind: record_kind::BACKUP,
        record_number: Some(backup.number),
        from_status: Some(backup_status_code(backup.status.kind())),
        to_status: Some(backup_status_code(deleted.kind())),
        origin: &origin,
    };
    events::append(connection, &[event.into_row(actor_key)])
        .await
        .map_err(StoreError::during("record the deletion of a backup"))
}

/// Finds a backup of an instance by its id.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    instance_key: i64,
    instance_id: InstanceId,
    backup_id: BackupId,
) -> Result<Option<Backup>, StoreError> {
    let found = sqlx::query(
        "SELECT b.record_number, b.backup_id, b.status, b.backup_type, b.backup_format, b.name_offset_minutes, b.created_at,
                b.execution_at, b.updated_at, b.size_bytes, b.error_code, b.progress, b.remark,
                w.start_at, w.finish_at, w.failure
         FROM backups b
         LEFT JOIN open_work w ON w.instance_key = b.instance_key AND w.record_kind = 1 AND w.record_number = b.record_number
         WHERE b.backup_id = ? AND b.instance_key = ?",
    )
    .bind(&backup_id.as_bytes()[..])
    .bind(instance_key)
    .fetch_optional(connection)
    .await
    .map_err(StoreError::during("find a backup"))?;
    found.map(|found| row::backup(&found, instance_id)).transpose()
}

/// Changes the status of a backup if it is still what it was; returns whether it was.
pub(super) async fn update_status(
    connection: &mut SqliteConnection,
    instance_key: i64,
    record_number: u64,
    from_status: i64,
    to: &BackupStatusRow,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE backups
         SET status = ?, execution_at = ?, updated_at = ?, size_bytes = ?, error_code = ?, progress = ?
         WHERE instance_key = ? AND record_number = ? AND status = ?",
    )
    .bind(to.status)
    .bind(to.execution_at)
    .bind(to.updated_at)
    .bind(to.size_bytes)
    .bind(to.error_code)
    .bind(to.progress)
    .bind(instance_key)
    .bind(i64::try_from(record_number).unwrap_or(i64::MAX))
    .bind(from_status)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn created_event<'a>(instance_key: i64, backup: &Backup, origin: &'a Origin) -> Change<'a> {
    Change {
        at: backup.created_at,
        instance_key,
        record_kind: record_kind::BACKUP,
        record_number: Some(backup.number),
        from_status: None,
        to_status: Some(backup_status_code(backup.status.kind())),
        origin,
    }
}

/// A row of `backups`, in the order of the columns that [`insert`] fills.
#[derive(Debug, Serialize)]
struct NewBackupRow(i64, u64, String, i64, i64, i64, i16, i64, Option<i64>, Option<i64>, i64, Option<String>);

impl NewBackupRow {
    fn new(instance_key: i64, backup: &Backup) -> Self {
        let status = BackupStatusRow::from(&backup.status);
        Self(
            instance_key,
            backup.number,
            backup.id.to_string().replace('-', ""),
            status.status,
            backup_kind_code(backup.kind),
            backup_format_code(backup.format),
            backup.name_offset.as_minutes(),
            backup.created_at.as_millis(),
            status.execution_at,
            status.updated_at,
            status.size_bytes,
            backup.remark.as_ref().map(|remark: &Remark| remark.as_str().to_owned()),
        )
    }
}

/// Returns the plan of a backup that takes time.
fn open_work_row(instance_key: i64, backup: &Backup) -> Option<OpenWorkRow> {
    let started = backup.status.started_at().is_some();
    let plan = backup.status.open_plan()?;
    Some(OpenWorkRow::new(instance_key, record_kind::BACKUP, backup.number, plan, started))
}

async fn insert(
    connection: &mut SqliteConnection,
    records: &[NewBackupRow],
    open: &[OpenWorkRow],
) -> Result<(), sqlx::Error> {
    let encode = |error: serde_json::Error| sqlx::Error::Encode(error.into());
    sqlx::query(
        "INSERT INTO backups (instance_key, record_number, backup_id, status, backup_type, backup_format,
                              name_offset_minutes, created_at, execution_at, updated_at, size_bytes, remark)
         SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5,
                value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
         FROM json_each(?) ORDER BY key",
    )
    .bind(serde_json::to_string(records).map_err(encode)?)
    .execute(&mut *connection)
    .await?;
    open_work::insert(connection, open).await
}
