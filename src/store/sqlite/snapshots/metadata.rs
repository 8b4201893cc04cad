//! What a snapshot says of itself: a setting among those that are kept in it, which no database that is served has.

use serde::{Deserialize, Serialize};
use sqlx::{Connection, SqliteConnection};

use crate::domain::time::Timestamp;
use crate::store::sqlite::control;
use crate::store::sqlite::options::{self, Location};
use crate::store::{Counts, SnapshotLabel};

/// The name of the setting.
pub(super) const SETTING: &str = "snapshot";

#[derive(Serialize, Deserialize)]
struct Label {
    created_at_ms: i64,
    schema_version: u64,
    projects: u64,
    instances: u64,
    backups: u64,
    restores: u64,
    events: u64,
}

/// Writes the label of a snapshot that has just been made, and returns it.
pub(super) async fn write(snapshot: &Location, now: Timestamp) -> Result<SnapshotLabel, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&options::base(snapshot)).await?;
    let counts = control::counts(&mut connection).await?;
    let Counts { projects, instances, backups, restores, events, schema_version } = counts;
    let created_at_ms = now.as_millis();
    let label = Label { created_at_ms, schema_version, projects, instances, backups, restores, events };
    let text = serde_json::to_string(&label).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query("INSERT INTO kept_settings (name, value) VALUES (?, ?)")
        .bind(SETTING)
        .bind(text)
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(SnapshotLabel { created_at: now, counts })
}

/// Reads the label of a snapshot.
pub(super) async fn read(snapshot: &Location) -> Result<SnapshotLabel, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&options::reading(snapshot)).await?;
    let text: String = sqlx::query_scalar("SELECT value FROM kept_settings WHERE name = ?")
        .bind(SETTING)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    let decode = |error: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(error);
    let label: Label = serde_json::from_str(&text).map_err(|error| decode(error.into()))?;
    let Label { created_at_ms, schema_version, projects, instances, backups, restores, events } = label;
    let created_at = Timestamp::from_millis(created_at_ms).map_err(|error| decode(error.into()))?;
    let counts = Counts { projects, instances, backups, restores, events, schema_version };
    Ok(SnapshotLabel { created_at, counts })
}
