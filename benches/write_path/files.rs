//! The databases that the benchmark runs on, and the disk below them.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use crate::Outcome;
use crate::load::Latencies;
use crate::server::Server;

/// A folder inside `target/`: on a real disk, where a folder for temporary files often is memory.
const TARGET: &str = env!("CARGO_TARGET_TMPDIR");
pub(crate) const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
/// How many instances the seed has; the first holds the records of large files.
pub(crate) const INSTANCES: u32 = 100;
/// The time of the first record of a large file; the others follow, a second apart.
pub(crate) const FIRST_RECORD_AT_S: i64 = 1_600_000_000;
/// How many times a write of the file fits whose syncs show what the disk can do.
const SYNC_WRITES: u16 = 64;
/// One page of a database: the least that can be written.
pub(crate) const PAGE: usize = 4096;
/// What the log takes for a create alone: a page of records, one of their ids and one of the audit, each with its header.
pub(crate) const COMMIT: usize = 3 * (24 + PAGE);

/// Returns the id of the instance with that number, from 0.
pub(crate) fn instance(number: u32) -> String {
    format!("5560df16-cebf-4473-95c4-{number:012x}")
}

/// The files of one run; removed when dropped, except the large ones, which later runs copy.
pub(crate) struct Files {
    folder: TempDir,
    seed: PathBuf,
}

impl Files {
    pub(crate) fn new() -> Outcome<Self> {
        let folder = tempfile::Builder::new().prefix("write_path-").tempdir_in(TARGET)?;
        let seed = folder.path().join("seed.json");
        let instances: Vec<_> = (0..INSTANCES)
            .map(|number| {
                let name = format!("bench-{number}");
                serde_json::json!({ "id": instance(number), "name": name, "cache_mode": "ha" })
            })
            .collect();
        let document = serde_json::json!({ "projects": [{ "id": PROJECT, "instances": instances }] });
        std::fs::write(&seed, document.to_string())?;
        Ok(Self { folder, seed })
    }

    /// Returns the seed of the instances.
    pub(crate) fn seed(&self) -> &Path {
        &self.seed
    }

    /// Returns a path inside the folder of this run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns a new database with the seed's instances and `records` records of the first of them.
    pub(crate) async fn database(&self, name: &str, records: u32) -> Outcome<PathBuf> {
        let path = self.path(&format!("{name}.db"));
        Server::real(&path, Some(&self.seed))?.stop()?;
        if records > 0 {
            let filled = self.filled(&path, records).await?;
            std::fs::copy(filled, &path)?;
        }
        Ok(path)
    }

    /// Returns a new database with that many instances. They differ in name, address and tag; half of them are larger.
    pub(crate) fn of_instances(&self, count: u32) -> Outcome<PathBuf> {
        let instances: Vec<_> = (0..count)
            .map(|number| {
                serde_json::json!({
                    "id": instance(number), "name": format!("bench-{number}"), "cache_mode": "ha",
                    "capacity": if number.is_multiple_of(2) { 2 } else { 4 },
                    "tags": [{"key": "number", "value": number.to_string()}],
                })
            })
            .collect();
        let document = serde_json::json!({ "projects": [{ "id": PROJECT, "instances": instances }] });
        let seed = self.path(&format!("instances-{count}.json"));
        std::fs::write(&seed, document.to_string())?;
        let path = self.path(&format!("instances-{count}.db"));
        Server::real(&path, Some(&seed))?.stop()?;
        Ok(path)
    }

    /// Returns a file with that many records, made by an earlier run if the schema is still the same.
    async fn filled(&self, empty: &Path, records: u32) -> Outcome<PathBuf> {
        let options = SqliteConnectOptions::new()
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off);
        let unfinished = self.path("unfinished.db");
        std::fs::copy(empty, &unfinished)?;
        let mut connection = SqliteConnection::connect_with(&options.filename(&unfinished)).await?;
        let schema: Vec<Option<String>> = sqlx::query_scalar("SELECT sql FROM sqlite_schema ORDER BY name")
            .fetch_all(&mut connection)
            .await?;
        let mut hasher = DefaultHasher::new();
        schema.hash(&mut hasher);
        let finished = Path::new(TARGET).join(format!("records-{records}-{:016x}.db", hasher.finish()));
        if !finished.exists() {
            eprintln!("making a file of {records} records (once)");
            fill(&mut connection, records).await?;
            // As the server leaves its files.
            sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
            connection.close().await?;
            std::fs::rename(&unfinished, &finished)?;
        }
        Ok(finished)
    }

    /// Returns how long `fdatasync` took after each write of so many bytes into the middle of a file, for `period`.
    pub(crate) fn syncs(&self, bytes: usize, period: Duration) -> Outcome<Latencies> {
        let written = vec![1; bytes];
        let mut file = File::create(self.path("sync"))?;
        for _ in 0..SYNC_WRITES {
            file.write_all(&vec![0; bytes])?;
        }
        file.sync_all()?;
        let begun = Instant::now();
        let mut syncs = Latencies::default();
        for number in (0..SYNC_WRITES).cycle() {
            file.seek(SeekFrom::Start(u64::from(number) * u64::try_from(bytes)?))?;
            file.write_all(&written)?;
            let stopwatch = Instant::now();
            file.sync_data()?;
            syncs.push(stopwatch.elapsed());
            if begun.elapsed() >= period {
                break;
            }
        }
        Ok(syncs)
    }
}

/// Returns the length of a database that no server has open.
pub(crate) fn length(database: &Path) -> Outcome<u64> {
    Ok(database.metadata()?.len())
}

/// Writes records of the first instance with their events, as if one had been created each second.
async fn fill(connection: &mut SqliteConnection, records: u32) -> Outcome<()> {
    sqlx::query(
        "BEGIN;
         WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
         INSERT INTO backups (instance_key, record_number, backup_id, status, backup_type, backup_format,
                              name_offset_minutes, created_at, execution_at, updated_at, size_bytes, remark)
         SELECT (SELECT instance_key FROM instances WHERE instance_id = ?2), n,
                unhex(printf('%012x', (?3 + n) * 1000) || hex(randomblob(10))), 2, 0, 0, 480,
                (?3 + n) * 1000, (?3 + n) * 1000, (?3 + n) * 1000, 320, 'nightly backup before the release'
         FROM number;
         INSERT INTO events (project_key, number, at, subject_kind, subject_id, subject_name, instance_id, instance_name, to_status,
                             remark, actor_key, request_id)
         SELECT i.project_key, b.record_number + (SELECT max(number) FROM events e WHERE e.project_key = i.project_key),
                b.created_at, 'backup', b.backup_id,
                'backup_' || strftime('%Y%m%d%H%M%S', b.created_at / 1000 + b.name_offset_minutes * 60, 'unixepoch'),
                i.instance_id, i.name, 2, b.remark, 1, randomblob(16)
         FROM backups b JOIN instances i USING (instance_key) ORDER BY b.instance_key, b.record_number;
         COMMIT;",
    )
    .bind(records)
    .bind(uuid::Uuid::parse_str(&instance(0))?.as_bytes().to_vec())
    .bind(FIRST_RECORD_AT_S)
    .execute(connection)
    .await?;
    Ok(())
}
