//! Is a database sound? Looks, and changes nothing.

mod rules;

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::store::error::OpenError;
use crate::store::migrate;
use crate::store::sqlite::check::rules::Rule;
use crate::store::sqlite::file_lock::FileLock;
use crate::store::sqlite::recovery::RecoveredCopy;
use crate::store::sqlite::{file, recovery};

/// What looking through a database found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// How many backup records there are.
    pub backups: u64,
    /// How many events there are.
    pub events: u64,
    /// The version of its schema if that is older than this program's: then only pages and keys were looked through.
    pub older_version: Option<i64>,
    /// One sentence for each thing that is wrong; empty for a sound database.
    pub findings: Vec<String>,
}

/// How many places of each kind are named before the rest is left out.
const NAMED_PLACES: u32 = 10;

/// Looks through the database at `path`: its pages, keys, numbering and audit.
///
/// # Errors
/// `Damaged`, `Newer`, `Locked`, `NotWritable` or `Failed` if it cannot be opened at all. Findings inside are not errors but part of the report.
pub async fn check(path: &Path) -> Result<CheckReport, OpenError> {
    let path = &file::resolve(path)?;
    // A transaction that a crash has cut off is rolled back in a copy, which nobody else may be making.
    let _lock = if recovery::is_needed(path).await { Some(FileLock::take(path)?) } else { None };
    let inspected = file::inspect(path).await?;
    let Some(version) = inspected.version else {
        return Err(OpenError::Damaged { path: path.to_owned(), reason: "there is no database".to_owned() });
    };
    let path = inspected.recovered.as_ref().map_or(path.as_path(), RecoveredCopy::path);
    let failed = OpenError::during("look through the database");
    let mut connection = SqliteConnection::connect_with(&file::looking(path)).await.map_err(&failed)?;
    let older_version = Some(version).filter(|version| *version < migrate::known_version());
    let mut report = CheckReport { older_version, ..CheckReport::default() };
    // A page that cannot be read ends a look with an error; that is a finding too.
    if let Err(error) = look(&mut connection, &mut report).await {
        report.findings.push(format!("the database cannot be read throughout: {error}"));
    }
    connection.close().await.map_err(failed)?;
    Ok(report)
}

/// Looks through pages, constraints and keys; returns one sentence for each thing that is wrong.
pub(super) async fn pages_and_keys(connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut findings: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut *connection).await?;
    findings.retain(|line| line != "ok");
    let broken_keys = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *connection).await?;
    if !broken_keys.is_empty() {
        findings.push(format!("{} rows refer to rows that are not there", broken_keys.len()));
    }
    Ok(findings)
}

async fn look(connection: &mut SqliteConnection, report: &mut CheckReport) -> Result<(), sqlx::Error> {
    report.findings.extend(pages_and_keys(connection).await?);
    report.backups = count(connection, "SELECT count(*) FROM backups").await?;
    report.events = count(connection, "SELECT count(*) FROM events").await?;
    if report.older_version.is_some() {
        return Ok(());
    }
    for Rule { text: rule, query } in rules::all() {
        let places: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("{query} LIMIT {NAMED_PLACES}")))
            .fetch_all(&mut *connection)
            .await?;
        report.findings.extend(places.into_iter().map(|place| format!("broken rule: {rule}: {place}")));
    }
    Ok(())
}

async fn count(connection: &mut SqliteConnection, query: &'static str) -> Result<u64, sqlx::Error> {
    let count: i64 = sqlx::query_scalar(query).fetch_one(connection).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}
