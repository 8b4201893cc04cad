//! Statements over all tables: which ids are taken, how many rows there are, and the removal of everything, of a project or of an
//! instance; and the settings that are stored.
//!
//! A reset deletes records, which triggers forbid: it drops those within its transaction and creates them again.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Executor, SqliteConnection, SqliteExecutor};

use crate::domain::id::ProjectId;
use crate::store::migrate::{self, HISTORY_TABLE};
use crate::store::sqlite::reader::unsigned;
use crate::store::sqlite::sql::sql;
use crate::store::{Counts, StoreError};

/// The table of words: it belongs to the schema, not to what is kept.
const WORDS_TABLE: &str = "statuses";

/// The instances of a project (`?1`).
const OF_PROJECT: &str =
    "SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1";
/// The project itself (`?1`).
const PROJECT: &str = "SELECT project_key FROM projects WHERE project_id = ?1";
/// The instances whose ids are in a JSON array (`?1`), in hexadecimal.
const OF_IDS: &str =
    "SELECT instance_key FROM instances WHERE instance_id IN (SELECT unhex(value) FROM json_each(?1))";
/// The projects of those.
const PROJECTS_OF_IDS: &str = "SELECT DISTINCT project_key FROM instances WHERE instance_id IN (SELECT unhex(value) FROM json_each(?1))";
/// Removes the events of those instances, all of the projects `?2`.
const DELETE_EVENTS: &str = "DELETE FROM events
     WHERE project_key IN (SELECT value FROM json_each(?2))
       AND instance_id IN (SELECT unhex(value) FROM json_each(?1))";
/// Numbers the events that are left in projects from 1 without gaps, in their order.
const NUMBER_ANEW: &str = "UPDATE events SET number = place FROM (
         SELECT project_key AS project, number AS old, row_number() OVER (PARTITION BY project_key ORDER BY number) AS place
         FROM events WHERE project_key IN (SELECT value FROM json_each(?)))
     WHERE project_key = project AND number = old AND old <> place";

/// Empties everything.
pub(super) async fn empty(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let triggers = drop_triggers(connection).await?;
    for table in tables(connection).await? {
        connection.execute(AssertSqlSafe(format!("DELETE FROM {table}"))).await?;
    }
    recreate_triggers(connection, triggers).await
}

/// Empties a project.
pub(super) async fn empty_project(
    connection: &mut SqliteConnection,
    project: ProjectId,
) -> Result<(), sqlx::Error> {
    let triggers = drop_triggers(connection).await?;
    for (column, owners) in [("instance_key", OF_PROJECT), ("project_key", PROJECT), ("project_id", "?1")] {
        for table in tables_of(connection, column).await? {
            let statement = format!("DELETE FROM {table} WHERE {column} IN ({owners})");
            sqlx::query(AssertSqlSafe(statement)).bind(project).execute(&mut *connection).await?;
        }
    }
    recreate_triggers(connection, triggers).await
}

/// Removes instances with everything that belongs to them; `ids` are theirs, as a JSON array in hexadecimal. Returns how many
/// there were.
pub(super) async fn remove_instances(
    connection: &mut SqliteConnection,
    ids: &str,
) -> Result<u64, StoreError> {
    let removed = async {
        let triggers = drop_triggers(connection).await?;
        let projects: Vec<i64> =
            sqlx::query_scalar(PROJECTS_OF_IDS).bind(ids).fetch_all(&mut *connection).await?;
        let projects = serde_json::to_string(&projects).unwrap_or_default();
        sqlx::query(DELETE_EVENTS).bind(ids).bind(&projects).execute(&mut *connection).await?;
        sqlx::query(NUMBER_ANEW).bind(&projects).execute(&mut *connection).await?;
        let mut removed = 0;
        for table in tables_of(connection, "instance_key").await? {
            let statement = format!("DELETE FROM {table} WHERE instance_key IN ({OF_IDS})");
            // The last table is that of the instances.
            let done = sqlx::query(AssertSqlSafe(statement)).bind(ids).execute(&mut *connection).await?;
            removed = done.rows_affected();
        }
        recreate_triggers(connection, triggers).await?;
        Ok(removed)
    };
    removed.await.map_err(StoreError::during("remove instances"))
}

/// Drops the triggers that forbid what is about to be done; returns them. What refers to what is looked at when the
/// transaction ends.
pub(super) async fn drop_triggers(connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    connection.execute("PRAGMA defer_foreign_keys = ON").await?;
    let triggers: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'")
            .fetch_all(&mut *connection)
            .await?;
    for (name, _) in &triggers {
        connection.execute(AssertSqlSafe(format!("DROP TRIGGER main.{name}"))).await?;
    }
    Ok(triggers.into_iter().map(|(_, sql)| sql).collect())
}

pub(super) async fn recreate_triggers(
    connection: &mut SqliteConnection,
    triggers: Vec<String>,
) -> Result<(), sqlx::Error> {
    for sql in triggers {
        connection.execute(AssertSqlSafe(sql)).await?;
    }
    Ok(())
}

/// Returns the tables whose rows name their owner in a column, whatever the schema comes to have: those that refer to records
/// first, the instances last. The projects themselves stay, and what belongs to users.
async fn tables_of(
    connection: &mut SqliteConnection,
    column: &'static str,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT IN ('projects', 'user_roles', 'tokens') AND c.name = ?
         ORDER BY t.name = 'instances', t.name = 'backups', t.name",
    )
    .bind(column)
    .fetch_all(connection)
    .await
}

/// Returns the tables that hold what is kept, whatever the schema comes to have.
async fn tables(connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT IN (?, ?)",
    )
    .bind(HISTORY_TABLE)
    .bind(WORDS_TABLE)
    .fetch_all(connection)
    .await
}

/// Returns the settings that are kept.
pub(super) async fn settings(
    database: impl SqliteExecutor<'_>,
) -> Result<BTreeMap<String, String>, StoreError> {
    let read = sql("read the settings that are kept", "SELECT name, value FROM kept_settings");
    Ok(read.all(database).await?.into_iter().collect())
}

/// Keeps a setting, or forgets it.
pub(super) async fn store_setting(
    connection: &mut SqliteConnection,
    name: &'static str,
    value: Option<String>,
) -> Result<(), StoreError> {
    let keep = "INSERT OR REPLACE INTO kept_settings (name, value) VALUES (?, ?)";
    let keep = match value {
        Some(value) => sql("keep a setting", keep).bind(name).bind(value),
        None => sql("forget a setting", "DELETE FROM kept_settings WHERE name = ?").bind(name),
    };
    keep.execute(connection).await.map(drop)
}

/// Returns how much a database keeps.
pub(in crate::store::sqlite) async fn counts(
    database: impl SqliteExecutor<'_>,
) -> Result<Counts, sqlx::Error> {
    // Records and events are numbered without gaps, so that the highest numbers are their counts.
    let count = "SELECT (SELECT count(*) FROM projects), (SELECT count(*) FROM instances WHERE deleted_at IS NULL),
                (SELECT coalesce(sum((SELECT coalesce(max(record_number), 0) FROM backups b
                                      WHERE b.instance_key = i.instance_key)), 0) FROM instances i),
                (SELECT count(*) FROM restores),
                (SELECT coalesce(sum((SELECT max(number) FROM events e WHERE e.project_key = p.project_key)), 0)
                 FROM (SELECT project_key FROM projects UNION ALL SELECT 0) p)";
    let counted: (i64, i64, i64, i64, i64) = sqlx::query_as(count).fetch_one(database).await?;
    let (projects, instances, backups, restores, events) = counted;
    let schema_version = migrate::known_version();
    let [projects, instances, backups, restores, events, schema_version] =
        [projects, instances, backups, restores, events, schema_version].map(unsigned);
    Ok(Counts { projects, instances, backups, restores, events, schema_version })
}

/// Returns whether anything has the id that is given ids of its own: an instance, a record of any kind, what is asked after, or what
/// is set of an instance, a project or an account.
pub(super) async fn is_taken(executor: impl SqliteExecutor<'_>, id: [u8; 16]) -> Result<bool, StoreError> {
    let look = sql(
        "look whether an id is taken",
        "SELECT EXISTS (SELECT 1 FROM backups WHERE backup_id = ?1)
             OR EXISTS (SELECT 1 FROM restores WHERE restore_id = ?1)
             OR EXISTS (SELECT 1 FROM instances WHERE instance_id = ?1)
             OR EXISTS (SELECT 1 FROM jobs WHERE job_id = ?1)
             OR EXISTS (SELECT 1 FROM background_tasks WHERE task_id = ?1)
             OR EXISTS (SELECT 1 FROM backup_policies WHERE policy_id = ?1)
             OR EXISTS (SELECT 1 FROM parameter_changes WHERE change_id = ?1)
             OR EXISTS (SELECT 1 FROM config_templates WHERE template_id = ?1)
             OR EXISTS (SELECT 1 FROM key_analyses WHERE id = ?1)
             OR EXISTS (SELECT 1 FROM diagnoses WHERE id = ?1)
             OR EXISTS (SELECT 1 FROM run_logs WHERE id = ?1)
             OR EXISTS (SELECT 1 FROM accounts WHERE id = ?1)
             OR EXISTS (SELECT 1 FROM migrations WHERE id = ?1)
             OR EXISTS (SELECT 1 FROM enterprise_projects WHERE id = ?1)",
    );
    look.bind(&id[..]).value(executor).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use sqlx::Connection;

    use super::*;
    use crate::store::migrate;

    /// Makes a project (`?1`, its key) of instances with jobs, of backups and of events, one of each for each number in `?2`.
    const PROJECT: [&str; 5] = [
        "INSERT INTO projects (project_key, project_id, name, created_at)
         SELECT ?1, unhex(printf('%032x', ?1)), 'name', 0",
        "INSERT INTO instances (instance_key, instance_id, project_key, name, engine, engine_version, cache_mode, capacity_mb,
                                spec_code, status, ip, port, no_password_access, zone_codes, vpc_id, subnet_id, user_id, user_name,
                                created_at)
         SELECT ?1 * 10000 + value, randomblob(16), ?1, 'name', 'Redis', '5.0', 'ha', 2048, 'spec', 'RUNNING', '10.0.0.1', 6379, 1,
                'zone', 'vpc', 'subnet', 'user', 'user', value FROM json_each(?2)",
        "INSERT INTO jobs (job_id, project_key, instance_key, job_type, begin_at)
         SELECT randomblob(16), project_key, instance_key, 'type', 0 FROM instances WHERE project_key = ?1",
        "INSERT INTO backups (instance_key, record_number, backup_id, status, backup_type, backup_format, name_offset_minutes,
                              created_at, execution_at, updated_at, size_bytes)
         SELECT ?1 * 10000 + 1, value, randomblob(16), 2, 0, 0, 0, 0, 0, 0, 1 FROM json_each(?2)",
        "INSERT INTO events (project_key, number, at, subject_kind, subject_id, subject_name, to_status, actor_key)
         SELECT ?1, value, 0, 'backup', randomblob(16), 'name', 2, 1 FROM json_each(?2)",
    ];

    /// Returns how many rows a reset of a project of 10 instances changes beside one of `others`, and how many steps of its
    /// virtual machine SQLite takes for it.
    async fn work_of_a_reset_beside(others: i64) -> (i64, u64) {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrate::migrate(&mut connection, 1).await.unwrap();
        connection.execute("INSERT INTO actors (actor_key, name) VALUES (1, 'system')").await.unwrap();
        for (key, count) in [(1, others), (2, 10)] {
            let numbers = serde_json::to_string(&(1..=count).collect::<Vec<_>>()).unwrap();
            for statement in PROJECT {
                sqlx::query(statement).bind(key).bind(&numbers).execute(&mut connection).await.unwrap();
            }
        }
        let changes = "SELECT total_changes()";
        let before: i64 = sqlx::query_scalar(changes).fetch_one(&mut connection).await.unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counted = steps.clone();
        connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
            counted.fetch_add(1, Ordering::Relaxed);
            true
        });
        let mut project = [0; 16];
        project[15] = 2;
        let mut transaction = connection.begin().await.unwrap();
        empty_project(&mut transaction, ProjectId::from_bytes(project)).await.unwrap();
        transaction.commit().await.unwrap();
        connection.lock_handle().await.unwrap().remove_progress_handler();
        let after: i64 = sqlx::query_scalar(changes).fetch_one(&mut connection).await.unwrap();
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM events").fetch_one(&mut connection).await.unwrap();
        assert_eq!(left, others);
        (after - before, steps.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_reset_of_a_project_costs_the_same_whatever_others_have() {
        let (few, many) = (work_of_a_reset_beside(100).await, work_of_a_reset_beside(2_000).await);
        assert_eq!(few.0, many.0, "rows changed");
        assert!(many.1 < few.1 + few.1 / 10, "{few:?} {many:?}");
    }
}
