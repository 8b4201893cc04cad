//! Puts the rows of a snapshot in the place of all rows.
//!
//! On a connection of its own, while the writer waits: whatever goes wrong, the connection goes and its transaction with it, and
//! nothing of how this one is set (foreign keys are not looked at row by row, triggers are put aside) is left behind. Readers see
//! what was there until the commit, and after it what is there now.
//!
//! Which tables there are is read from the schema, so that one that is added is not forgotten.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use tokio::sync::Notify;

use crate::store::error::commit_error;
use crate::store::migrate::HISTORY_TABLE;
use crate::store::sqlite::control::{drop_triggers, recreate_triggers, store_setting};
use crate::store::sqlite::options::{self, Location};
use crate::store::sqlite::snapshots::metadata;
use crate::store::{OpenError, StoreError};

/// What the writer is asked to do.
pub(in crate::store::sqlite) struct Replacement {
    /// The database that is served.
    pub(super) database: Location,
    /// Where its rows come from: a database of the same schema, looked through before.
    pub(super) snapshot: Location,
    /// Settings that are kept afterwards in place of the snapshot's.
    pub(super) settings: Vec<(&'static str, String)>,
}

/// Says how two schemas differ: one row for each object that only one of them has. What SQLite makes for itself does not count.
const DIFFERENCES: &str = "
    WITH here AS (SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'),
         there AS (SELECT type, name, tbl_name, sql FROM snapshot.sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\')
    SELECT count(*) FROM (SELECT * FROM (SELECT * FROM here EXCEPT SELECT * FROM there)
                          UNION ALL SELECT * FROM (SELECT * FROM there EXCEPT SELECT * FROM here))";

/// The tables whose rows are replaced: all but the one that tells how the schema came to be.
const TABLES: &str = "
    SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?";

/// Opens the database for something that replaces everything: no foreign key is looked at. Its statements notify `progress` while they
/// move on, as those of the writer do.
pub(in crate::store::sqlite) async fn connect(
    database: &Location,
    progress: &Arc<Notify>,
) -> Result<SqliteConnection, StoreError> {
    let mut connection = options::connect_writer(database).await.map_err(|error| match error {
        OpenError::Failed { source, .. } => StoreError::during("open the database once more")(source),
        OpenError::Locked { .. } => StoreError::Busy,
        _ => StoreError::Inconsistent { what: "the database that is open cannot be opened once more" },
    })?;
    let failed = StoreError::during("open the database once more");
    connection.execute("PRAGMA foreign_keys = OFF").await.map_err(&failed)?;
    options::notify_of_progress(&mut connection, progress).await.map_err(&failed)?;
    Ok(connection)
}

/// Puts the rows of a snapshot in the place of all rows, and commits.
pub(in crate::store::sqlite) async fn replace(
    replacement: Replacement,
    progress: &Arc<Notify>,
) -> Result<(), StoreError> {
    let Replacement { database, snapshot, settings } = replacement;
    let mut connection = connect(&database, progress).await?;
    let failed = StoreError::during("restore a snapshot");
    sqlx::query("ATTACH ? AS snapshot")
        .bind(snapshot.as_file_name())
        .execute(&mut connection)
        .await
        .map_err(&failed)?;
    connection.execute("BEGIN IMMEDIATE").await.map_err(&failed)?;
    let differences: i64 =
        sqlx::query_scalar(DIFFERENCES).fetch_one(&mut connection).await.map_err(&failed)?;
    if differences > 0 {
        return Err(StoreError::Inconsistent { what: "the schema of the snapshot is another one" });
    }
    replace_rows(&mut connection).await.map_err(&failed)?;
    for (name, value) in settings {
        store_setting(&mut connection, name, Some(value)).await?;
    }
    connection.execute("COMMIT").await.map_err(commit_error)?;
    if let Err(error) = connection.close().await {
        tracing::warn!(error = %error, "the connection that brought back a snapshot did not close cleanly");
    }
    Ok(())
}

async fn replace_rows(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let triggers = drop_triggers(connection).await?;
    let tables: Vec<String> =
        sqlx::query_scalar(TABLES).bind(HISTORY_TABLE).fetch_all(&mut *connection).await?;
    for table in tables {
        // The columns of both are the same, in the same order: their schemas are. A failure rolls everything back, so that SQLite keeps
        // nothing in memory to undo the statement alone.
        let statements = format!(
            "DELETE FROM main.{table}; INSERT OR ROLLBACK INTO main.{table} SELECT * FROM snapshot.{table}"
        );
        connection.execute(AssertSqlSafe(statements)).await?;
    }
    sqlx::query("DELETE FROM main.kept_settings WHERE name = ?")
        .bind(metadata::SETTING)
        .execute(&mut *connection)
        .await?;
    recreate_triggers(connection, triggers).await
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_statement_that_replaces_everything_says_that_it_moves_on() {
        let progress = Arc::new(Notify::new());
        let notified = progress.notified();
        let mut connection = connect(&Location::new_memory(), &progress).await.unwrap();
        let long =
            "WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 100000)
            SELECT count(*) FROM n";
        connection.execute(long).await.unwrap();
        assert!(notified.now_or_never().is_some());
    }
}
