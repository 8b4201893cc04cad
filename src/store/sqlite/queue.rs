//! The way to the writer: what it can be asked, and the bounded queue in which the asking waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::Stopwatch;
use crate::domain::backup::Backup;
use crate::domain::id::{ProjectId, TemplateId};
use crate::domain::instance::Instance;
use crate::domain::restore::Restore;
use crate::domain::side_settings::SideSettings;
use crate::domain::time::Timestamp;
use crate::store::sqlite::guards::WriterGuards;
use crate::store::sqlite::retention::NEXT_END_OF_DAYS;
use crate::store::sqlite::snapshots::replacing::Replacement;
use crate::store::sqlite::writer::Writer;
use crate::store::{
    ChangeInstance, ChangePassword, ChangeSideSettings, ChangeTemplate, CreateBackup, CreateInstances,
    CreateRestore, CreateTemplate, DeleteBackup, DueChange, MadeChange, NewToken, PasswordAnswer, ResetPlan,
    ScheduleOutcome, ScheduleStep, SeedPlan, SeedReport, StoreError, StoreMetrics,
};

/// How many commands may wait before callers do.
const QUEUE_LENGTH: usize = 2048;
/// How long a caller waits at most for a place in the queue; and, while another process keeps the database locked, for its
/// command to be carried out: it is refused at the end of the first try after that.
pub(super) const QUEUE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a transaction takes before a probe is content to see that it moves on. Shorter than those who probe wait for an answer.
const LONG_TRANSACTION: Duration = Duration::from_millis(250);
/// After how many steps of SQLite's machine each it is noticed that a statement moves on.
const STEPS_A_NOTICE: i32 = 100_000;
/// Stands for "nothing is due" in the shared due time.
const NOTHING_DUE: i64 = i64::MAX;

/// Where the answer to a command goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer can be asked to do.
pub(super) enum Command {
    CreateBackup(CreateBackup, Reply<Backup>),
    DeleteBackup(DeleteBackup, Reply<()>),
    CreateRestore(CreateRestore, Reply<Restore>),
    CreateInstances(Box<CreateInstances>, Reply<()>),
    ChangeInstance(Box<ChangeInstance>, Reply<()>),
    ChangePassword(Box<ChangePassword>, Reply<PasswordAnswer>),
    ApplySchedule(Box<ScheduleStep>, Reply<ScheduleOutcome>),
    ApplyChanges(Vec<DueChange>, Option<u32>, Reply<Vec<MadeChange>>),
    Seed(Box<SeedPlan>, Timestamp, Reply<SeedReport>),
    SaveToken(NewToken, Reply<bool>),
    Reset(Box<ResetPlan>, Reply<SeedReport>),
    KeepSetting(&'static str, Option<String>, Reply<()>),
    KeepIds(&'static str, String, Option<[u8; 32]>, Reply<()>),
    ChangeSide(Box<ChangeSideSettings>, Reply<(Instance, SideSettings)>),
    CreateTemplate(Box<CreateTemplate>, Reply<()>),
    ChangeTemplate(Box<ChangeTemplate>, Reply<()>),
    DeleteTemplate(ProjectId, TemplateId, Reply<bool>),
    /// Put a snapshot in the place of everything.
    Replace(Box<Replacement>, Reply<()>),
    /// Write something and commit it, to see that it can be done.
    Probe(Reply<()>),
    /// Finish what is queued, bring everything into the main file, and stop.
    Close(Reply<()>),
}

impl Command {
    pub(super) fn is_create(&self) -> bool {
        matches!(self, Self::CreateBackup(..))
    }

    /// Returns whether it replaces everything that is kept.
    pub(super) fn replaces_everything(&self) -> bool {
        matches!(self, Self::Replace(..))
    }

    /// Returns whether it is a create that lets nothing expire: its statements are known beforehand.
    pub(super) fn is_plain_create(&self) -> bool {
        matches!(self, Self::CreateBackup(create, _) if create.keep.is_none())
    }
}

/// When the next planned changes are due, as everybody may know: Unix milliseconds.
pub(super) struct NextDue {
    any: AtomicI64,
    scheduled: AtomicI64,
}

impl NextDue {
    fn nothing() -> Self {
        Self { any: AtomicI64::new(NOTHING_DUE), scheduled: AtomicI64::new(NOTHING_DUE) }
    }

    /// Reads them and publishes them; if they cannot be read, something is due at once, as far as is known.
    pub(super) async fn publish(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let statement = format!(
            "SELECT (SELECT min(due_at) FROM open_work),
                    (SELECT min(next_run_at) FROM backup_policies WHERE next_run_at IS NOT NULL),
                    ({NEXT_END_OF_DAYS}),
                    (SELECT min(due_at) FROM waiting_changes)"
        );
        let due = sqlx::query_as::<_, (Option<i64>, Option<i64>, Option<i64>, Option<i64>)>(AssertSqlSafe(
            statement,
        ));
        let read = due.fetch_one(connection).await;
        let (work, run, end_of_days, window) = *read.as_ref().unwrap_or(&(Some(0), None, None, None));
        let scheduled = run.into_iter().chain(end_of_days).chain(window).min();
        self.scheduled.store(scheduled.unwrap_or(NOTHING_DUE), Ordering::Release);
        self.any.store(work.into_iter().chain(scheduled).min().unwrap_or(NOTHING_DUE), Ordering::Release);
        read.map(|_| ())
    }
}

/// A command in the queue, and since when its caller waits.
pub(super) struct Waiting {
    pub(super) command: Command,
    pub(super) since: Stopwatch,
}

/// The callers' side of the writer.
pub(super) struct WriterHandle {
    queue: mpsc::Sender<Waiting>,
    next_due: Arc<NextDue>,
    /// Notified while a statement of the writer moves on.
    progress: Arc<Notify>,
    metrics: StoreMetrics,
}

impl WriterHandle {
    /// Starts the writing task on `connection`.
    pub(super) async fn start(
        mut connection: SqliteConnection,
        guards: WriterGuards,
        metrics: StoreMetrics,
    ) -> Result<Self, sqlx::Error> {
        let next_due = Arc::new(NextDue::nothing());
        next_due.publish(&mut connection).await?;
        let progress = Arc::new(Notify::new());
        let notified = Arc::clone(&progress);
        connection.lock_handle().await?.set_progress_handler(STEPS_A_NOTICE, move || {
            notified.notify_waiters();
            true
        });
        let (queue, commands) = mpsc::channel(QUEUE_LENGTH);
        let writer = Writer::new(connection, guards, commands, Arc::clone(&next_due), metrics.clone());
        tokio::spawn(writer.run());
        Ok(Self { queue, next_due, progress, metrics })
    }

    /// Returns once something has been written to see that it can be done; or, behind a transaction that takes long, once that
    /// moves on.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let probe = self.ask(Command::Probe);
        let long_transaction = async {
            tokio::time::sleep(LONG_TRANSACTION).await;
            self.progress.notified().await;
        };
        tokio::select! {
            biased;
            written = probe => written,
            () = long_transaction => Ok(()),
        }
    }

    /// Queues a command and waits for its answer.
    pub(super) async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let since = Stopwatch::start();
        let (reply, answer) = oneshot::channel();
        let place = match self.queue.try_reserve() {
            Ok(place) => place,
            Err(mpsc::error::TrySendError::Closed(())) => return Err(StoreError::Closed),
            Err(mpsc::error::TrySendError::Full(())) => {
                match tokio::time::timeout(QUEUE_PATIENCE, self.queue.reserve()).await {
                    Ok(Ok(place)) => place,
                    Ok(Err(_)) => return Err(StoreError::Closed),
                    Err(_) => return Err(StoreError::Busy),
                }
            }
        };
        self.metrics.queue_depth.inc();
        place.send(Waiting { command: command(reply), since });
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Returns when the next planned change is due.
    pub(super) fn next_due_at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.next_due.any.load(Ordering::Acquire)).ok()
    }

    /// Returns when the next of what policies have planned is due.
    pub(super) fn next_scheduled_at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.next_due.scheduled.load(Ordering::Acquire)).ok()
    }

    /// Returns once the writer takes no commands any more.
    pub(super) async fn stopped(&self) {
        self.queue.closed().await;
    }

    /// Lets the writer finish and stop.
    pub(super) async fn close(&self) {
        if let Err(error) = self.ask(Command::Close).await {
            tracing::warn!(error = %error, "the writer did not close cleanly");
        }
    }
}
