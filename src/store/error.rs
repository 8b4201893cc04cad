//! What can go wrong in the store. The errors of the database driver are read here only.
//!
//! Rules: a variant is a case that some caller treats differently. The cause is in `source`, never in the text too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::refusal::Refusal;

/// Why a step was not made, or is not known to have been.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much was waiting for too long, or another program keeps the database locked; nothing was changed, the caller may
    /// try again.
    #[error("the database is busy")]
    Busy,
    /// The connection was lost while the change was being committed: it may have been made.
    #[error("{operation}: outcome unknown")]
    OutcomeUnknown {
        /// What was tried.
        operation: &'static str,
        /// Why it is not known.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The database could not do it; nothing was changed.
    #[error("{operation}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The schema does not take what a seed wants to be stored; nothing was changed.
    #[error("the seed cannot be stored: {what}")]
    Unstorable {
        /// What it is that is not taken.
        what: String,
    },
    /// A row holds what the program would never have written.
    #[error("inconsistent row: {what}")]
    Inconsistent {
        /// Which column, and what is wrong with it.
        what: &'static str,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Returns whether the database has failed, which is its operator's business: nothing was wrong with what the caller asked for, and no
    /// other program was in the way.
    pub(in crate::store) fn is_of_the_database(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::Busy | Self::Unstorable { .. })
    }

    /// Returns a function that says which operation a driver error belongs to.
    pub(super) fn during(operation: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| match (primary_code(&source), source) {
            (Some(SQLITE_BUSY), _) => Self::Busy,
            (_, sqlx::Error::ColumnDecode { index, source }) => {
                tracing::error!(operation, column = index, error = source, "a column is malformed");
                Self::Inconsistent { what: "a column is malformed" }
            }
            (_, source) => Self::Failed { operation, source: Arc::new(source) },
        }
    }
}

/// SQLite's code for a database that another program keeps locked.
pub(super) const SQLITE_BUSY: i32 = 5;
/// SQLite's code for a row that breaks a rule of the schema.
const SQLITE_CONSTRAINT: i32 = 19;
/// SQLite's code for a disk that failed.
pub(super) const SQLITE_IOERR: i32 = 10;

/// Returns the code of the kind of error that SQLite reports, if it was SQLite.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    Some(extended_code(error)? & 0xff)
}

/// Returns the code of the very error that SQLite reports, if it was SQLite.
pub(super) fn extended_code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// Tells a commit that failed from one whose outcome nobody knows: the connection was lost, or the disk failed while the log
/// was being synced.
pub(super) fn commit_error(source: sqlx::Error) -> StoreError {
    match &source {
        sqlx::Error::Database(_) if primary_code(&source) != Some(SQLITE_IOERR) => {
            StoreError::during("commit a transaction")(source)
        }
        _ => StoreError::OutcomeUnknown { operation: "commit a transaction", source: Arc::new(source) },
    }
}

/// Says of a row that the schema does not take that the seed cannot be stored; other errors stay what they are.
pub(super) fn unstorable(error: StoreError) -> StoreError {
    match &error {
        StoreError::Failed { source, .. } if primary_code(source) == Some(SQLITE_CONSTRAINT) => {
            let problem = source.as_database_error().map(|problem| problem.message().to_owned());
            StoreError::Unstorable { what: problem.unwrap_or_default() }
        }
        _ => error,
    }
}

/// Why a database was not opened. Only a failure after the look at it can have changed it: `Migration` rolls back, `Failed` may
/// come later.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process; stop that one, or choose another file with --database", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// It is not a database of this program, or is damaged.
    #[error("{} cannot be used: {reason}. Restore it from a copy, or move it away to start with a new one", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer version of this program wrote it.
    #[error(
        "{} was written by a newer version of this program (schema version {found}, this one knows {known}); use that version",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// It, or its folder, cannot be written.
    #[error("{} cannot be written: {reason}; check the rights of the file and its folder", path.display())]
    NotWritable {
        /// The database.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The SQLite library linked in is too old to be safe.
    #[error("SQLite {found} can lose committed writes; this program needs {needed} or newer")]
    SqliteTooOld {
        /// The version linked in.
        found: String,
        /// The oldest safe version.
        needed: &'static str,
    },
    /// A migration failed.
    #[error("migrate the database")]
    Migration(#[source] refinery_core::Error),
    /// The database could not be opened for another reason.
    #[error("{operation}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
}

impl OpenError {
    /// Returns the error, told of the database at `path` instead of a copy of it.
    pub(super) fn naming(self, path: &Path) -> Self {
        let path = path.to_owned();
        match self {
            Self::Locked { .. } => Self::Locked { path },
            Self::Damaged { reason, .. } => Self::Damaged { path, reason },
            Self::Newer { found, known, .. } => Self::Newer { path, found, known },
            Self::NotWritable { reason, .. } => Self::NotWritable { path, reason },
            Self::SqliteTooOld { .. } | Self::Migration(_) | Self::Failed { .. } => self,
        }
    }

    /// Returns a function that says which operation a driver error belongs to.
    pub(super) fn during(operation: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Failed { operation, source }
    }
}
