//! Snapshots as files that leave one server and come to another.
//!
//! What comes is somebody else's bytes: it gets the place of a snapshot only when it is a whole database of this program, of a version
//! that it knows, with the schema that is served. Until then it lies beside the snapshots under a name that none has.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection, SqliteConnection};

use crate::domain::time::Timestamp;
use crate::store::sqlite::copying;
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::paths;
use crate::store::sqlite::snapshots::directory::{SnapshotDirectory, UNFINISHED, make_folder};
use crate::store::sqlite::snapshots::{bring_up_to_date, failed, metadata, unusable};
use crate::store::{SnapshotError, SnapshotFile, SnapshotUpload};

/// Returns a path for a file of a snapshot that is not one yet: beside the snapshots, or, where those are in memory, in the folder for
/// temporary files.
fn unfinished(directory: &SnapshotDirectory) -> Result<PathBuf, sqlx::Error> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("{}-{}.{UNFINISHED}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    match directory {
        SnapshotDirectory::Folder(folder) => {
            make_folder(folder)?;
            Ok(folder.join(format!("upload-{name}")))
        }
        SnapshotDirectory::Memory(_) => Ok(std::env::temp_dir().join(format!("dcs-emulator-{name}"))),
    }
}

/// Begins a file that is to become a snapshot.
pub(super) async fn begin(directory: &SnapshotDirectory) -> Result<SnapshotUpload, sqlx::Error> {
    let path = unfinished(directory)?;
    copying::in_the_background(move || {
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
        Location::File(path) => copying::in_the_background(move || SnapshotFile::open(&path)).await,
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
            copying::in_the_background(move || SnapshotFile::open(copy.path())).await
        }
    }
}

/// Makes sure that a file can be a snapshot of the database that is served at `served`, and makes it one: of this version, and with
/// metadata.
///
/// # Errors
/// `Unusable`.
pub(super) async fn accept(
    upload: &SnapshotUpload,
    served: &Location,
    now: Timestamp,
) -> Result<(), SnapshotError> {
    let snapshot = Location::File(upload.path().to_owned());
    bring_up_to_date(&snapshot).await?;
    let damaged = |error: sqlx::Error| unusable(error.to_string());
    let of_served = schema(served).await.map_err(failed("read the schema"))?;
    if schema(&snapshot).await.map_err(damaged)? != of_served {
        return Err(unusable("its tables are not those of the database that is served".to_owned()));
    }
    if metadata::read(&snapshot).await.is_err() {
        // A database that was no snapshot.
        metadata::write(&snapshot, now).await.map_err(damaged)?;
    }
    Ok(())
}

/// Type, name, table and text of everything in the schema of a database.
type Schema = Vec<(String, String, String, Option<String>)>;

async fn schema(database: &Location) -> Result<Schema, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&options::reading(database)).await?;
    let schema = sqlx::query_as(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name",
    )
    .fetch_all(&mut connection)
    .await?;
    connection.close().await?;
    Ok(schema)
}
