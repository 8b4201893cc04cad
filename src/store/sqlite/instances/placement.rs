//! Giving an instance other zones, another network, other replicas: planned when it begins to be EXTENDING, made when that ends
//! well.

use sqlx::SqliteConnection;

use crate::domain::instance::{InstanceAction, InstanceStatus, NewPlacement, PlacementChange, WaitingChange};
use crate::domain::task::NewTask;
use crate::domain::work::WorkOptions;
use crate::store::StoreError;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::record::{note, shown};
use crate::store::sqlite::instances::{planned, transition, waiting};
use crate::store::sqlite::tasks;

/// Begins to extend an instance; it is extended already if that takes no time. What may `wait` does, unless the window of maintenance
/// is open.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    (extension, region): (&PlacementChange, &str),
    wait: Option<&WaitingChange>,
    (task, work): (&NewTask, WorkOptions),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let extended = extension.of(&before, region)?;
    let details = extended.task_details(&before);
    tasks::begin(connection, known.key, task, &details, (audit.at, None)).await?;
    if let Some(waiting) = wait.zip(before.maintenance.opens_after(audit.at)) {
        return waiting::keep(connection, &known, waiting, task, audit).await;
    }
    start(connection, known, (extension, &extended), work, audit).await
}

/// Begins what has waited. Its background task is there already.
pub(super) async fn start_waiting(
    connection: &mut SqliteConnection,
    known: CachedInstance,
    (extension, region): (&PlacementChange, &str),
    work: WorkOptions,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let extended = extension.of(&shown(connection, known.key).await?, region)?;
    start(connection, known, (extension, &extended), work, audit).await
}

async fn start(
    connection: &mut SqliteConnection,
    mut known: CachedInstance,
    (extension, extended): (&PlacementChange, &NewPlacement),
    work: WorkOptions,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let status = known.state.status;
    let transition =
        known.state.start_transition(InstanceAction::Extend, InstanceStatus::Extending, work, audit.at)?;
    planned::plan_place(connection, known.key, extended).await?;
    note(connection, known.key, status, extension.note(), audit).await?;
    transition::start(connection, known.key, status, transition, audit).await
}
