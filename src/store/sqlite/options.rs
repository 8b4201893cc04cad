//! Where a database is and how its connections are set.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use tokio::sync::Notify;

use crate::store::error::OpenError;
use crate::store::sqlite::paths::{self, side_file};

/// The first SQLite without the WAL-reset bug: before it, a commit racing a checkpoint could be lost.
const SAFE_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// [`SAFE_SQLITE`] as text.
const SAFE_SQLITE_TEXT: &str = "3.51.3";
/// How long a connection waits for a lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the writer does, each time it tries, once the database is open.
const WRITER_BUSY_TIMEOUT: Duration = Duration::from_millis(200);
/// After how many steps of SQLite's machine each it is noticed that a statement moves on.
const STEPS_A_NOTICE: i32 = 100_000;
/// What is left of the log, in bytes, once everything of it is in the main file: a reader that holds an old state for long makes
/// it grow without end. Generous, as it is written faster where it has been written before.
const MAX_EMPTIED_LOG: &str = "67108864";

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file.
    File(PathBuf),
    /// In the memory of this process, gone when it ends.
    Memory {
        /// Tells databases of one process apart.
        name: String,
    },
}

/// The text names no database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be sqlite://PATH without options, a path, or sqlite::memory:")]
pub struct InvalidLocation;

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        // What other programs read as options behind a question mark would become part of the file's name.
        if text.starts_with("sqlite:") && text.contains('?') {
            return Err(InvalidLocation);
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(":memory:") => return Ok(Self::new_memory()),
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") => return Err(InvalidLocation),
            None => text,
        };
        if path.is_empty() { Err(InvalidLocation) } else { Ok(Self::File(PathBuf::from(path))) }
    }
}

impl Location {
    /// Returns the location with the path of the database itself, whichever links lead to it.
    ///
    /// # Errors
    /// `NotWritable` if there is no such folder.
    pub(super) fn resolved(&self) -> Result<Self, OpenError> {
        match self {
            Self::File(path) => Ok(Self::File(paths::resolve(path)?)),
            Self::Memory { .. } => Ok(self.clone()),
        }
    }

    /// Returns what SQLite calls the file, under the file system that [`base`] names.
    pub(super) fn as_file_name(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Memory { name } => format!("/{name}"),
        }
    }

    /// Returns what SQLite calls the database under any file system.
    pub(super) fn as_uri(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Memory { name } => format!("file:/{name}?vfs=memdb"),
        }
    }

    /// Returns a place in memory that no other database of this process has.
    pub(super) fn new_memory() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self::Memory { name: format!("dcs-emulator-{}", COUNT.fetch_add(1, Ordering::Relaxed)) }
    }
}

/// Opens the writing connection of a database that is there; one in memory is made.
pub(super) async fn connect_writer(location: &Location) -> Result<SqliteConnection, OpenError> {
    let options = match location {
        Location::File(_) => base(location)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("journal_size_limit", MAX_EMPTIED_LOG)
            .synchronous(SqliteSynchronous::Full),
        Location::Memory { .. } => base(location).create_if_missing(true),
    };
    SqliteConnection::connect_with(&options).await.map_err(|source| match location {
        Location::File(path) => paths::unusable(path, "open the database", source),
        Location::Memory { .. } => OpenError::Failed { operation: "open the database", source },
    })
}

/// Opens a database that only this process knows of, which is written without journal and syncs: until it is synced as a whole
/// and gets its name, it is worth nothing.
pub(super) async fn connect_unsynced(location: &Location) -> Result<SqliteConnection, sqlx::Error> {
    let options = base(location).journal_mode(SqliteJournalMode::Memory).synchronous(SqliteSynchronous::Off);
    SqliteConnection::connect_with(&options).await
}

/// Lets the writer wait for a lock of another process only shortly: it tries again itself, and looks in between who has waited
/// for too long. In memory there is no other process, but readers that have to end before a commit.
pub(super) async fn wait_shortly(
    writer: &mut SqliteConnection,
    location: &Location,
) -> Result<(), sqlx::Error> {
    match location {
        Location::File(_) => set_busy_timeout(writer, WRITER_BUSY_TIMEOUT).await,
        Location::Memory { .. } => Ok(()),
    }
}

/// Lets the writer wait for a lock as long as other connections do.
pub(super) async fn wait_long(writer: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    set_busy_timeout(writer, BUSY_TIMEOUT).await
}

async fn set_busy_timeout(writer: &mut SqliteConnection, timeout: Duration) -> Result<(), sqlx::Error> {
    // The value of a pragma cannot be bound.
    let statement = format!("PRAGMA busy_timeout = {}", timeout.as_millis());
    writer.execute(AssertSqlSafe(statement)).await.map(|_| ())
}

/// Notifies those who wait for `progress` while a statement of the connection moves on.
pub(super) async fn notify_of_progress(
    connection: &mut SqliteConnection,
    progress: &Arc<Notify>,
) -> Result<(), sqlx::Error> {
    let progress = Arc::clone(progress);
    connection.lock_handle().await?.set_progress_handler(STEPS_A_NOTICE, move || {
        progress.notify_waiters();
        true
    });
    Ok(())
}

/// Returns how a read-only connection is opened.
pub(super) fn reading(location: &Location) -> SqliteConnectOptions {
    base(location).read_only(true)
}

/// Returns what all connections have in common.
pub(super) fn base(location: &Location) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        // Statement journals, sorts and tables of a query need no folder then, which may be missing, read-only or full. A
        // statement journal holds at most the pages that its transaction changes, a sort at most the rows of its table.
        .pragma("temp_store", "MEMORY");
    match location {
        Location::File(path) => options.filename(path),
        // The VFS `memdb` lets readers and the writer share one database in memory without a shared cache, whose readers
        // and writer would block each other. It has no WAL.
        Location::Memory { .. } => options.filename(location.as_file_name()).vfs("memdb"),
    }
}

/// Refuses a SQLite library that can lose committed writes.
pub(super) async fn require_safe_sqlite() -> Result<(), OpenError> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().in_memory(true))
        .await
        .map_err(OpenError::during("ask for the version of SQLite"))?;
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut connection)
        .await
        .map_err(OpenError::during("ask for the version of SQLite"))?;
    if is_safe(&found) { Ok(()) } else { Err(OpenError::SqliteTooOld { found, needed: SAFE_SQLITE_TEXT }) }
}

fn is_safe(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    (part(), part(), part()) >= SAFE_SQLITE
}

/// Returns how a database is looked at that nothing may be done to.
///
/// Without files beside it nobody has it open, and the main file is all there is: then SQLite makes none either, and can
/// read it also where nothing can be written.
pub(super) fn looking(path: &Path) -> SqliteConnectOptions {
    let is_alone = ["-wal", "-shm", "-journal"].iter().all(|suffix| !side_file(path, suffix).exists());
    reading(&Location::File(path.to_owned())).immutable(is_alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_path_with_or_without_scheme_or_memory() {
        for (text, path) in [
            ("sqlite://a.db", "a.db"),
            ("sqlite:///var/lib/a.db", "/var/lib/a.db"),
            ("sqlite:a.db", "a.db"),
            ("a.db", "a.db"),
        ] {
            assert_eq!(text.parse(), Ok(Location::File(PathBuf::from(path))), "{text}");
        }
        assert!(matches!("sqlite::memory:".parse(), Ok(Location::Memory { .. })));
        for text in ["", "sqlite://", "postgres://localhost/a", "sqlite://a.db?mode=rwc"] {
            assert_eq!(text.parse::<Location>(), Err(InvalidLocation), "{text}");
        }
    }

    #[tokio::test]
    async fn the_writer_syncs_every_commit_and_keeps_foreign_keys() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.db");
        std::fs::File::create(&path).unwrap();
        let file = Location::File(path);
        let memory = Location::Memory { name: "settings-of-the-writer".to_owned() };
        for (location, journal_mode) in [(file, "wal"), (memory, "memory")] {
            let mut writer = connect_writer(&location).await.unwrap();
            let mode: String =
                sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut writer).await.unwrap();
            assert_eq!(mode, journal_mode, "{location:?}");
            // 2 is FULL: a commit is on disk when it returns.
            for (pragma, value) in
                [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 5000)]
            {
                let found: i64 = sqlx::query_scalar(pragma).fetch_one(&mut writer).await.unwrap();
                assert_eq!(found, value, "{pragma} of {location:?}");
            }
        }
    }

    #[test]
    fn sqlite_before_3_51_3_is_refused() {
        let (major, minor, patch) = SAFE_SQLITE;
        assert_eq!(SAFE_SQLITE_TEXT, format!("{major}.{minor}.{patch}"));
        for (version, safe) in
            [("3.51.2", false), ("3.40.1", false), ("3.51.3", true), ("3.52.0", true), ("4.0", true)]
        {
            assert_eq!(is_safe(version), safe, "{version}");
        }
    }
}
