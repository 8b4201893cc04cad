//! Where snapshots are: of a database in a file in a folder beside it, of one in memory in memory.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};

use crate::domain::snapshot::SnapshotName;
use crate::domain::time::Timestamp;
use crate::store::sqlite::copying;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::paths;
use crate::store::sqlite::snapshots::{files, metadata};
use crate::store::{CheckedUpload, Snapshot, SnapshotLabel};

/// How the files of snapshots end.
const ENDING: &str = "db";
/// How a file ends that is no snapshot yet. Whoever dies meanwhile leaves it; the next start removes it.
pub(super) const UNFINISHED: &str = "tmp";

/// The snapshots of a database.
pub(in crate::store::sqlite) enum SnapshotDirectory {
    /// Files in this folder, which is made when it is needed.
    Folder(PathBuf),
    /// Databases in memory.
    Memory(BTreeMap<SnapshotName, InMemory>),
}

/// A snapshot in memory: it is there as long as a connection to it is.
pub(in crate::store::sqlite) struct InMemory {
    location: Location,
    connection: SqliteConnection,
}

impl SnapshotDirectory {
    /// Returns the snapshot directory of the database at `location`.
    pub(in crate::store::sqlite) fn of(location: &Location) -> Self {
        match location {
            Location::File(path) => Self::Folder(paths::side_file(path, ".snapshots")),
            Location::Memory { .. } => Self::Memory(BTreeMap::new()),
        }
    }

    /// Removes what a process that was killed while it took a snapshot, or its file came or went, has left: it holds secret keys, and
    /// nobody asks for it.
    pub(in crate::store::sqlite) fn remove_unfinished(&self) {
        let (folder, is_left): (_, fn(&Path) -> bool) = match self {
            Self::Folder(folder) => (folder.clone(), is_unfinished),
            Self::Memory(_) => (std::env::temp_dir(), files::is_abandoned),
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        for path in paths.into_iter().filter(|path| is_left(path)) {
            match std::fs::remove_file(&path) {
                Ok(()) => {
                    tracing::info!(file = %path.display(), "what an unfinished snapshot left was removed");
                }
                Err(error) => {
                    tracing::warn!(file = %path.display(), error = %error, "an unfinished snapshot stays");
                }
            }
        }
    }

    /// Returns the names of all snapshots, in order.
    pub(super) fn names(&self) -> Result<Vec<SnapshotName>, sqlx::Error> {
        let folder = match self {
            Self::Folder(folder) => folder,
            Self::Memory(snapshots) => return Ok(snapshots.keys().cloned().collect()),
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file_name = entry?.file_name();
            let name = file_name.to_str().and_then(|name| name.strip_suffix(ENDING)?.strip_suffix('.'));
            names.extend(name.and_then(|name| name.parse().ok()));
        }
        names.sort();
        Ok(names)
    }

    /// Returns where a snapshot is, if there is one of that name.
    pub(super) fn find(&self, name: &SnapshotName) -> Option<Location> {
        match self {
            Self::Folder(folder) => {
                let path = path_in(folder, name, ENDING);
                path.is_file().then_some(Location::File(path))
            }
            Self::Memory(snapshots) => Some(snapshots.get(name)?.location.clone()),
        }
    }

    /// Returns how long a snapshot is; 0 if there is none.
    pub(super) async fn size_bytes(&mut self, name: &SnapshotName) -> Result<u64, sqlx::Error> {
        match self {
            Self::Folder(folder) => Ok(path_in(folder, name, ENDING).metadata()?.len()),
            Self::Memory(snapshots) => {
                let Some(snapshot) = snapshots.get_mut(name) else { return Ok(0) };
                size_of(&mut snapshot.connection).await
            }
        }
    }

    /// Copies the database at `source` into a snapshot, in place of one that has that name, and returns it. Everything that is said of it
    /// is read before it takes that place.
    pub(super) async fn put(
        &mut self,
        name: &SnapshotName,
        source: &Location,
        now: Timestamp,
    ) -> Result<Snapshot, sqlx::Error> {
        let source = options::reading(source);
        match self {
            Self::Folder(folder) => {
                make_folder(folder)?;
                let unfinished = path_in(folder, name, UNFINISHED);
                let snapshot = path_in(folder, name, ENDING);
                let written = write(&source, &unfinished, now);
                let (label, size_bytes) =
                    copying::create_atomically(&unfinished, &snapshot, written, |error| error).await?;
                Ok(Snapshot { name: name.clone(), size_bytes, label: Some(label) })
            }
            Self::Memory(snapshots) => {
                let location = Location::new_memory();
                let making = options::base(&location).create_if_missing(true);
                let mut connection = SqliteConnection::connect_with(&making).await?;
                copying::fill(&source, &location).await?;
                let label = Some(metadata::write(&location, now).await?);
                let size_bytes = size_of(&mut connection).await?;
                snapshots.insert(name.clone(), InMemory { location, connection });
                Ok(Snapshot { name: name.clone(), size_bytes, label })
            }
        }
    }

    /// Gives a database of this program, in a file, the place of a snapshot, and returns it. Everything that is said of it is known
    /// before it takes that place.
    pub(super) async fn place(
        &mut self,
        name: &SnapshotName,
        checked: &CheckedUpload,
    ) -> Result<Snapshot, sqlx::Error> {
        let database = checked.upload.path();
        let size_bytes = match self {
            Self::Folder(folder) => {
                let snapshot = path_in(folder, name, ENDING);
                let size_bytes = async { Ok(database.metadata()?.len()) };
                copying::create_atomically(database, &snapshot, size_bytes, |error| error).await?
            }
            Self::Memory(snapshots) => {
                let location = Location::new_memory();
                let making = options::base(&location).create_if_missing(true);
                let mut connection = SqliteConnection::connect_with(&making).await?;
                let source = options::reading(&Location::File(database.to_owned()));
                let mut reading = SqliteConnection::connect_with(&source).await?;
                sqlx::query("VACUUM INTO ?").bind(location.as_uri()).execute(&mut reading).await?;
                reading.close().await?;
                let size_bytes = size_of(&mut connection).await?;
                snapshots.insert(name.clone(), InMemory { location, connection });
                size_bytes
            }
        };
        Ok(Snapshot { name: name.clone(), size_bytes, label: Some(checked.label) })
    }

    /// Removes a snapshot; returns whether there was one.
    pub(super) async fn remove(&mut self, name: &SnapshotName) -> Result<bool, sqlx::Error> {
        match self {
            Self::Folder(folder) => {
                let path = path_in(folder, name, ENDING);
                copying::run_blocking_io(move || {
                    let was_there = path.is_file();
                    copying::discard(&path)?;
                    copying::sync_folder_of(&path).map(|()| was_there)
                })
                .await
            }
            Self::Memory(snapshots) => match snapshots.remove(name) {
                Some(snapshot) => {
                    // Whatever it says, the last connection is gone, and the database with it.
                    let _ = snapshot.connection.close().await;
                    Ok(true)
                }
                None => Ok(false),
            },
        }
    }
}

/// Writes a snapshot; returns its label and its size in bytes.
async fn write(
    source: &SqliteConnectOptions,
    snapshot: &Path,
    now: Timestamp,
) -> Result<(SnapshotLabel, u64), sqlx::Error> {
    copying::write(source, snapshot).await?;
    let label = metadata::write(&Location::File(snapshot.to_owned()), now).await?;
    Ok((label, snapshot.metadata()?.len()))
}

/// Returns whether a file is part of a snapshot that is not whole: the copy, or what SQLite puts beside it.
pub(super) fn is_unfinished(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(OsStr::to_str) else { return false };
    let beside = ["-journal", "-wal", "-shm"].iter().find_map(|suffix| name.strip_suffix(suffix));
    Path::new(beside.unwrap_or(name)).extension().is_some_and(|ending| ending == UNFINISHED)
}

/// Returns how long a database in memory is.
async fn size_of(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let size: i64 =
        sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            .fetch_one(connection)
            .await?;
    Ok(u64::try_from(size).unwrap_or(0))
}

fn path_in(folder: &Path, name: &SnapshotName, ending: &str) -> PathBuf {
    folder.join(format!("{name}.{ending}"))
}

/// Makes the folder if it is not there, for its owner only: what will lie in it holds secret keys.
pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "its mode is set where there are modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Ok(()) => copying::sync_folder_of(folder),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
