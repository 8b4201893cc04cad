//! May this file be opened? Decided before anything is written to it.
//!
//! The file is locked (`file_lock.rs`) and looked at through a read-only connection; where a crash has left a hot journal, in a
//! private copy. What does not look like a sound database of this program, of a version that it knows, is refused and left as it is.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::store::error::{OpenError, SQLITE_BUSY, primary_code};
use crate::store::migrate::{self, Applied, HISTORY_TABLE};
use crate::store::sqlite::creation;
use crate::store::sqlite::file_lock::FileLock;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::recovery::{self, RecoveredCopy};

/// Marks a database as this program's: "DCSE" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x4443_5345;

/// Length of the header of a SQLite database, in bytes.
const HEADER_BYTES: usize = 100;

/// Returns the path of the database itself, whichever links lead to it: lock and log lie beside that one.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    if let Ok(resolved) = path.canonicalize() {
        return Ok(resolved);
    }
    if let Ok(target) = path.read_link() {
        // A link to a database that is not there yet: that is where it belongs. A circle ends with an error of its own.
        let target = path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
        let is_circle = path.metadata().is_err_and(|error| error.kind() != ErrorKind::NotFound);
        if !is_circle {
            return resolve(&target);
        }
    }
    // It is not there yet; its folder must be.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let not_writable = |reason: String| OpenError::NotWritable { path: path.to_owned(), reason };
    let folder = folder.canonicalize().map_err(|error| not_writable(format!("its folder: {error}")))?;
    let name = path.file_name().ok_or_else(|| not_writable("it names no file".to_owned()))?;
    Ok(folder.join(name))
}

/// Returns how a file is opened that, if it is made, is its owner's only. Where files have no modes, the folder decides.
pub(super) fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "its mode is set where there are modes"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

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
        recovery::recover(path).await?;
    }
    drop(recovered);
    for discard in [creation::discard_unfinished, recovery::discard_copy] {
        discard(path).map_err(|error| not_writable(path, &error))?;
    }
    Ok((lock, version))
}

/// Looks at the database at `path` without changing it. Only under its lock if a transaction has to be rolled back first.
pub(super) async fn inspect(path: &Path) -> Result<Inspected, OpenError> {
    if !recovery::is_needed(path).await {
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
    let mut connection = SqliteConnection::connect_with(&looking(path))
        .await
        .map_err(|source| unusable(path, "look at the database", source))?;
    let outcome = inspect_schema(path, &mut connection).await;
    connection.close().await.map_err(OpenError::during("close the database after looking at it"))?;
    outcome.map(Some)
}

/// Returns how a database is looked at that nothing may be done to.
///
/// Without files beside it nobody has it open, and the main file is all there is: then SQLite makes none either, and can
/// read it also where nothing can be written.
pub(super) fn looking(path: &Path) -> SqliteConnectOptions {
    let is_alone = ["-wal", "-shm", "-journal"].iter().all(|suffix| !side_file(path, suffix).exists());
    options::reading(&Location::File(path.to_owned())).immutable(is_alone)
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

/// Tells damage and missing rights from other failures by SQLite's primary result code.
pub(super) fn unusable(path: &Path, operation: &'static str, source: sqlx::Error) -> OpenError {
    const SQLITE_ERROR: i32 = 1;
    const SQLITE_PERM: i32 = 3;
    const SQLITE_READONLY: i32 = 8;
    const SQLITE_CORRUPT: i32 = 11;
    const SQLITE_CANTOPEN: i32 = 14;
    const SQLITE_NOTADB: i32 = 26;
    match primary_code(&source) {
        Some(SQLITE_ERROR | SQLITE_CORRUPT | SQLITE_NOTADB) => {
            OpenError::Damaged { path: path.to_owned(), reason: source.to_string() }
        }
        Some(SQLITE_BUSY) => OpenError::Locked { path: path.to_owned() },
        Some(SQLITE_PERM | SQLITE_READONLY | SQLITE_CANTOPEN) => {
            OpenError::NotWritable { path: path.to_owned(), reason: source.to_string() }
        }
        _ => OpenError::Failed { operation, source },
    }
}

/// Tells a database that another program keeps locked from one that could not be opened for another reason.
pub(super) fn locked_or(path: &Path, error: OpenError) -> OpenError {
    match error {
        OpenError::Failed { source, .. } if primary_code(&source) == Some(SQLITE_BUSY) => {
            OpenError::Locked { path: path.to_owned() }
        }
        error => error,
    }
}

/// Says that a database, or its folder, cannot be written.
pub(super) fn not_writable(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::NotWritable { path: path.to_owned(), reason: error.to_string() }
}

/// Returns the path of a file that lies beside the database.
pub(super) fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
