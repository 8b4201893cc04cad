//! New databases: there whole or not at all.
//!
//! A new database is made beside its place, and gets its name only when it has its schema, is in its journal mode, closed and
//! synced. A process that dies before leaves a file of another name, which the next start removes.

use std::path::{Path, PathBuf};

use sqlx::{Connection, Executor};

use crate::store::error::OpenError;
use crate::store::migrate;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::{copying, file};

/// How a new database is called while it is made, behind its name.
const UNFINISHED: &str = ".new.tmp";

/// Creates the database at `path`, where there is no file, for its owner only: it holds secret keys.
///
/// # Errors
/// `NotWritable`, `Migration` or `Failed`; then there is no database.
pub(super) async fn create(path: &Path) -> Result<(), OpenError> {
    let unfinished = unfinished(path);
    let failed = |source| file::unusable(path, "create the database", source);
    copying::make_whole(&unfinished, path, build(&unfinished, path), failed).await
}

/// Removes what a first start that was cut off has left.
pub(super) fn discard_unfinished(path: &Path) -> std::io::Result<bool> {
    copying::discard(&unfinished(path))
}

fn unfinished(path: &Path) -> PathBuf {
    file::side_file(path, UNFINISHED)
}

async fn build(unfinished: &Path, path: &Path) -> Result<(), OpenError> {
    let made = file::private().write(true).create_new(true).open(unfinished);
    made.map_err(|error| file::not_writable(path, &error))?;
    let failed = |source| file::unusable(path, "create the database", source);
    let mut connection =
        options::connect_unsynced(&Location::File(unfinished.to_owned())).await.map_err(failed)?;
    migrate::migrate(&mut connection, file::APPLICATION_ID).await?;
    connection.execute("PRAGMA journal_mode = WAL").await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    // A log or a journal of a database that has gone would be played back into the new one.
    let left = path.to_owned();
    copying::in_the_background(move || {
        if !copying::discard(&left)? {
            return Ok(());
        }
        tracing::warn!(database = %left.display(), "there is no database, but what lay beside one; that is removed");
        copying::sync_folder_of(&left)
    })
    .await
    .map_err(failed)
}
