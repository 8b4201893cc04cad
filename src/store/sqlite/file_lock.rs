//! The lock that keeps a second server away from a database.
//!
//! Two files are locked. The side file `.lock` is what every version of this program looks at. Whoever deletes it must not open
//! the way to a second server, so on Linux the database itself is locked as well, by `flock`, which is apart from the locks of
//! SQLite (`fcntl`). The handle is opened before SQLite opens the database and closed after: closing any handle of a file
//! drops SQLite's locks on it. Elsewhere, and on network file systems, the two kinds of locks are not apart; there
//! [`FileWatch`](super::file_watch::FileWatch) notices that the side file is gone, and nothing is written any more.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::store::error::OpenError;
use crate::store::sqlite::paths::{not_writable, private, side_file};

/// The lock of a database. Released when dropped; the side file stays.
#[derive(Debug)]
pub(super) struct FileLock {
    side: File,
    database: Option<File>,
}

impl FileLock {
    /// Takes the lock of the database at `path`, which need not be there yet.
    ///
    /// # Errors
    /// `Locked` if another server has it, `NotWritable` if it cannot be taken.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let side = private()
            .create(true)
            .truncate(false)
            .write(true)
            .open(side_file(path, ".lock"))
            .map_err(|error| not_writable(path, &error))?;
        lock(&side, path)?;
        let mut lock = Self { side, database: None };
        lock.hold(path)?;
        Ok(lock)
    }

    /// Locks the database itself, if it is there and that can be done. SQLite must not have it open yet in this process.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn hold(&mut self, path: &Path) -> Result<(), OpenError> {
        if self.database.is_some() {
            return Ok(());
        }
        // If it cannot be opened, whoever looks at it next says what is wrong with it.
        let Ok(database) = File::open(path) else { return Ok(()) };
        if !is_apart_from_sqlite(&database) {
            return Ok(());
        }
        if let Err(error) = lock(&database, path) {
            // It may be this process that has it, and closing the handle would drop the locks of its SQLite.
            std::mem::forget(database);
            return Err(error);
        }
        self.database = Some(database);
        Ok(())
    }

    /// Returns the locked side file.
    pub(super) fn side(&self) -> &File {
        &self.side
    }

    /// Returns the locked database, if it could be locked.
    pub(super) fn database(&self) -> Option<&File> {
        self.database.as_ref()
    }
}

fn lock(file: &File, path: &Path) -> Result<(), OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(not_writable(path, &error)),
    }
}

/// Returns whether a lock of the whole file leaves SQLite's locks on it alone. Network file systems make one kind of lock of both.
#[cfg(target_os = "linux")]
fn is_apart_from_sqlite(database: &File) -> bool {
    /// NFS, SMB in its three numbers, and 9P, as `statfs` names them.
    const NETWORK: [u64; 5] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42, 0x0102_1997];
    rustix::fs::fstatfs(database)
        .is_ok_and(|system| u64::try_from(system.f_type).is_ok_and(|kind| !NETWORK.contains(&kind)))
}

/// Returns whether a lock of the whole file leaves SQLite's locks on it alone: not known of this system.
#[cfg(not(target_os = "linux"))]
fn is_apart_from_sqlite(_database: &File) -> bool {
    false
}
