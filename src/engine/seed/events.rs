//! Events of the audit in a seed.

use serde::{Deserialize, Serialize};

use crate::domain::backup::RecordNumber;
use crate::domain::id::{InstanceId, RequestId};
use crate::domain::origin::Actor;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;
use crate::engine::seed::text::{SeedText, Text};
use crate::store::{EventChange, EventSeed};

/// An event in a seed: something came into being (without `from`), changed, or went out of sight (without `to`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventEntry {
    at: Text<Timestamp>,
    who: Text<Actor>,
    pub(super) instance_id: Text<InstanceId>,
    /// The number of the backup it happened to; without this and `restore` it happened to the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backup: Option<RecordNumber>,
    /// The number of the restore it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restore: Option<RecordNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<Text<RequestId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remark: Option<Text<Remark>>,
}

impl EventEntry {
    /// Makes the event. `backups` and `restores` say how many records its instance has.
    pub(super) fn complete(self, backups: usize, restores: usize) -> Result<EventSeed, String> {
        let exists = |number: RecordNumber, count: usize| {
            let is_there = usize::try_from(number).is_ok_and(|number| (1..=count).contains(&number));
            if is_there { Ok(number) } else { Err(format!("there is no record with the number {number}")) }
        };
        let change = match (self.backup, self.restore) {
            (Some(_), Some(_)) => return Err("is about a backup or a restore, not both".to_owned()),
            (Some(number), None) => EventChange::Backup {
                number: exists(number, backups)?,
                from: status(self.from)?,
                to: status(self.to)?,
            },
            (None, Some(number)) => EventChange::Restore {
                number: exists(number, restores)?,
                from: status(self.from)?,
                to: status(self.to)?,
            },
            (None, None) => EventChange::Instance { from: status(self.from)?, to: status(self.to)? },
        };
        Ok(EventSeed {
            at: self.at.0,
            actor: self.who.0,
            instance_id: self.instance_id.0,
            change,
            request_id: self.request_id.map(|id| id.0),
            remark: self.remark.map(|remark| remark.0),
        })
    }
}

fn status<S: SeedText>(word: Option<String>) -> Result<Option<S>, String> {
    word.map(|word| S::read(&word)).transpose()
}

impl From<EventSeed> for EventEntry {
    fn from(event: EventSeed) -> Self {
        let (backup, restore, from, to) = match event.change {
            EventChange::Instance { from, to } => {
                (None, None, from.map(|status| status.write()), to.map(|status| status.write()))
            }
            EventChange::Backup { number, from, to } => {
                (Some(number), None, from.map(|status| status.write()), to.map(|status| status.write()))
            }
            EventChange::Restore { number, from, to } => {
                (None, Some(number), from.map(|status| status.write()), to.map(|status| status.write()))
            }
        };
        Self {
            at: Text(event.at),
            who: Text(event.actor),
            instance_id: Text(event.instance_id),
            backup,
            restore,
            from,
            to,
            request_id: event.request_id.map(Text),
            remark: event.remark.map(Text),
        }
    }
}
