//! What the writer does to restore records, and to the status of the instance they are made on.

use sqlx::SqliteConnection;

use crate::domain::id::RestoreId;
use crate::domain::refusal::Refusal;
use crate::domain::restore::{Restore, RestoreStatus};
use crate::store::RestoreWrites;
use crate::store::row::{RestoreStatusRow, record_kind, restore_status_code};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::backups;
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::contents;
use crate::store::sqlite::control;
use crate::store::sqlite::events::{self, AuditContext, Subject};
use crate::store::sqlite::instances;
use crate::store::sqlite::open_work::OpenWorkRow;
use crate::store::sqlite::reader::signed;
use crate::store::sqlite::script::{InsertRow, Script};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::{CreateRestore, StoreError};
use async_trait::async_trait;
use futures_util::FutureExt;

/// Records a restore; while it is open its instance is RESTORING.
pub(super) async fn create(state: &mut WriterState, create: CreateRestore) -> Result<Restore, StoreError> {
    let CreateRestore { instance, backup_id, new, is_id_client_chosen, rules, origin } = create;
    let now = new.requested_at;
    let Change { connection, mut known, audit } = change::of_instance(state, instance, now, &origin).await?;
    if is_id_client_chosen && control::is_taken(&mut *connection, *new.id.as_bytes()).await? {
        return Err(Refusal::IdTaken.into());
    }
    known.state.permit_backup_work(rules)?;
    let backup = backups::find(connection, known.key, instance.instance_id, backup_id)
        .await?
        .ok_or(Refusal::InvalidParameter { name: "backup_id" })?;
    let status_before = known.state.status;
    let restore = known.state.begin_restore(new, &backup)?;
    let (key, status_after) = (known.key, known.state.status);
    let mut script = Script::default();
    script.insert(vec![NewRestoreRow { instance_key: key, restore: restore.clone() }]);
    script.insert(open_work_row(key, &restore).into_iter().collect());
    script.run(connection).await.map_err(StoreError::during("insert a restore"))?;
    let audit = AuditContext { at: restore.created_at, ..audit };
    let status = restore_status_code(restore.status.kind());
    let event = audit.event(Subject::Restore(key, restore.number), None, Some(status));
    events::append(connection, vec![event]).await?;
    if matches!(restore.status, RestoreStatus::Succeed { .. }) {
        contents::restore(connection, key, restore.number).await?;
    }
    if status_after != status_before {
        instances::set_status(connection, key, (status_before, status_after), audit).await?;
    }
    Ok(restore)
}

/// Returns the plan of a restore that takes time.
pub(super) fn open_work_row(instance_key: i64, restore: &Restore) -> Option<OpenWorkRow> {
    let started = restore.status.started_at().is_some();
    let plan = restore.status.open_plan()?;
    Some(OpenWorkRow::new(instance_key, record_kind::RESTORE, restore.number, plan, started))
}

/// A row of `restores`.
pub(super) struct NewRestoreRow {
    pub(super) instance_key: i64,
    pub(super) restore: Restore,
}

impl InsertRow for NewRestoreRow {
    const INTO: &'static str = "restores (instance_key, record_number, restore_id, backup_number, status, \
                                name_offset_minutes, created_at, execution_at, updated_at, error_code, progress, remark)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        let Self { instance_key, restore } = self;
        let status = RestoreStatusRow::from(&restore.status);
        script.bind(instance_key);
        script.bind(signed(restore.number));
        script.bind(restore.id);
        script.bind(signed(restore.source.backup_number));
        script.bind(status.status);
        script.bind(restore.name_offset.as_minutes());
        script.bind(restore.created_at);
        script.bind(status.execution_at);
        script.bind(status.updated_at);
        script.bind(status.error_code);
        script.bind(status.progress);
        script.bind(restore.remark.as_ref().map(|remark| remark.as_str().to_owned()));
    }
}

/// Changes the status of a restore if it is still what it was; returns whether it was.
pub(super) async fn update_status(
    connection: &mut SqliteConnection,
    instance_key: i64,
    record_number: u64,
    id: RestoreId,
    from_status: i64,
    to: &RestoreStatusRow,
) -> Result<bool, StoreError> {
    let change = sql(
        "change the status of a restore",
        "UPDATE restores SET status = ?, execution_at = ?, updated_at = ?, error_code = ?, progress = ?
         WHERE instance_key = ? AND record_number = ? AND restore_id = ? AND status = ?",
    );
    let change = change.bind(to.status).bind(to.execution_at).bind(to.updated_at).bind(to.error_code);
    let change = change.bind(to.progress).bind(instance_key).bind(signed(record_number)).bind(id);
    Ok(change.bind(from_status).execute(connection).await? == 1)
}

#[async_trait]
impl RestoreWrites for SqliteStore {
    async fn create_restore(&self, command: CreateRestore) -> Result<Restore, StoreError> {
        self.writer.change(|state| create(state, command).boxed()).await
    }
}
