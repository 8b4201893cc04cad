//! Is a database sound? Looks, and changes nothing.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::store::error::OpenError;
use crate::store::migrate;
use crate::store::sqlite::file::RecoveredCopy;
use crate::store::sqlite::file_lock::FileLock;
use crate::store::sqlite::{file, options, paths};

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
    let path = &paths::resolve(path)?;
    // A transaction that a crash has cut off is rolled back in a copy, which nobody else may be making.
    let _lock = if file::is_needed(path).await { Some(FileLock::take(path)?) } else { None };
    let inspected = file::inspect(path).await?;
    let Some(version) = inspected.version else {
        return Err(OpenError::Damaged { path: path.to_owned(), reason: "there is no database".to_owned() });
    };
    let path = inspected.recovered.as_ref().map_or(path.as_path(), RecoveredCopy::path);
    let failed = OpenError::during("look through the database");
    let mut connection = SqliteConnection::connect_with(&options::looking(path)).await.map_err(&failed)?;
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
    for Rule { text: rule, query } in all() {
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

/// A rule, and the query that finds what breaks it.
pub(super) struct Rule {
    pub(super) text: String,
    pub(super) query: String,
}

/// Returns every rule.
pub(super) fn all() -> impl Iterator<Item = Rule> {
    let of_records = KINDS.iter().flat_map(|kind| RULES_OF_RECORDS.iter().map(|rule| kind.rule(rule)));
    let others =
        RULES.iter().map(|(rule, query)| Rule { text: (*rule).to_owned(), query: (*query).to_owned() });
    of_records.chain(others)
}

/// What is backed up and what is restored are records alike; this is what differs.
struct Kind {
    noun: &'static str,
    table: &'static str,
    id: &'static str,
    /// Its `record_kind` in `open_work`.
    number: &'static str,
    /// Holds for the records whose work is not done.
    is_open: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { noun: "backup", table: "backups", id: "backup_id", number: "1", is_open: "status < 2" },
    Kind { noun: "restore", table: "restores", id: "restore_id", number: "2", is_open: "status IN (0, 6)" },
];

impl Kind {
    fn rule(&self, (rule, query): &(&str, &str)) -> Rule {
        let fill = |text: &str| {
            text.replace("{noun}", self.noun)
                .replace("{table}", self.table)
                .replace("{id}", self.id)
                .replace("{number}", self.number)
                .replace("{is_open}", self.is_open)
        };
        Rule { text: fill(rule), query: fill(query) }
    }
}

/// What holds for the records of each kind.
const RULES_OF_RECORDS: [(&str, &str); 4] = [
    (
        "{noun} numbers of an instance run from 1 without gaps",
        "SELECT instance_id || ' has ' || count(*) || ' {table} numbered ' || min(record_number) || ' to ' || max(record_number)
         FROM {table} JOIN instance_names USING (instance_key) GROUP BY instance_key
         HAVING min(record_number) <> 1 OR max(record_number) <> count(*)",
    ),
    (
        "{table} of an instance never go back in time",
        "SELECT instance_id || ' {noun} ' || record_number FROM (
             SELECT instance_key, record_number, created_at,
                    lag(created_at) OVER (PARTITION BY instance_key ORDER BY record_number) AS previous FROM {table})
         JOIN instance_names USING (instance_key) WHERE created_at < previous",
    ),
    (
        "the last event of every {noun} leads to its status",
        "SELECT instance_id || ' {noun} ' || r.record_number || ' is ' || r.status || ' but its audit says ' || coalesce(e.to_status, 'nothing')
         FROM {table} r JOIN instance_names USING (instance_key)
         LEFT JOIN (SELECT project_key, subject_id, to_status, max(number) FROM events WHERE subject_kind = '{noun}'
                    GROUP BY project_key, subject_id) e ON e.subject_id = r.{id}
         WHERE e.to_status IS NOT r.status",
    ),
    (
        "every open {noun} has its work planned, and nothing else has",
        "SELECT instance_id || ' {noun} ' || coalesce(r.record_number, w.record_number)
         FROM (SELECT * FROM {table} WHERE {is_open}) r
         FULL JOIN (SELECT * FROM open_work WHERE record_kind = {number}) w
                ON w.instance_key = r.instance_key AND w.record_number = r.record_number
         JOIN instance_names n ON n.instance_key = coalesce(r.instance_key, w.instance_key)
         WHERE r.instance_key IS NULL OR w.instance_key IS NULL",
    ),
];

/// What else holds.
const RULES: [(&str, &str); 10] = [
    (
        // Enterprise projects belong to no project: what one changes of them is in its audit, wherever the others' is.
        "every event goes on where the one before it ended",
        "SELECT 'event ' || number || ' of project ' || project_key || ', of ' || subject_kind || ' ' || subject_name
         FROM (SELECT *, lag(to_status) OVER (PARTITION BY project_key, subject_id ORDER BY number) AS previous FROM events)
         WHERE from_status IS NOT previous AND subject_kind <> 'enterprise_project'",
    ),
    (
        "events of a project are numbered from 1 without gaps",
        "SELECT 'project ' || project_key || ' has ' || count(*) || ' events numbered ' || min(number) || ' to ' || max(number)
         FROM events GROUP BY project_key HAVING min(number) <> 1 OR max(number) <> count(*)",
    ),
    (
        "every event is of a project that is there, or of none",
        "SELECT 'event ' || number || ' of project ' || project_key FROM events
         WHERE project_key <> 0 AND project_key NOT IN (SELECT project_key FROM projects)",
    ),
    (
        "a request creates one record",
        "SELECT 'request ' || lower(hex(request_id)) || ' created ' || count(*) FROM events
         WHERE subject_kind IN ('backup', 'restore') AND from_status IS NULL AND request_id IS NOT NULL
         GROUP BY request_id HAVING count(*) > 1",
    ),
    (
        "every instance has its events",
        "SELECT n.instance_id FROM instances i JOIN instance_names n USING (instance_key)
         WHERE i.instance_id NOT IN (SELECT subject_id FROM events WHERE subject_kind = 'instance')",
    ),
    (
        "an instance is RESTORING while a restore of it is open or data is migrated into it, and only then",
        "SELECT n.instance_id || ' is ' || i.status FROM instances i JOIN instance_names n USING (instance_key)
         WHERE i.deleted_at IS NULL
           AND iif(EXISTS (SELECT 1 FROM restores r WHERE r.instance_key = i.instance_key AND r.status IN (0, 6))
                   OR EXISTS (SELECT 1 FROM migrations m WHERE m.project_key = i.project_key
                              AND m.document ->> 'status' IN ('MIGRATING', 'FULLMIGRATING')
                              AND m.document ->> '$.target.instance_id' = n.instance_id),
                   i.status <> 'RESTORING',
                   i.status = 'RESTORING' AND i.instance_id IN (SELECT subject_id FROM events
                                                                WHERE to_status = 25 AND from_status <> 25))",
    ),
    (
        "the last event of every instance leads to its status",
        "SELECT n.instance_id || ' is ' || i.status || ' but its audit says ' || coalesce(word, 'nothing')
         FROM instances i JOIN instance_names n USING (instance_key)
         LEFT JOIN (SELECT project_key, subject_id, to_status, max(number) FROM events WHERE subject_kind = 'instance'
                    GROUP BY project_key, subject_id) e ON e.subject_id = i.instance_id
         LEFT JOIN statuses s ON s.status = e.to_status
         WHERE i.deleted_at IS NULL AND word IS NOT i.status",
    ),
    (
        "an instance has its own way planned only in a state that passes",
        "SELECT n.instance_id || ' is ' || i.status FROM open_work w
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE w.record_kind = 0
           AND i.status NOT IN ('CREATING', 'RESTARTING', 'EXTENDING', 'FLUSHING', 'STARTING', 'CLOSING')",
    ),
    (
        "nothing is planned for an instance that is gone",
        "SELECT n.instance_id FROM backup_policies b
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE i.deleted_at IS NOT NULL AND b.next_run_at IS NOT NULL
         UNION ALL
         SELECT n.instance_id FROM waiting_changes w
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key) WHERE i.deleted_at IS NOT NULL",
    ),
    (
        "of the backups whose days are over only the newest automatic one stays, and one that is being restored",
        "SELECT n.instance_id || ' backup ' || b.record_number FROM backups b
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE b.held = 1 AND b.status = 2 AND i.deleted_at IS NULL AND EXISTS (
             SELECT 1 FROM backups newer WHERE newer.instance_key = b.instance_key AND newer.save_days IS NOT NULL
                AND newer.record_number > b.record_number AND newer.status = 2)
            AND NOT EXISTS (SELECT 1 FROM restores r WHERE r.instance_key = b.instance_key
                AND r.backup_number = b.record_number AND r.status IN (0, 6))",
    ),
];
