//! What the writer does.

use std::ops::ControlFlow;
use std::sync::Arc;

use sqlx::{Connection, Executor};
use tokio::sync::mpsc;

use crate::clock::Stopwatch;
use crate::domain::backup::Backup;
use crate::store::error::commit_error;
use crate::store::sqlite::backups::{self, Transaction};
use crate::store::sqlite::options;
use crate::store::sqlite::writer::guards::WriterChecks;
use crate::store::sqlite::writer::job::{Answer, Done, Job, Reply, answer};
use crate::store::sqlite::writer::queue::{NextDue, QUEUE_TIMEOUT, Queued, Waiting};
use crate::store::sqlite::writer::state::WriterState;
use crate::store::{CreateBackup, StoreError, StoreMetrics};

/// How many entries of the queue one transaction takes at most.
const BATCH_LIMIT: usize = 512;

/// How much the writer does before it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// One change.
    One,
    /// What comes meanwhile, too.
    Everything,
}

/// The writer.
pub(super) struct Writer {
    state: WriterState,
    guards: WriterChecks,
    queue: mpsc::Receiver<Waiting>,
    next_due: Arc<NextDue>,
    metrics: StoreMetrics,
}

/// The answers of a batch, and whether what is planned may have changed by it.
#[derive(Default)]
struct Batch {
    answers: Vec<Answer>,
    due_changed: bool,
}

impl Writer {
    pub(super) fn new(
        state: WriterState,
        guards: WriterChecks,
        queue: mpsc::Receiver<Waiting>,
        next_due: Arc<NextDue>,
        metrics: StoreMetrics,
    ) -> Self {
        Self { state, guards, queue, next_due, metrics }
    }

    /// Returns whether one change waits, and no other.
    pub(super) fn has_a_lone_change(&self) -> bool {
        self.queue.len() == 1
    }

    /// Does what waits; breaks off where it is told to close.
    pub(super) async fn work(&mut self, extent: Extent) -> ControlFlow<Reply<()>> {
        let limit = if extent == Extent::One { 1 } else { BATCH_LIMIT };
        loop {
            let arrived: Vec<Waiting> =
                std::iter::from_fn(|| self.queue.try_recv().ok()).take(limit).collect();
            if arrived.is_empty() {
                return ControlFlow::Continue(());
            }
            self.metrics.queue_depth.sub(i64::try_from(arrived.len()).unwrap_or(i64::MAX));
            let (mut together, mut closing) = (Vec::with_capacity(arrived.len()), None);
            for Waiting { queued, since } in arrived {
                match queued {
                    Queued::LargeJob(job) => {
                        self.commit(std::mem::take(&mut together)).await;
                        self.commit(vec![Waiting { queued: Queued::Job(job), since }]).await;
                    }
                    Queued::Replacement(job) => {
                        self.commit(std::mem::take(&mut together)).await;
                        self.replace(job).await;
                    }
                    // What has come with it is done first.
                    Queued::Close(reply) => closing = Some(reply),
                    queued => together.push(Waiting { queued, since }),
                }
            }
            self.commit(together).await;
            if let Some(reply) = closing {
                return ControlFlow::Break(reply);
            }
            if extent == Extent::One {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Commits a batch and answers. While another process keeps the database locked it is tried again; whoever has waited for too
    /// long leaves the batch and is told to come again.
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
                        let changes = locked_out.len();
                        tracing::warn!(changes, "another process keeps the database locked; changes wait");
                    }
                    batch = refuse_late(locked_out, tries);
                }
            }
        }
    }

    /// Commits a batch in one transaction and answers; gives it back, with nothing done and nothing answered, if another process
    /// keeps the database locked.
    async fn transact(&mut self, waiting: Vec<Waiting>) -> Result<(), Vec<Waiting>> {
        if let Err(error) = self.guards.may_write() {
            for waiting in waiting {
                waiting.queued.into_abort_reply()(Err(error.clone()));
            }
            return Ok(());
        }
        let _turn = self.guards.access.write().await;
        let size = f64::from(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        let stopwatch = Stopwatch::start();
        let mut batch = Batch::default();
        let outcome = if waiting.iter().all(|waiting| waiting.queued.is_plain_create()) {
            // The usual case under load, so the one that is as short as can be: one call begins, writes and commits.
            self.commit_creates(waiting, &mut batch).await?
        } else {
            self.commit_mixed(waiting, &mut batch).await?
        };
        self.metrics.batch_size.observe(size);
        if outcome.is_err() {
            self.roll_back().await;
        } else if batch.due_changed {
            self.publish_next_due().await;
        }
        self.metrics.commit_seconds.observe(stopwatch.elapsed().as_secs_f64());
        if let Err(error) = &outcome
            && error.is_of_the_database()
        {
            tracing::error!(error = %error, source = ?std::error::Error::source(error), changes = batch.answers.len(), "a transaction was undone");
        }
        for answer in batch.answers {
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

    /// Commits creates in a transaction of their own.
    async fn commit_creates(
        &mut self,
        waiting: Vec<Waiting>,
        batch: &mut Batch,
    ) -> Result<Result<(), StoreError>, Vec<Waiting>> {
        let callers: Vec<Stopwatch> = waiting.iter().map(|waiting| waiting.since).collect();
        let (run, replies): (Vec<_>, Vec<_>) =
            waiting.into_iter().filter_map(|waiting| waiting.queued.into_create().ok()).unzip();
        match backups::create(&mut self.state, &run, Transaction::Own).await {
            Err(StoreError::Busy) => {
                self.roll_back().await;
                let creates = run.into_iter().zip(replies);
                let queued = creates.map(|(create, reply)| Queued::CreateBackup(create, reply));
                Err(queued.zip(callers).map(|(queued, since)| Waiting { queued, since }).collect())
            }
            created => Ok(batch.add_creates(created, replies)),
        }
    }

    /// Commits changes of several kinds in one transaction.
    async fn commit_mixed(
        &mut self,
        waiting: Vec<Waiting>,
        batch: &mut Batch,
    ) -> Result<Result<(), StoreError>, Vec<Waiting>> {
        let begun = self.state.connection.execute("BEGIN IMMEDIATE").await.map(|_| ());
        let mut outcome = begun.map_err(StoreError::during("begin a transaction"));
        if matches!(outcome, Err(StoreError::Busy)) {
            return Err(waiting);
        }
        batch.due_changed = true;
        // The failure of a lone change undoes the transaction: it needs no savepoint.
        let is_alone = waiting.len() == 1;
        let (mut run, mut replies) = (Vec::new(), Vec::new());
        for waiting in waiting {
            let job = match waiting.queued.into_create() {
                Ok((create, reply)) => {
                    run.push(create);
                    replies.push(reply);
                    continue;
                }
                Err(Queued::Job(job)) => job,
                Err(other) => {
                    batch.answers.push(other.into_abort_reply());
                    continue;
                }
            };
            self.create(&mut run, &mut replies, &mut outcome, batch).await;
            // The change may append events.
            self.state.numbers.forget();
            if outcome.is_err() {
                batch.answers.push(job.into_abort_reply());
            } else if is_alone {
                let Done { answer, failure } = job.run(&mut self.state).await;
                batch.answers.push(answer);
                outcome = failure.map_or(Ok(()), Err);
            } else {
                outcome = self.run_in_savepoint(job, batch).await;
            }
        }
        self.create(&mut run, &mut replies, &mut outcome, batch).await;
        if outcome.is_ok() {
            outcome = self.state.connection.execute("COMMIT").await.map(|_| ()).map_err(commit_error);
        }
        Ok(outcome)
    }

    /// Records a run of backups in a transaction that is open.
    async fn create(
        &mut self,
        run: &mut Vec<CreateBackup>,
        replies: &mut Vec<Reply<Backup>>,
        outcome: &mut Result<(), StoreError>,
        batch: &mut Batch,
    ) {
        if run.is_empty() {
            return;
        }
        let created = match &*outcome {
            Ok(()) => backups::create(&mut self.state, run, Transaction::Open).await,
            Err(error) => Err(error.clone()),
        };
        run.clear();
        *outcome = batch.add_creates(created, std::mem::take(replies));
    }

    /// Makes a change that can be undone alone. An error undoes the whole transaction.
    async fn run_in_savepoint(&mut self, job: Box<dyn Job>, batch: &mut Batch) -> Result<(), StoreError> {
        if let Err(source) = self.state.connection.execute("SAVEPOINT change").await {
            batch.answers.push(job.into_abort_reply());
            return Err(StoreError::during("begin a change")(source));
        }
        let Done { answer, failure } = job.run(&mut self.state).await;
        batch.answers.push(answer);
        let end = if failure.is_none() { "RELEASE change" } else { "ROLLBACK TO change; RELEASE change" };
        if failure.is_some() {
            self.state.forget();
        }
        let ended = self.state.connection.execute(end).await;
        // What SQLite cannot undo alone (the disk is full or fails, memory runs out) undoes the whole transaction, and its
        // savepoints with it: then the change's own error is why.
        ended
            .map(|_| ())
            .map_err(|source| failure.unwrap_or_else(|| StoreError::during("end a change")(source)))
    }

    /// Undoes a transaction that is open, if one is.
    pub(super) async fn roll_back(&mut self) {
        self.state.forget();
        // Fails harmlessly when SQLite has rolled back already, as it does when the disk is full.
        if let Err(error) = self.state.connection.execute("ROLLBACK").await {
            tracing::debug!(error = %error, "nothing to roll back");
        }
    }

    /// Waits while a job replaces everything on a connection of its own, and drops what was cached before.
    async fn replace(&mut self, job: Box<dyn Job>) {
        let _turn = self.guards.access.write().await;
        match self.guards.look() {
            Ok(()) => {
                let Done { answer, failure } = job.run(&mut self.state).await;
                if let Some(error) = failure.filter(StoreError::is_of_the_database) {
                    tracing::error!(error = %error, source = ?std::error::Error::source(&error), "everything stays as it was");
                }
                self.state.forget();
                self.publish_next_due().await;
                answer(Ok(()));
            }
            Err(error) => job.into_abort_reply()(Err(error)),
        }
    }

    /// Brings everything into the main file, closes it, and says how that went.
    pub(super) async fn close(self, reply: Reply<()>) {
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

impl Batch {
    /// Adds the results of creates; returns how the transaction fares so far.
    fn add_creates(
        &mut self,
        created: Result<Vec<Result<Backup, StoreError>>, StoreError>,
        replies: Vec<Reply<Backup>>,
    ) -> Result<(), StoreError> {
        let (results, outcome) = match created {
            Ok(results) => (results, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        let mut results = results.into_iter();
        for reply in replies {
            // Without a result the outcome is an error, and that is what the answer will be.
            let result = results.next().unwrap_or(Err(StoreError::Closed));
            self.due_changed |= matches!(&result, Ok(backup) if backup.status.open_plan().is_some());
            self.answers.push(answer(reply, result));
        }
        outcome
    }
}

/// Refuses those of a batch whose callers have waited for too long; returns the others.
fn refuse_late(mut batch: Vec<Waiting>, tries: u32) -> Vec<Waiting> {
    let late: Vec<Waiting> =
        batch.extract_if(.., |waiting| waiting.since.elapsed() >= QUEUE_TIMEOUT).collect();
    if !late.is_empty() {
        let changes = late.len();
        tracing::warn!(changes, tries, "changes were refused: another process keeps the database locked");
    }
    for waiting in late {
        waiting.queued.into_abort_reply()(Err(StoreError::Busy));
    }
    batch
}
