//! How changes come to the writer. Whoever finds it at rest, and nobody else waiting, has it work on its own thread: a lone change so wakes
//! one thread, that of SQLite, and is woken once. Where several wait it works for all of them, on the runtime that opened the store.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{Executor, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, mpsc, oneshot};

use crate::clock::Stopwatch;
use crate::domain::backup::Backup;
use crate::domain::time::Timestamp;
use crate::store::sqlite::options;
use crate::store::sqlite::writer::guards::WriterChecks;
use crate::store::sqlite::writer::job::{Change, Reply};
use crate::store::sqlite::writer::queue::{NextDue, QUEUE_LENGTH, QUEUE_TIMEOUT, Queued, Waiting};
use crate::store::sqlite::writer::state::WriterState;
use crate::store::sqlite::writer::task::{Extent, Writer};
use crate::store::{CreateBackup, StoreError, StoreMetrics};

/// How long a transaction takes before a probe is content to see that it moves on. Shorter than those who probe wait for an answer.
const LONG_TRANSACTION: Duration = Duration::from_millis(250);

/// Starts a writer on `connection`.
pub(in crate::store::sqlite) async fn start(
    mut connection: SqliteConnection,
    guards: WriterChecks,
    metrics: StoreMetrics,
) -> Result<WriterHandle, sqlx::Error> {
    let next_due = Arc::new(NextDue::nothing());
    next_due.publish(&mut connection).await?;
    let progress = Arc::new(Notify::new());
    options::notify_of_progress(&mut connection, &progress).await?;
    let state = WriterState::new(connection, Arc::clone(&progress));
    let (queue, waiting) = mpsc::channel(QUEUE_LENGTH);
    let writer = Writer::new(state, guards, waiting, Arc::clone(&next_due), metrics.clone());
    let at_rest = Arc::new(AtRest {
        writer: Arc::new(Mutex::new(Some(writer))),
        has_news: AtomicBool::new(false),
        home: Handle::current(),
    });
    Ok(WriterHandle { queue, at_rest, next_due, progress, metrics })
}

/// The writer while it does nothing.
struct AtRest {
    /// None once it is closed; the lock is taken while it works.
    writer: Arc<Mutex<Option<Writer>>>,
    /// Whether something has come into the queue since the writer began to look.
    has_news: AtomicBool,
    /// Where it works for several callers: the threads of some end before those of others.
    home: Handle,
}

impl AtRest {
    /// Has the writer do what is in the queue, unless it is at work: then it sees by itself what has come. A lone change is made on the
    /// thread of its caller.
    fn wake(self: &Arc<Self>) {
        self.has_news.store(true, Ordering::SeqCst);
        // Either the lock is seen to be free here, or the news by who frees it.
        fence(Ordering::SeqCst);
        let Some(mut at_work) = self.take() else { return };
        if at_work.writer.as_ref().is_some_and(Writer::has_a_lone_change) {
            // A task of its own: the caller may go away in the midst of a commit.
            tokio::spawn(async move {
                if at_work.make(Extent::One).await.is_continue() {
                    at_work.go_on();
                }
            });
        } else {
            at_work.go_home();
        }
    }

    /// Takes the writer to work; none if it is at work, or closed.
    fn take(self: &Arc<Self>) -> Option<AtWork> {
        let mut place = Arc::clone(&self.writer).try_lock_owned().ok()?;
        self.has_news.store(false, Ordering::SeqCst);
        let writer = place.take()?;
        Some(AtWork { at_rest: Arc::clone(self), place: Some(place), writer: Some(writer) })
    }
}

/// The writer while it works, and its place. If its task ends in the midst of that it goes on at home.
struct AtWork {
    at_rest: Arc<AtRest>,
    place: Option<OwnedMutexGuard<Option<Writer>>>,
    writer: Option<Writer>,
}

impl AtWork {
    /// Has the writer work; breaks off once it is closed.
    async fn make(&mut self, extent: Extent) -> ControlFlow<()> {
        let Some(writer) = &mut self.writer else { return ControlFlow::Break(()) };
        let worked = writer.work(extent).await;
        let ControlFlow::Break(reply) = worked else { return ControlFlow::Continue(()) };
        if let Some(writer) = self.writer.take() {
            writer.close(reply).await;
        }
        ControlFlow::Break(())
    }

    /// Puts the writer back; if something has come meanwhile it works on at home.
    fn go_on(mut self) {
        let at_rest = Arc::clone(&self.at_rest);
        if let (Some(mut place), Some(writer)) = (self.place.take(), self.writer.take()) {
            *place = Some(writer);
        }
        drop(self);
        fence(Ordering::SeqCst);
        if at_rest.has_news.load(Ordering::SeqCst)
            && let Some(at_work) = at_rest.take()
        {
            at_work.go_home();
        }
    }

    /// Works at home until nothing is left.
    fn go_home(mut self) {
        let home = self.at_rest.home.clone();
        home.spawn(async move {
            if self.make(Extent::Everything).await.is_continue() {
                self.go_on();
            }
        });
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // A writer that has failed is not used again.
        let (Some(mut writer), false) = (self.writer.take(), std::thread::panicking()) else { return };
        let (at_rest, place) = (Arc::clone(&self.at_rest), self.place.take());
        self.at_rest.home.spawn(async move {
            writer.roll_back().await;
            AtWork { at_rest, place, writer: Some(writer) }.go_home();
        });
    }
}

/// The callers' side of the writer.
pub(in crate::store::sqlite) struct WriterHandle {
    queue: mpsc::Sender<Waiting>,
    at_rest: Arc<AtRest>,
    next_due: Arc<NextDue>,
    /// Notified while a statement of the writer moves on.
    progress: Arc<Notify>,
    metrics: StoreMetrics,
}

impl WriterHandle {
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
        self.at_rest.wake();
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Returns when the next planned change is due.
    pub(in crate::store::sqlite) fn next_due_at(&self) -> Option<Timestamp> {
        self.next_due.at()
    }

    /// Returns when the next of what policies have planned is due.
    pub(in crate::store::sqlite) fn next_scheduled_at(&self) -> Option<Timestamp> {
        self.next_due.scheduled_at()
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
