//! What the writer does to backup records: a run of creates in one statement each for records and audit, in one call;
//! deletes.

use std::collections::{BTreeMap, HashSet};

use sqlx::SqliteConnection;

use crate::domain::backup::Backup;
use crate::domain::id::{BackupId, InstanceId, RequestId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::BackupTerms;
use crate::domain::time::Timestamp;
use crate::store::BackupWrites;
use crate::store::error::commit_error;
use crate::store::row::{
    self, BACKUP_JSON, BACKUP_WORK, BackupStatusRow, backup_format_code, backup_kind_code,
    backup_status_code, record_kind,
};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::control;
use crate::store::sqlite::events::{self, AuditContext, Event, Subject};
use crate::store::sqlite::open_work::OpenWorkRow;
use crate::store::sqlite::reader::signed;
use crate::store::sqlite::retention::{self, Expiry};
use crate::store::sqlite::script::{InsertRow, Script};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::{BackupChange, CreateBackup, DeleteBackup, StoreError};
use async_trait::async_trait;
use futures_util::FutureExt;

/// In which transaction a run of creates is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transaction {
    /// In the one that is open.
    Open,
    /// In one of its own, begun and committed by the call that writes; only for creates that let nothing expire.
    Own,
}

/// Records a run of new backups, in order. The outer error undoes the whole transaction; an inner one is one command's.
pub(super) async fn create(
    state: &mut WriterState,
    run: &[CreateBackup],
    transaction: Transaction,
) -> Result<Vec<Result<Backup, StoreError>>, StoreError> {
    let WriterState { connection, instances, actors, numbers, oldest_usable, .. } = state;
    instances.load(connection, run.iter().map(|create| create.instance.instance_id)).await?;
    let mut results = Vec::with_capacity(run.len());
    let (mut records, mut open, mut history) =
        (Vec::with_capacity(run.len()), Vec::new(), Vec::with_capacity(run.len()));
    let mut grown = BTreeMap::new();
    for create in run {
        let CreateBackup { instance, new, is_id_client_chosen, rules, keep, origin } = create;
        let known = match instances.get_mut(instance.project_id, instance.instance_id) {
            Ok(known) => known,
            Err(error) => {
                results.push(Err(error));
                continue;
            }
        };
        if *is_id_client_chosen
            && (is_in(&results, new.id) || control::is_taken(&mut *connection, *new.id.as_bytes()).await?)
        {
            results.push(Err(Refusal::IdTaken.into()));
            continue;
        }
        match known.state.begin_backup(new.clone(), *rules) {
            Ok(backup) => {
                let actor_key = actors.key(connection, &origin.actor).await?;
                records.push(NewBackupRow::new(known.key, &backup));
                open.extend(open_work_row(known.key, &backup));
                history.push(CreatedBackupRow {
                    project_key: known.project_key,
                    number: numbers.next(connection, known.project_key).await?,
                    instance_name: known.name.clone(),
                    backup: backup.clone(),
                    actor_key,
                    request_id: origin.request_id,
                });
                if keep.is_some() && backup.is_restorable() {
                    grown.insert(known.key, (*keep, backup.created_at));
                }
                results.push(Ok(backup));
            }
            Err(refusal) => results.push(Err(refusal.into())),
        }
    }
    if records.is_empty() {
        return Ok(results);
    }
    let mut script = Script::default();
    if transaction == Transaction::Own {
        script.statement("BEGIN IMMEDIATE");
    }
    script.insert(records);
    script.insert(open);
    script.insert(history);
    match transaction {
        Transaction::Open => script.run(connection).await.map_err(StoreError::during("insert backups"))?,
        Transaction::Own => {
            script.statement("COMMIT");
            script.run(connection).await.map_err(commit_error)?;
        }
    }
    if !grown.is_empty() {
        numbers.forget();
    }
    for (instance_key, (keep, at)) in grown {
        let actor_key = actors.key(connection, &Origin::SYSTEM.actor).await?;
        retention::expire_beyond(connection, Expiry { keep, oldest_usable }, instance_key, at, actor_key)
            .await?;
    }
    Ok(results)
}

/// Returns whether a create of the same run, whose record is not in the table yet, has the id.
fn is_in(results: &[Result<Backup, StoreError>], id: BackupId) -> bool {
    results.iter().any(|result| matches!(result, Ok(backup) if backup.id == id))
}

/// Marks a backup as deleted.
pub(super) async fn delete(state: &mut WriterState, delete: DeleteBackup) -> Result<(), StoreError> {
    let DeleteBackup { instance, backup_id, enabled, now, origin } = delete;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    if !enabled {
        return Err(Refusal::BackupUnsupported.into());
    }
    let backup =
        find(connection, known.key, instance.instance_id, backup_id).await?.ok_or(Refusal::BackupNotFound)?;
    let Some(deleted) = backup.deleted(known.state.restores_from(backup.number), now)? else { return Ok(()) };
    // In the writer nothing can come between the look and the change; the guard says so to the database.
    let changed = update_status(
        connection,
        known.key,
        backup.number,
        backup.id,
        backup_status_code(backup.status.kind()),
        &BackupStatusRow::from(&deleted),
    )
    .await?;
    if !changed {
        return Err(StoreError::Inconsistent { what: "a backup changed while it was being deleted" });
    }
    let event = audit.event(
        Subject::Backup(known.key, backup.number),
        Some(backup_status_code(backup.status.kind())),
        Some(backup_status_code(deleted.kind())),
    );
    events::append(connection, vec![event]).await
}

/// Finds a backup of an instance by its id.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    instance_key: i64,
    instance_id: InstanceId,
    backup_id: BackupId,
) -> Result<Option<Backup>, StoreError> {
    let statement = format!(
        "SELECT {BACKUP_JSON} AS backup FROM backups b {BACKUP_WORK} WHERE b.backup_id = ? AND b.instance_key = ?"
    );
    let found = sql("find a backup", statement).bind(backup_id).bind(instance_key).row(connection).await?;
    found.map(|found| row::backup(&found, instance_id)).transpose()
}

/// Changes the status of a backup if it is still what it was; returns whether it was.
pub(super) async fn update_status(
    connection: &mut SqliteConnection,
    instance_key: i64,
    record_number: u64,
    id: BackupId,
    from_status: i64,
    to: &BackupStatusRow,
) -> Result<bool, StoreError> {
    let change = sql(
        "change the status of a backup",
        "UPDATE backups
         SET status = ?, execution_at = ?, updated_at = ?, size_bytes = ?, error_code = ?, progress = ?
         WHERE instance_key = ? AND record_number = ? AND backup_id = ? AND status = ?",
    );
    let change = change.bind(to.status).bind(to.execution_at).bind(to.updated_at).bind(to.size_bytes);
    let change = change.bind(to.error_code).bind(to.progress).bind(instance_key).bind(signed(record_number));
    Ok(change.bind(id).bind(from_status).execute(connection).await? == 1)
}

/// Changes the status of those backups, no two of one instance, whose status is still what it was; returns the keys of their
/// instances.
pub(super) async fn update_statuses(
    connection: &mut SqliteConnection,
    changes: &[(i64, BackupChange)],
) -> Result<HashSet<i64>, sqlx::Error> {
    let row = |(instance_key, change): &(i64, BackupChange)| {
        let to = BackupStatusRow::from(&change.to);
        let which = (
            *instance_key,
            change.number,
            hex::encode(change.id.as_bytes()),
            backup_status_code(change.from),
        );
        (which, (to.status, to.execution_at, to.updated_at, to.size_bytes, to.error_code, to.progress))
    };
    let rows: Vec<_> = changes.iter().map(row).collect();
    let instance_keys: Vec<i64> = sqlx::query_scalar(
        "UPDATE backups
         SET status = v.value ->> '$[1][0]', execution_at = v.value ->> '$[1][1]', updated_at = v.value ->> '$[1][2]',
             size_bytes = v.value ->> '$[1][3]', error_code = v.value ->> '$[1][4]', progress = v.value ->> '$[1][5]'
         FROM json_each(?) v
         WHERE instance_key = v.value ->> '$[0][0]' AND record_number = v.value ->> '$[0][1]'
           AND backup_id = unhex(v.value ->> '$[0][2]') AND status = v.value ->> '$[0][3]'
         RETURNING instance_key",
    )
    .bind(serde_json::to_string(&rows).unwrap_or_default())
    .fetch_all(connection)
    .await?;
    Ok(instance_keys.into_iter().collect())
}

/// Returns the event of a backup that came into being.
pub(super) fn created_event(instance_key: i64, backup: &Backup, origin: &Origin, actor_key: i64) -> Event {
    let status = backup_status_code(backup.status.kind());
    let audit = AuditContext { at: backup.created_at, origin, actor_key };
    audit.event(Subject::Backup(instance_key, backup.number), None, Some(status))
}

/// The event of a new backup. The most frequent one, so with all its values: nothing is looked up for it.
#[derive(Debug)]
struct CreatedBackupRow {
    project_key: i64,
    number: i64,
    instance_name: String,
    backup: Backup,
    actor_key: i64,
    request_id: Option<RequestId>,
}

impl InsertRow for CreatedBackupRow {
    const INTO: &'static str = "events (project_key, number, at, subject_kind, subject_id, subject_name, instance_id, \
                                instance_name, to_status, remark, error_code, actor_key, request_id)";
    const SELECT: [&'static str; 2] = [
        "SELECT column1, column2, column3, 'backup', column4,
                'backup_' || strftime('%Y%m%d%H%M%S', column3 / 1000 + column5 * 60, 'unixepoch'),
                column6, column7, column8, column9, iif(column10 IS NULL, NULL, printf('dcs.08.%04d', column10)), column11, column12
         FROM (VALUES ",
        ") WHERE column1 IS NOT NULL",
    ];
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        let Self { project_key, number, instance_name, backup, actor_key, request_id } = self;
        let status = BackupStatusRow::from(&backup.status);
        script.bind(project_key);
        script.bind(number);
        script.bind(backup.created_at.as_millis());
        script.bind(backup.id.as_bytes().to_vec());
        script.bind(backup.name_offset.as_minutes());
        script.bind(backup.instance_id.as_bytes().to_vec());
        script.bind(instance_name);
        script.bind(status.status);
        script.bind(backup.remark.as_ref().map(|remark| remark.as_str().to_owned()));
        script.bind(status.error_code);
        script.bind(actor_key);
        script.bind(request_id.map(|id| id.as_bytes().to_vec()));
    }
}

/// Returns the plan of a backup that takes time.
pub(super) fn open_work_row(instance_key: i64, backup: &Backup) -> Option<OpenWorkRow> {
    let started = backup.status.started_at().is_some();
    let plan = backup.status.open_plan()?;
    Some(OpenWorkRow::new(instance_key, record_kind::BACKUP, backup.number, plan, started))
}

/// A row of `backups`.
#[derive(Debug)]
pub(super) struct NewBackupRow {
    instance_key: i64,
    record_number: u64,
    backup_id: BackupId,
    status: BackupStatusRow,
    kind: i64,
    format: i64,
    name_offset_minutes: i16,
    created_at: Timestamp,
    remark: Option<String>,
    terms: Option<BackupTerms>,
}

impl NewBackupRow {
    pub(super) fn new(instance_key: i64, backup: &Backup) -> Self {
        Self {
            instance_key,
            record_number: backup.number,
            backup_id: backup.id,
            status: BackupStatusRow::from(&backup.status),
            kind: backup_kind_code(backup.kind),
            format: backup_format_code(backup.format),
            name_offset_minutes: backup.name_offset.as_minutes(),
            created_at: backup.created_at,
            remark: backup.remark.as_ref().map(|remark| remark.as_str().to_owned()),
            terms: backup.terms.clone(),
        }
    }
}

impl InsertRow for NewBackupRow {
    const INTO: &'static str = "backups (instance_key, record_number, backup_id, status, backup_type, backup_format, \
                                name_offset_minutes, created_at, execution_at, updated_at, size_bytes, \
                                error_code, progress, remark, period, save_days)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.instance_key);
        script.bind(i64::try_from(self.record_number).unwrap_or(i64::MAX));
        script.bind(self.backup_id.as_bytes().to_vec());
        script.bind(self.status.status);
        script.bind(self.kind);
        script.bind(self.format);
        script.bind(self.name_offset_minutes);
        script.bind(self.created_at.as_millis());
        script.bind(self.status.execution_at);
        script.bind(self.status.updated_at);
        script.bind(self.status.size_bytes);
        script.bind(self.status.error_code);
        script.bind(self.status.progress);
        script.bind(self.remark);
        script.bind(self.terms.as_ref().map(|terms| terms.window.as_str().to_owned()));
        script.bind(self.terms.map(|terms| terms.save_days));
    }
}

#[async_trait]
impl BackupWrites for SqliteStore {
    async fn create_backup(&self, command: CreateBackup) -> Result<Backup, StoreError> {
        self.writer.create_backup(command).await
    }

    async fn delete_backup(&self, command: DeleteBackup) -> Result<(), StoreError> {
        self.writer.change(|state| delete(state, command).boxed()).await
    }
}
