//! The bounded queue of the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::clock::Stopwatch;
use crate::domain::backup::Backup;
use crate::domain::time::Timestamp;
use crate::store::sqlite::retention::NEXT_END_OF_DAYS;
use crate::store::sqlite::writer::job::{Answer, Change, Job, Reply, answer};
use crate::store::sqlite::writer::state::WriterState;
use crate::store::{CreateBackup, StoreError, StoreMetrics};

/// How many entries there are before callers wait for a place.
pub(super) const QUEUE_LENGTH: usize = 2048;
/// How long a caller waits at most for a place in the queue; and, while another process keeps the database locked, for its
/// change to be made: it is refused at the end of the first try after that.
pub(super) const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a transaction takes before a probe is content to see that it moves on. Shorter than those who probe wait for an answer.
const LONG_TRANSACTION: Duration = Duration::from_millis(250);
/// Stands for "nothing is due" in the shared due time.
const NOTHING_DUE: i64 = i64::MAX;

/// What waits for the writer.
#[expect(clippy::large_enum_variant, reason = "nearly all are creates; a box for each would cost more")]
pub(super) enum Queued {
    /// A backup to record: creates that wait together are written by one statement.
    CreateBackup(CreateBackup, Reply<Backup>),
    /// A change that shares its transaction with others.
    Job(Box<dyn Job>),
    /// A change of so much that it has a transaction of its own.
    LargeJob(Box<dyn Job>),
    /// Work that replaces everything, on a connection of its own.
    Replacement(Box<dyn Job>),
    /// The end: what is queued is finished, everything brought into the main file.
    Close(Reply<()>),
}

impl Queued {
    /// Returns the backup to record, or else the entry.
    #[expect(clippy::result_large_err, reason = "what is given back is no error, and moves once")]
    pub(super) fn into_create(self) -> Result<(CreateBackup, Reply<Backup>), Self> {
        match self {
            Self::CreateBackup(create, reply) => Ok((create, reply)),
            other => Err(other),
        }
    }

    /// Returns whether it is a create that lets nothing expire: its statements are known beforehand.
    pub(super) fn is_plain_create(&self) -> bool {
        matches!(self, Self::CreateBackup(create, _) if create.keep.is_none())
    }

    /// Returns the answer to what is not done, because its transaction has failed.
    pub(super) fn into_abort_reply(self) -> Answer {
        match self {
            Self::CreateBackup(_, reply) => answer(reply, Err(StoreError::Closed)),
            Self::Job(job) | Self::LargeJob(job) | Self::Replacement(job) => job.into_abort_reply(),
            Self::Close(reply) => answer(reply, Err(StoreError::Closed)),
        }
    }
}

/// When the next planned changes are due, as everybody may know: Unix milliseconds.
pub(super) struct NextDue {
    any: AtomicI64,
    scheduled: AtomicI64,
}

impl NextDue {
    pub(super) fn nothing() -> Self {
        Self { any: AtomicI64::new(NOTHING_DUE), scheduled: AtomicI64::new(NOTHING_DUE) }
    }

    /// Reads them and publishes them; if they cannot be read, something is due at once, as far as is known.
    pub(super) async fn publish(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let statement = format!(
            "SELECT (SELECT min(due_at) FROM (SELECT min(due_at) AS due_at FROM open_work
                                              UNION ALL SELECT min(due_at) FROM background_work)),
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

/// An entry of the queue, and since when its caller waits.
pub(super) struct Waiting {
    pub(super) queued: Queued,
    pub(super) since: Stopwatch,
}

/// The callers' side of the writer.
pub(in crate::store::sqlite) struct WriterHandle {
    queue: mpsc::Sender<Waiting>,
    next_due: Arc<NextDue>,
    /// Notified while a statement of the writer moves on.
    progress: Arc<Notify>,
    metrics: StoreMetrics,
}

impl WriterHandle {
    pub(super) fn new(
        queue: mpsc::Sender<Waiting>,
        next_due: Arc<NextDue>,
        progress: Arc<Notify>,
        metrics: StoreMetrics,
    ) -> Self {
        Self { queue, next_due, progress, metrics }
    }

    /// Returns once something has been written to see that it can be done; or, behind a transaction that takes long, once that
    /// moves on.
    pub(in crate::store::sqlite) async fn probe(&self) -> Result<(), StoreError> {
        let probe = self.change(|state| write_anything(&mut state.connection).boxed());
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

    /// Has a change made in a transaction; returns its result once that is durable.
    pub(in crate::store::sqlite) async fn change<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'w> FnOnce(&'w mut WriterState) -> BoxFuture<'w, Result<T, StoreError>> + Send + 'static,
    {
        self.submit(|reply| Queued::Job(Box::new(Change { work, reply }))).await
    }

    /// Does what [`Self::change`] does, for a change of any number of rows: SQLite keeps in memory what it needs to undo one change
    /// among several of a transaction.
    pub(in crate::store::sqlite) async fn change_large<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'w> FnOnce(&'w mut WriterState) -> BoxFuture<'w, Result<T, StoreError>> + Send + 'static,
    {
        self.submit(|reply| Queued::LargeJob(Box::new(Change { work, reply }))).await
    }

    /// Records a backup.
    pub(in crate::store::sqlite) async fn create_backup(
        &self,
        create: CreateBackup,
    ) -> Result<Backup, StoreError> {
        self.submit(|reply| Queued::CreateBackup(create, reply)).await
    }

    /// Has everything replaced on a connection of its own, while nothing else is written.
    pub(in crate::store::sqlite) async fn replace<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'w> FnOnce(&'w mut WriterState) -> BoxFuture<'w, Result<T, StoreError>> + Send + 'static,
    {
        self.submit(|reply| Queued::Replacement(Box::new(Change { work, reply }))).await
    }

    async fn submit<T>(&self, queued: impl FnOnce(Reply<T>) -> Queued) -> Result<T, StoreError> {
        let since = Stopwatch::start();
        let (reply, answer) = oneshot::channel();
        let place = match self.queue.try_reserve() {
            Ok(place) => place,
            Err(mpsc::error::TrySendError::Closed(())) => return Err(StoreError::Closed),
            Err(mpsc::error::TrySendError::Full(())) => {
                match tokio::time::timeout(QUEUE_TIMEOUT, self.queue.reserve()).await {
                    Ok(Ok(place)) => place,
                    Ok(Err(_)) => return Err(StoreError::Closed),
                    Err(_) => return Err(StoreError::Busy),
                }
            }
        };
        self.metrics.queue_depth.inc();
        place.send(Waiting { queued: queued(reply), since });
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Returns when the next planned change is due.
    pub(in crate::store::sqlite) fn next_due_at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.next_due.any.load(Ordering::Acquire)).ok()
    }

    /// Returns when the next of what policies have planned is due.
    pub(in crate::store::sqlite) fn next_scheduled_at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.next_due.scheduled.load(Ordering::Acquire)).ok()
    }

    /// Returns once the writer takes no commands any more.
    pub(in crate::store::sqlite) async fn stopped(&self) {
        self.queue.closed().await;
    }

    /// Lets the writer finish and stop.
    pub(in crate::store::sqlite) async fn close(&self) {
        if let Err(error) = self.submit(Queued::Close).await {
            tracing::warn!(error = %error, "the writer did not close cleanly");
        }
    }
}

/// Stores what is there already, which is written all the same: a full disk shows only in writing.
async fn write_anything(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let written = connection.execute("PRAGMA user_version = 0").await;
    written.map(|_| ()).map_err(StoreError::during("write anything"))
}
