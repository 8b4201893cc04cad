//! Starting and stopping nodes of an instance.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::instance::NodeSwitch;
use crate::domain::job::NewJob;
use crate::store::StoreError;
use crate::store::sqlite::facts::KnownInstance;
use crate::store::sqlite::instances::{Audit, note, shown};
use crate::store::sqlite::jobs;

/// Starts or stops nodes; the job of it has ended when that is done.
pub(super) async fn switch(
    connection: &mut SqliteConnection,
    known: &KnownInstance,
    switch: &NodeSwitch,
    job: NewJob,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let stopped = switch.applied_to(&before)?;
    if stopped != before.stopped_nodes {
        write(connection, known.key, &stopped, audit).await?;
        note(connection, known.key, before.status, switch.note(), audit).await?;
    }
    jobs::begin(connection, known.key, job, (audit.at, Some(audit.at))).await
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
