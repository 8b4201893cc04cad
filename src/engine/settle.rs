//! Moves due work forward.
//!
//! Called by a timer, and first by every request when something is due. It takes no input but the time, reads what is
//! due, and writes each step with a compare-and-set in the order of the times at which the steps were due: doing it twice
//! is harmless, and a restart is just its first call.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::domain::backup::Backup;
use crate::domain::instance::Passage;
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::store::{BackupChange, DueChange, InstanceChange, OpenRecord, RestoreChange, StoreError};

/// How many records one round takes.
const ROUND: u16 = 256;
/// How often the timer looks, so that the database shows the true status also when nobody asks.
const TIMER_PERIOD: Duration = Duration::from_secs(1);

impl Engine {
    /// Does everything that is due at `now` and returns what was done, in order.
    pub(super) async fn settle(&self, now: Timestamp) -> Result<Vec<DueChange>, EngineError> {
        let mut done = Vec::new();
        loop {
            let due = self.store.due_records(now, ROUND).await?;
            if due.is_empty() {
                return Ok(done);
            }
            // A full round may have cut off steps that were due before the later steps of those it holds.
            let horizon = if due.len() < usize::from(ROUND) { now } else { last_due(&due).unwrap_or(now) };
            let mut changes: Vec<DueChange> =
                due.into_iter().flat_map(|record| changes_until(record, horizon)).collect();
            if changes.is_empty() {
                // Asking again would give the same answer, for ever.
                return Err(StoreError::Inconsistent {
                    what: "due work belongs to a record that is not open",
                }
                .into());
            }
            changes.sort_by_key(DueChange::at);
            self.store.apply_changes(changes.clone(), self.settings.backups_kept).await?;
            done.append(&mut changes);
        }
    }

    /// Settles now and then until the returned future is dropped.
    pub async fn settle_in_the_background(&self) {
        let mut timer = tokio::time::interval(TIMER_PERIOD);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            // A panic is a bug, but nobody would notice that the timer has stopped.
            match AssertUnwindSafe(self.settled_now()).catch_unwind().await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::error!(error = %error, "could not do what is due; trying again"),
                Err(_) => tracing::error!("a panic while doing what is due; trying again"),
            }
        }
    }
}

/// Returns when the last of a round's records has its next step due.
fn last_due(due: &[OpenRecord]) -> Option<Timestamp> {
    due.iter()
        .filter_map(|record| match record {
            OpenRecord::Instance(passage) => passage.due_end(Timestamp::MAX).map(|(_, due_at)| due_at),
            OpenRecord::Backup(backup) => backup.due_event(Timestamp::MAX).map(|(_, due_at)| due_at),
            OpenRecord::Restore(restore) => restore.due_event(Timestamp::MAX).map(|(_, due_at)| due_at),
        })
        .max()
}

/// Returns the steps of a record that are due at `horizon`, in order.
fn changes_until(record: OpenRecord, horizon: Timestamp) -> Vec<DueChange> {
    match record {
        OpenRecord::Instance(passage) => passage_end(passage, horizon).into_iter().collect(),
        OpenRecord::Backup(backup) => backup_changes(backup, horizon),
        OpenRecord::Restore(restore) => restore_changes(restore, horizon),
    }
}

fn passage_end(passage: Passage, horizon: Timestamp) -> Option<DueChange> {
    let (to, at) = passage.due_end(horizon)?;
    let Passage { instance_id, status: from, plan } = passage;
    Some(DueChange::Instance(InstanceChange { instance_id, from, to, failure: plan.failure, at }))
}

fn backup_changes(mut backup: Backup, horizon: Timestamp) -> Vec<DueChange> {
    let mut changes = Vec::new();
    while let Some((event, due_at)) = backup.due_event(horizon) {
        let from = backup.status.kind();
        match backup.status.transition(event, due_at) {
            Ok(to) => backup.status = to,
            Err(error) => {
                tracing::error!(error = %error, backup.id = %backup.id, "a planned step is impossible");
                break;
            }
        }
        let (id, instance_id, number, to) = (backup.id, backup.instance_id, backup.number, backup.status);
        changes.push(DueChange::Backup(BackupChange { id, instance_id, number, from, to, at: due_at }));
    }
    changes
}

fn restore_changes(mut restore: Restore, horizon: Timestamp) -> Vec<DueChange> {
    let mut changes = Vec::new();
    while let Some((event, due_at)) = restore.due_event(horizon) {
        let from = restore.status.kind();
        match restore.status.transition(event, due_at) {
            Ok(to) => restore.status = to,
            Err(error) => {
                tracing::error!(error = %error, restore.id = %restore.id, "a planned step is impossible");
                break;
            }
        }
        let (id, instance_id, number, to) = (restore.id, restore.instance_id, restore.number, restore.status);
        changes.push(DueChange::Restore(RestoreChange { id, instance_id, number, from, to, at: due_at }));
    }
    changes
}
