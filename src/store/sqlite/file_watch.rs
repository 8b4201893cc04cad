//! Are the files of the open database still where the next start looks for them?
//!
//! Whoever deletes or replaces them leaves SQLite with files that have no name: it goes on writing to them, and all of it is gone
//! when the process ends. So the paths are compared with the open files before something is written, at most ten times a second,
//! and at every probe.

use std::fs::Metadata;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::store::StoreError;
use crate::store::sqlite::file_lock::FileLock;
use crate::store::sqlite::paths::side_file;

/// For how long what was found holds.
const PERIOD: Duration = Duration::from_millis(100);

/// Tells a file from another one that has its path later.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl FileId {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Where files have no number, only that there is one is known: one that is open cannot be replaced there.
#[cfg(not(unix))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId;

#[cfg(not(unix))]
impl FileId {
    fn of(_metadata: &Metadata) -> Self {
        Self
    }
}

/// The files of an open database.
#[derive(Debug)]
pub(super) struct FileWatch {
    files: Vec<(PathBuf, FileId)>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    looked: Stopwatch,
    /// The file that is not where it was.
    gone: Option<PathBuf>,
}

impl FileWatch {
    /// Watches the files of the database at `path`, which SQLite has open: the database, its log, and the index of the log.
    pub(super) fn start(path: &Path, lock: &FileLock) -> Self {
        let mut files: Vec<(PathBuf, FileId)> = ["", "-wal", "-shm"]
            .iter()
            .map(|suffix| side_file(path, suffix))
            .filter_map(|file| Some((file.clone(), FileId::of(&file.metadata().ok()?))))
            .collect();
        // What is locked was opened before SQLite opened it: if it has gone since, that is noticed at the first look.
        let locked = match lock.database() {
            Some(database) => (path.to_owned(), database),
            None => (side_file(path, ".lock"), lock.side()),
        };
        files.extend(locked.1.metadata().ok().map(|metadata| (locked.0, FileId::of(&metadata))));
        Self { files, state: Mutex::new(State { looked: Stopwatch::start(), gone: None }) }
    }

    /// Looks whether all files are where they were.
    ///
    /// # Errors
    /// `Failed` if one is not.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_gone =
            |path: &PathBuf, id: FileId| path.metadata().map(|found| FileId::of(&found)).ok() != Some(id);
        let gone = self.files.iter().find(|(path, id)| is_gone(path, *id)).map(|(path, _)| path.clone());
        match (&state.gone, &gone) {
            (None, Some(path)) => tracing::error!(
                file = %path.display(),
                "a file of the database was deleted or replaced while it is served: changes are refused, because they would be \
                 lost when this process ends. Export what is there with GET /_emulator/export, stop this server, put the file \
                 back, or take away what lies in its place, and start again"
            ),
            (Some(path), None) => {
                tracing::info!(file = %path.display(), "the files of the database are all in their places again");
            }
            _ => {}
        }
        *state = State { looked: Stopwatch::start(), gone };
        outcome(&state)
    }

    /// Returns what the last look found, or looks if that was a while ago.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub(super) fn look_now_and_then(&self) -> Result<(), StoreError> {
        {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.looked.elapsed() < PERIOD {
                return outcome(&state);
            }
        }
        self.look()
    }
}

fn outcome(state: &State) -> Result<(), StoreError> {
    let Some(path) = &state.gone else { return Ok(()) };
    let reason = Error::new(ErrorKind::NotFound, format!("{} was deleted or replaced", path.display()));
    Err(StoreError::Failed {
        operation: "write to the files of the database",
        source: Arc::new(sqlx::Error::Io(reason)),
    })
}
