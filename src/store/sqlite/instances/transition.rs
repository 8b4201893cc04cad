//! The way of an instance from one state to the next: begun by a caller, ended when it is due.

use sqlx::SqliteConnection;

use crate::domain::instance::{InstanceStatus, StatusAction, StatusTransition};
use crate::domain::origin::Origin;
use crate::domain::session::EVERY_NODE;
use crate::domain::work::{FailureCode, WorkOptions};
use crate::store::row::record_kind;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::planned;
use crate::store::sqlite::instances::record::set_status;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{contents, links, placed_orders, tasks};
use crate::store::{AppliedChange, ChangedRecord, InstanceChange, StoreError};

/// Has an instance restarted, emptied, started or stopped.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    mut known: CachedInstance,
    action: StatusAction,
    work: WorkOptions,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let from = known.state.status;
    known.state.permit_status_action(action)?;
    let transition =
        known.state.start_transition(action.action(), action.transient_status(), work, audit.at)?;
    start(connection, known.key, from, transition, audit).await
}

/// Takes the first step of a way, and the last if it takes no time; what comes later is planned.
pub(super) async fn start(
    connection: &mut SqliteConnection,
    instance_key: i64,
    from: InstanceStatus,
    transition: StatusTransition,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    set_status(connection, instance_key, (from, transition.status), audit).await?;
    let Some((to, at)) = transition.due_end(audit.at) else {
        return plan(connection, instance_key, transition).await;
    };
    let StatusTransition { instance_id, status: from, plan } = transition;
    let change = InstanceChange { instance_id, from, to, failure: plan.failure, at };
    finish(connection, instance_key, change, audit).await.map(drop)
}

/// Plans the end of a way.
pub(super) async fn plan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    transition: StatusTransition,
) -> Result<(), StoreError> {
    let plan = sql(
        "plan the way of an instance",
        "INSERT INTO open_work (instance_key, record_kind, start_at, finish_at, failure, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?4)",
    );
    let work = transition.plan;
    let plan = plan.bind(instance_key).bind(record_kind::INSTANCE).bind(work.start_at());
    plan.bind(work.finish_at()).bind(work.failure).execute(connection).await.map(drop)
}

/// Ends a way that came due, if the instance is still on it.
pub(in crate::store::sqlite) async fn finish_transition(
    connection: &mut SqliteConnection,
    instance_key: i64,
    change: InstanceChange,
    actor_key: i64,
) -> Result<Option<AppliedChange>, StoreError> {
    let InstanceChange { instance_id, from, to, at, .. } = change;
    let audit = AuditContext { at, origin: &Origin::SYSTEM, actor_key };
    let is_made = finish(connection, instance_key, change, audit).await?;
    Ok(is_made.then_some(AppliedChange {
        record: ChangedRecord::Instance { from, to },
        instance_id: Some(instance_id),
        at,
    }))
}

async fn finish(
    connection: &mut SqliteConnection,
    instance_key: i64,
    change: InstanceChange,
    audit: AuditContext<'_>,
) -> Result<bool, StoreError> {
    let audit = AuditContext { at: change.at, ..audit };
    if !set_status(connection, instance_key, (change.from, change.to), audit).await? {
        return Ok(false);
    }
    if change.from == InstanceStatus::Extending {
        planned::finish(connection, instance_key, change.failure.is_none()).await?;
    }
    if matches!(change.from, InstanceStatus::Restarting | InstanceStatus::Starting) {
        links::renew(connection, instance_key, &[EVERY_NODE], change.at).await?;
    }
    if change.failure.is_none() {
        contents::lose(connection, instance_key, change.from).await?;
    }
    tasks::end_all(connection, instance_key, change.at, change.failure).await?;
    let end =
        sql("end the way of an instance", "DELETE FROM open_work WHERE instance_key = ? AND record_kind = ?");
    end.bind(instance_key).bind(record_kind::INSTANCE).execute(&mut *connection).await?;
    let launched = change.to == InstanceStatus::Running;
    let end = sql(
        "end the way of an instance",
        "UPDATE instances SET launched_at = iif(?, coalesce(launched_at, ?), launched_at), error_code = ? WHERE instance_key = ?",
    );
    let end = end.bind(launched).bind(change.at).bind(change.failure.map(FailureCode::as_str));
    end.bind(instance_key).execute(&mut *connection).await?;
    if matches!(change.from, InstanceStatus::Creating | InstanceStatus::Extending) {
        placed_orders::advance(connection, instance_key, change.failure.is_some()).await?;
    }
    Ok(true)
}
