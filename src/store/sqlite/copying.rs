//! Copies of a whole database, made while it is in use.
//!
//! SQLite makes them itself (`VACUUM INTO`), in one read transaction: what is still in the log is in the copy as well, and
//! neither the writer nor a reader waits for it. A copy gets its name only once it is whole and synced, so that whatever has
//! that name is one.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use crate::store::error::OpenError;
use crate::store::sqlite::file;
use crate::store::sqlite::options::Location;

/// Copies the database that `source` connects to into the file `copy`, for its owner only: it holds secret keys.
///
/// It is not synced yet, and what had that name before is gone.
pub(super) async fn write(source: &SqliteConnectOptions, copy: &Path) -> Result<(), sqlx::Error> {
    discard(copy)?;
    // SQLite fills a file that is there and empty, and leaves its rights as they are.
    file::private().write(true).create_new(true).open(copy)?;
    fill(source, &Location::File(copy.to_owned())).await
}

/// Copies the database that `source` connects to into an empty one.
pub(super) async fn fill(source: &SqliteConnectOptions, copy: &Location) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(source).await?;
    sqlx::query("VACUUM INTO ?").bind(copy.as_file_name()).execute(&mut connection).await?;
    connection.close().await
}

/// Syncs a file that has been written, gives it its name in the same folder, in place of what had that, and syncs the folder.
pub(super) async fn publish(unfinished: PathBuf, name: PathBuf) -> Result<(), sqlx::Error> {
    in_the_background(move || {
        File::open(&unfinished)?.sync_all()?;
        std::fs::rename(&unfinished, &name)?;
        sync_folder_of(&name)
    })
    .await
}

/// Removes a database with all that lies beside it: a journal that stays would be played back into the next one of that name.
/// Returns whether there was anything.
pub(super) fn discard(database: &Path) -> std::io::Result<bool> {
    let mut removed = false;
    for suffix in ["-journal", "-wal", "-shm", ""] {
        match std::fs::remove_file(file::side_file(database, suffix)) {
            Ok(()) => removed = true,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

/// Syncs the folder in which a file lies: that the file is there, or is not there any more, is on disk then.
pub(super) fn sync_folder_of(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Does what waits for the disk beside the threads that serve requests.
pub(super) async fn in_the_background<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, sqlx::Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))??)
}

/// Keeps a copy of the database at `path`, of schema version `version`, before that is upgraded. One that is there already
/// stays as it is.
pub(super) async fn keep_before_upgrade(path: &Path, version: i64) -> Result<(), OpenError> {
    let copy = file::side_file(path, &format!(".v{version}.bak"));
    if copy.exists() {
        tracing::warn!(copy = %copy.display(), version, "a copy of that version is there already and stays as it is");
        return Ok(());
    }
    let unfinished = file::side_file(&copy, ".tmp");
    let written = write(&file::looking(path), &unfinished).await;
    written.map_err(OpenError::during("copy the database before it is upgraded"))?;
    let published = publish(unfinished, copy.clone()).await;
    published.map_err(OpenError::during("keep the copy of the database"))?;
    tracing::info!(copy = %copy.display(), version, "the database is upgraded; a copy of it as it was is kept");
    Ok(())
}
