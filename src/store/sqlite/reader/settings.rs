//! Reads of what is kept besides records: settings, and how much there is.

use sqlx::{Row, SqliteExecutor};

use crate::store::sqlite::reader::unsigned;
use crate::store::{Counts, migrate};

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
