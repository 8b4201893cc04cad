//! What the writer has in its bounded queue, and when it next has something to do of itself.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::clock::Stopwatch;
use crate::domain::backup::Backup;
use crate::domain::time::Timestamp;
use crate::store::sqlite::retention::NEXT_END_OF_DAYS;
use crate::store::sqlite::writer::job::{Answer, Job, Reply, answer};
use crate::store::{CreateBackup, StoreError};

/// How many entries there are before callers wait for a place.
pub(super) const QUEUE_LENGTH: usize = 2048;
/// How long a caller waits at most for a place in the queue; and, while another process keeps the database locked, for its
/// change to be made: it is refused at the end of the first try after that.
pub(super) const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
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

    /// Returns when the next planned change is due.
    pub(super) fn at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.any.load(Ordering::Acquire)).ok()
    }

    /// Returns when the next of what policies have planned is due.
    pub(super) fn scheduled_at(&self) -> Option<Timestamp> {
        Timestamp::from_millis(self.scheduled.load(Ordering::Acquire)).ok()
    }
}

/// An entry of the queue, and since when its caller waits.
pub(super) struct Waiting {
    pub(super) queued: Queued,
    pub(super) since: Stopwatch,
}
