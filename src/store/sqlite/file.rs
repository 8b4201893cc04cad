//! May this file be opened? Decided before anything is written to it.
//!
//! The file is locked (`file_lock.rs`) and looked at through a read-only connection; where a crash has left a hot journal, in a
//! private copy. What does not look like a sound database of this program, of a version that it knows, is refused and left as it is.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

use crate::store::error::{OpenError, extended_code};
use crate::store::migrate::{self, Applied, HISTORY_TABLE};
use crate::store::sqlite::copying;
use crate::store::sqlite::file_lock::FileLock;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::paths::{not_writable, private, side_file, unusable};

/// Marks a database as this program's: "DCSE" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x4443_5345;

/// Length of the header of a SQLite database, in bytes.
const HEADER_BYTES: usize = 100;

/// A database that may be opened.
pub(super) struct Inspected {
    /// The version of its schema: `None` if there is no database yet, 0 if there is nothing in it.
    pub(super) version: Option<i64>,
    /// What was looked at instead, if the database has a hot journal.
    pub(super) recovered: Option<RecoveredCopy>,
}

/// Takes the lock of the database at `path`, makes sure that it may be opened, and only then removes what an earlier start has
/// left unfinished, and rolls back what a crash has cut off. Returns the version of its schema as well, as [`inspect`] does.
pub(super) async fn lock_and_inspect(path: &Path) -> Result<(FileLock, Option<i64>), OpenError> {
    let lock = FileLock::take(path)?;
    require_writable(path)?;
    let Inspected { version, recovered } = inspect(path).await?;
    if recovered.is_some() {
        recover(path).await?;
    }
    drop(recovered);
    for discard in [discard_unfinished, discard_copy] {
        discard(path).map_err(|error| not_writable(path, &error))?;
    }
    Ok((lock, version))
}

/// Looks at the database at `path` without changing it. Only under its lock if a transaction has to be rolled back first.
pub(super) async fn inspect(path: &Path) -> Result<Inspected, OpenError> {
    if !is_needed(path).await {
        return Ok(Inspected { version: look(path).await?, recovered: None });
    }
    let copy = RecoveredCopy::of(path).await?;
    let version = look(copy.path()).await.map_err(|error| error.naming(path))?;
    Ok(Inspected { version, recovered: Some(copy) })
}

async fn look(path: &Path) -> Result<Option<i64>, OpenError> {
    if !has_content(path)? {
        return Ok(None);
    }
    require_whole(path)?;
    let mut connection = SqliteConnection::connect_with(&options::looking(path))
        .await
        .map_err(|source| unusable(path, "look at the database", source))?;
    let outcome = inspect_schema(path, &mut connection).await;
    connection.close().await.map_err(OpenError::during("close the database after looking at it"))?;
    outcome.map(Some)
}

async fn inspect_schema(path: &Path, connection: &mut SqliteConnection) -> Result<i64, OpenError> {
    let damaged = |source: sqlx::Error| unusable(path, "look at the database", source);
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(damaged)?;
    if tables == 0 {
        return Ok(0);
    }
    let application_id: i32 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(damaged)?;
    if application_id != APPLICATION_ID {
        return Err(OpenError::Damaged {
            path: path.to_owned(),
            reason: "it is a database of another program".to_owned(),
        });
    }
    let views: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = ?")
            .bind(HISTORY_TABLE)
            .fetch_one(&mut *connection)
            .await
            .map_err(damaged)?;
    if views > 0 {
        // A view that is read runs whatever its maker has written into it.
        let reason = "the history of its schema is no table".to_owned();
        return Err(OpenError::Damaged { path: path.to_owned(), reason });
    }
    let history = format!("SELECT version, name, checksum FROM {HISTORY_TABLE} ORDER BY version");
    let applied: Vec<Applied> =
        sqlx::query_as(AssertSqlSafe(history)).fetch_all(&mut *connection).await.map_err(damaged)?;
    let (found, known) = (applied.last().map_or(0, |(version, ..)| *version), migrate::known_version());
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    match migrate::first_foreign(&applied) {
        Some(version) => Err(OpenError::Damaged {
            path: path.to_owned(),
            reason: format!("version {version} of its schema is not the one that this program makes"),
        }),
        None => Ok(found),
    }
}

fn require_writable(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(not_writable(path, &error)),
    }
}

fn has_content(path: &Path) -> Result<bool, OpenError> {
    match path.metadata() {
        Ok(metadata) => Ok(metadata.len() > 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(not_writable(path, &error)),
    }
}

/// Refuses a file that is shorter than its header says.
///
/// Not while a write-ahead log lies beside it: a crash in the middle of a checkpoint leaves such a file, and the log holds
/// what is missing.
fn require_whole(path: &Path) -> Result<(), OpenError> {
    let has_log = side_file(path, "-wal").metadata().is_ok_and(|log| log.len() > 0);
    if has_log {
        return Ok(());
    }
    let damaged = |reason: String| OpenError::Damaged { path: path.to_owned(), reason };
    let unreadable = |error: std::io::Error| damaged(format!("it cannot be read: {error}"));
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).map_err(|_| damaged("it is no SQLite database".to_owned()))?;
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(damaged("it is no SQLite database".to_owned()));
    }
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    if length < page_size * pages {
        return Err(damaged(format!("it has {length} bytes where its header says {}", page_size * pages)));
    }
    Ok(())
}

/// What SQLite answers to who may only read and finds a hot journal.
const SQLITE_READONLY_ROLLBACK: i32 = 776;
/// How the private copy is called, behind the name of the database.
const COPY: &str = ".look.tmp";

/// Makes SQLite read the schema, which needs a database without a hot journal.
const READ: &str = "SELECT count(*) FROM sqlite_schema";

/// Returns whether a transaction has to be rolled back before the database at `path` can be read. SQLite judges: a journal of a
/// process that is still at work is not hot.
pub(super) async fn is_needed(path: &Path) -> bool {
    if !side_file(path, "-journal").metadata().is_ok_and(|journal| journal.len() > 0) {
        return false;
    }
    let read = async {
        let mut connection = SqliteConnection::connect_with(&options::looking(path)).await?;
        let read = sqlx::query(READ).execute(&mut connection).await.map(|_| ());
        connection.close().await.and(read)
    };
    // Any other error is found again, and told, by who looks at the database next.
    read.await.is_err_and(|error| extended_code(&error) == Some(SQLITE_READONLY_ROLLBACK))
}

/// Rolls back the transaction that a crash has cut off. Only for databases of this program, under its lock.
pub(super) async fn recover(path: &Path) -> Result<(), OpenError> {
    let failed = |source| unusable(path, "roll back what a crash has cut off", source);
    let writing = options::base(&Location::File(path.to_owned()));
    let mut connection = SqliteConnection::connect_with(&writing).await.map_err(failed)?;
    sqlx::query(READ).execute(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// A private copy of a database with a hot journal, rolled back. Removed when dropped.
pub(super) struct RecoveredCopy {
    path: PathBuf,
}

impl RecoveredCopy {
    /// Copies the database at `path`, whose files stay as they are. Only under its lock: there is one name for the copy.
    pub(super) async fn of(path: &Path) -> Result<Self, OpenError> {
        let copy = Self { path: side_file(path, COPY) };
        let (source, target) = (path.to_owned(), copy.path.clone());
        let copied = copying::run_blocking_io(move || copy_files(&source, &target)).await;
        copied.map_err(|error| OpenError::NotWritable {
            path: path.to_owned(),
            reason: format!("a copy to look at: {error}"),
        })?;
        recover(&copy.path).await.map_err(|error| error.naming(path))?;
        tracing::info!(database = %path.display(), "a crash has cut off a transaction; it is rolled back");
        Ok(copy)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RecoveredCopy {
    fn drop(&mut self) {
        if let Err(error) = copying::discard(&self.path) {
            tracing::warn!(copy = %self.path.display(), error = %error, "a copy that is not needed any more stays");
        }
    }
}

/// Removes what a look that was cut off has left.
pub(super) fn discard_copy(path: &Path) -> std::io::Result<bool> {
    copying::discard(&side_file(path, COPY))
}

fn copy_files(source: &Path, target: &Path) -> std::io::Result<()> {
    copying::discard(target)?;
    for suffix in ["", "-journal", "-wal"] {
        let source = side_file(source, suffix);
        if source.exists() {
            let mut copy = private().write(true).create_new(true).open(side_file(target, suffix))?;
            std::io::copy(&mut File::open(source)?, &mut copy)?;
        }
    }
    Ok(())
}

/// How a new database is called while it is made, behind its name.
const UNFINISHED: &str = ".new.tmp";

/// Creates the database at `path`, where there is no file, for its owner only: it holds secret keys.
///
/// # Errors
/// `NotWritable`, `Migration` or `Failed`; then there is no database.
pub(super) async fn create(path: &Path) -> Result<(), OpenError> {
    let unfinished = unfinished(path);
    let failed = |source| unusable(path, "create the database", source);
    copying::create_atomically(&unfinished, path, build(&unfinished, path), failed).await
}

/// Removes what a first start that was cut off has left.
pub(super) fn discard_unfinished(path: &Path) -> std::io::Result<bool> {
    copying::discard(&unfinished(path))
}

fn unfinished(path: &Path) -> PathBuf {
    side_file(path, UNFINISHED)
}

async fn build(unfinished: &Path, path: &Path) -> Result<(), OpenError> {
    let made = private().write(true).create_new(true).open(unfinished);
    made.map_err(|error| not_writable(path, &error))?;
    let failed = |source| unusable(path, "create the database", source);
    let mut connection =
        options::connect_unsynced(&Location::File(unfinished.to_owned())).await.map_err(failed)?;
    migrate::migrate(&mut connection, APPLICATION_ID).await?;
    connection.execute("PRAGMA journal_mode = WAL").await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    // A log or a journal of a database that has gone would be played back into the new one.
    let left = path.to_owned();
    copying::run_blocking_io(move || {
        if !copying::discard(&left)? {
            return Ok(());
        }
        tracing::warn!(database = %left.display(), "there is no database, but what lay beside one; that is removed");
        copying::sync_folder_of(&left)
    })
    .await
    .map_err(failed)
}
