//! The audit: what happened, appended and never changed.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::domain::origin::{Actor, Origin};
use crate::domain::time::Timestamp;

/// How many actors are remembered by key before they are forgotten and asked for again.
const REMEMBERED_ACTORS: usize = 1024;

/// A row of `events`, in the order of the columns that [`append`] fills.
#[derive(Debug, Serialize)]
pub(super) struct EventRow(
    /// `at`.
    pub(super) i64,
    /// `instance_key`.
    pub(super) i64,
    /// `record_kind`.
    pub(super) i64,
    /// `record_number`.
    pub(super) Option<i64>,
    /// `from_status`.
    pub(super) Option<i64>,
    /// `to_status`.
    pub(super) Option<i64>,
    /// `actor_key`.
    pub(super) i64,
    /// `request_id`, 32 hexadecimal digits.
    pub(super) Option<String>,
);

/// Appends events, in order, by one statement.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    events: &[EventRow],
) -> Result<(), sqlx::Error> {
    let rows = serde_json::to_string(events).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO events (at, instance_key, record_kind, record_number, from_status, to_status, actor_key, request_id)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, unhex(value ->> 7)
         FROM json_each(?) ORDER BY key",
    )
    .bind(rows)
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes rows of `events`: knows the keys of actors.
#[derive(Debug, Default)]
pub(super) struct Actors {
    keys: HashMap<Actor, i64>,
}

impl Actors {
    /// Returns the key of `actor`, giving it one if it has none.
    pub(super) async fn key(
        &mut self,
        connection: &mut SqliteConnection,
        actor: &Actor,
    ) -> Result<i64, sqlx::Error> {
        if let Some(key) = self.keys.get(actor) {
            return Ok(*key);
        }
        let name = actor.to_string();
        sqlx::query("INSERT INTO actors (name) VALUES (?) ON CONFLICT DO NOTHING")
            .bind(&name)
            .execute(&mut *connection)
            .await?;
        let key: i64 = sqlx::query_scalar("SELECT actor_key FROM actors WHERE name = ?")
            .bind(&name)
            .fetch_one(&mut *connection)
            .await?;
        if self.keys.len() >= REMEMBERED_ACTORS {
            self.keys.clear();
        }
        self.keys.insert(actor.clone(), key);
        Ok(key)
    }

    /// Forgets all keys: the transaction that gave some of them may not have been committed.
    pub(super) fn forget(&mut self) {
        self.keys.clear();
    }
}

/// A change of status, to be made a row of `events`.
pub(super) struct Change<'a> {
    pub(super) at: Timestamp,
    pub(super) instance_key: i64,
    pub(super) record_kind: i64,
    pub(super) record_number: Option<u64>,
    pub(super) from_status: Option<i64>,
    pub(super) to_status: Option<i64>,
    pub(super) origin: &'a Origin,
}

impl Change<'_> {
    /// Returns the row, with the key of the actor behind it.
    pub(super) fn into_row(self, actor_key: i64) -> EventRow {
        EventRow(
            self.at.as_millis(),
            self.instance_key,
            self.record_kind,
            self.record_number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)),
            self.from_status,
            self.to_status,
            actor_key,
            self.origin.request_id.map(|id| id.to_string()),
        )
    }
}
