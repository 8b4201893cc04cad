//! Runs the policies of instances: makes the backups that are due, in one statement each for records and audit, and plans what
//! follows. What a policy says is read here, where nothing can come between the look and the backup.

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::backup::{Backup, NewBackup};
use crate::domain::id::InstanceId;
use crate::domain::origin::Origin;
use crate::domain::schedule::{PlannedRun, RunOutcome, Schedule};
use crate::domain::time::Timestamp;
use crate::store::row::{self, POLICY_JSON};
use crate::store::sqlite::backups::{self, NewBackupRow};
use crate::store::sqlite::facts::KnownInstance;
use crate::store::sqlite::resetting;
use crate::store::sqlite::retention::{self, Expiry};
use crate::store::sqlite::script::Script;
use crate::store::sqlite::writer::WriterState;
use crate::store::{ChangedRecord, MadeChange, RunWish, ScheduleOutcome, ScheduleStep, StoreError};

/// Does what is due at one time: makes backups, then ends the days of others.
pub(super) async fn apply(
    state: &mut WriterState,
    step: ScheduleStep,
) -> Result<ScheduleOutcome, StoreError> {
    let actor_key = state
        .actors
        .key(&mut state.connection, &Origin::SYSTEM.actor)
        .await
        .map_err(StoreError::during("record who runs policies"))?;
    let mut done = plan_noticed(&mut state.connection, step.now).await?;
    let mut runs = Runs::default();
    let ids = step.runs.iter().map(|run| run.instance.instance_id);
    state.instances.load(&mut state.connection, ids).await?;
    for wish in &step.runs {
        let Some(due) = find(&mut state.connection, wish.instance.instance_id, step.at).await? else {
            continue;
        };
        let known = state.instances.get_mut(wish.instance.project_id, wish.instance.instance_id);
        let next = match (due.schedule, known) {
            (Some(schedule), Ok(known)) => run(&schedule, due.run, known, *wish, &step, &mut runs),
            (schedule, known) => {
                let error = known.err().map(|error| error.to_string());
                tracing::error!(instance.id = %wish.instance.instance_id, readable = schedule.is_some(), error,
                                "a backup policy cannot be run until it is set again");
                None
            }
        };
        plan(&mut state.connection, due.instance_key, next).await?;
        done += 1;
    }
    let Runs { made, begun } = runs;
    write(&mut state.connection, &made, actor_key).await?;
    if let Some((name, value)) = step.kept_if_begun.filter(|_| begun > 0) {
        resetting::keep_setting(&mut state.connection, name, Some(value)).await?;
    }
    let mut changes = Vec::with_capacity(made.len());
    for (instance_key, backup) in made {
        let (id, instance_id, at) = (backup.id, backup.instance_id, backup.created_at);
        let record = ChangedRecord::Backup { id, from: None, to: backup.status.kind() };
        changes.push(MadeChange { record, instance_id, at });
        if !backup.is_restorable() {
            continue;
        }
        let expiry = Expiry { keep: step.keep, floors: &mut state.floors };
        let mut gone =
            retention::expire_beyond(&mut state.connection, expiry, instance_key, at, actor_key).await?;
        gone.extend(
            retention::release_held(&mut state.connection, instance_key, backup.number, at, actor_key)
                .await?,
        );
        changes.extend(gone.into_iter().map(|id| retention::expiry(id, instance_id, at)));
    }
    let ended = retention::end_days(&mut state.connection, step.at, actor_key).await?;
    done += ended.done;
    changes.extend(ended.changes);
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

/// Runs a policy: remembers the backup that it makes, if it makes one; returns the run that follows.
fn run(
    schedule: &Schedule,
    planned: PlannedRun,
    known: &mut KnownInstance,
    wish: RunWish,
    step: &ScheduleStep,
    runs: &mut Runs,
) -> Option<PlannedRun> {
    if let Some(instead) = schedule.in_place_of(planned, step.now) {
        return Some(instead);
    }
    let new = NewBackup {
        id: wish.id,
        terms: Some(schedule.terms()),
        remark: None,
        format: None,
        requested_at: planned.at,
        work: wish.work,
        name_offset: step.name_offset,
    };
    let outcome = known.facts.run_backup(new, step.rules).map(|(backup, outcome)| {
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
        let event = backups::created_event(*instance_key, backup, &Origin::SYSTEM);
        history.push(event.into_row(actor_key));
    }
    let mut script = Script::default();
    script.insert(records);
    script.insert(open);
    script.insert(history);
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

/// Finds the run of an instance's policy that is due at `at` or before.
async fn find(
    connection: &mut SqliteConnection,
    instance_id: InstanceId,
    at: Timestamp,
) -> Result<Option<DueRun>, StoreError> {
    let statement = policies(
        "FROM backup_policies b JOIN instances i USING (instance_key) \
         WHERE i.instance_id = ? AND b.next_run_at > 0 AND b.next_run_at <= ?",
    );
    let found = sqlx::query(AssertSqlSafe(statement))
        .bind(&instance_id.as_bytes()[..])
        .bind(at.as_millis())
        .fetch_optional(connection)
        .await
        .map_err(StoreError::during("find a policy that is due"))?;
    let read = |found| {
        let run = PlannedRun {
            at: row::timestamp(&found, "next_run_at")?,
            failed_tries: row::column(&found, "failed_tries")?,
        };
        let schedule = schedule(row::column(&found, "policy")?);
        Ok(DueRun { instance_key: row::column(&found, "instance_key")?, run, schedule })
    };
    found.map(read).transpose()
}

/// Plans the first run after `now` of those policies whose runs are not planned yet; returns how many there were.
pub(super) async fn plan_noticed(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let statement = policies("FROM backup_policies b WHERE b.next_run_at = 0");
    let rows = sqlx::query(AssertSqlSafe(statement))
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::during("find policies that are not planned"))?;
    for row in &rows {
        let next = schedule(row::column(row, "policy")?).and_then(|schedule| schedule.first_after(now));
        plan(connection, row::column(row, "instance_key")?, next).await?;
    }
    Ok(rows.len())
}

/// Puts a statement together that reads policies.
fn policies(from: &str) -> String {
    format!("SELECT b.instance_key, b.next_run_at, b.failed_tries, {POLICY_JSON} AS policy {from}")
}

fn schedule(policy: &str) -> Option<Schedule> {
    Schedule::of(&row::policy(policy).ok()?.policy)
}

/// Keeps which run of a policy comes next; none if nothing is due by it any more.
async fn plan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    next: Option<PlannedRun>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE backup_policies SET next_run_at = ?, failed_tries = ? WHERE instance_key = ?")
        .bind(next.map(|run| run.at.as_millis()))
        .bind(next.map_or(0, |run| run.failed_tries))
        .bind(instance_key)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(StoreError::during("plan the next run of a policy"))
}
