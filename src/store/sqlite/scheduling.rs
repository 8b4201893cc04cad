//! Does what is planned for a time: begins what waits for a window of maintenance, and runs the policies of instances: makes the
//! backups that are due, and plans what follows, in one statement a table however many there are. What a policy says is read here, where
//! nothing can come between the look and the backup.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use crate::domain::backup::{Backup, NewBackup};
use crate::domain::id::InstanceId;
use crate::domain::origin::Origin;
use crate::domain::schedule::{PlannedRun, RunOutcome, Schedule};
use crate::domain::time::Timestamp;
use crate::store::row::{self, POLICY_JSON};
use crate::store::sqlite::backups::{self, NewBackupRow};
use crate::store::sqlite::control;
use crate::store::sqlite::events;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances;
use crate::store::sqlite::retention::{self, Expiry, Usable};
use crate::store::sqlite::script::Script;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, transitions};
use crate::store::{AppliedChange, ChangedRecord, ScheduleOutcome, ScheduleStep, ScheduledRun, StoreError};
use crate::store::{DueChange, ScheduleWrites};
use async_trait::async_trait;
use futures_util::FutureExt;

/// Does what is due at one time: begins changes that have waited, so that a backup is one of afterwards, makes backups, then ends the
/// days of others.
pub(super) async fn apply(
    state: &mut WriterState,
    step: ScheduleStep,
) -> Result<ScheduleOutcome, StoreError> {
    let actor_key = state.actors.key(&mut state.connection, &Origin::SYSTEM.actor).await?;
    let mut done = plan_noticed(&mut state.connection, step.now).await?;
    let mut changes = Vec::new();
    for change in &step.waiting {
        let (mut begun, count) = instances::begin_due(state, *change, &step, actor_key).await?;
        changes.append(&mut begun);
        done += count;
    }
    let ids = || step.runs.iter().map(|run| run.instance.instance_id);
    state.instances.load(&mut state.connection, ids()).await?;
    let mut due = find(&mut state.connection, ids(), step.at).await?;
    let (mut runs, mut planned) = (Runs::default(), Vec::with_capacity(due.len()));
    for change in &step.runs {
        let Some(due) = due.remove(&change.instance.instance_id) else { continue };
        let known = state.instances.get_mut(change.instance.project_id, change.instance.instance_id);
        let next = match (due.schedule, known) {
            (Some(schedule), Ok(known)) => run(&schedule, due.run, known, *change, &step, &mut runs),
            (schedule, known) => {
                let error = known.err().map(|error| error.to_string());
                tracing::error!(instance.id = %change.instance.instance_id, readable = schedule.is_some(), error,
                                "a backup policy cannot be run until it is set again");
                None
            }
        };
        planned.push((due.instance_key, next));
    }
    done += planned.len();
    plan(&mut state.connection, &planned).await?;
    let Runs { made, begun } = runs;
    write(&mut state.connection, &made, actor_key).await?;
    if let Some((name, value)) = step.setting_if_begun.filter(|_| begun > 0) {
        control::store_setting(&mut state.connection, name, Some(value)).await?;
    }
    changes.extend(changes_of(state, made, step.keep, actor_key).await?);
    // Not before the last run of that time: it may make the backup that another one gives way to.
    if !is_run_due(&mut state.connection, step.at).await? {
        let ended = retention::end_days(&mut state.connection, step.at, actor_key).await?;
        done += ended.done;
        changes.extend(ended.changes);
    }
    Ok(ScheduleOutcome { changes, begun, done })
}

/// What runs have come to.
#[derive(Default)]
struct Runs {
    /// The backups that they have made, each with the key of its instance.
    made: Vec<(i64, Backup)>,
    /// How many of those are more than a note that the run was skipped.
    begun: usize,
}

/// Returns the changes that backups were made by, each followed by those that expire because of it.
async fn changes_of(
    state: &mut WriterState,
    made: Vec<(i64, Backup)>,
    keep: Option<u32>,
    actor_key: i64,
) -> Result<Vec<AppliedChange>, StoreError> {
    let usable: Vec<Usable> = made
        .iter()
        .filter(|(_, backup)| backup.is_restorable())
        .map(|(instance_key, backup)| Usable {
            instance_key: *instance_key,
            instance_id: backup.instance_id,
            at: backup.created_at,
            is_automatic: true,
        })
        .collect();
    let expiry = Expiry { keep, oldest_usable: &mut state.oldest_usable };
    let mut gone = retention::expire_superseded(&mut state.connection, expiry, &usable, actor_key).await?;
    let mut changes = Vec::with_capacity(made.len());
    for (instance_key, backup) in made {
        let record = ChangedRecord::Backup { id: backup.id, from: None, to: backup.status.kind() };
        changes.push(AppliedChange { record, instance_id: Some(backup.instance_id), at: backup.created_at });
        changes.extend(gone.remove(&instance_key).into_iter().flatten());
    }
    Ok(changes)
}

/// Runs a policy: remembers the backup that it makes, if it makes one; returns the run that follows.
fn run(
    schedule: &Schedule,
    planned: PlannedRun,
    known: &mut CachedInstance,
    change: ScheduledRun,
    step: &ScheduleStep,
    runs: &mut Runs,
) -> Option<PlannedRun> {
    if let Some(instead) = schedule.in_place_of(planned, step.now) {
        return Some(instead);
    }
    let new = NewBackup {
        id: change.id,
        terms: Some(schedule.terms()),
        remark: None,
        format: None,
        requested_at: planned.at,
        work: change.work,
        name_offset: step.name_offset,
    };
    let outcome = known.state.run_backup(new, step.rules).map(|(backup, outcome)| {
        runs.made.push((known.key, backup));
        runs.begun += usize::from(outcome == RunOutcome::Done);
        outcome
    });
    schedule.following(planned, outcome.unwrap_or(RunOutcome::Done))
}

/// Writes the records of backups, their open work and their audit.
async fn write(
    connection: &mut SqliteConnection,
    made: &[(i64, Backup)],
    actor_key: i64,
) -> Result<(), StoreError> {
    let (mut records, mut open, mut history) = (Vec::new(), Vec::new(), Vec::new());
    for (instance_key, backup) in made {
        records.push(NewBackupRow::new(*instance_key, backup));
        open.extend(backups::open_work_row(*instance_key, backup));
        history.push(backups::created_event(*instance_key, backup, &Origin::SYSTEM, actor_key));
    }
    let mut script = Script::default();
    script.insert(records);
    script.insert(open);
    events::insert(&mut script, history);
    if made.is_empty() {
        return Ok(());
    }
    script.run(connection).await.map_err(StoreError::during("insert automatic backups"))
}

/// A policy with a run due.
struct DueRun {
    instance_key: i64,
    run: PlannedRun,
    /// None: the policy cannot be read.
    schedule: Option<Schedule>,
}

/// Finds those runs of instances' policies that are due at `at` or before.
async fn find(
    connection: &mut SqliteConnection,
    instances: impl Iterator<Item = InstanceId>,
    at: Timestamp,
) -> Result<HashMap<InstanceId, DueRun>, StoreError> {
    let ids: Vec<String> = instances.map(|id| hex::encode(id.as_bytes())).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = format!(
        "SELECT i.instance_id, b.instance_key, b.next_run_at, b.failed_tries, {POLICY_JSON}
         FROM json_each(?) v CROSS JOIN instances i ON i.instance_id = unhex(v.value)
         CROSS JOIN backup_policies b USING (instance_key) WHERE b.next_run_at > 0 AND b.next_run_at <= ?"
    );
    let find = sql("find policies that are due", statement).bind_json(&ids).bind(at);
    let due = |(id, instance_key, at, failed_tries, policy): (_, _, _, _, String)| {
        (id, DueRun { instance_key, run: PlannedRun { at, failed_tries }, schedule: schedule(&policy) })
    };
    Ok(find.all(connection).await?.into_iter().map(due).collect())
}

/// Returns whether a run of a policy is due at `at` or before.
async fn is_run_due(connection: &mut SqliteConnection, at: Timestamp) -> Result<bool, StoreError> {
    let look = sql(
        "look whether a policy is due",
        "SELECT EXISTS (SELECT 1 FROM backup_policies WHERE next_run_at <= ?)",
    );
    look.bind(at).value(connection).await
}

/// Plans the first run after `now` of those policies whose runs are not planned yet; returns how many there were.
pub(super) async fn plan_noticed(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let statement =
        format!("SELECT b.instance_key, {POLICY_JSON} FROM backup_policies b WHERE b.next_run_at = 0");
    let found = sql("find policies that are not planned", statement).all(&mut *connection).await?;
    let first = |(key, policy): (i64, String)| (key, schedule(&policy).and_then(|it| it.first_after(now)));
    let planned: Vec<_> = found.into_iter().map(first).collect();
    plan(connection, &planned).await?;
    Ok(planned.len())
}

fn schedule(policy: &str) -> Option<Schedule> {
    Schedule::of(&row::policy(policy).ok()?.policy)
}

/// Keeps which runs of policies, named by the keys of their instances, come next; none if nothing is due by one any more.
async fn plan(
    connection: &mut SqliteConnection,
    planned: &[(i64, Option<PlannedRun>)],
) -> Result<(), StoreError> {
    if planned.is_empty() {
        return Ok(());
    }
    let row = |(instance_key, next): &(i64, Option<PlannedRun>)| {
        (*instance_key, next.map(|run| run.at.as_millis()), next.map_or(0, |run| run.failed_tries))
    };
    let rows: Vec<_> = planned.iter().map(row).collect();
    let plan = sql(
        "plan the next runs of policies",
        "UPDATE backup_policies SET next_run_at = v.value ->> 1, failed_tries = v.value ->> 2 FROM json_each(?) v
         WHERE instance_key = v.value ->> 0",
    );
    plan.bind_json(&rows).execute(connection).await.map(drop)
}

#[async_trait]
impl ScheduleWrites for SqliteStore {
    async fn apply_changes(
        &self,
        changes: Vec<DueChange>,
        keep: Option<u32>,
    ) -> Result<Vec<AppliedChange>, StoreError> {
        self.writer.change(move |state| transitions::apply(state, changes, keep).boxed()).await
    }

    async fn apply_schedule(&self, step: ScheduleStep) -> Result<ScheduleOutcome, StoreError> {
        self.writer.change(|state| apply(state, step).boxed()).await
    }
}
