//! The audit: what happened, appended and never changed.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use crate::domain::id::RequestId;
use crate::domain::origin::{Actor, Origin};
use crate::domain::time::Timestamp;
use crate::store::sqlite::script::{InsertRow, Script};

/// How many actors are remembered by key before they are forgotten and asked for again.
const REMEMBERED_ACTORS: usize = 1024;

/// A row of `events`.
#[derive(Debug)]
pub(super) struct EventRow {
    at: Timestamp,
    instance_key: i64,
    record_kind: i64,
    record_number: Option<u64>,
    from_status: Option<i64>,
    to_status: Option<i64>,
    actor_key: i64,
    request_id: Option<RequestId>,
}

impl InsertRow for EventRow {
    const INTO: &'static str = "events (at, instance_key, record_kind, record_number, from_status, to_status, actor_key, \
                                request_id)";
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.at.as_millis());
        script.bind(self.instance_key);
        script.bind(self.record_kind);
        script.bind(self.record_number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)));
        script.bind(self.from_status);
        script.bind(self.to_status);
        script.bind(self.actor_key);
        script.bind(self.request_id.map(|id| id.as_bytes().to_vec()));
    }
}

/// How many events one statement appends: with more it would have more values than SQLite takes.
const AT_A_TIME: usize = 2048;

/// Appends events, in order, by few statements.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    events: Vec<EventRow>,
) -> Result<(), sqlx::Error> {
    let mut events = events.into_iter();
    loop {
        let some: Vec<EventRow> = events.by_ref().take(AT_A_TIME).collect();
        if some.is_empty() {
            return Ok(());
        }
        let mut script = Script::default();
        script.insert(some);
        script.run(connection).await?;
    }
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
        EventRow {
            at: self.at,
            instance_key: self.instance_key,
            record_kind: self.record_kind,
            record_number: self.record_number,
            from_status: self.from_status,
            to_status: self.to_status,
            actor_key,
            request_id: self.origin.request_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;
    use crate::store::migrate;

    #[tokio::test]
    async fn any_number_of_events_is_appended_in_order() {
        const MANY: i64 = 5_000;
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrate::migrate(&mut connection, 1).await.unwrap();
        sqlx::raw_sql("PRAGMA foreign_keys = OFF").execute(&mut connection).await.unwrap();
        let event = |number: i64| Change {
            at: Timestamp::MIN,
            instance_key: 1,
            record_kind: 1,
            record_number: u64::try_from(number).ok(),
            from_status: None,
            to_status: None,
            origin: &Origin::SYSTEM,
        };
        let events = (1..=MANY).map(|number| event(number).into_row(1)).collect();
        append(&mut connection, events).await.unwrap();
        let numbers: Vec<i64> = sqlx::query_scalar("SELECT record_number FROM events ORDER BY event_number")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert_eq!(numbers, (1..=MANY).collect::<Vec<_>>());
    }
}
