//! Switching what of an instance is on or off.

use sqlx::SqliteConnection;

use crate::domain::instance::InstanceSwitch;
use crate::domain::task::NewTask;
use crate::domain::task::TaskDetails;
use crate::store::StoreError;
use crate::store::sqlite::background_tasks;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::KnownInstance;
use crate::store::sqlite::instances::{note, shown};

/// Switches something; its background task has ended when that is done.
pub(super) async fn switch(
    connection: &mut SqliteConnection,
    known: &KnownInstance,
    switch: InstanceSwitch,
    task: &NewTask,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let after = switch.applied_to(&before)?;
    if after != before {
        sqlx::query(
            "UPDATE instances SET enable_ssl = ?, transparent_client_ip = ?, updated_at = max(?, created_at)
             WHERE instance_key = ?",
        )
        .bind(after.access.ssl)
        .bind(after.sees_client_ips)
        .bind(audit.at.as_millis())
        .bind(known.key)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("switch something of an instance"))?;
        note(connection, known.key, after.status, switch.note(), audit).await?;
    }
    let span = (audit.at, Some(audit.at));
    background_tasks::begin(connection, known.key, task, &TaskDetails::default(), span).await
}
