//! The history of instances that a seed wants: the one it tells, or one that begins with the seeding.

use std::collections::HashMap;

use crate::domain::id::InstanceId;
use crate::domain::origin::Origin;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;
use crate::store::row::{backup_status_code, instance_status_code, restore_status_code};
use crate::store::sqlite::events::{self, Audit, Subject};
use crate::store::sqlite::writer::WriterState;
use crate::store::{EventChange, EventSeed, InstanceSeed, StoreError};

/// Begins the history of an instance and its records: each came into being as it is.
pub(super) async fn begin(
    state: &mut WriterState,
    instance_key: i64,
    instance: &InstanceSeed,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = |at, change| EventSeed {
        at,
        actor: Origin::SEED.actor,
        instance_id: instance.id,
        change,
        request_id: None,
        remark: None,
    };
    let status = Some(instance.status);
    let created_at = instance.created_at.unwrap_or(now);
    let mut events = vec![event(created_at, EventChange::Instance { from: None, to: status })];
    for backup in &instance.backups {
        let at = backup.status.finished_at().or(backup.status.started_at()).unwrap_or(backup.created_at);
        let (number, to) = (backup.number, Some(backup.status.kind()));
        events.push(event(at, EventChange::Backup { number, from: None, to }));
    }
    for restore in &instance.restores {
        let at = restore.status.finished_at().or(restore.status.started_at()).unwrap_or(restore.created_at);
        let (number, to) = (restore.number, Some(restore.status.kind()));
        events.push(event(at, EventChange::Restore { number, from: None, to }));
    }
    if let Some(deleted_at) = instance.deleted_at {
        events.push(event(deleted_at, EventChange::Instance { from: status, to: None }));
    }
    append(state, &HashMap::from([(instance.id, instance_key)]), events).await
}

/// Appends events, in order: those of the instances `created`, which are given with their keys.
pub(super) async fn append(
    state: &mut WriterState,
    created: &HashMap<InstanceId, i64>,
    seeded: Vec<EventSeed>,
) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let mut rows = Vec::with_capacity(seeded.len());
    for EventSeed { at, actor, instance_id, change, request_id, remark } in seeded {
        let Some(key) = created.get(&instance_id) else { continue };
        let actor_key = actors
            .key(connection, &actor)
            .await
            .map_err(StoreError::during("record who was behind an event"))?;
        let (subject, from, to) = match change {
            EventChange::Instance { from, to } => {
                (Subject::Instance(*key), from.map(instance_status_code), to.map(instance_status_code))
            }
            EventChange::Backup { number, from, to } => {
                (Subject::Backup(*key, number), from.map(backup_status_code), to.map(backup_status_code))
            }
            EventChange::Restore { number, from, to } => {
                (Subject::Restore(*key, number), from.map(restore_status_code), to.map(restore_status_code))
            }
        };
        let origin = Origin { actor, request_id };
        let remark = remark.as_ref().map(Remark::as_str).map(str::to_owned);
        rows.push(Audit { at, origin: &origin, actor_key }.event(subject, from, to).remarked(remark));
    }
    events::append(connection, rows).await.map_err(StoreError::during("record the events of a seed"))
}
