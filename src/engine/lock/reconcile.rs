//! Moves due work forward.
//!
//! Called by a timer, and first by every request when something is due. It takes no input but the time, reads what is
//! due, and writes each step with a compare-and-set in the order of the times at which the steps were due: doing it twice
//! is harmless, and a restart is just its first call.
//!
//! What policies have planned, and what waits for a window of maintenance, is a row of times, and what is due of records is done up to
//! the next of them first: so a run finds its instance as it was at the time of the run, however long ago that is.
//!
//! It is done by one caller at a time; who comes meanwhile waits and finds it done, but no longer than [`TIMEOUT`]. Much may be due
//! after a long time: then what a caller has done in that time stays done, and the next one goes on. While it cannot be stored
//! (another process keeps the database locked), or takes that long, reads do not wait for it, but for the first of them.

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedRwLockWriteGuard, oneshot};
use tracing::Instrument;

use crate::clock::Stopwatch;
use crate::domain::background_work::{BackgroundWork, Step};
use crate::domain::backup::Backup;
use crate::domain::fault::{SCHEDULED_BACKUP, scheduled_scan};
use crate::domain::id::BackupId;
use crate::domain::instance::{InstanceStatus, StatusTransition};
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::contents::with_contents;
use crate::engine::control::kept;
use crate::engine::lock::{ExclusiveGuard, ReadGuard, ReconcileLockGuard, WriteGuard};
use crate::engine::transitions::WorkModel;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::store::{
    AppliedChange, BackupChange, BeforeCommit, ChangedRecord, DueChange, InstanceChange, InstanceRef,
    OpenRecord, RestoreChange, ScheduleOutcome, ScheduleStep, ScheduledRun, Store, StoreError, WorkStep,
};

/// How many records one round takes.
const ROUND: u16 = 256;
/// How often the timer looks, so that the database shows the true status also when nobody asks.
const TIMER_PERIOD: Duration = Duration::from_secs(1);

/// How long a caller waits for what is due to be done, by others and by itself, and for whoever replaces everything. Source: docs/decisions/README.md no. 22.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The guard of whoever moves the time or the work on. Nobody else reconciles while it exists.
pub(in crate::engine) struct ReconcileGuard<'e> {
    engine: &'e Engine,
    turn: ReconcileLockGuard,
}

impl ReconcileGuard<'_> {
    /// Does everything that is due at `now` and returns what was done, in order.
    pub(in crate::engine) async fn reconcile(
        &self,
        now: Timestamp,
    ) -> Result<Vec<AppliedChange>, EngineError> {
        self.engine.reconcile(&self.turn, now).await
    }
}

impl Deref for ReconcileGuard<'_> {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.engine.guarded.store
    }
}

impl Engine {
    /// Begins an operation that reads, after what is due has been done, if that can be stored. If it cannot (the disk is full, say),
    /// what is shown is what is stored; while it is known that it cannot, at once.
    pub(in crate::engine) async fn read(&self) -> ReadGuard<'_> {
        let reads = self.guarded.reads.read().await;
        // The clock may have been replaced too: it is not read before.
        let now = self.clock.now();
        if self.is_due(now)
            && !self.guarded.reconciling.should_skip()
            && let Err(error) = self.reconcile_locked(now).await
        {
            tracing::warn!(error = %error, "could not do what is due; showing what is stored");
        }
        ReadGuard { now, store: &*self.guarded.store, _reads: reads }
    }

    /// Begins an operation that changes something, after what is due has been done.
    ///
    /// # Errors
    /// `Unavailable` if somebody replaces everything for longer than a caller waits; `Unavailable` or `Internal` if what is due could
    /// not be done.
    pub(in crate::engine) async fn write(&self) -> Result<WriteGuard<'_>, EngineError> {
        let changes = tokio::time::timeout(TIMEOUT, self.guarded.changes.read());
        let changes = changes.await.map_err(|_| EngineError::Unavailable)?;
        let reads = self.guarded.reads.read().await;
        let now = self.clock.now();
        if self.is_due(now) {
            self.reconcile_locked(now).await?;
        }
        Ok(WriteGuard { now, store: &*self.guarded.store, _changes: changes, _reads: reads })
    }

    /// Waits until nobody else reconciles.
    pub(in crate::engine) async fn lock_reconciler(&self) -> ReconcileGuard<'_> {
        ReconcileGuard { engine: self, turn: self.guarded.reconciling.turn().await }
    }

    /// Returns once no operation changes anything, nor what one of them has left behind to be carried to its end. Reads go on, and
    /// show what is stored.
    pub(in crate::engine) async fn lock_changes(&self) -> ExclusiveGuard {
        let changes = self.guarded.lock_changes().await;
        // A read that waited to do what is due would hold the lock of reads meanwhile.
        self.guarded.reconciling.mark_busy();
        let turn = self.guarded.reconciling.turn().await;
        // Whoever reconciled before has found nothing in its way.
        self.guarded.reconciling.mark_busy();
        ExclusiveGuard { guarded: self.guarded.clone(), _changes: changes, _reads: None, _turn: turn }
    }

    /// Returns what a seed waits for before its commit, the lock of reads, and where its guard will be.
    pub(in crate::engine) fn lock_reads_before_commit(
        &self,
    ) -> (BeforeCommit, oneshot::Receiver<OwnedRwLockWriteGuard<()>>) {
        let (sender, receiver) = oneshot::channel();
        let guarded = self.guarded.clone();
        let lock = async move {
            let guard = tokio::time::timeout(TIMEOUT, guarded.lock_reads()).await;
            // Nobody wants the guard any more where the seed has failed meanwhile.
            guard.map(|guard| drop(sender.send(guard))).map_err(|_| StoreError::Busy)
        };
        (lock.boxed().shared(), receiver)
    }

    /// Returns once no operation runs, nor what one of them has left behind to be carried to its end.
    pub(in crate::engine) async fn lock_exclusively(&self) -> ExclusiveGuard {
        let changes = self.guarded.lock_changes().await;
        let reads = self.guarded.lock_reads().await;
        let turn = self.guarded.reconciling.turn().await;
        ExclusiveGuard { guarded: self.guarded.clone(), _changes: changes, _reads: Some(reads), _turn: turn }
    }

    /// Returns whether something is due at `now`, as far as is known.
    fn is_due(&self, now: Timestamp) -> bool {
        self.guarded.store.next_due_at().is_some_and(|due_at| due_at <= now)
    }

    /// Does everything that is due at `now`, unless somebody else has by the time that it is this caller's turn.
    async fn reconcile_locked(&self, now: Timestamp) -> Result<(), EngineError> {
        let waiting = Stopwatch::start();
        let turn = self.guarded.reconciling.lock_within(TIMEOUT).await?;
        // Whoever had the turn may have put the clock back.
        let now = now.min(self.clock.now());
        if !self.is_due(now) {
            *self.guarded.reconciling.obstacle() = None;
            return Ok(());
        }
        // What is queued is carried out although nobody waits for it any more: whoever comes next finds it done.
        let left = TIMEOUT.saturating_sub(waiting.elapsed());
        let reconciled = tokio::time::timeout(left, self.reconcile(&turn, now)).await;
        let outcome = reconciled.unwrap_or(Err(EngineError::Unavailable));
        self.guarded.reconciling.note(&outcome);
        outcome.map(drop)
    }

    /// Does everything that is due at `now` and returns what was done, in order.
    async fn reconcile(
        &self,
        turn: &ReconcileLockGuard,
        now: Timestamp,
    ) -> Result<Vec<AppliedChange>, EngineError> {
        let outcome = self.reconcile_by_rounds(turn, now).await;
        self.guarded.reconciling.note(&outcome);
        outcome
    }

    async fn reconcile_by_rounds(
        &self,
        turn: &ReconcileLockGuard,
        now: Timestamp,
    ) -> Result<Vec<AppliedChange>, EngineError> {
        let mut done = Vec::new();
        loop {
            let scheduled_at = self.guarded.store.next_scheduled_at().filter(|at| *at <= now);
            let until = scheduled_at.unwrap_or(now);
            let due = self.guarded.store.due_records(until, ROUND).await?;
            if due.is_empty() {
                let Some(at) = scheduled_at else { return Ok(done) };
                if self.reconcile_schedule(turn, at, now, &mut done).await? {
                    continue;
                }
                // Asking again would give the same answer, for ever.
                tracing::error!(at = ?at, "what was planned cannot be done");
                return Ok(done);
            }
            // A full round may have cut off steps that were due before the later steps of those it holds. The days of what is
            // finished in it are no matter: before the next run there is nothing newer that it could give way to.
            let horizon =
                if due.len() < usize::from(ROUND) { until } else { last_due(&due).unwrap_or(until) };
            // What a schedule begins is due before what comes after it.
            let horizon = first_scan(&due).map_or(horizon, |at| at.min(horizon));
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
            // What reads contents finds what the steps before it have left: it comes first in the next round.
            if let Some(place) = changes.iter().skip(1).position(reads_contents) {
                changes.truncate(place + 1);
            }
            let fallible = changes.iter().position(|change| self.may_fail_scan(change));
            if let Some(place) = fallible {
                changes.truncate(place + 1);
            }
            let changes = with_contents(&*self.guarded.store, changes).await?;
            let changes = self.with_scans(changes, now).await?;
            let mut applied = if fallible.is_some() {
                let engine = self.clone();
                run_to_completion(turn, async move { engine.apply_fallible_scan(changes).await }).await?
            } else {
                self.guarded.store.apply_changes(changes, self.settings.backups_kept).await?
            };
            tracing::debug!(changes = applied.len(), "due changes were applied");
            done.append(&mut applied);
        }
    }

    /// Does what policies have planned for `at`, and what waits for a window of maintenance that opens then; returns whether there
    /// was anything to do, or there is nothing any more.
    async fn reconcile_schedule(
        &self,
        turn: &ReconcileLockGuard,
        at: Timestamp,
        now: Timestamp,
        done: &mut Vec<AppliedChange>,
    ) -> Result<bool, EngineError> {
        let mut outcome = if self.may_fail_schedules(SCHEDULED_BACKUP, at) {
            let engine = self.clone();
            run_to_completion(turn, async move { engine.run_next(at, now).await }).await?
        } else {
            let mut runs = Vec::new();
            for instance in self.guarded.store.due_runs(at, ROUND).await? {
                runs.push(self.scheduled_run(instance, at, None).await?);
            }
            self.guarded.store.apply_schedule(self.schedule_step(at, now, runs).await?).await?
        };
        done.append(&mut outcome.changes);
        Ok(outcome.done > 0 || self.guarded.store.next_scheduled_at() != Some(at))
    }

    /// Does what policies have planned for `at`, but one run at most: whether the next one meets a fault depends on whether this
    /// one has used it up. That is kept in the same step as the backup: a fault is never used up without effect, nor has it more
    /// effect than it should.
    async fn run_next(&self, at: Timestamp, now: Timestamp) -> Result<ScheduleOutcome, EngineError> {
        let _guard = self.faults.lock().await;
        let (mut runs, mut faults) = (Vec::new(), None);
        if let Some(instance) = self.guarded.store.due_runs(at, 1).await?.pop() {
            let (failure, used) = self.decide_schedule(SCHEDULED_BACKUP, instance, at).unzip();
            runs.push(self.scheduled_run(instance, at, failure.flatten()).await?);
            faults = used;
        }
        let mut step = self.schedule_step(at, now, runs).await?;
        step.setting_if_begun =
            faults.as_ref().map(kept::as_json).transpose()?.map(|text| (kept::FAULTS, text));
        let outcome = self.guarded.store.apply_schedule(step).await?;
        if let Some(faults) = faults.filter(|_| outcome.begun > 0) {
            self.faults.replace(faults);
        }
        Ok(outcome)
    }

    /// Returns whether a change begins a scan of a schedule that a fault may let fail.
    fn may_fail_scan(&self, change: &DueChange) -> bool {
        let DueChange::Work(due) = change else { return false };
        let scan = due.work.effect.scheduled_scan().filter(|_| due.step == Step::Finish);
        scan.and_then(scheduled_scan).is_some_and(|operation| self.may_fail_schedules(operation, due.at))
    }

    /// Makes changes of which the last one begins a scan that a fault may let fail. What it uses up is kept as that of a policy's run.
    async fn apply_fallible_scan(
        &self,
        mut changes: Vec<DueChange>,
    ) -> Result<Vec<AppliedChange>, EngineError> {
        let _guard = self.faults.lock().await;
        let (mut faults, mut analysis) = (None, None);
        if let Some(DueChange::Work(last)) = changes.last_mut()
            && let WorkStep { work, scan: Some(scan), at, .. } = &mut **last
            && let (Some(operation), Some(instance_id)) =
                (scheduled_scan(scan.new.analysis.kind), work.instance_id)
        {
            let instance = InstanceRef { project_id: work.project_id, instance_id };
            if let Some((failure, used)) = self.decide_schedule(operation, instance, *at) {
                scan.new.work.failure = failure;
                scan.setting_if_begun = Some((kept::FAULTS, kept::as_json(&used)?));
                (faults, analysis) = (Some(used), Some(scan.new.analysis.id.to_string()));
            }
        }
        let made = self.guarded.store.apply_changes(changes, self.settings.backups_kept).await?;
        let is_begun = match made.last().map(|change| &change.record) {
            Some(ChangedRecord::Work { id, from: None, .. }) => analysis.as_ref() == Some(id),
            _ => false,
        };
        if let Some(faults) = faults.filter(|_| is_begun) {
            self.faults.replace(faults);
        }
        Ok(made)
    }

    async fn scheduled_run(
        &self,
        instance: InstanceRef,
        at: Timestamp,
        failure: Option<FailureCode>,
    ) -> Result<ScheduledRun, EngineError> {
        let id = self.unused_id(|| self.ids.backup_id(at), BackupId::as_bytes).await?;
        Ok(ScheduledRun { instance, id, work: self.work_options(WorkModel::Backup, instance, failure) })
    }

    async fn schedule_step(
        &self,
        at: Timestamp,
        now: Timestamp,
        runs: Vec<ScheduledRun>,
    ) -> Result<ScheduleStep, EngineError> {
        let mut waiting = Vec::new();
        for instance in self.guarded.store.due_changes(at, ROUND).await? {
            waiting.push((instance, self.transition_options(instance, InstanceStatus::Extending)));
        }
        Ok(ScheduleStep {
            at,
            now,
            waiting,
            region: self.settings.region.clone(),
            clusters_extend: self.settings.clusters_extend,
            runs,
            setting_if_begun: None,
            // Clusters only where v1.0 may back them up as well. Source: docs/contract/dcs-v1.0.md, section 5 no. 27.
            rules: self.settings.backup_rules(ApiVersion::V1),
            keep: self.settings.backups_kept,
            name_offset: self.settings.name_offset,
        })
    }

    /// Reconciles now and then until the returned future is dropped.
    pub async fn reconcile_in_the_background(&self) {
        let mut timer = tokio::time::interval(TIMER_PERIOD);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            // A panic is a bug, but nobody would notice that the timer has stopped.
            match AssertUnwindSafe(self.write()).catch_unwind().await {
                Ok(Ok(_)) => {}
                // Another process is writing, or there is much to do: that goes on with the next tick.
                Ok(Err(error @ EngineError::Unavailable)) => {
                    tracing::warn!(error = %error, "could not do what is due; going on");
                }
                Ok(Err(error)) => tracing::error!(error = %error, "could not do what is due; trying again"),
                Err(_) => tracing::error!("a panic while doing what is due; trying again"),
            }
        }
    }
}

/// Carries something out to its end although its caller may go away. The faults in memory follow the persisted ones: nobody stops between
/// the two, and nobody else reconciles, or replaces everything, before both are done.
async fn run_to_completion<T: Send + 'static>(
    turn: &ReconcileLockGuard,
    work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
) -> Result<T, EngineError> {
    let turn = Arc::clone(turn);
    let work = async move {
        let _turn = turn;
        work.await
    };
    tokio::spawn(work.in_current_span()).await.map_err(|error| {
        if error.is_panic() {
            StoreError::Inconsistent { what: "what a schedule begins has panicked" }
        } else {
            StoreError::Closed
        }
    })?
}

/// Returns when the first schedule of a round has a scan due.
fn first_scan(due: &[OpenRecord]) -> Option<Timestamp> {
    due.iter()
        .filter_map(|record| match record {
            OpenRecord::Work(work) if work.effect.scheduled_scan().is_some() => work.plan.finish_at(),
            _ => None,
        })
        .min()
}

/// Returns when the last of a round's records has its next step due.
fn last_due(due: &[OpenRecord]) -> Option<Timestamp> {
    due.iter()
        .filter_map(|record| match record {
            OpenRecord::Instance(transition) => transition.due_end(Timestamp::MAX).map(|(_, due_at)| due_at),
            OpenRecord::Backup(backup) => backup.due_event(Timestamp::MAX).map(|(_, due_at)| due_at),
            OpenRecord::Restore(restore) => restore.due_event(Timestamp::MAX).map(|(_, due_at)| due_at),
            OpenRecord::Work(work) => work.due_steps(Timestamp::MAX).first().map(|(_, due_at)| *due_at),
        })
        .max()
}

/// Returns the steps of a record that are due at `horizon`, in order.
fn changes_until(record: OpenRecord, horizon: Timestamp) -> Vec<DueChange> {
    match record {
        OpenRecord::Instance(transition) => transition_end(transition, horizon).into_iter().collect(),
        OpenRecord::Backup(backup) => backup_changes(backup, horizon),
        OpenRecord::Restore(restore) => restore_changes(restore, horizon),
        OpenRecord::Work(work) => work_steps(&work, horizon),
    }
}

/// Returns whether what a change does depends on what an instance holds.
fn reads_contents(change: &DueChange) -> bool {
    matches!(change, DueChange::Work(due) if due.step == Step::Finish && due.work.effect.reads_contents())
}

fn work_steps(work: &BackgroundWork, horizon: Timestamp) -> Vec<DueChange> {
    let step = |(step, at)| WorkStep { work: work.clone(), step, contents: None, scan: None, at };
    work.due_steps(horizon).into_iter().map(|due| DueChange::Work(Box::new(step(due)))).collect()
}

fn transition_end(transition: StatusTransition, horizon: Timestamp) -> Option<DueChange> {
    let (to, at) = transition.due_end(horizon)?;
    let StatusTransition { instance_id, status: from, plan } = transition;
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
        let (id, instance_id, number) = (backup.id, backup.instance_id, backup.number);
        let (kind, to) = (backup.kind, backup.status);
        changes.push(DueChange::Backup(BackupChange { id, instance_id, number, kind, from, to, at: due_at }));
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
