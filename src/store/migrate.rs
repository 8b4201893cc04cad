//! Migrations by refinery, over the sqlx connection that is there anyway: one driver a database.

use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use refinery_core::{Migration, Target};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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
];

/// The table in which refinery keeps what it has applied.
pub(super) const HISTORY_TABLE: &str = "refinery_schema_history";

/// The newest version of the schema that this program knows.
pub(super) fn known_version() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
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
    Migrator(&mut transaction)
        .migrate(&migrations, true, true, false, Target::Latest, HISTORY_TABLE)
        .await
        .map_err(OpenError::Migration)?;
    transaction
        .execute(AssertSqlSafe(format!("PRAGMA application_id = {application_id}")))
        .await
        .map_err(OpenError::during("mark the database as this program's"))?;
    transaction.commit().await.map_err(OpenError::during("commit the migration"))
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
