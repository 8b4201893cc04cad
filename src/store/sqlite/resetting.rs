//! Empties everything or a project, and keeps settings.
//!
//! What may never happen to records in their life, their removal, is what a reset is for: the triggers that forbid it are
//! put aside within the transaction and put back as they were.

use sqlx::{AssertSqlSafe, Executor, SqliteConnection};

use crate::domain::id::ProjectId;
use crate::store::migrate::HISTORY_TABLE;
use crate::store::sqlite::seeding;
use crate::store::sqlite::writer::WriterState;
use crate::store::{ResetPlan, SeedReport, StoreError};

/// The table of words: it belongs to the schema, not to what is kept.
const WORDS_TABLE: &str = "statuses";

/// Statements that empty a project (`?1`), in an order that leaves no row without the one it refers to.
const EMPTY_PROJECT: &[&str] = &[
    "DELETE FROM open_work WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM events WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM restores WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM backups WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM instance_tags WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM backup_policies WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM planned_sizes WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM background_tasks WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM stopped_nodes WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM instance_parameters WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM parameter_changes WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM side_settings WHERE instance_key IN (SELECT instance_key FROM instances JOIN projects USING (project_key) WHERE project_id = ?1)",
    "DELETE FROM config_templates WHERE project_id = ?1",
    "DELETE FROM jobs WHERE project_key IN (SELECT project_key FROM projects WHERE project_id = ?1)",
    "DELETE FROM instance_counts WHERE project_key IN (SELECT project_key FROM projects WHERE project_id = ?1)",
    "DELETE FROM instances WHERE project_key IN (SELECT project_key FROM projects WHERE project_id = ?1)",
];

/// Empties everything, or a project, and then fills it again.
pub(super) async fn reset(state: &mut WriterState, plan: ResetPlan) -> Result<SeedReport, StoreError> {
    let emptied = empty(&mut state.connection, plan.project).await;
    emptied.map_err(StoreError::during("empty the database"))?;
    state.forget();
    for (name, value) in plan.settings {
        keep_setting(&mut state.connection, name, Some(value)).await?;
    }
    let Some(seed) = plan.seed else { return Ok(SeedReport::default()) };
    seeding::apply(state, seed, plan.now).await.map_err(|error| match error {
        // What is refused keeps what it has written, and this has emptied everything.
        StoreError::Refused(_) => StoreError::Inconsistent { what: "a seed that was taken once is refused" },
        error => error,
    })
}

async fn empty(connection: &mut SqliteConnection, project: Option<ProjectId>) -> Result<(), sqlx::Error> {
    let triggers: Vec<(String, String)> =
        sqlx::query_as("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
            .fetch_all(&mut *connection)
            .await?;
    for (name, _) in &triggers {
        connection.execute(AssertSqlSafe(format!("DROP TRIGGER {name}"))).await?;
    }
    if let Some(project) = project {
        for statement in EMPTY_PROJECT {
            sqlx::query(*statement).bind(&project.as_bytes()[..]).execute(&mut *connection).await?;
        }
    } else {
        // In whatever order: what refers to what is looked at when the transaction ends.
        connection.execute("PRAGMA defer_foreign_keys = ON").await?;
        for table in tables(connection).await? {
            connection.execute(AssertSqlSafe(format!("DELETE FROM {table}"))).await?;
        }
    }
    for (_, sql) in triggers {
        connection.execute(AssertSqlSafe(sql)).await?;
    }
    Ok(())
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

/// Keeps a setting, or forgets it.
pub(super) async fn keep_setting(
    connection: &mut SqliteConnection,
    name: &'static str,
    value: Option<String>,
) -> Result<(), StoreError> {
    match value {
        Some(value) => sqlx::query("INSERT OR REPLACE INTO kept_settings (name, value) VALUES (?, ?)")
            .bind(name)
            .bind(value),
        None => sqlx::query("DELETE FROM kept_settings WHERE name = ?").bind(name),
    }
    .execute(connection)
    .await
    .map_err(StoreError::during("keep a setting"))?;
    Ok(())
}
