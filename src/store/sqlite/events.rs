//! The audit: events, appended and never changed.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use crate::domain::backup::RecordNumber;
use crate::domain::id::RequestId;
use crate::domain::origin::{Actor, Origin};
use crate::domain::time::Timestamp;
use crate::store::StoreError;
use crate::store::row::record_kind;
use crate::store::sqlite::script::{InsertRow, Script};
use crate::store::sqlite::sql::sql;

/// How many actors are cached by key before they are forgotten and asked for again.
const CACHED_ACTORS: usize = 1024;

/// What the events of a change have in common: its time, and who is behind it.
#[derive(Clone, Copy)]
pub(super) struct AuditContext<'a> {
    pub(super) at: Timestamp,
    pub(super) origin: &'a Origin,
    pub(super) actor_key: i64,
}

/// An instance or one of its records, by the key of the instance.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    Instance(i64),
    Backup(i64, RecordNumber),
    Restore(i64, RecordNumber),
}

/// An event of an instance or of one of its records; ids, names and remarks come from their rows, which are in the tables already.
#[derive(Debug)]
pub(super) struct Event {
    place: i64,
    at: Timestamp,
    instance_key: i64,
    record_kind: i64,
    record_number: Option<RecordNumber>,
    from_status: Option<i64>,
    to_status: Option<i64>,
    actor_key: i64,
    request_id: Option<RequestId>,
    remark: Option<String>,
}

impl AuditContext<'_> {
    /// Returns the event of a change of status: without the first the subject came into being, without the second it is gone.
    pub(super) fn event(self, subject: Subject, from_status: Option<i64>, to_status: Option<i64>) -> Event {
        let (instance_key, record_kind, record_number) = match subject {
            Subject::Instance(key) => (key, record_kind::INSTANCE, None),
            Subject::Backup(key, number) => (key, record_kind::BACKUP, Some(number)),
            Subject::Restore(key, number) => (key, record_kind::RESTORE, Some(number)),
        };
        Event {
            place: 0,
            at: self.at,
            instance_key,
            record_kind,
            record_number,
            from_status,
            to_status,
            actor_key: self.actor_key,
            request_id: self.origin.request_id,
            remark: None,
        }
    }
}

impl Event {
    /// Gives the event a remark of its own.
    pub(super) fn remarked(self, remark: Option<String>) -> Self {
        Self { remark, ..self }
    }
}

impl InsertRow for Event {
    const INTO: &'static str = "events (project_key, number, at, subject_kind, subject_id, subject_name, instance_id, \
                                instance_name, from_status, to_status, remark, error_code, actor_key, request_id)";
    const SELECT: [&'static str; 2] = [
        "SELECT i.project_key,
                (SELECT coalesce(max(number), 0) FROM events WHERE project_key = i.project_key)
                    + row_number() OVER (PARTITION BY i.project_key ORDER BY column1),
                column2,
                CASE column4 WHEN 0 THEN 'instance' WHEN 1 THEN 'backup' ELSE 'restore' END,
                CASE column4 WHEN 0 THEN i.instance_id WHEN 1 THEN b.backup_id ELSE r.restore_id END,
                CASE column4
                    WHEN 0 THEN i.name
                    WHEN 1 THEN 'backup_' || strftime('%Y%m%d%H%M%S', b.created_at / 1000 + b.name_offset_minutes * 60, 'unixepoch')
                    ELSE 'restore_' || strftime('%Y%m%d%H%M%S', r.created_at / 1000 + r.name_offset_minutes * 60, 'unixepoch')
                END,
                i.instance_id, i.name, column6, column7,
                coalesce(column10, b.remark, r.remark),
                iif(column7 = 3, printf('dcs.08.%04d', coalesce(b.error_code, r.error_code)), NULL),
                column8, column9
         FROM (VALUES ",
        ")
         CROSS JOIN instances i ON i.instance_key = column3
         LEFT JOIN backups b ON column4 = 1 AND b.instance_key = column3 AND b.record_number = column5
         LEFT JOIN restores r ON column4 = 2 AND r.instance_key = column3 AND r.record_number = column5",
    ];
    const PLACEHOLDERS: &'static str = "(?,?,?,?,?,?,?,?,?,?)";

    fn bind(self, script: &mut Script) {
        script.bind(self.place);
        script.bind(self.at.as_millis());
        script.bind(self.instance_key);
        script.bind(self.record_kind);
        script.bind(self.record_number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)));
        script.bind(self.from_status);
        script.bind(self.to_status);
        script.bind(self.actor_key);
        script.bind(self.request_id.map(|id| id.as_bytes().to_vec()));
        script.bind(self.remark);
    }
}

/// How many events one statement appends: with more it would have more values than SQLite takes.
const AT_A_TIME: usize = 2048;

/// Makes a script append events, in order: at most as many as one statement takes.
pub(super) fn insert(script: &mut Script, mut events: Vec<Event>) {
    for (place, event) in (0..).zip(&mut events) {
        event.place = place;
    }
    script.insert(events);
}

/// Appends events, in order, by few statements.
pub(super) async fn append(connection: &mut SqliteConnection, events: Vec<Event>) -> Result<(), StoreError> {
    let mut events = events.into_iter();
    loop {
        let some: Vec<Event> = events.by_ref().take(AT_A_TIME).collect();
        if some.is_empty() {
            return Ok(());
        }
        let mut script = Script::default();
        insert(&mut script, some);
        script.run(connection).await.map_err(StoreError::during("append events"))?;
    }
}

/// What an event is about that is no instance, backup or restore.
pub(super) struct NamedSubject<'a> {
    pub(super) owner: SubjectOwner,
    pub(super) kind: &'static str,
    pub(super) id: &'a [u8],
    pub(super) name: &'a str,
}

/// Whose the subject of an event is, by its key.
#[derive(Clone, Copy)]
pub(super) enum SubjectOwner {
    Instance(i64),
    Project(i64),
}

/// Appends an event. Statuses are words, which get a number when they are written for the first time.
pub(super) async fn append_named(
    connection: &mut SqliteConnection,
    subject: NamedSubject<'_>,
    (from, to): (Option<&str>, Option<&str>),
    remark: Option<&str>,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    for word in from.into_iter().chain(to) {
        let number = "INSERT INTO statuses SELECT max(status) + 1, ?1 FROM statuses WHERE ?1 NOT IN (SELECT word FROM statuses) HAVING count(*) > 0";
        sql("number a status", number).bind(word).execute(&mut *connection).await?;
    }
    let append = sql(
        "record a change",
        "INSERT INTO events (project_key, number, at, subject_kind, subject_id, subject_name, instance_id, instance_name,
                             from_status, to_status, remark, actor_key, request_id)
         SELECT o.project_key, (SELECT coalesce(max(number), 0) + 1 FROM events WHERE project_key = o.project_key),
                ?3, ?4, ?5, ?6, o.instance_id, o.name, (SELECT status FROM statuses WHERE word = ?7),
                (SELECT status FROM statuses WHERE word = ?8), ?9, ?10, ?11
         FROM (SELECT project_key, instance_id, name FROM instances WHERE instance_key = ?1
               UNION ALL SELECT ?2, NULL, NULL WHERE ?1 IS NULL) o",
    );
    let (instance_key, project_key) = match subject.owner {
        SubjectOwner::Instance(key) => (Some(key), None),
        SubjectOwner::Project(key) => (None, Some(key)),
    };
    let append = append.bind(instance_key).bind(project_key).bind(audit.at).bind(subject.kind);
    let append = append.bind(subject.id).bind(subject.name).bind(from).bind(to).bind(remark);
    append.bind(audit.actor_key).bind(audit.origin.request_id).execute(connection).await.map(drop)
}

/// A change of a subject without statuses of its own.
pub(super) enum ProjectChange {
    Created,
    /// With a note of what changed.
    Changed(String),
    Deleted,
}

/// The status of a subject without statuses of its own, as long as it is there.
const ACTIVE: &str = "ACTIVE";

/// Appends an event of a subject of a project that has no statuses of its own.
pub(super) async fn append_of_project(
    connection: &mut SqliteConnection,
    subject: NamedSubject<'_>,
    change: ProjectChange,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let (statuses, remark) = match change {
        ProjectChange::Created => ((None, Some(ACTIVE)), None),
        ProjectChange::Changed(note) => ((Some(ACTIVE), Some(ACTIVE)), Some(note)),
        ProjectChange::Deleted => ((Some(ACTIVE), None), None),
    };
    append_named(connection, subject, statuses, remark.as_deref(), audit).await
}

/// The next number of the events of each project, as far as it is cached. Code that appends events in another way has it forgotten.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    next: HashMap<i64, i64>,
}

impl Numbers {
    /// Returns the number of the next event of a project, and takes it.
    pub(super) async fn next(
        &mut self,
        connection: &mut SqliteConnection,
        project_key: i64,
    ) -> Result<i64, StoreError> {
        if let Some(next) = self.next.get_mut(&project_key) {
            *next += 1;
            return Ok(*next - 1);
        }
        let next = "SELECT coalesce(max(number), 0) + 1 FROM events WHERE project_key = ?";
        let number: i64 = sql("number an event", next).bind(project_key).value(connection).await?;
        self.next.insert(project_key, number + 1);
        Ok(number)
    }

    /// Forgets all numbers.
    pub(super) fn forget(&mut self) {
        self.next.clear();
    }
}

/// The keys of actors.
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
    ) -> Result<i64, StoreError> {
        if let Some(key) = self.keys.get(actor) {
            return Ok(*key);
        }
        let name = actor.to_string();
        let add = "INSERT INTO actors (name) VALUES (?) ON CONFLICT DO NOTHING";
        sql("record who makes a change", add).bind(&name).execute(&mut *connection).await?;
        let find = "SELECT actor_key FROM actors WHERE name = ?";
        let key: i64 = sql("find who makes a change", find).bind(&name).value(connection).await?;
        if self.keys.len() >= CACHED_ACTORS {
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

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;
    use crate::store::migrate;

    const PROJECTS: &str = "
        INSERT INTO actors (actor_key, name) VALUES (1, 'system');
        INSERT INTO projects (project_key, project_id, name, created_at) VALUES (1, zeroblob(16), 'a', 0), (2, randomblob(16), 'b', 0);
        INSERT INTO instances (instance_key, instance_id, project_key, name, engine, engine_version, cache_mode, capacity_mb,
                               spec_code, status, ip, port, no_password_access, zone_codes, vpc_id, subnet_id, user_id, user_name,
                               created_at)
        SELECT project_key, project_id, project_key, 'name', 'Redis', '5.0', 'ha', 2048, 'spec', 'RUNNING', '10.0.0.1', 6379, 1,
               'zone', 'vpc', 'subnet', 'user', 'user', 0 FROM projects";

    #[tokio::test]
    async fn any_number_of_events_is_appended_in_order_and_numbered_within_each_project() {
        const MANY: i64 = 5_000;
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        migrate::migrate(&mut connection, 1).await.unwrap();
        sqlx::raw_sql(PROJECTS).execute(&mut connection).await.unwrap();
        let event = |place: i64| {
            let audit = AuditContext { at: Timestamp::MIN, origin: &Origin::SYSTEM, actor_key: 1 };
            // Two of three are of the first project.
            let instance = Subject::Instance(1 + i64::from(place % 3 == 0));
            audit.event(instance, None, Some(21)).remarked(Some(place.to_string()))
        };
        append(&mut connection, (1..=MANY).map(event).collect()).await.unwrap();
        for project in [1, 2] {
            let found: Vec<(i64, String)> =
                sqlx::query_as("SELECT number, remark FROM events WHERE project_key = ? ORDER BY number")
                    .bind(project)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
            let places = (1..=MANY).filter(|place| (place % 3 == 0) == (project == 2));
            let expected: Vec<_> = (1..).zip(places.map(|place| place.to_string())).collect();
            assert_eq!(found, expected);
        }
    }
}
