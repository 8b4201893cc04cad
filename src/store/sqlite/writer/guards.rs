//! What the writer looks at before and after it writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::clock::Stopwatch;
use crate::store::sqlite::access_lock::AccessLock;
use crate::store::sqlite::file_watch::FileWatch;
use crate::store::sqlite::paths::side_file;
use crate::store::{StoreError, StoreMetrics};

/// What the writer looks at before and after it writes. Of a database in memory there are no files.
pub(in crate::store::sqlite) struct WriterChecks {
    pub(super) access: AccessLock,
    files: Option<Arc<FileWatch>>,
    checkpoints: Option<CheckpointWatch>,
}

impl WriterChecks {
    /// Of the database in the file at `path`, if it is in one.
    pub(in crate::store::sqlite) fn new(
        access: AccessLock,
        path: Option<&Path>,
        files: Option<Arc<FileWatch>>,
        metrics: &StoreMetrics,
    ) -> Self {
        let checkpoints = path.map(|path| CheckpointWatch::start(path, metrics.clone()));
        Self { access, files, checkpoints }
    }

    /// Makes sure that what is written is not lost with this process, as far as was known a moment ago.
    pub(super) fn may_write(&self) -> Result<(), StoreError> {
        self.files.as_ref().map_or(Ok(()), |files| files.look_now_and_then())
    }

    /// Looks whether the files of the database are where they were.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        self.files.as_ref().map_or(Ok(()), |files| files.look())
    }

    /// Looks, now and then, whether the log is brought into the database.
    pub(super) async fn written(&mut self, connection: &mut SqliteConnection) {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.look(connection).await;
        }
    }
}

/// How often the log is looked at, at most, while something is written.
const PERIOD: Duration = Duration::from_secs(1);
/// How much of the log may wait to be brought into the database, in bytes: four times as much as SQLite lets come together.
const MAX_WAITING_BYTES: u64 = 16 * 1024 * 1024;

/// What is known of the log of a database in a file.
#[derive(Debug)]
pub(super) struct CheckpointWatch {
    log: PathBuf,
    looked: Stopwatch,
    /// From how much waiting in the log on it is told, in bytes. It doubles each time.
    told_from: u64,
    metrics: StoreMetrics,
}

impl CheckpointWatch {
    /// Watches the log of the database at `path`.
    pub(super) fn start(path: &Path, metrics: StoreMetrics) -> Self {
        let log = side_file(path, "-wal");
        Self { log, looked: Stopwatch::start(), told_from: MAX_WAITING_BYTES, metrics }
    }

    /// Measures the log, if that was not done just now, and tells whether it is brought into the database.
    pub(super) async fn look(&mut self, connection: &mut SqliteConnection) {
        if self.looked.elapsed() < PERIOD {
            return;
        }
        self.looked = Stopwatch::start();
        let length = self.log.metadata().map_or(0, |log| log.len());
        self.metrics.wal_bytes.set(i64::try_from(length).unwrap_or(i64::MAX));
        // A file that was long once stays so; what of it waits only SQLite knows.
        if length < MAX_WAITING_BYTES || self.is_done(connection, "NOOP").await.is_ok() {
            self.succeeded();
            return;
        }
        match self.is_done(connection, "PASSIVE").await {
            Ok(()) => self.succeeded(),
            Err(hindered) => {
                self.metrics.checkpoints_incomplete.inc();
                if hindered.waiting_bytes >= self.told_from {
                    self.told_from = hindered.waiting_bytes.saturating_mul(2);
                    tracing::warn!(
                        log = %self.log.display(),
                        bytes = hindered.waiting_bytes,
                        reason = hindered.reason,
                        "the log cannot be brought into the database, and grows with every change"
                    );
                }
            }
        }
    }

    fn succeeded(&mut self) {
        if self.told_from != MAX_WAITING_BYTES {
            self.told_from = MAX_WAITING_BYTES;
            tracing::info!(log = %self.log.display(), "the log is brought into the database again");
        }
    }

    /// Asks SQLite to bring the log into the database (`PASSIVE`), or only how far that is (`NOOP`).
    async fn is_done(&self, connection: &mut SqliteConnection, mode: &'static str) -> Result<(), Hindered> {
        let statement = format!("PRAGMA wal_checkpoint({mode})");
        let asked =
            sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(statement)).fetch_one(&mut *connection).await;
        let (pages, reason) = match asked {
            Ok((0, pages, done)) => (pages - done, "a reader holds an old state".to_owned()),
            Ok((_, pages, done)) => {
                (pages - done, "another process is at it, or keeps the database locked".to_owned())
            }
            // All of it may be waiting.
            Err(error) => (i64::MAX, error.to_string()),
        };
        let length = self.log.metadata().map_or(0, |log| log.len());
        let waiting = u64::try_from(pages).unwrap_or(0).saturating_mul(PAGE_BYTES).min(length);
        if waiting < MAX_WAITING_BYTES { Ok(()) } else { Err(Hindered { waiting_bytes: waiting, reason }) }
    }
}

/// Length of a page, in bytes: what SQLite takes unless it is told otherwise.
const PAGE_BYTES: u64 = 4096;

/// Why the log is not in the database.
struct Hindered {
    waiting_bytes: u64,
    reason: String,
}
