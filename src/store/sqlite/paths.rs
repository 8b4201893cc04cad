//! Paths of a database and of the files beside it, and what is wrong with them.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::store::error::{OpenError, SQLITE_BUSY, primary_code};

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
