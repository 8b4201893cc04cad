//! The whole state, or a project's, read part by part within one transaction: what a document of it is made of.
//!
//! A part holds some hundred rows at most, so that a large database is written down in little memory; and one reader at
//! a time does this, so that the others stay free for those who want a page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::mpsc;

use crate::domain::id::{DomainId, InstanceId, ProjectId, RequestId, UserId};
use crate::domain::identity::{Domain, Role, RoleScope, Secret};
use crate::domain::origin::Actor;
use crate::domain::remark::Remark;
use crate::store::error::StoreError;
use crate::store::row::{
    self, BACKUP_JSON, BACKUP_WORK, INSTANCE_COLUMNS, RESTORE_JSON, RESTORE_WORK, bytes16, column,
};
use crate::store::sqlite::dependent_rows::{Carried, Owner};
use crate::store::sqlite::quotas;
use crate::store::sqlite::reader::Reader;
use crate::store::{DependentRows, DomainSeed, EventSeed, InstanceSeed, ProjectSeed, StatePart, UserSeed};

/// How many rows a part has at most.
const ROWS_A_PART: usize = 256;
/// How long a part waits to be taken. Longer than that no snapshot is kept for somebody who does not read: while it is, the
/// log grows.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where parts go; nobody wants any more when it is closed.
type Parts = mpsc::Sender<Result<StatePart, StoreError>>;

impl Reader {
    /// Sends the parts of the state, in the order of a document, until the last or until nobody wants any more.
    ///
    /// With a project: it and what belongs to it, and the settings, of which the caller knows which are about it.
    pub(in crate::store::sqlite) async fn export(&self, project: Option<ProjectId>, parts: Parts) {
        let _turn = self.exporting.lock().await;
        match self.export_parts(project, &parts).await {
            // The other end is gone, and with it whoever could be told.
            Ok(()) | Err(Stopped::Unwanted) => {}
            Err(Stopped::Failed(error)) => drop(parts.send(Err(error)).await),
        }
    }

    async fn export_parts(&self, project: Option<ProjectId>, parts: &Parts) -> Result<(), Stopped> {
        // Of all that is read in it, none is newer than the first.
        let failed = StoreError::during("begin to read the state");
        let mut connection = self.pool().acquire().await.map_err(&failed)?;
        let mut snapshot = connection.begin().await.map_err(&failed)?;
        if project.is_none() {
            send(parts, StatePart::Domain(domain(&mut snapshot).await?)).await?;
            for user in users(&mut snapshot).await? {
                send(parts, StatePart::User(user)).await?;
            }
        }
        let wanted = project.map(|project| project.as_bytes().to_vec());
        let rows = sqlx::query(
            "SELECT project_key, project_id, name, created_at, built_in, instance_quota, memory_quota_gb FROM projects
             WHERE ?1 IS NULL OR project_id = ?1
             ORDER BY project_key",
        )
        .bind(wanted.as_deref())
        .fetch_all(&mut *snapshot)
        .await
        .map_err(StoreError::during("read projects"))?;
        let carried = Carried::read(&mut snapshot).await?;
        for row in rows {
            let owner = Owner { project_key: column(&row, "project_key")?, instance_key: None };
            let rows = carried.of(&mut snapshot, owner).await?.rows;
            send(parts, StatePart::Project(ProjectSeed { rows, ..project_of(&row)? })).await?;
            instances(&mut snapshot, &carried, owner, parts).await?;
        }
        send(parts, StatePart::Rows(carried.loose(&mut snapshot, wanted.as_deref()).await?)).await?;
        let settings: Vec<(String, String)> = sqlx::query_as("SELECT name, value FROM kept_settings")
            .fetch_all(&mut *snapshot)
            .await
            .map_err(StoreError::during("read the settings that are kept"))?;
        send(parts, StatePart::Settings(settings.into_iter().collect())).await?;
        events(&mut snapshot, wanted.as_deref(), parts).await?;
        send(parts, StatePart::End).await
    }
}

/// Why no more parts are sent.
enum Stopped {
    Failed(StoreError),
    Unwanted,
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

async fn send(parts: &Parts, part: StatePart) -> Result<(), Stopped> {
    parts.send_timeout(Ok(part), PATIENCE).await.map_err(|_| Stopped::Unwanted)
}

async fn domain(snapshot: &mut SqliteConnection) -> Result<DomainSeed, StoreError> {
    let row = sqlx::query("SELECT domain_id, name, link_key FROM domain")
        .fetch_one(snapshot)
        .await
        .map_err(StoreError::during("read the domain"))?;
    let key: &[u8] = column(&row, "link_key")?;
    let key = key.try_into().map_err(|_| StoreError::Inconsistent { what: "domain.link_key is no key" })?;
    let domain =
        Domain { id: DomainId::from_bytes(bytes16(&row, "domain_id")?), name: column(&row, "name")? };
    Ok(DomainSeed { domain, link_key: Some(key) })
}

async fn users(snapshot: &mut SqliteConnection) -> Result<Vec<UserSeed>, StoreError> {
    let failed = StoreError::during("read users");
    let rows = sqlx::query(
        "SELECT user_key, user_id, name, password_hash, denied, built_in FROM users ORDER BY user_key",
    )
    .fetch_all(&mut *snapshot)
    .await
    .map_err(&failed)?;
    let mut users = Vec::with_capacity(rows.len());
    for row in rows {
        let key: i64 = column(&row, "user_key")?;
        let keys: Vec<(String, String)> =
            sqlx::query_as("SELECT access, secret FROM access_keys WHERE user_key = ? ORDER BY access")
                .bind(key)
                .fetch_all(&mut *snapshot)
                .await
                .map_err(&failed)?;
        let roles = sqlx::query("SELECT project_id, role FROM user_roles WHERE user_key = ?")
            .bind(key)
            .fetch_all(&mut *snapshot)
            .await
            .map_err(&failed)?;
        let denied: BTreeSet<String> = serde_json::from_str(column(&row, "denied")?)
            .map_err(|_| StoreError::Inconsistent { what: "users.denied is no list" })?;
        users.push(UserSeed {
            id: UserId::from_bytes(bytes16(&row, "user_id")?),
            name: column(&row, "name")?,
            password_hash: column::<Option<String>>(&row, "password_hash")?.map(Secret::new),
            is_built_in: column(&row, "built_in")?,
            access_keys: keys.into_iter().map(|(access, secret)| (access, Secret::new(secret))).collect(),
            roles: roles.iter().map(role).collect::<Result<BTreeMap<_, _>, _>>()?,
            denied,
        });
    }
    Ok(users)
}

fn role(row: &SqliteRow) -> Result<(RoleScope, Role), StoreError> {
    let scope = match column::<Option<&[u8]>>(row, "project_id")? {
        None => RoleScope::EveryProject,
        Some(_) => RoleScope::Project(ProjectId::from_bytes(bytes16(row, "project_id")?)),
    };
    let role = Role::parse(column(row, "role")?)
        .ok_or(StoreError::Inconsistent { what: "user_roles.role is unknown" })?;
    Ok((scope, role))
}

fn project_of(row: &SqliteRow) -> Result<ProjectSeed, StoreError> {
    Ok(ProjectSeed {
        id: ProjectId::from_bytes(bytes16(row, "project_id")?),
        name: column(row, "name")?,
        created_at: Some(row::timestamp(row, "created_at")?),
        is_built_in: column(row, "built_in")?,
        quota: quotas::limits(row)?,
        rows: BTreeMap::new(),
        instances: Vec::new(),
    })
}

async fn instances(
    snapshot: &mut SqliteConnection,
    carried: &Carried,
    project: Owner,
    parts: &Parts,
) -> Result<(), Stopped> {
    let statement = format!(
        "SELECT {INSTANCE_COLUMNS}, i.instance_key, i.deleted_at FROM instances i JOIN projects p USING (project_key) \
         WHERE i.project_key = ? AND i.instance_key > ? ORDER BY i.instance_key LIMIT 256"
    );
    let mut last = i64::MIN;
    loop {
        let rows = sqlx::query(AssertSqlSafe(statement.as_str()))
            .bind(project.project_key)
            .bind(last)
            .fetch_all(&mut *snapshot)
            .await
            .map_err(StoreError::during("read instances"))?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = column(&row, "instance_key")?;
            let owner = Owner { instance_key: Some(last), ..project };
            let dependent_rows = carried.of(snapshot, owner).await?;
            let instance = InstanceSeed { dependent_rows, ..instance_of(&row)? };
            let id = instance.id;
            send(parts, StatePart::Instance(Box::new(instance))).await?;
            backups(snapshot, last, id, parts).await?;
            restores(snapshot, last, id, parts).await?;
        }
    }
}

fn instance_of(row: &SqliteRow) -> Result<InstanceSeed, StoreError> {
    let instance = row::instance(row)?;
    let deleted_at: Option<i64> = column(row, "deleted_at")?;
    Ok(InstanceSeed {
        id: instance.id,
        name: instance.name,
        description: instance.description,
        engine: instance.engine,
        engine_version: instance.engine_version,
        cache_mode: instance.cache_mode,
        capacity: instance.capacity,
        spec_code: instance.spec_code,
        status: instance.status,
        ip: Some(instance.ip),
        port: instance.port,
        no_password_access: instance.access.no_password,
        zone_codes: instance.zone_codes,
        network: instance.network,
        creator: instance.creator,
        created_at: Some(instance.created_at),
        deleted_at: deleted_at.map(row::to_timestamp).transpose()?,
        dependent_rows: DependentRows::default(),
        backups: Vec::new(),
        restores: Vec::new(),
        has_history: true,
    })
}

async fn backups(
    snapshot: &mut SqliteConnection,
    instance_key: i64,
    id: InstanceId,
    parts: &Parts,
) -> Result<(), Stopped> {
    let statement = format!(
        "SELECT {BACKUP_JSON} AS backup FROM backups b {BACKUP_WORK} WHERE b.instance_key = ? ORDER BY b.record_number"
    );
    let rows = sqlx::query(AssertSqlSafe(statement)).bind(instance_key).fetch(snapshot);
    let read = |row: &SqliteRow| row::backup(row, id);
    in_parts(rows.map_err(StoreError::during("read backups")), read, StatePart::Backups, parts).await
}

async fn restores(
    snapshot: &mut SqliteConnection,
    instance_key: i64,
    id: InstanceId,
    parts: &Parts,
) -> Result<(), Stopped> {
    let statement = format!(
        "SELECT {RESTORE_JSON} AS restore FROM restores r {RESTORE_WORK} WHERE r.instance_key = ? ORDER BY r.record_number"
    );
    let rows = sqlx::query(AssertSqlSafe(statement)).bind(instance_key).fetch(snapshot);
    let read = |row: &SqliteRow| row::restore(row, id);
    in_parts(rows.map_err(StoreError::during("read restores")), read, StatePart::Restores, parts).await
}

async fn events(
    snapshot: &mut SqliteConnection,
    project: Option<&[u8]>,
    parts: &Parts,
) -> Result<(), Stopped> {
    let rows = sqlx::query(
        "SELECT at, instance_id, CASE subject_kind WHEN 'instance' THEN 0 WHEN 'backup' THEN 1 ELSE 2 END AS record_kind,
                coalesce(b.record_number, r.record_number) AS record_number, from_status, to_status, actors.name AS actor,
                request_id, e.remark
         FROM events e JOIN projects USING (project_key) JOIN actors USING (actor_key)
         LEFT JOIN backups b ON subject_kind = 'backup' AND backup_id = subject_id
         LEFT JOIN restores r ON subject_kind = 'restore' AND restore_id = subject_id
         WHERE instance_id IS NOT NULL AND (?1 IS NULL OR project_id = ?1) ORDER BY e.project_key, number",
    )
    .bind(project)
    .fetch(snapshot);
    in_parts(rows.map_err(StoreError::during("read the audit")), event, StatePart::Events, parts).await
}

fn event(row: &SqliteRow) -> Result<EventSeed, StoreError> {
    let request_id = match column::<Option<&[u8]>>(row, "request_id")? {
        None => None,
        Some(_) => Some(RequestId::from_bytes(bytes16(row, "request_id")?)),
    };
    Ok(EventSeed {
        at: row::timestamp(row, "at")?,
        actor: Actor::parse(column(row, "actor")?)
            .ok_or(StoreError::Inconsistent { what: "actors.name is unknown" })?,
        instance_id: InstanceId::from_bytes(bytes16(row, "instance_id")?),
        change: row::event_change(row)?,
        request_id,
        // Notes of before they were bounded may be longer than one that can be read again.
        remark: column::<Option<&str>>(row, "remark")?.map(Remark::abridged),
    })
}

/// Sends rows, some at a time.
async fn in_parts<T>(
    rows: impl futures_util::Stream<Item = Result<SqliteRow, StoreError>> + Send,
    read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
    part: impl Fn(Vec<T>) -> StatePart,
    parts: &Parts,
) -> Result<(), Stopped> {
    let mut rows = std::pin::pin!(rows);
    let mut some = Vec::new();
    while let Some(row) = rows.try_next().await? {
        some.push(read(&row)?);
        if some.len() == ROWS_A_PART {
            send(parts, part(std::mem::take(&mut some))).await?;
        }
    }
    if some.is_empty() { Ok(()) } else { send(parts, part(some)).await }
}
