//! Snapshots as files that leave one server and come to another.
//!
//! What comes is somebody else's bytes: it gets the place of a snapshot only when it is a whole database of this program, of a version
//! that it knows, with the schema that is served. Until then it lies beside the snapshots under a name that none has.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection, SqliteConnection};

use crate::store::sqlite::copying;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::paths;
use crate::store::sqlite::snapshots::directory::{SnapshotDirectory, UNFINISHED, is_unfinished, make_folder};
use crate::store::{SnapshotFile, SnapshotUpload};

/// How the files of snapshots in memory begin, in the folder for temporary files.
const TEMPORARY: &str = "dcs-emulator-";
/// How many files this process has begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// Returns a path for a file of a snapshot that is not one yet: beside the snapshots, or, where those are in memory, in the folder for
/// temporary files.
fn unfinished(directory: &SnapshotDirectory) -> Result<PathBuf, sqlx::Error> {
    let name = format!("{}-{}.{UNFINISHED}", std::process::id(), BEGUN.fetch_add(1, Ordering::Relaxed));
    match directory {
        SnapshotDirectory::Folder(folder) => {
            make_folder(folder)?;
            // No snapshot has a name that begins with a dot, nor then the file in which it is made.
            Ok(folder.join(format!(".upload-{name}")))
        }
        SnapshotDirectory::Memory(_) => Ok(std::env::temp_dir().join(format!("{TEMPORARY}{name}"))),
    }
}

/// Returns whether a file in the folder for temporary files was left by a process of this user that has ended.
pub(super) fn is_abandoned(path: &Path) -> bool {
    let pid = path.file_name().and_then(OsStr::to_str).and_then(|name| {
        let (pid, _) = name.strip_prefix(TEMPORARY)?.split_once('-')?;
        pid.parse::<u32>().ok()
    });
    // A process that has begun none has the number of one that is gone, as in a container that was started again.
    let is_gone =
        |pid| if pid == std::process::id() { BEGUN.load(Ordering::Relaxed) == 0 } else { has_ended(pid) };
    pid.is_some_and(is_gone) && is_unfinished(path) && is_own(path)
}

#[cfg(unix)]
fn has_ended(pid: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

#[cfg(unix)]
fn is_own(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().is_ok_and(|file| file.uid() == rustix::process::geteuid().as_raw())
}

/// Nobody asks other systems which processes there are.
#[cfg(not(unix))]
fn has_ended(_: u32) -> bool {
    false
}

#[cfg(not(unix))]
fn is_own(_: &Path) -> bool {
    true
}

/// Begins a file that is to become a snapshot.
pub(super) async fn begin(directory: &SnapshotDirectory) -> Result<SnapshotUpload, sqlx::Error> {
    let path = unfinished(directory)?;
    copying::run_blocking_io(move || {
        let file = paths::private().write(true).create_new(true).open(&path)?;
        Ok(SnapshotUpload::new(path, file))
    })
    .await
}

/// Opens the file of a snapshot; one in memory is written into a file first, which has no name any more when this returns.
pub(super) async fn open(
    directory: &SnapshotDirectory,
    snapshot: Location,
) -> Result<SnapshotFile, sqlx::Error> {
    match snapshot {
        Location::File(path) => copying::run_blocking_io(move || SnapshotFile::open(&path)).await,
        Location::Memory { .. } => {
            let copy = begin(directory).await?;
            // Through a connection to a file, so that what it writes is one.
            let file = options::base(&Location::File(copy.path().to_owned()));
            let mut connection = SqliteConnection::connect_with(&file).await?;
            sqlx::query("ATTACH ? AS snapshot").bind(snapshot.as_uri()).execute(&mut connection).await?;
            sqlx::query("VACUUM snapshot INTO ?")
                .bind(copy.path().to_string_lossy())
                .execute(&mut connection)
                .await?;
            connection.close().await?;
            copying::run_blocking_io(move || SnapshotFile::open(copy.path())).await
        }
    }
}

/// Type, name, table and text of everything in the schema of a database.
pub(super) type Schema = Vec<(String, String, String, Option<String>)>;

/// Reads the schema of a database.
pub(super) async fn schema(database: &Location) -> Result<Schema, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&options::reading(database)).await?;
    let schema = sqlx::query_as(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name",
    )
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    Ok(schema)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_is_abandoned_once_its_process_has_ended() {
        let folder = tempfile::TempDir::new().unwrap();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let (ended, running) = (ended.id(), std::os::unix::process::parent_id());
        for (name, is_left) in [
            (format!("dcs-emulator-{ended}-0.tmp"), true),
            (format!("dcs-emulator-{ended}-0.tmp-journal"), true),
            (format!("dcs-emulator-{ended}-0.db"), false),
            (format!("another-{ended}-0.tmp"), false),
            (format!("dcs-emulator-{running}-0.tmp"), false),
        ] {
            let path = folder.path().join(&name);
            std::fs::write(&path, "").unwrap();
            assert_eq!(is_abandoned(&path), is_left, "{name}");
        }
    }
}
