//! An instance as it is, and the events that say what became of it.

use sqlx::SqliteConnection;

use crate::domain::instance::{Instance, InstanceStatus};
use crate::store::StoreError;
use crate::store::row::{INSTANCE_COLUMNS, instance_status_code};
use crate::store::sqlite::events::{self, AuditContext, Subject};
use crate::store::sqlite::sql::sql;

/// Reads an instance, as it is shown, by its key.
pub(in crate::store::sqlite) async fn shown(
    connection: &mut SqliteConnection,
    instance_key: i64,
) -> Result<Instance, StoreError> {
    let read = format!(
        "SELECT {INSTANCE_COLUMNS} FROM instances i JOIN projects p USING (project_key) WHERE i.instance_key = ?"
    );
    sql("read an instance", read).bind(instance_key).value(connection).await
}

/// Records that something of an instance changed and its status did not.
pub(in crate::store::sqlite) async fn note(
    connection: &mut SqliteConnection,
    instance_key: i64,
    status: InstanceStatus,
    text: &str,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let status = Some(instance_status_code(status));
    let event = audit.event(Subject::Instance(instance_key), status, status).remarked(Some(text.to_owned()));
    events::append(connection, vec![event]).await
}

/// Changes the status of an instance if it is still what it was, and records it.
pub(in crate::store::sqlite) async fn set_status(
    connection: &mut SqliteConnection,
    instance_key: i64,
    (from, to): (InstanceStatus, InstanceStatus),
    audit: AuditContext<'_>,
) -> Result<bool, StoreError> {
    let change = sql(
        "change the status of an instance",
        "UPDATE instances SET status = ?, updated_at = max(?, created_at) WHERE instance_key = ? AND status = ?",
    );
    let change = change.bind(to.as_str()).bind(audit.at).bind(instance_key).bind(from.as_str());
    if change.execute(&mut *connection).await? == 0 {
        return Ok(false);
    }
    record(connection, instance_key, (Some(from), Some(to)), audit).await?;
    Ok(true)
}

/// Records that an instance went from one status to another; without one it came into being, or went out of sight.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    instance_key: i64,
    (from, to): (Option<InstanceStatus>, Option<InstanceStatus>),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let (from, to) = (from.map(instance_status_code), to.map(instance_status_code));
    events::append(connection, vec![audit.event(Subject::Instance(instance_key), from, to)]).await
}
