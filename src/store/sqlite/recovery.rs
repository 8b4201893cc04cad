//! Hot journals: a crash in the middle of a transaction without a write-ahead log leaves the pages from before it in a rollback
//! journal, and a main file that is worth nothing (its first page may be torn) until they are back in it.
//!
//! Such a database is as sound as one with a log beside it. Whether it is one of this program is decided on a private copy in which
//! the journal has been played back, so that the files of others stay as they are.

use std::fs::File;
use std::path::{Path, PathBuf};

use sqlx::{Connection, SqliteConnection};

use crate::store::error::{OpenError, extended_code};
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::{copying, file};

/// What SQLite answers to who may only read and finds a hot journal.
const SQLITE_READONLY_ROLLBACK: i32 = 776;
/// How the private copy is called, behind the name of the database.
const COPY: &str = ".look.tmp";

/// Makes SQLite read the schema, which needs a database without a hot journal.
const READ: &str = "SELECT count(*) FROM sqlite_schema";

/// Returns whether a transaction has to be rolled back before the database at `path` can be read. SQLite judges: a journal of a
/// process that is still at work is not hot.
pub(super) async fn is_needed(path: &Path) -> bool {
    if !file::side_file(path, "-journal").metadata().is_ok_and(|journal| journal.len() > 0) {
        return false;
    }
    let read = async {
        let mut connection = SqliteConnection::connect_with(&file::looking(path)).await?;
        let read = sqlx::query(READ).execute(&mut connection).await.map(|_| ());
        connection.close().await.and(read)
    };
    // Any other error is found again, and told, by who looks at the database next.
    read.await.is_err_and(|error| extended_code(&error) == Some(SQLITE_READONLY_ROLLBACK))
}

/// Rolls back the transaction that a crash has cut off. Only for databases of this program, under its lock.
pub(super) async fn recover(path: &Path) -> Result<(), OpenError> {
    let failed = |source| file::unusable(path, "roll back what a crash has cut off", source);
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
        let copy = Self { path: file::side_file(path, COPY) };
        let (source, target) = (path.to_owned(), copy.path.clone());
        let copied = copying::in_the_background(move || copy_files(&source, &target)).await;
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
    copying::discard(&file::side_file(path, COPY))
}

fn copy_files(source: &Path, target: &Path) -> std::io::Result<()> {
    copying::discard(target)?;
    for suffix in ["", "-journal", "-wal"] {
        let source = file::side_file(source, suffix);
        if source.exists() {
            let mut copy =
                file::private().write(true).create_new(true).open(file::side_file(target, suffix))?;
            std::io::copy(&mut File::open(source)?, &mut copy)?;
        }
    }
    Ok(())
}
