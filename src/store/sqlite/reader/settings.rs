//! Reads of what is kept besides records: settings, and how much there is.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteExecutor};

use crate::store::error::StoreError;
use crate::store::sqlite::ids;
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::{Counts, migrate};

impl Reader {
    pub(in crate::store::sqlite) async fn kept_settings(
        &self,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT name, value FROM kept_settings")
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::during("read the settings that are kept"))?;
        Ok(rows.into_iter().collect())
    }

    pub(in crate::store::sqlite) async fn is_taken(&self, id: [u8; 16]) -> Result<bool, StoreError> {
        ids::is_taken(&self.pool, id).await
    }

    pub(in crate::store::sqlite) async fn counts(&self) -> Result<Counts, StoreError> {
        counts(&self.pool).await.map_err(StoreError::during("count what is kept"))
    }
}

/// Returns how much a database keeps.
pub(in crate::store::sqlite) async fn counts(
    database: impl SqliteExecutor<'_>,
) -> Result<Counts, sqlx::Error> {
    // Records and events are numbered without gaps, so that the highest numbers are their counts.
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM projects) AS projects,
                (SELECT count(*) FROM instances WHERE deleted_at IS NULL) AS instances,
                (SELECT coalesce(sum((SELECT coalesce(max(record_number), 0) FROM backups b
                                      WHERE b.instance_key = i.instance_key)), 0) FROM instances i) AS backups,
                (SELECT count(*) FROM restores) AS restores,
                (SELECT coalesce(sum((SELECT max(number) FROM events e WHERE e.project_key = p.project_key)), 0)
                 FROM (SELECT project_key FROM projects UNION ALL SELECT 0) p) AS events",
    )
    .fetch_one(database)
    .await?;
    let count = |name| row.try_get::<i64, _>(name).map(unsigned);
    Ok(Counts {
        projects: count("projects")?,
        instances: count("instances")?,
        backups: count("backups")?,
        restores: count("restores")?,
        events: count("events")?,
        schema_version: unsigned(migrate::known_version()),
    })
}
