//! The history of instances that a seed wants: the one it tells, or one that begins with the seeding.

use std::collections::HashMap;

use crate::domain::id::InstanceId;
use crate::domain::origin::Origin;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;
use crate::store::row::{backup_status_code, instance_status_code, record_kind, restore_status_code};
use crate::store::sqlite::script::{InsertRow, Script};
use crate::store::sqlite::seeding::records::insert;
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
    events: Vec<EventSeed>,
) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let Some(instance_key) = created.get(&event.instance_id) else { continue };
        let actor_key = actors
            .key(connection, &event.actor)
            .await
            .map_err(StoreError::during("record who was behind an event"))?;
        rows.push(SeededEventRow { instance_key: *instance_key, actor_key, event });
    }
    insert(connection, rows.into_iter()).await
}

/// A row of `events`, with everything that it can hold.
struct SeededEventRow {
    instance_key: i64,
    actor_key: i64,
    event: EventSeed,
}

impl InsertRow for SeededEventRow {
    const INTO: &'static str = "events (at, instance_key, record_kind, record_number, from_status, to_status, actor_key, \
                                request_id, remark)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        let (kind, number, from, to) = match self.event.change {
            EventChange::Instance { from, to } => {
                (record_kind::INSTANCE, None, from.map(instance_status_code), to.map(instance_status_code))
            }
            EventChange::Backup { number, from, to } => {
                (record_kind::BACKUP, Some(number), from.map(backup_status_code), to.map(backup_status_code))
            }
            EventChange::Restore { number, from, to } => {
                let code = restore_status_code;
                (record_kind::RESTORE, Some(number), from.map(code), to.map(code))
            }
        };
        script.bind(self.event.at.as_millis());
        script.bind(self.instance_key);
        script.bind(kind);
        script.bind(number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)));
        script.bind(from);
        script.bind(to);
        script.bind(self.actor_key);
        script.bind(self.event.request_id.map(|id| id.as_bytes().to_vec()));
        script.bind(self.event.remark.as_ref().map(Remark::as_str).map(str::to_owned));
    }
}
