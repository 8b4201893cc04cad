//! Access from the public network, and bandwidth.

use sqlx::SqliteConnection;

use crate::domain::background_work::{Effect, Occupation, Step};
use crate::domain::instance::{Instance, InstanceAction};
use crate::domain::network::{BandwidthChanges, BandwidthTargets, EXPANSION_TIME, PublicAccessRequest};
use crate::domain::task::{NewTask, TaskDetails, TaskSubject};
use crate::domain::work::{Progression, WorkOptions};
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::record::{note, shown};
use crate::store::sqlite::networks;
use crate::store::sqlite::sql::sql;
use crate::store::{StoreError, WorkStep};

/// Returns what an instance is like once it is opened as is asked for, or closed.
fn changed(before: &Instance, to: Option<&PublicAccessRequest>) -> Result<Instance, StoreError> {
    Ok(match to {
        Some(order) => before.opened(order)?,
        None => before.closed()?,
    })
}

/// Begins to open an instance to the public, or to close it; if it is strict by nothing else than its project has.
pub(super) async fn begin_access(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    (to, is_strict): (Option<PublicAccessRequest>, bool),
    (task, work): (&NewTask, WorkOptions),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let before = shown(connection, known.key).await?;
    let to = match to {
        Some(order) => Some(networks::open_access(connection, before.project_id, order, is_strict).await?),
        None => None,
    };
    let after = changed(&before, to.as_ref())?;
    known.state.permit(InstanceAction::Occupy)?;
    let open = if to.is_some() { &after } else { &before };
    let access = open.public_access();
    let details = TaskSubject {
        enable_public_ip: Some(to.is_some()),
        public_ip_id: access.as_ref().map(|access| access.eip_id.clone()),
        public_ip_address: access.as_ref().map(|access| access.address.to_string()),
        enable_ssl: to.is_some().then_some(after.access.ssl),
        ..TaskSubject::default()
    };
    let text = if to.is_some() { "public access begins to open" } else { "public access begins to close" };
    let new = NewWork {
        effect: Effect::PublicAccess { to },
        work,
        occupation: Some(Occupation::PublicAccess),
        task: Some((task, details.into())),
    };
    background_work::begin(connection, known, new, audit.at).await?;
    note(connection, known.key, known.state.status, text, audit).await
}

/// Opens an instance to the public, or closes it, when its work has ended well.
pub(in crate::store::sqlite) async fn apply_access(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    to: Option<&PublicAccessRequest>,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start || step.work.plan.failure.is_some() {
        return Ok(());
    }
    let before = shown(connection, known.key).await?;
    let after = changed(&before, to)?;
    let write = sql(
        "change the public access of an instance",
        "UPDATE instances SET enable_publicip = ?, publicip_id = ?, elb_id = ?, enable_ssl = ?, updated_at = max(?, created_at)
         WHERE instance_key = ?",
    );
    let access = after.access;
    let write = write.bind(access.public_ip).bind(access.public_ip_id).bind(access.elb_id);
    write.bind(access.ssl).bind(step.at).bind(known.key).execute(&mut *connection).await?;
    let text = if to.is_some() { "public access opened" } else { "public access closed" };
    note(connection, known.key, known.state.status, text, audit).await
}

/// Begins to give shards another bandwidth.
pub(super) async fn begin_bandwidth(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    wanted: &[(String, u64)],
    (task, work): (&NewTask, WorkOptions),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let shards = shown(connection, known.key).await?.bandwidth_targets(wanted)?;
    known.state.permit(InstanceAction::Occupy)?;
    let task = Some((task, TaskDetails::default()));
    let new = NewWork { effect: Effect::Bandwidth { shards }, work, occupation: None, task };
    background_work::begin(connection, known, new, audit.at).await?;
    note(connection, known.key, known.state.status, "bandwidth begins to change", audit).await
}

/// Gives shards another bandwidth when the work has ended well.
pub(in crate::store::sqlite) async fn apply_bandwidth(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    shards: &BandwidthTargets,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start || step.work.plan.failure.is_some() {
        return Ok(());
    }
    let changes = shown(connection, known.key).await?.with_bandwidths(shards, step.at);
    write_bandwidth(connection, known.key, &changes).await?;
    note(connection, known.key, known.state.status, "bandwidth changed", audit).await
}

/// Doubles the bandwidth of an instance for a time; the work that begins with it ends that.
pub(super) async fn expand(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let changes = shown(connection, known.key).await?.expanded(audit.at)?;
    known.state.permit(InstanceAction::Occupy)?;
    write_bandwidth(connection, known.key, &changes).await?;
    let progression = Progression::Timed { waiting: std::time::Duration::ZERO, running: EXPANSION_TIME };
    let work = WorkOptions { progression, failure: None };
    let new = NewWork { effect: Effect::BandwidthExpansion, work, occupation: None, task: None };
    background_work::begin(connection, known, new, audit.at).await?;
    note(connection, known.key, known.state.status, "bandwidth doubled", audit).await
}

/// Has the bandwidth of an instance be no longer doubled, when its time is over.
pub(in crate::store::sqlite) async fn end_expansion(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start {
        return Ok(());
    }
    let changes = shown(connection, known.key).await?.no_longer_expanded();
    write_bandwidth(connection, known.key, &changes).await?;
    note(connection, known.key, known.state.status, "bandwidth no longer doubled", audit).await
}

/// Takes from what is kept of bandwidth what an instance of another size has no longer.
pub(super) async fn fit_bandwidth(
    connection: &mut SqliteConnection,
    instance_key: i64,
) -> Result<(), StoreError> {
    match shown(connection, instance_key).await?.bandwidth_of_its_shards() {
        Some(changes) => write_bandwidth(connection, instance_key, &changes).await,
        None => Ok(()),
    }
}

async fn write_bandwidth(
    connection: &mut SqliteConnection,
    instance_key: i64,
    changes: &BandwidthChanges,
) -> Result<(), StoreError> {
    let write = sql("keep a bandwidth", "UPDATE instances SET bandwidth = ? WHERE instance_key = ?");
    write.bind_json(changes).bind(instance_key).execute(connection).await.map(drop)
}
