//! Writes changes that came due, each if the status is still what it was.

use std::collections::{BTreeSet, HashMap};
use std::iter::Peekable;

use sqlx::SqliteConnection;

use crate::domain::background_work::{BackgroundWork, Effect};
use crate::domain::backup::{BackupKind, BackupStatus};
use crate::domain::id::InstanceId;
use crate::domain::instance::{InstanceStatus, Upgrade};
use crate::domain::key_analysis::AnalysisStatus;
use crate::domain::origin::Origin;
use crate::domain::restore::RestoreStatus;
use crate::store::row::{RestoreStatusRow, backup_status_code, restore_status_code};
use crate::store::sqlite::events::{self, AuditContext, Subject};
use crate::store::sqlite::instance_cache::InstanceCache;
use crate::store::sqlite::retention::{self, Expiry, Usable};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{
    accounts, background_work, backups, contents, diagnoses, exports, instances, key_analyses, migrations,
    minor_versions, nodes, open_work, restores, sessions,
};
use crate::store::{
    AppliedChange, BackupChange, ChangedRecord, DueChange, RestoreChange, ScheduledScan, StoreError, WorkStep,
};

/// Makes the changes whose `from` still holds, in order; returns what was made.
pub(super) async fn apply(
    state: &mut WriterState,
    changes: Vec<DueChange>,
    keep: Option<u32>,
) -> Result<Vec<AppliedChange>, StoreError> {
    let WriterState { connection, instances: known, actors, oldest_usable, .. } = state;
    let actor_key = actors.key(connection, &Origin::SYSTEM.actor).await?;
    let ids: BTreeSet<InstanceId> = changes.iter().filter_map(DueChange::instance_id).collect();
    for id in &ids {
        known.forget(*id);
    }
    let keys = instance_keys(connection, &ids).await?;
    let mut made = Vec::with_capacity(changes.len());
    let key = |change: &DueChange| match change.instance_id() {
        Some(id) => keys.get(&id).copied(),
        None => Some(NO_INSTANCE),
    };
    let mut changes = changes.into_iter().filter_map(|change| Some((key(&change)?, change))).peekable();
    while let Some((instance_key, change)) = changes.next() {
        made.extend(match change {
            DueChange::Work(step) => {
                let audit = AuditContext { at: step.at, origin: &Origin::SYSTEM, actor_key };
                apply_to_work(connection, known, &step, audit).await?.into_iter().collect()
            }
            DueChange::Instance(change) => {
                let made = instances::finish_transition(connection, instance_key, change, actor_key).await?;
                made.into_iter().collect()
            }
            DueChange::Backup(change) => {
                let batch = take_backups((instance_key, change), &mut changes);
                apply_to_backups(connection, Expiry { keep, oldest_usable }, batch, actor_key).await?
            }
            DueChange::Restore(change) => {
                apply_to_restore(connection, instance_key, &change, actor_key).await?
            }
        });
    }
    Ok(made)
}

/// In place of the key of the instance of what has none.
const NO_INSTANCE: i64 = 0;

/// Makes a step of background work: first it moves on itself, then what it is about.
async fn apply_to_work(
    connection: &mut SqliteConnection,
    cache: &mut InstanceCache,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<Option<AppliedChange>, StoreError> {
    if !background_work::move_on(connection, step).await? {
        return Ok(None);
    }
    let BackgroundWork { project_id, instance_id, effect, plan, .. } = &step.work;
    let known = match instance_id {
        Some(id) => {
            cache.load(connection, std::iter::once(*id)).await?;
            let known = cache.get_mut(*project_id, *id)?.clone();
            cache.forget(*id);
            Some(known)
        }
        None => None,
    };
    match (effect, &known) {
        (Effect::KeyAnalysis { id, .. }, Some(known)) => {
            key_analyses::apply(connection, known, *id, step, audit).await?;
        }
        (Effect::ScheduledScan { .. }, Some(known)) => {
            // A schedule is no record of anything, but what it begins is.
            let Some(scan) = &step.scan else { return Ok(None) };
            let scan = ScheduledScan::clone(scan);
            let (model, id) = (effect.model(), scan.new.analysis.id.to_string());
            let is_begun = key_analyses::run_schedule(connection, known, scan, audit).await?;
            let record = ChangedRecord::Work { model, id, from: None, to: AnalysisStatus::Waiting.as_str() };
            return Ok(is_begun.then_some(AppliedChange { record, instance_id: *instance_id, at: step.at }));
        }
        (Effect::Diagnosis { id }, Some(known)) => {
            diagnoses::apply(connection, known, *id, step, audit).await?;
        }
        (Effect::UpgradeMinorVersion { engine, proxy, .. }, Some(known)) => {
            let upgrade = Upgrade { engine: *engine, proxy: *proxy };
            minor_versions::apply(connection, known, upgrade, step, audit).await?;
        }
        (Effect::CheckResize { more_memory_mb, .. }, Some(_)) => {
            instances::finish_check(connection, *more_memory_mb, step).await?;
        }
        (Effect::PublicAccess { to }, Some(known)) => {
            instances::apply_access(connection, known, to.as_ref(), step, audit).await?;
        }
        (Effect::Bandwidth { shards }, Some(known)) => {
            instances::apply_bandwidth(connection, known, shards, step, audit).await?;
        }
        (Effect::BandwidthExpansion, Some(known)) => {
            instances::end_expansion(connection, known, step, audit).await?;
        }
        (Effect::ExportInstances { id }, None) => exports::apply(connection, *id, step, audit).await?,
        (Effect::SwitchOver { .. } | Effect::RemoveAddress { .. }, Some(known)) => {
            nodes::apply(connection, known, step, audit).await?;
        }
        (Effect::Account { id }, Some(known)) => {
            accounts::apply(connection, known, *id, step, audit).await?;
        }
        (Effect::EndSessions { node, .. }, Some(known)) => {
            sessions::apply(connection, known, *node, step, audit).await?;
        }
        (Effect::Migration { .. } | Effect::MigrationStop { .. } | Effect::AddressExchange { .. }, _) => {
            migrations::apply(connection, cache, step, audit).await?;
        }
        // What is of an instance is never of a project, nor the reverse.
        (Effect::ExportInstances { .. }, Some(_)) | (_, None) => {}
    }
    let (from, to) = step.step.states(plan.failure.is_some());
    let record = ChangedRecord::Work { model: effect.model(), id: effect.subject(), from: Some(from), to };
    Ok(Some(AppliedChange { record, instance_id: *instance_id, at: step.at }))
}

/// Takes the changes of backups that come next at the same time, as far as they are of different instances.
fn take_backups(
    first: (i64, BackupChange),
    changes: &mut Peekable<impl Iterator<Item = (i64, DueChange)>>,
) -> Vec<(i64, BackupChange)> {
    let (at, mut taken) = (first.1.at, BTreeSet::from([first.0]));
    let mut batch = vec![first];
    while let Some((instance_key, DueChange::Backup(change))) = changes.next_if(|(instance_key, change)| {
        matches!(change, DueChange::Backup(change) if change.at == at) && taken.insert(*instance_key)
    }) {
        batch.push((instance_key, change));
    }
    batch
}

/// Makes changes of backups of different instances, by few statements however many there are.
async fn apply_to_backups(
    connection: &mut SqliteConnection,
    expiry: Expiry<'_>,
    mut batch: Vec<(i64, BackupChange)>,
    actor_key: i64,
) -> Result<Vec<AppliedChange>, StoreError> {
    let changed = backups::update_statuses(connection, &batch)
        .await
        .map_err(StoreError::during("change the status of backups"))?;
    batch.retain(|(instance_key, _)| changed.contains(instance_key));
    let plans = batch.iter().map(|(instance_key, change)| (*instance_key, change.to.open_plan()));
    open_work::move_all_on(connection, plans)
        .await
        .map_err(StoreError::during("plan what follows a change"))?;
    let event = |(instance_key, change): &(i64, BackupChange)| {
        AuditContext { at: change.at, origin: &Origin::SYSTEM, actor_key }.event(
            Subject::Backup(*instance_key, change.number),
            Some(backup_status_code(change.from)),
            Some(backup_status_code(change.to.kind())),
        )
    };
    events::append(connection, batch.iter().map(event).collect()).await?;
    let usable = batch.iter().filter(|(_, change)| matches!(change.to, BackupStatus::Succeed(_)));
    let usable: Vec<Usable> = usable
        .map(|(instance_key, change)| Usable {
            instance_key: *instance_key,
            instance_id: change.instance_id,
            at: change.at,
            is_automatic: change.kind == BackupKind::Automatic,
        })
        .collect();
    let mut gone = retention::expire_superseded(connection, expiry, &usable, actor_key).await?;
    let mut made = Vec::with_capacity(batch.len());
    for (instance_key, BackupChange { id, instance_id, from, to, at, .. }) in batch {
        let record = ChangedRecord::Backup { id, from: Some(from), to: to.kind() };
        made.push(AppliedChange { record, instance_id: Some(instance_id), at });
        made.extend(gone.remove(&instance_key).into_iter().flatten());
    }
    Ok(made)
}

async fn apply_to_restore(
    connection: &mut SqliteConnection,
    instance_key: i64,
    change: &RestoreChange,
    actor_key: i64,
) -> Result<Vec<AppliedChange>, StoreError> {
    let from_status = restore_status_code(change.from);
    let to = RestoreStatusRow::from(&change.to);
    let was_as_expected =
        restores::update_status(connection, instance_key, change.number, change.id, from_status, &to).await?;
    if !was_as_expected {
        return Ok(Vec::new());
    }
    let plan = change.to.open_plan();
    open_work::move_on(connection, instance_key, plan)
        .await
        .map_err(StoreError::during("plan what follows a change"))?;
    let audit = AuditContext { at: change.at, origin: &Origin::SYSTEM, actor_key };
    let subject = Subject::Restore(instance_key, change.number);
    events::append(connection, vec![audit.event(subject, Some(from_status), Some(to.status))]).await?;
    let record = ChangedRecord::Restore { id: change.id, from: change.from, to: change.to.kind() };
    let mut all = vec![AppliedChange { record, instance_id: Some(change.instance_id), at: change.at }];
    if matches!(change.to, RestoreStatus::Succeed { .. }) {
        contents::restore(connection, instance_key, change.number).await?;
    }
    if plan.is_none() {
        let statuses = InstanceStatus::OF_RESTORE;
        instances::set_status(connection, instance_key, statuses, audit).await?;
        // The days of its backup may have ended meanwhile.
        let released = retention::release(connection, &[(instance_key, change.at)], actor_key).await?;
        all.extend(released.into_iter().map(|(_, change)| change));
    }
    Ok(all)
}

/// Returns the keys of instances.
async fn instance_keys(
    connection: &mut SqliteConnection,
    ids: &BTreeSet<InstanceId>,
) -> Result<HashMap<InstanceId, i64>, StoreError> {
    let ids: Vec<String> = ids.iter().map(|id| hex::encode(id.as_bytes())).collect();
    let find = sql(
        "find the instances of changes",
        "SELECT instance_id, instance_key FROM instances WHERE instance_id IN (SELECT unhex(value) FROM json_each(?))",
    );
    Ok(find.bind_json(&ids).all(connection).await?.into_iter().collect())
}
