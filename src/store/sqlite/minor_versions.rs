//! Minor versions of instances that are behind the latest ones, and upgrades to these.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;

use crate::domain::background_work::{Effect, Occupation, Step};
use crate::domain::instance::{InstanceAction, MinorVersions, Upgrade, UpgradeRequest};
use crate::domain::task::{NewTask, TaskDetails};
use crate::domain::work::WorkOptions;
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::{note, shown};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::tasks;
use crate::store::{StoreError, WorkStep};

/// Returns the minor versions in which an instance is behind.
pub(super) async fn read(
    database: impl SqliteExecutor<'_>,
    instance_key: i64,
) -> Result<MinorVersions, StoreError> {
    let find = sql("read minor versions", "SELECT engine, proxy FROM minor_versions WHERE instance_key = ?");
    let found = find.bind(instance_key).optional::<(Option<String>, Option<String>)>(database).await?;
    Ok(found.map(|(engine, proxy)| MinorVersions { engine, proxy }).unwrap_or_default())
}

/// Begins an upgrade. If there is nothing to do, its background task has ended at once.
pub(super) async fn begin_upgrade(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    order: &UpgradeRequest,
    (task, work): (&NewTask, WorkOptions),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let instance = shown(connection, known.key).await?;
    let upgrade = order.of(&instance, &read(&mut *connection, known.key).await?)?;
    known.state.permit(InstanceAction::Occupy)?;
    if upgrade.is_nothing() {
        let span = (audit.at, Some(audit.at));
        tasks::begin(connection, known.key, task, &TaskDetails::default(), span).await?;
        return note(connection, known.key, known.state.status, "no minor version to upgrade", audit).await;
    }
    let Upgrade { engine, proxy } = upgrade;
    let effect = Effect::UpgradeMinorVersion { id: task.task_id, engine, proxy };
    let task = Some((task, TaskDetails::default()));
    let new = NewWork { effect, work, occupation: Some(Occupation::Upgrade), task };
    background_work::begin(connection, known, new, audit.at).await?;
    note(connection, known.key, known.state.status, "minor version upgrade begun", audit).await
}

/// Moves an upgrade on; at its end the instance has the latest versions of what was upgraded.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    upgrade: Upgrade,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start {
        return Ok(());
    }
    if step.work.plan.failure.is_some() {
        return note(connection, known.key, known.state.status, "minor version upgrade failed", audit).await;
    }
    let before = read(&mut *connection, known.key).await?;
    let behind = MinorVersions {
        engine: before.engine.filter(|_| !upgrade.engine),
        proxy: before.proxy.filter(|_| !upgrade.proxy),
    };
    let clear = sql("forget minor versions", "DELETE FROM minor_versions WHERE instance_key = ?");
    clear.bind(known.key).execute(&mut *connection).await?;
    if !behind.are_latest() {
        let keep = sql(
            "keep minor versions",
            "INSERT INTO minor_versions (instance_key, engine, proxy) VALUES (?, ?, ?)",
        );
        keep.bind(known.key).bind(behind.engine).bind(behind.proxy).execute(&mut *connection).await?;
    }
    note(connection, known.key, known.state.status, "minor version upgraded", audit).await
}
