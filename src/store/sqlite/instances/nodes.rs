//! Starting and stopping nodes of an instance.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::instance::NodeSwitch;
use crate::domain::task::NewTask;
use crate::domain::task::TaskDetails;
use crate::store::StoreError;
use crate::store::sqlite::background_tasks;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instance_cache::KnownInstance;
use crate::store::sqlite::instances::{note, shown};

/// Starts or stops nodes; its background task has ended when that is done.
pub(super) async fn switch(
    connection: &mut SqliteConnection,
    known: &KnownInstance,
    switch: &NodeSwitch,
    task: &NewTask,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let stopped = switch.applied_to(&before)?;
    if stopped != before.stopped_nodes {
        write(connection, known.key, &stopped, audit).await?;
        note(connection, known.key, before.status, switch.note(), audit).await?;
    }
    let span = (audit.at, Some(audit.at));
    background_tasks::begin(connection, known.key, task, &TaskDetails::default(), span).await
}

async fn write(
    connection: &mut SqliteConnection,
    instance_key: i64,
    stopped: &BTreeSet<Uuid>,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let failed = StoreError::during("start or stop nodes");
    sqlx::query("DELETE FROM stopped_nodes WHERE instance_key = ?")
        .bind(instance_key)
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
    for id in stopped {
        sqlx::query("INSERT INTO stopped_nodes (instance_key, node_id) VALUES (?, ?)")
            .bind(instance_key)
            .bind(&id.as_bytes()[..])
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
    }
    sqlx::query("UPDATE instances SET updated_at = max(?, created_at) WHERE instance_key = ?")
        .bind(audit.at.as_millis())
        .bind(instance_key)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(failed)
}
