//! The one writing task: takes what waits, commits it in one transaction, and only then answers.
//!
//! Nothing is delayed on purpose: a lone command commits at once, and while one commit is syncing the next batch gathers.
//! Commands of a batch take effect in the order of their arrival. A command that is refused, or fails, is undone alone (a
//! savepoint; creates are decided before any of them is written); a failed commit undoes the whole batch, and every command
//! of it is told so.

mod replacing;

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;

use sqlx::{Connection, Executor, SqliteConnection};
use tokio::sync::mpsc;

use crate::clock::Stopwatch;
use crate::domain::backup::Backup;
use crate::store::error::commit_error;
use crate::store::sqlite::backups::Transaction;
use crate::store::sqlite::events::{Actors, Numbers};
use crate::store::sqlite::guards::WriterGuards;
use crate::store::sqlite::instance_cache::KnownInstances;
use crate::store::sqlite::queue::{Command, NextDue, Reply, Waiting};
use crate::store::sqlite::replies::{Work, answer_creates, finish, refuse, refuse_all, refuse_late};
use crate::store::sqlite::{
    backups, instances, options, resetting, restores, scheduling, seeding, side, templates, tokens,
    transitions,
};
use crate::store::{CreateBackup, StoreError, StoreMetrics};

/// How many commands one transaction takes at most.
const BATCH_LIMIT: usize = 512;

/// What the writer works with while it carries out commands.
pub(super) struct WriterState {
    pub(super) connection: SqliteConnection,
    pub(super) instances: KnownInstances,
    pub(super) actors: Actors,
    pub(super) numbers: Numbers,
    /// By instance key: a number below which no backup is usable. Only where backups expire.
    pub(super) floors: HashMap<i64, i64>,
}

impl WriterState {
    /// Forgets what is remembered of the tables: a change of them was undone.
    pub(super) fn forget(&mut self) {
        self.instances.forget_all();
        self.actors.forget();
        self.numbers.forget();
        self.floors.clear();
    }
}

/// The writing task.
pub(super) struct Writer {
    state: WriterState,
    guards: WriterGuards,
    commands: mpsc::Receiver<Waiting>,
    next_due: Arc<NextDue>,
    metrics: StoreMetrics,
}

impl Writer {
    /// Makes the task; it takes `commands` and publishes in `next_due` when the next planned change is due.
    pub(super) fn new(
        connection: SqliteConnection,
        guards: WriterGuards,
        commands: mpsc::Receiver<Waiting>,
        next_due: Arc<NextDue>,
        metrics: StoreMetrics,
    ) -> Self {
        let (instances, actors, floors) = (KnownInstances::default(), Actors::default(), HashMap::new());
        let state = WriterState { connection, instances, actors, numbers: Numbers::default(), floors };
        Self { state, guards, commands, next_due, metrics }
    }

    /// Works until it is told to close, or nobody can ask it any more.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_LIMIT);
        while self.commands.recv_many(&mut batch, BATCH_LIMIT).await > 0 {
            self.metrics.queue_depth.sub(i64::try_from(batch.len()).unwrap_or(i64::MAX));
            let close = take_close(&mut batch);
            self.commit_in_turn(std::mem::take(&mut batch)).await;
            if let Some(reply) = close {
                self.close(reply).await;
                return;
            }
        }
    }

    /// Carries out a batch and answers each of its commands. While another process keeps the database locked it is tried again;
    /// whoever has waited for too long leaves the batch and is told to come again.
    async fn commit(&mut self, mut batch: Vec<Waiting>) {
        let mut tries = 0_u32;
        while !batch.is_empty() {
            match self.transact(batch).await {
                Ok(()) => {
                    if tries > 0 {
                        tracing::info!("the database can be written again");
                    }
                    return;
                }
                Err(locked_out) => {
                    tries += 1;
                    if tries == 1 {
                        tracing::warn!(
                            commands = locked_out.len(),
                            "another process keeps the database locked; changes wait"
                        );
                    }
                    batch = refuse_late(locked_out, tries);
                }
            }
        }
    }

    /// Carries out a batch in one transaction and answers each of its commands; gives it back, with nothing done and nothing
    /// answered, if another process keeps the database locked.
    async fn transact(&mut self, batch: Vec<Waiting>) -> Result<(), Vec<Waiting>> {
        if let Err(error) = self.guards.may_write(&batch) {
            refuse_all(batch, &error);
            return Ok(());
        }
        let _turn = self.guards.access.write().await;
        let size = f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let stopwatch = Stopwatch::start();
        let mut work = Work::default();
        let outcome = if batch.iter().all(|waiting| waiting.command.is_plain_create()) {
            // The usual case under load, so the one that is as short as can be: one call begins, writes and commits.
            self.commit_creates(batch, &mut work).await?
        } else {
            self.commit_mixed(batch, &mut work).await?
        };
        self.metrics.batch_size.observe(size);
        if outcome.is_err() {
            self.roll_back().await;
        } else if work.due_changed {
            self.publish_next_due().await;
        }
        self.metrics.commit_seconds.observe(stopwatch.elapsed().as_secs_f64());
        if let Err(error) = &outcome {
            tracing::error!(error = %error, source = ?std::error::Error::source(error), commands = work.answers.len(), "a transaction was undone");
        }
        for answer in work.answers {
            answer(outcome.clone());
        }
        self.guards.written(&mut self.state.connection).await;
        Ok(())
    }

    /// Publishes when the next planned change is due.
    async fn publish_next_due(&mut self) {
        if let Err(error) = self.next_due.publish(&mut self.state.connection).await {
            // Something is due at once, as far as is known: the next request looks.
            tracing::error!(error = %error, "could not read when the next change is due");
        }
    }

    /// Carries out creates in a transaction of their own.
    async fn commit_creates(
        &mut self,
        batch: Vec<Waiting>,
        work: &mut Work,
    ) -> Result<Result<(), StoreError>, Vec<Waiting>> {
        let callers: Vec<Stopwatch> = batch.iter().map(|waiting| waiting.since).collect();
        let mut commands = batch.into_iter().map(|waiting| waiting.command).peekable();
        let (run, replies) = take_creates(&mut commands);
        match backups::create(&mut self.state, &run, Transaction::Own).await {
            Err(StoreError::Busy) => {
                self.roll_back().await;
                let commands = run.into_iter().zip(replies);
                let commands = commands.map(|(create, reply)| Command::CreateBackup(create, reply));
                Err(commands.zip(callers).map(|(command, since)| Waiting { command, since }).collect())
            }
            created => Ok(answer_creates(created, replies, work)),
        }
    }

    /// Carries out commands of several kinds in one transaction.
    async fn commit_mixed(
        &mut self,
        batch: Vec<Waiting>,
        work: &mut Work,
    ) -> Result<Result<(), StoreError>, Vec<Waiting>> {
        let begun = self.state.connection.execute("BEGIN IMMEDIATE").await.map(|_| ());
        let mut outcome = begun.map_err(StoreError::during("begin a transaction"));
        if matches!(outcome, Err(StoreError::Busy)) {
            return Err(batch);
        }
        // Commands are carried out even when the transaction could not begin, only to learn where their answers go.
        let mut commands = batch.into_iter().map(|waiting| waiting.command).peekable();
        loop {
            let (run, replies) = take_creates(&mut commands);
            if !run.is_empty() {
                let created = match &outcome {
                    Ok(()) => backups::create(&mut self.state, &run, Transaction::Open).await,
                    Err(error) => Err(error.clone()),
                };
                outcome = answer_creates(created, replies, work);
            }
            let Some(command) = commands.next() else { break };
            self.single(command, &mut outcome, work).await;
        }
        if outcome.is_ok() {
            outcome = self.state.connection.execute("COMMIT").await.map(|_| ()).map_err(commit_error);
        }
        Ok(outcome)
    }

    /// Begins a command in a transaction that has not failed; returns whether it may be carried out.
    async fn begin_command(&mut self, outcome: &mut Result<(), StoreError>) -> bool {
        if outcome.is_ok()
            && let Err(source) = self.state.connection.execute("SAVEPOINT command").await
        {
            *outcome = Err(StoreError::during("begin a command")(source));
        }
        outcome.is_ok()
    }

    async fn single(&mut self, command: Command, outcome: &mut Result<(), StoreError>, work: &mut Work) {
        if !self.begin_command(outcome).await {
            refuse(command, work);
            return;
        }
        let state = &mut self.state;
        // The command may append events.
        state.numbers.forget();
        let failure = match command {
            Command::DeleteBackup(delete, reply) => {
                let result = backups::delete(state, delete).await;
                finish(reply, result, work)
            }
            Command::CreateRestore(create, reply) => {
                work.due_changed = true;
                let result = restores::create(state, create).await;
                finish(reply, result, work)
            }
            Command::CreateInstances(create, reply) => {
                work.due_changed = true;
                let result = instances::create(state, *create).await;
                finish(reply, result, work)
            }
            Command::ChangeInstance(change, reply) => {
                work.due_changed = true;
                let result = instances::change(state, *change).await;
                finish(reply, result, work)
            }
            Command::ChangePassword(change, reply) => {
                let result = instances::change_password(state, *change).await;
                finish(reply, result, work)
            }
            Command::ApplyChanges(changes, keep, reply) => {
                work.due_changed = true;
                let result = transitions::apply(state, changes, keep).await;
                finish(reply, result, work)
            }
            Command::ApplySchedule(step, reply) => {
                work.due_changed = true;
                let result = scheduling::apply(state, *step).await;
                finish(reply, result, work)
            }
            Command::Seed(plan, now, reply) => {
                work.due_changed = true;
                let result = seeding::apply(state, *plan, now).await;
                finish(reply, result, work)
            }
            Command::SaveToken(token, reply) => {
                let result = tokens::save(&mut state.connection, token).await;
                finish(reply, result, work)
            }
            Command::Reset(plan, reply) => {
                work.due_changed = true;
                let result = resetting::reset(state, *plan).await;
                finish(reply, result, work)
            }
            Command::KeepSetting(name, value, reply) => {
                let result = resetting::keep_setting(&mut state.connection, name, value).await;
                finish(reply, result, work)
            }
            Command::KeepIds(name, value, link_key, reply) => {
                let result = resetting::keep_ids(&mut state.connection, name, value, link_key).await;
                finish(reply, result, work)
            }
            Command::ChangeSide(change, reply) => {
                let result = side::change(state, *change).await;
                finish(reply, result, work)
            }
            Command::CreateTemplate(create, reply) => {
                let result = templates::create(state, *create).await;
                finish(reply, result, work)
            }
            Command::ChangeTemplate(change, reply) => {
                let result = templates::change(state, *change).await;
                finish(reply, result, work)
            }
            Command::DeleteTemplate(delete, reply) => {
                let result = templates::delete(state, *delete).await;
                finish(reply, result, work)
            }
            Command::Probe(reply) => finish(reply, probe(&mut state.connection).await, work),
            Command::Close(reply) => finish(reply, Ok(()), work),
            // It has no place among others: `commit_in_turn` takes it out.
            Command::Replace(_, reply) => finish(reply, Err(StoreError::Closed), work),
            Command::CreateBackup(create, reply) => {
                // Runs of creates are taken by `create_backups`; one alone is a run of one.
                let result = backups::create(state, &[create], Transaction::Open).await;
                let result = result.and_then(|mut results| results.pop().unwrap_or(Err(StoreError::Closed)));
                finish(reply, result, work)
            }
        };
        let end = if failure.is_none() { "RELEASE command" } else { "ROLLBACK TO command; RELEASE command" };
        if failure.is_some() {
            self.state.forget();
        }
        if let Err(source) = self.state.connection.execute(end).await {
            // What SQLite cannot undo alone (the disk is full or fails, memory runs out) undoes the whole transaction, and its
            // savepoints with it: then the command's own error is why.
            *outcome = Err(failure.unwrap_or_else(|| StoreError::during("end a command")(source)));
        }
    }

    async fn roll_back(&mut self) {
        self.state.forget();
        // Fails harmlessly when SQLite has rolled back already, as it does when the disk is full.
        if let Err(error) = self.state.connection.execute("ROLLBACK").await {
            tracing::debug!(error = %error, "nothing to roll back");
        }
    }

    async fn close(self, reply: Reply<()>) {
        let mut connection = self.state.connection;
        // Nobody waits behind this: whoever still reads is given the time to finish.
        if let Err(error) = options::wait_long(&mut connection).await {
            tracing::warn!(error = %error, "could not set how long the writer waits for a lock");
        }
        // Into a file that has no name any more it would be lost: the log stays, for whoever opens what lies at the path.
        let mut result = self.guards.look();
        if result.is_ok() {
            let emptied = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
            result = emptied.map(|_| ()).map_err(StoreError::during("bring the log into the database"));
        }
        if let Err(source) = connection.close().await {
            result = result.and(Err(StoreError::during("close the database")(source)));
        }
        // The caller may have gone; then nobody asks.
        let _ = reply.send(result);
    }
}

/// Stores what is there already, which is written all the same: a full disk shows only in writing.
async fn probe(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let written = connection.execute("PRAGMA user_version = 0").await;
    written.map(|_| ()).map_err(StoreError::during("write anything"))
}

/// Takes the creates that come next.
fn take_creates(
    commands: &mut Peekable<impl Iterator<Item = Command>>,
) -> (Vec<CreateBackup>, Vec<Reply<Backup>>) {
    let next = || match commands.next_if(Command::is_create)? {
        Command::CreateBackup(create, reply) => Some((create, reply)),
        _ => None,
    };
    std::iter::from_fn(next).unzip()
}

/// Takes the command to close out of a batch; what was queued with it is still carried out.
fn take_close(batch: &mut Vec<Waiting>) -> Option<Reply<()>> {
    let position = batch.iter().position(|waiting| matches!(waiting.command, Command::Close(_)))?;
    match batch.remove(position) {
        Waiting { command: Command::Close(reply), .. } => Some(reply),
        other => {
            batch.push(other);
            None
        }
    }
}
