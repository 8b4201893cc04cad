//! Copies of a whole database, made while it is in use.
//!
//! SQLite makes them itself (`VACUUM INTO`), in one read transaction: what is still in the log is in the copy as well, and
//! neither the writer nor a reader waits for it. A copy gets its name only once it is whole and synced, so that whatever has
//! that name is one.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection, SqliteConnection};

use crate::store::error::OpenError;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::paths;

/// How the files are called that SQLite puts beside a database, behind its name.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Builds a database at `unfinished`, beside its place, by `build`, and then gives it the name `name`. Where either fails nothing of it
/// stays: it may hold secret keys.
pub(super) async fn create_atomically<T, E>(
    unfinished: &Path,
    name: &Path,
    build: impl Future<Output = Result<T, E>>,
    failed: impl FnOnce(sqlx::Error) -> E,
) -> Result<T, E> {
    let outcome = match build.await {
        Ok(value) => publish(unfinished, name).await.map(|()| value).map_err(failed),
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        // The error that is told is the first one.
        let _ = discard(unfinished);
    }
    outcome
}

/// Copies the database that `source` connects to into the file `copy`, for its owner only: it holds secret keys.
///
/// It is not synced yet, and what had that name before is gone.
pub(super) async fn write(source: &SqliteConnectOptions, copy: &Path) -> Result<(), sqlx::Error> {
    discard(copy)?;
    // SQLite fills a file that is there and empty, and leaves its rights as they are.
    paths::private().write(true).create_new(true).open(copy)?;
    fill(source, &Location::File(copy.to_owned())).await
}

/// Copies the database that `source` connects to into an empty one.
pub(super) async fn fill(source: &SqliteConnectOptions, copy: &Location) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(source).await?;
    sqlx::query("VACUUM INTO ?").bind(copy.as_file_name()).execute(&mut connection).await?;
    connection.close().await
}

/// Syncs a file that has been written, gives it its name in the same folder, in place of what had that, and syncs the folder.
async fn publish(unfinished: &Path, name: &Path) -> Result<(), sqlx::Error> {
    if let Err(error) = fold(name).await {
        tracing::warn!(database = %name.display(), error = %error, "a database that is replaced was damaged");
    }
    let (unfinished, name) = (unfinished.to_owned(), name.to_owned());
    run_blocking_io(move || {
        // Not every system syncs what is open for reading only.
        File::options().write(true).open(&unfinished)?.sync_all()?;
        // They would be played back into the one that takes its place.
        discard_beside(&name)?;
        std::fs::rename(&unfinished, &name)?;
        sync_folder_of(&name)
    })
    .await
}

/// Brings what lies beside a database that nobody serves, a log or a hot journal, into it, so that the file alone is all of it.
pub(super) async fn fold(database: &Path) -> Result<(), sqlx::Error> {
    if !BESIDE.iter().any(|suffix| paths::side_file(database, suffix).exists()) {
        return Ok(());
    }
    let options = options::base(&Location::File(database.to_owned())).journal_mode(SqliteJournalMode::Delete);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let read = sqlx::query("SELECT count(*) FROM sqlite_schema").execute(&mut connection).await;
    connection.close().await.and(read.map(|_| ()))
}

/// Removes a database with all that lies beside it: a journal that stays would be played back into the next one of that name.
/// Returns whether there was anything.
pub(super) fn discard(database: &Path) -> std::io::Result<bool> {
    let was_there = remove(database)?;
    Ok(discard_beside(database)? || was_there)
}

fn discard_beside(database: &Path) -> std::io::Result<bool> {
    let mut was_there = false;
    for suffix in BESIDE {
        was_there |= remove(&paths::side_file(database, suffix))?;
    }
    Ok(was_there)
}

fn remove(file: &Path) -> std::io::Result<bool> {
    match std::fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Syncs the folder in which a file lies: that the file is there, or is not there any more, is on disk then.
pub(super) fn sync_folder_of(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        // Elsewhere folders cannot be opened, and the system syncs them.
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Does what waits for the disk beside the threads that serve requests.
pub(super) async fn run_blocking_io<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, sqlx::Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))??)
}

/// Keeps a copy of the database at `path`, of schema version `version`, before that is upgraded. One that is there already
/// stays as it is.
pub(super) async fn keep_before_upgrade(path: &Path, version: i64) -> Result<(), OpenError> {
    let copy = paths::side_file(path, &format!(".v{version}.bak"));
    if copy.exists() {
        tracing::warn!(copy = %copy.display(), version, "a copy of that version is there already and stays as it is");
        return Ok(());
    }
    tracing::info!(version, "the database is of an older version: it is copied, then upgraded");
    let unfinished = paths::side_file(&copy, ".tmp");
    let source = options::looking(path);
    create_atomically(&unfinished, &copy, write(&source, &unfinished), |error| error)
        .await
        .map_err(OpenError::during("copy the database before it is upgraded"))?;
    tracing::info!(copy = %copy.display(), version, "the database is upgraded; a copy of it as it was is kept");
    Ok(())
}
