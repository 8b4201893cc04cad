//! Is a database sound? Looks, and changes nothing.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::store::error::OpenError;
use crate::store::sqlite::file;

/// What looking through a database found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// How many backup records there are.
    pub backups: u64,
    /// How many events there are.
    pub events: u64,
    /// One sentence for each thing that is wrong; empty for a sound database.
    pub findings: Vec<String>,
}

/// A rule of the engine as a query that returns one text for each place that breaks it.
const RULES: [(&str, &str); 17] = [
    (
        "record numbers of an instance run from 1 without gaps",
        "SELECT instance_id || ' has ' || count(*) || ' backups numbered ' || min(record_number) || ' to ' || max(record_number)
         FROM backups JOIN instance_names USING (instance_key) GROUP BY instance_key
         HAVING min(record_number) <> 1 OR max(record_number) <> count(*)",
    ),
    (
        "records of an instance never go back in time",
        "SELECT instance_id || ' backup ' || record_number FROM (
             SELECT instance_key, record_number, created_at,
                    lag(created_at) OVER (PARTITION BY instance_key ORDER BY record_number) AS previous FROM backups)
         JOIN instance_names USING (instance_key) WHERE created_at < previous",
    ),
    (
        "the last event of every backup leads to its status",
        "SELECT instance_id || ' backup ' || b.record_number || ' is ' || b.status || ' but its audit says ' || coalesce(e.to_status, 'nothing')
         FROM backups b JOIN instance_names USING (instance_key)
         LEFT JOIN (SELECT instance_key, record_number, to_status, max(event_number) FROM events WHERE record_kind = 1
                    GROUP BY instance_key, record_number) e
                ON e.instance_key = b.instance_key AND e.record_number = b.record_number
         WHERE e.to_status IS NOT b.status",
    ),
    (
        "every event goes on where the one before it ended",
        "SELECT instance_id || ' event ' || event_number
         FROM (SELECT *, lag(to_status) OVER (PARTITION BY instance_key, record_kind, record_number ORDER BY event_number)
                      AS previous FROM events)
         JOIN instance_names USING (instance_key) WHERE from_status IS NOT previous",
    ),
    (
        "events are numbered from 1 without gaps",
        "SELECT 'there are ' || count || ' events up to number ' || last
         FROM (SELECT count(*) AS count, max(event_number) AS last FROM events) WHERE count <> last",
    ),
    (
        "every instance has its events",
        "SELECT instance_id FROM instance_names n
         WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.instance_key = n.instance_key AND record_kind = 0)",
    ),
    (
        "every open backup has its work planned, and nothing else has",
        "SELECT instance_id || ' backup ' || coalesce(b.record_number, w.record_number)
         FROM (SELECT * FROM backups WHERE status < 2) b
         FULL JOIN (SELECT * FROM open_work WHERE record_kind = 1) w
                ON w.instance_key = b.instance_key AND w.record_number = b.record_number
         JOIN instance_names n ON n.instance_key = coalesce(b.instance_key, w.instance_key)
         WHERE b.instance_key IS NULL OR w.instance_key IS NULL",
    ),
    (
        "restore numbers of an instance run from 1 without gaps",
        "SELECT instance_id || ' has ' || count(*) || ' restores numbered ' || min(record_number) || ' to ' || max(record_number)
         FROM restores JOIN instance_names USING (instance_key) GROUP BY instance_key
         HAVING min(record_number) <> 1 OR max(record_number) <> count(*)",
    ),
    (
        "restores of an instance never go back in time",
        "SELECT instance_id || ' restore ' || record_number FROM (
             SELECT instance_key, record_number, created_at,
                    lag(created_at) OVER (PARTITION BY instance_key ORDER BY record_number) AS previous FROM restores)
         JOIN instance_names USING (instance_key) WHERE created_at < previous",
    ),
    (
        "the last event of every restore leads to its status",
        "SELECT instance_id || ' restore ' || r.record_number || ' is ' || r.status || ' but its audit says ' || coalesce(e.to_status, 'nothing')
         FROM restores r JOIN instance_names USING (instance_key)
         LEFT JOIN (SELECT instance_key, record_number, to_status, max(event_number) FROM events WHERE record_kind = 2
                    GROUP BY instance_key, record_number) e
                ON e.instance_key = r.instance_key AND e.record_number = r.record_number
         WHERE e.to_status IS NOT r.status",
    ),
    (
        "every open restore has its work planned, and nothing else has",
        "SELECT instance_id || ' restore ' || coalesce(r.record_number, w.record_number)
         FROM (SELECT * FROM restores WHERE status IN (0, 6)) r
         FULL JOIN (SELECT * FROM open_work WHERE record_kind = 2) w
                ON w.instance_key = r.instance_key AND w.record_number = r.record_number
         JOIN instance_names n ON n.instance_key = coalesce(r.instance_key, w.instance_key)
         WHERE r.instance_key IS NULL OR w.instance_key IS NULL",
    ),
    (
        "an instance is RESTORING while a restore of it is open",
        "SELECT n.instance_id || ' is ' || i.status FROM restores r
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE r.status IN (0, 6) AND i.status <> 'RESTORING' AND i.deleted_at IS NULL",
    ),
    (
        "the last event of every instance leads to its status",
        "SELECT n.instance_id || ' is ' || i.status || ' but its audit says ' || coalesce(word, 'nothing')
         FROM instances i JOIN instance_names n USING (instance_key)
         LEFT JOIN (SELECT instance_key, to_status, max(event_number) FROM events WHERE record_kind = 0
                    GROUP BY instance_key) e USING (instance_key)
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
         WHERE i.deleted_at IS NOT NULL AND b.next_run_at IS NOT NULL",
    ),
    (
        "of the backups whose days are over only the newest automatic one stays",
        "SELECT n.instance_id || ' backup ' || b.record_number FROM backups b
         JOIN instances i USING (instance_key) JOIN instance_names n USING (instance_key)
         WHERE b.held = 1 AND b.status = 2 AND i.deleted_at IS NULL AND EXISTS (
             SELECT 1 FROM backups newer WHERE newer.instance_key = b.instance_key AND newer.save_days IS NOT NULL
                AND newer.record_number > b.record_number AND newer.status = 2)",
    ),
    (
        "instances are counted",
        "SELECT 'there are ' || coalesce(i.instances, 0) || ' of ' || coalesce(i.capacity_mb, 0) || ' MB, counted are '
                || coalesce(c.instances, 0) || ' of ' || coalesce(c.capacity_mb, 0) || ' MB'
         FROM (SELECT project_key, engine, status, count(*) AS instances, sum(capacity_mb) AS capacity_mb
               FROM instances WHERE deleted_at IS NULL GROUP BY project_key, engine, status) i
         FULL JOIN (SELECT * FROM instance_counts WHERE instances > 0 OR capacity_mb > 0) c
                ON c.project_key = i.project_key AND c.engine = i.engine AND c.status = i.status
         WHERE c.instances IS NOT i.instances OR c.capacity_mb IS NOT i.capacity_mb",
    ),
];

/// How many places of each kind are named before the rest is left out.
const NAMED_PLACES: u32 = 10;

/// Looks through the database at `path`: its pages, keys, numbering and audit.
///
/// # Errors
/// `Damaged`, `Newer`, `NotWritable` or `Failed` if it cannot be opened at all. Findings inside are not errors but part of the report.
pub async fn check(path: &Path) -> Result<CheckReport, OpenError> {
    let path = &file::resolve(path)?;
    if file::inspect(path).await?.is_none() {
        return Err(OpenError::Damaged { path: path.to_owned(), reason: "there is no database".to_owned() });
    }
    let failed = OpenError::during("look through the database");
    let mut connection = SqliteConnection::connect_with(&file::looking(path)).await.map_err(&failed)?;
    let mut report = CheckReport::default();
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
    for (rule, query) in RULES {
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
