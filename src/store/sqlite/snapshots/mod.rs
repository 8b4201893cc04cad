//! Snapshots: taken, listed, removed, and brought back.
//!
//! A snapshot is a database like any other, with a label in it. What is brought back is looked through first; the writer then
//! does it, as one change among the others.

pub(super) mod directory;
mod files;
mod metadata;
pub(super) mod replacing;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{Connection, SqliteConnection};

use crate::domain::snapshot::SnapshotName;
use crate::domain::time::Timestamp;
use crate::store::sqlite::file::Inspected;
use crate::store::sqlite::options::Location;
use crate::store::sqlite::paths;
use crate::store::sqlite::snapshots::directory::SnapshotDirectory;
use crate::store::sqlite::snapshots::files::Schema;
use crate::store::sqlite::snapshots::replacing::Replacement;
use crate::store::sqlite::{SqliteStore, check, copying, file, options};
use crate::store::{
    CheckedUpload, OpenError, RestorePlan, Snapshot, SnapshotError, SnapshotFile, SnapshotLabel,
    SnapshotStore, SnapshotUpload, StoreError, migrate,
};

/// How many snapshots there may be.
const MAX_SNAPSHOTS: usize = 100;

#[async_trait]
impl SnapshotStore for SqliteStore {
    async fn snapshots(&self) -> Result<Vec<Snapshot>, StoreError> {
        look_at_all(&mut *self.directory.lock().await).await
    }

    async fn snapshot(&self, name: &SnapshotName) -> Result<Snapshot, SnapshotError> {
        let mut snapshots = self.directory.lock().await;
        look(&mut snapshots, name).await?.ok_or(SnapshotError::NotFound)
    }

    async fn take_snapshot(&self, name: &SnapshotName, now: Timestamp) -> Result<Snapshot, SnapshotError> {
        let mut snapshots = self.directory.lock().await;
        require_room(&snapshots, name)?;
        if let Some(files) = &self.files {
            // By its path another file would be copied.
            files.look()?;
        }
        let _access = self.access.read().await;
        Ok(snapshots.put(name, &self.location, now).await.map_err(failed("take a snapshot"))?)
    }

    async fn snapshot_file(&self, name: &SnapshotName) -> Result<SnapshotFile, SnapshotError> {
        let snapshots = self.directory.lock().await;
        let snapshot = snapshots.find(name).ok_or(SnapshotError::NotFound)?;
        Ok(files::open(&snapshots, snapshot).await.map_err(failed("open the file of a snapshot"))?)
    }

    async fn begin_upload(&self, name: &SnapshotName) -> Result<SnapshotUpload, SnapshotError> {
        let snapshots = self.directory.lock().await;
        require_room(&snapshots, name)?;
        Ok(files::begin(&snapshots).await.map_err(failed("begin a file for a snapshot"))?)
    }

    async fn check_upload(
        &self,
        upload: SnapshotUpload,
        now: Timestamp,
    ) -> Result<CheckedUpload, SnapshotError> {
        let served = {
            // Not longer: the writer waits for it.
            let _access = self.access.read().await;
            files::schema(&self.location).await.map_err(failed("read the schema"))?
        };
        let label = accept(&upload, &served, now).await?;
        Ok(CheckedUpload { upload, label })
    }

    async fn place_upload(
        &self,
        name: &SnapshotName,
        checked: CheckedUpload,
    ) -> Result<Snapshot, SnapshotError> {
        let mut snapshots = self.directory.lock().await;
        require_room(&snapshots, name)?;
        Ok(snapshots.place(name, &checked).await.map_err(failed("keep a snapshot"))?)
    }

    async fn delete_snapshot(&self, name: &SnapshotName) -> Result<Vec<Snapshot>, SnapshotError> {
        let mut snapshots = self.directory.lock().await;
        // Read before, so that nothing can fail once it is gone.
        let mut left = look_at_all(&mut snapshots).await?;
        left.retain(|snapshot| snapshot.name != *name);
        let removed = snapshots.remove(name).await.map_err(failed("remove a snapshot"))?;
        if removed { Ok(left) } else { Err(SnapshotError::NotFound) }
    }

    async fn prepare_restore(&self, name: &SnapshotName) -> Result<BTreeMap<String, String>, SnapshotError> {
        let snapshots = self.directory.lock().await;
        let snapshot = snapshots.find(name).ok_or(SnapshotError::NotFound)?;
        bring_up_to_date(&snapshot).await?;
        let damaged = |error: sqlx::Error| unusable(error.to_string());
        let reading = options::reading(&snapshot);
        let mut connection = SqliteConnection::connect_with(&reading).await.map_err(damaged)?;
        let findings = check::pages_and_keys(&mut connection).await.map_err(damaged)?;
        if let Some(finding) = findings.into_iter().next() {
            return Err(unusable(finding));
        }
        let settings: Vec<(String, String)> = sqlx::query_as("SELECT name, value FROM kept_settings")
            .fetch_all(&mut connection)
            .await
            .map_err(damaged)?;
        connection.close().await.map_err(damaged)?;
        Ok(settings.into_iter().filter(|(name, _)| name != metadata::SETTING).collect())
    }

    async fn restore_snapshot(&self, plan: RestorePlan) -> Result<Snapshot, SnapshotError> {
        // Held until it is done, so that nobody takes the snapshot away meanwhile; and read before, so that nothing can fail after the
        // commit.
        let mut snapshots = self.directory.lock().await;
        let shown = look(&mut snapshots, &plan.name).await?.ok_or(SnapshotError::NotFound)?;
        let snapshot = snapshots.find(&plan.name).ok_or(SnapshotError::NotFound)?;
        let (database, settings) = (self.location.clone(), plan.settings);
        let replacement = Replacement { database, snapshot, settings };
        self.writer
            .replace(|state| {
                let progress = Arc::clone(&state.progress);
                async move { replacing::replace(replacement, &progress).await }.boxed()
            })
            .await?;
        Ok(shown)
    }
}

/// Makes sure that a file can be a snapshot of a database with the schema `served`, and makes it one: of this version, and with
/// metadata, which are returned.
///
/// # Errors
/// `Unusable`.
async fn accept(
    upload: &SnapshotUpload,
    served: &Schema,
    now: Timestamp,
) -> Result<SnapshotLabel, SnapshotError> {
    let snapshot = Location::File(upload.path().to_owned());
    bring_up_to_date(&snapshot).await?;
    let damaged = |error: sqlx::Error| unusable(error.to_string());
    if files::schema(&snapshot).await.map_err(damaged)? != *served {
        return Err(unusable("its tables are not those of the database that is served".to_owned()));
    }
    match metadata::read(&snapshot).await {
        Ok(label) => Ok(label),
        // A database that was no snapshot.
        Err(_) => metadata::write(&snapshot, now).await.map_err(damaged),
    }
}

/// Makes sure that there may be one more snapshot, unless there is one of that name.
fn require_room(snapshots: &SnapshotDirectory, name: &SnapshotName) -> Result<(), SnapshotError> {
    let names = snapshots.names().map_err(failed("list the snapshots"))?;
    let is_full = names.len() >= MAX_SNAPSHOTS && !names.contains(name);
    if is_full { Err(SnapshotError::TooMany) } else { Ok(()) }
}

/// Returns what is known of all snapshots, by name.
async fn look_at_all(directory: &mut SnapshotDirectory) -> Result<Vec<Snapshot>, StoreError> {
    let mut listed = Vec::new();
    for name in directory.names().map_err(failed("list the snapshots"))? {
        listed.extend(look(directory, &name).await?);
    }
    Ok(listed)
}

/// Returns what is known of a snapshot, if there is one of that name.
async fn look(
    directory: &mut SnapshotDirectory,
    name: &SnapshotName,
) -> Result<Option<Snapshot>, StoreError> {
    let Some(location) = directory.find(name) else { return Ok(None) };
    let size_bytes = directory.size_bytes(name).await.map_err(failed("look at a snapshot"))?;
    let label = metadata::read(&location).await.ok();
    Ok(Some(Snapshot { name: name.clone(), size_bytes, label }))
}

/// Makes sure that a snapshot is a database of this program, and brings its schema to the version that this program has: in a
/// copy, so that the snapshot is of the one version or the other whatever happens.
async fn bring_up_to_date(snapshot: &Location) -> Result<(), SnapshotError> {
    // One in memory was made by this very process.
    let Location::File(path) = snapshot else { return Ok(()) };
    let Inspected { version, recovered } = file::inspect(path).await.map_err(refused)?;
    drop(recovered);
    let failed = |error| refused(paths::unusable(path, "bring a snapshot up to date", error));
    match version {
        None | Some(0) => Err(unusable("there is nothing in it".to_owned())),
        Some(version) => {
            copying::fold(path).await.map_err(failed)?;
            if version == migrate::known_version() && !has_a_log(path).await.map_err(failed)? {
                return Ok(());
            }
            let unfinished = paths::side_file(path, &format!(".{}", directory::UNFINISHED));
            let upgraded = async {
                copying::write(&options::looking(path), &unfinished).await.map_err(failed)?;
                upgrade(&unfinished).await.map_err(|error| refused(error.naming(path)))
            };
            copying::create_atomically(&unfinished, path, upgraded, failed).await
        }
    }
}

/// Returns whether a database is in the mode of a write-ahead log, as a server leaves it: a snapshot is one file.
async fn has_a_log(path: &Path) -> Result<bool, sqlx::Error> {
    let path = path.to_owned();
    copying::run_blocking_io(move || {
        // Source: https://www.sqlite.org/fileformat2.html, "File format version numbers".
        let mut versions = [0; 20];
        File::open(path)?.read_exact(&mut versions)?;
        Ok(versions[18..] == [2, 2])
    })
    .await
}

async fn upgrade(copy: &Path) -> Result<(), OpenError> {
    let failed = |error| paths::unusable(copy, "upgrade a snapshot", error);
    let location = Location::File(copy.to_owned());
    let mut connection = options::connect_unsynced(&location).await.map_err(failed)?;
    migrate::migrate(&mut connection, file::APPLICATION_ID).await?;
    connection.close().await.map_err(failed)
}

fn unusable(reason: String) -> SnapshotError {
    SnapshotError::Unusable { reason }
}

/// Says why a snapshot was not opened. Where it lies is nobody's business.
fn refused(error: OpenError) -> SnapshotError {
    match error {
        OpenError::Damaged { reason, .. } => unusable(reason),
        OpenError::Newer { found, known, .. } => unusable(format!(
            "a newer version of this program made it (schema version {found}, this one knows {known})"
        )),
        OpenError::Migration(error) => unusable(format!("it cannot be upgraded: {error}")),
        OpenError::Failed { operation, source } => {
            StoreError::Failed { operation, source: Arc::new(source) }.into()
        }
        OpenError::Locked { .. } | OpenError::NotWritable { .. } | OpenError::SqliteTooOld { .. } => {
            unusable("it cannot be opened".to_owned())
        }
    }
}

fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    StoreError::during(operation)
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;
    use sqlx::Executor;

    use super::*;
    use crate::store::{SettingStore, StoreMetrics};

    #[tokio::test]
    async fn changes_do_not_wait_while_a_file_is_checked() {
        let (name, now) = ("s".parse().unwrap(), Timestamp::from_millis(0).unwrap());
        let metrics = StoreMetrics::register(&Registry::new()).unwrap();
        let store = SqliteStore::open(&Location::new_memory(), metrics).await.unwrap();
        store.take_snapshot(&name, now).await.unwrap();
        let file = store.snapshot_file(&name).await.unwrap();
        let upload = store.begin_upload(&name).await.unwrap();
        loop {
            let piece = file.next().await.unwrap();
            if piece.is_empty() {
                break;
            }
            upload.write(piece).await.unwrap();
        }
        // The check of the file waits for this.
        let options = options::base(&Location::File(upload.path().to_owned()));
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        other.execute("BEGIN EXCLUSIVE").await.unwrap();
        tokio::select! {
            biased;
            checked = store.check_upload(upload, now) => panic!("it did not wait: {:?}", checked.err()),
            changed = store.store_setting("name", Some("1".to_owned())) => changed.unwrap(),
        }
    }
}
