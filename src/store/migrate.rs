//! Migrations by refinery, over the sqlx connection that is there anyway: one driver a database.

use std::time::Duration;

use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use refinery_core::{Migration, Target};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, Sqlite, SqliteConnection, Transaction};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clock::Stopwatch;
use crate::store::error::OpenError;

/// The migrations of SQLite, oldest first. Landed ones never change.
const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__backup_records", include_str!("../../migrations/sqlite/V1__backup_records.sql")),
    ("V2__restores_and_identity", include_str!("../../migrations/sqlite/V2__restores_and_identity.sql")),
    ("V3__control", include_str!("../../migrations/sqlite/V3__control.sql")),
    ("V4__instance_life", include_str!("../../migrations/sqlite/V4__instance_life.sql")),
    ("V5__quotas", include_str!("../../migrations/sqlite/V5__quotas.sql")),
    ("V6__side_settings", include_str!("../../migrations/sqlite/V6__side_settings.sql")),
    ("V7__scheduled_backups", include_str!("../../migrations/sqlite/V7__scheduled_backups.sql")),
    ("V8__places_and_replicas", include_str!("../../migrations/sqlite/V8__places_and_replicas.sql")),
    ("V9__plain_lists_and_audit", include_str!("../../migrations/sqlite/V9__plain_lists_and_audit.sql")),
    ("V10__whole_service", include_str!("../../migrations/sqlite/V10__whole_service.sql")),
    ("V11__credentials", include_str!("../../migrations/sqlite/V11__credentials.sql")),
    ("V12__networks", include_str!("../../migrations/sqlite/V12__networks.sql")),
];

/// What all migrations make of a new database, in one step. `UPDATE_SCHEMA=1 cargo test --lib schema_of_new` writes it anew.
const SCHEMA: &str = include_str!("../../migrations/sqlite/schema.sql");

/// The table in which refinery keeps what it has applied.
pub(super) const HISTORY_TABLE: &str = "refinery_schema_history";

/// The newest version of the schema that this program knows.
pub(super) fn known_version() -> i64 {
    let newest =
        MIGRATIONS.last().and_then(|(name, _)| name.strip_prefix('V')?.split_once("__")?.0.parse().ok());
    newest.unwrap_or_default()
}

/// A migration as a database has it in its history: version, name, checksum.
pub(super) type Applied = (i64, String, String);

/// Returns the version of the first migration, of those applied to a database in their order, that is none of this program's.
pub(super) fn first_foreign(applied: &[Applied]) -> Option<i64> {
    let is_ours = |(version, name, checksum): &Applied, (known, sql): &(&str, &str)| {
        Migration::unapplied(known, sql).is_ok_and(|known| {
            i64::from(known.version()) == *version
                && known.name() == name
                && known.checksum().to_string() == *checksum
        })
    };
    let mut places = applied.iter().zip(MIGRATIONS);
    places.find(|(applied, known)| !is_ours(applied, known)).map(|((version, ..), _)| *version)
}

/// Brings the schema to its newest version, in one transaction, and marks the file as this program's.
///
/// # Errors
/// `Migration` if a migration fails or one that was applied has changed since; then nothing has changed.
pub(super) async fn migrate(connection: &mut SqliteConnection, application_id: i32) -> Result<(), OpenError> {
    let migrations = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql))
        .collect::<Result<Vec<_>, _>>()
        .map_err(OpenError::Migration)?;
    let mut transaction =
        connection.begin_with("BEGIN IMMEDIATE").await.map_err(OpenError::during("begin the migration"))?;
    if is_empty(&mut transaction).await.map_err(OpenError::during("look for a schema"))? {
        let created = create_schema(&mut transaction, &migrations).await;
        created.map_err(OpenError::during("create the schema"))?;
        return mark_and_commit(transaction, application_id).await;
    }
    migrate_in_steps(&mut transaction, &migrations).await?;
    mark_and_commit(transaction, application_id).await
}

/// Applies the migrations that a database has not, one after the other.
async fn migrate_in_steps(
    connection: &mut SqliteConnection,
    migrations: &[Migration],
) -> Result<(), OpenError> {
    for target in [Target::Version(VERSION_OF_EVENTS), Target::Latest] {
        Migrator(connection)
            .migrate(migrations, true, true, false, target, HISTORY_TABLE)
            .await
            .map_err(OpenError::Migration)?;
        move_events(connection).await.map_err(OpenError::during("move the events of the audit"))?;
    }
    Ok(())
}

async fn is_empty(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)").fetch_one(connection).await
}

/// Makes in an empty database what all migrations would make, and says in its history that they are applied.
async fn create_schema(
    connection: &mut SqliteConnection,
    migrations: &[Migration],
) -> Result<(), sqlx::Error> {
    connection.execute(SCHEMA).await?;
    for migration in migrations {
        let applied = sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO {HISTORY_TABLE} (version, name, applied_on, checksum)
             VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'), ?)"
        )));
        let applied = applied.bind(migration.version()).bind(migration.name());
        applied.bind(migration.checksum().to_string()).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn mark_and_commit(
    mut transaction: Transaction<'_, Sqlite>,
    application_id: i32,
) -> Result<(), OpenError> {
    transaction
        .execute(AssertSqlSafe(format!("PRAGMA application_id = {application_id}")))
        .await
        .map_err(OpenError::during("mark the database as this program's"))?;
    transaction.commit().await.map_err(OpenError::during("commit the migration"))
}

/// The version that numbers events within their project; it leaves those of before in `old_events`.
const VERSION_OF_EVENTS: i32 = 9;
/// How many events are moved at a time.
const AT_A_TIME: i64 = 5_000;
/// How long it takes from one line about the progress to the next.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);
/// Moves the events numbered from `?1` to `?2`, with all that the tables say of their subjects.
const MOVE_EVENTS: &str = "
    INSERT INTO events
    SELECT i.project_key,
           (SELECT coalesce(max(number), 0) FROM events WHERE project_key = i.project_key)
               + row_number() OVER (PARTITION BY i.project_key ORDER BY e.event_number),
           e.at,
           CASE e.record_kind WHEN 0 THEN 'instance' WHEN 1 THEN 'backup' ELSE 'restore' END,
           CASE e.record_kind WHEN 0 THEN i.instance_id WHEN 1 THEN b.backup_id ELSE r.restore_id END,
           CASE e.record_kind
               WHEN 0 THEN i.name
               WHEN 1 THEN 'backup_' || strftime('%Y%m%d%H%M%S', b.created_at / 1000 + b.name_offset_minutes * 60, 'unixepoch')
               ELSE 'restore_' || strftime('%Y%m%d%H%M%S', r.created_at / 1000 + r.name_offset_minutes * 60, 'unixepoch')
           END,
           i.instance_id, i.name, e.from_status, e.to_status,
           coalesce(e.remark, b.remark, r.remark),
           iif(e.to_status = 3, printf('dcs.08.%04d', coalesce(b.error_code, r.error_code)), NULL),
           e.actor_key, e.request_id
    FROM old_events e
    CROSS JOIN instances i USING (instance_key)
    LEFT JOIN backups b ON e.record_kind = 1 AND b.instance_key = e.instance_key AND b.record_number = e.record_number
    LEFT JOIN restores r ON e.record_kind = 2 AND r.instance_key = e.instance_key AND r.record_number = e.record_number
    WHERE e.event_number BETWEEN ?1 AND ?2";

/// Makes the projects of templates that had none, and has each template come into being in the audit, by the system.
const EVENTS_OF_TEMPLATES: [&str; 3] = [
    "INSERT INTO actors (name) SELECT 'system' WHERE EXISTS (SELECT 1 FROM config_templates) ON CONFLICT DO NOTHING",
    "INSERT INTO projects (project_id, name, created_at)
     SELECT project_id, lower(hex(project_id)), min(created_at) FROM config_templates WHERE TRUE GROUP BY project_id
     ON CONFLICT DO NOTHING",
    "INSERT INTO events (project_key, number, at, subject_kind, subject_id, subject_name, to_status, actor_key)
     SELECT project_key,
            (SELECT coalesce(max(number), 0) FROM events e WHERE e.project_key = p.project_key)
                + row_number() OVER (PARTITION BY project_key ORDER BY t.created_at, template_id),
            t.created_at, 'template', template_id, t.name, 40, (SELECT actor_key FROM actors WHERE name = 'system')
     FROM config_templates t JOIN projects p USING (project_id)",
];

/// Moves the events of versions before [`VERSION_OF_EVENTS`], if there are any, and logs the progress. A process that is killed
/// meanwhile leaves the transaction, and with it the whole upgrade, to the next start.
async fn move_events(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let is_there = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'old_events')";
    if !sqlx::query_scalar::<_, bool>(is_there).fetch_one(&mut *connection).await? {
        return Ok(());
    }
    let (total, last): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(max(event_number), 0) FROM old_events")
            .fetch_one(&mut *connection)
            .await?;
    let (stopwatch, mut reported, mut moved) = (Stopwatch::start(), Duration::ZERO, 0);
    for first in (1..=last).step_by(usize::try_from(AT_A_TIME).unwrap_or(usize::MAX)) {
        let done = sqlx::query(MOVE_EVENTS)
            .bind(first)
            .bind(first + AT_A_TIME - 1)
            .execute(&mut *connection)
            .await?;
        moved += done.rows_affected();
        if stopwatch.elapsed() >= reported + REPORT_INTERVAL {
            reported = stopwatch.elapsed();
            tracing::info!(moved, total, "the database is upgraded: events of the audit are moved");
        }
    }
    for statement in EVENTS_OF_TEMPLATES {
        connection.execute(statement).await?;
    }
    connection.execute("DROP TABLE old_events").await?;
    if reported > Duration::ZERO {
        tracing::info!(moved, total, "all events of the audit are moved; what is left is to commit");
    }
    Ok(())
}

/// The adapter: refinery's traits on a connection inside a transaction.
struct Migrator<'c>(&'c mut SqliteConnection);

impl AsyncTransaction for Migrator<'_> {
    type Error = sqlx::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Self::Error> {
        let mut count = 0;
        for query in queries {
            sqlx::raw_sql(AssertSqlSafe(query)).execute(&mut *self.0).await?;
            count += 1;
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for Migrator<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Self::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut *self.0).await?;
        rows.iter().map(applied_migration).collect()
    }
}

impl AsyncMigrate for Migrator<'_> {}

/// Reads a row of refinery's history table: version, name, `applied_on` as RFC 3339, checksum as decimal text.
fn applied_migration(row: &sqlx::sqlite::SqliteRow) -> Result<Migration, sqlx::Error> {
    let decode = |error: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(error);
    let applied_on: String = row.try_get("applied_on")?;
    let checksum: String = row.try_get("checksum")?;
    Ok(Migration::applied(
        row.try_get("version")?,
        row.try_get("name")?,
        OffsetDateTime::parse(&applied_on, &Rfc3339).map_err(|error| decode(error.into()))?,
        checksum.parse().map_err(|error: std::num::ParseIntError| decode(error.into()))?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/schema.sql");

    async fn empty() -> SqliteConnection {
        SqliteConnection::connect("sqlite::memory:").await.unwrap()
    }

    fn migrations() -> Vec<Migration> {
        MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql).unwrap()).collect()
    }

    /// Returns the statements that make what a database has, in the order in which it came into being.
    async fn statements(connection: &mut SqliteConnection) -> Vec<String> {
        let read = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid";
        sqlx::query_scalar(read).fetch_all(connection).await.unwrap()
    }

    /// Returns the statements that fill the tables with what they have from the beginning, but the history.
    async fn rows(connection: &mut SqliteConnection) -> Vec<String> {
        let read =
            "SELECT t.name, (SELECT group_concat('quote(' || c.name || ')', ' || '', '' || ' ORDER BY c.cid)
                                    FROM pragma_table_info(t.name) c)
                    FROM sqlite_schema t WHERE t.type = 'table' ORDER BY t.rowid";
        let tables: Vec<(String, String)> = sqlx::query_as(read).fetch_all(&mut *connection).await.unwrap();
        let mut found = Vec::new();
        for (table, values) in tables.into_iter().filter(|(table, _)| table != HISTORY_TABLE) {
            let read =
                format!("SELECT 'INSERT INTO {table} VALUES (' || {values} || ')' FROM {table} ORDER BY 1");
            let rows: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(read)).fetch_all(&mut *connection).await.unwrap();
            found.extend(rows);
        }
        found
    }

    #[tokio::test]
    async fn the_schema_of_new_databases_is_what_the_migrations_make() {
        let mut in_steps = empty().await;
        migrate_in_steps(&mut in_steps, &migrations()).await.unwrap();
        let mut expected = statements(&mut in_steps).await;
        expected.extend(rows(&mut in_steps).await);
        let text = "-- What the migrations make of an empty database, in one step. Written by a test: do not change it by hand.\n".to_owned()
            + &expected.iter().map(|statement| format!("\n{statement};\n")).collect::<Vec<_>>().concat();
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(FILE, text).unwrap();
            return;
        }
        assert_eq!(std::fs::read_to_string(FILE).unwrap(), text, "run this test with UPDATE_SCHEMA=1");
        let mut at_once = empty().await;
        create_schema(&mut at_once, &migrations()).await.unwrap();
        let mut made = statements(&mut at_once).await;
        made.extend(rows(&mut at_once).await);
        assert_eq!(made, expected);
        let history = format!("SELECT version, name, checksum FROM {HISTORY_TABLE} ORDER BY version");
        let mut found: Vec<Vec<Applied>> = Vec::new();
        for connection in [&mut in_steps, &mut at_once] {
            let read = sqlx::query_as(AssertSqlSafe(history.clone()));
            found.push(read.fetch_all(connection).await.unwrap());
        }
        assert_eq!(found[0], found[1]);
    }
}
