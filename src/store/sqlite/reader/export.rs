//! Reads what an export holds, of everything or of a project: part by part, within one transaction.
//!
//! A part holds some hundred rows at most, so that an export of a large database takes little memory; and one reader at a
//! time does this, so that the others stay free for those who want a page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::mpsc;

use crate::domain::contents::Contents;
use crate::domain::id::{DomainId, InstanceId, ProjectId, UserId};
use crate::domain::identity::{Domain, Role, RoleScope, Secret};
use crate::domain::instance::{InstanceStatus, MinorVersions};
use crate::domain::instance_config::InstanceConfig;
use crate::store::error::StoreError;
use crate::store::row::{
    self, BACKUP_JSON, BACKUP_WORK, INSTANCE_COLUMNS, RESTORE_JSON, RESTORE_WORK, bytes16, column,
};
use crate::store::sqlite::reader::Reader;
use crate::store::sqlite::templates::COLUMNS as TEMPLATE_COLUMNS;
use crate::store::sqlite::{contents, instance_config, quotas};
use crate::store::{DomainSeed, InstanceSeed, ProjectSeed, StatePart, UserSeed};

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
            "SELECT * FROM (
                 SELECT project_key, project_id, name, created_at, built_in, instance_quota, memory_quota_gb FROM projects
                 UNION ALL
                 -- A project that nobody has made can have templates.
                 SELECT DISTINCT NULL, project_id, lower(hex(project_id)), NULL, 0, NULL, NULL FROM config_templates
                 WHERE project_id NOT IN (SELECT project_id FROM projects))
             WHERE ?1 IS NULL OR project_id = ?1
             ORDER BY project_key IS NULL, project_key, project_id",
        )
        .bind(wanted.as_deref())
        .fetch_all(&mut *snapshot)
        .await
        .map_err(StoreError::during("read projects"))?;
        for row in rows {
            send(parts, StatePart::Project(project_of(&mut snapshot, &row).await?)).await?;
            if let Some(project_key) = column(&row, "project_key")? {
                instances(&mut snapshot, project_key, parts).await?;
            }
        }
        let settings: Vec<(String, String)> = sqlx::query_as("SELECT name, value FROM kept_settings")
            .fetch_all(&mut *snapshot)
            .await
            .map_err(StoreError::during("read the settings that are kept"))?;
        send(parts, StatePart::Settings(settings.into_iter().collect())).await?;
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

/// Reads a project, without its instances.
async fn project_of(snapshot: &mut SqliteConnection, row: &SqliteRow) -> Result<ProjectSeed, StoreError> {
    let statement =
        format!("SELECT {TEMPLATE_COLUMNS} FROM config_templates WHERE project_id = ? ORDER BY template_id");
    let templates = sqlx::query(AssertSqlSafe(statement))
        .bind(column::<&[u8]>(row, "project_id")?)
        .fetch_all(snapshot)
        .await
        .map_err(StoreError::during("read templates"))?;
    Ok(ProjectSeed {
        id: ProjectId::from_bytes(bytes16(row, "project_id")?),
        name: column(row, "name")?,
        created_at: column::<Option<i64>>(row, "created_at")?.map(row::to_timestamp).transpose()?,
        is_built_in: column(row, "built_in")?,
        quota: quotas::limits(row)?,
        templates: templates.iter().map(row::template).collect::<Result<_, _>>()?,
        instances: Vec::new(),
    })
}

async fn instances(snapshot: &mut SqliteConnection, project_key: i64, parts: &Parts) -> Result<(), Stopped> {
    let statement = format!(
        "SELECT {INSTANCE_COLUMNS}, i.instance_key, i.instance_id, i.status, i.password_hash, w.start_at, w.finish_at, w.failure,
                w.instance_key IS NOT NULL AS is_in_transition, m.engine AS engine_minor_version, m.proxy AS proxy_minor_version,
                EXISTS (SELECT 1 FROM background_work k WHERE k.instance_key = i.instance_key AND k.effect ->> 'kind' = 'migration')
                    AS is_migrated_into,
                (SELECT nullif(b.next_run_at, 0) FROM backup_policies b WHERE b.instance_key = i.instance_key) AS next_run_at
         FROM instances i JOIN projects p USING (project_key)
                          LEFT JOIN open_work w ON w.instance_key = i.instance_key AND w.record_kind = 0
                          LEFT JOIN minor_versions m ON m.instance_key = i.instance_key
         WHERE i.project_key = ? AND i.instance_key > ? AND i.deleted_at IS NULL ORDER BY i.instance_key LIMIT 256"
    );
    let mut last = i64::MIN;
    loop {
        let rows = sqlx::query(AssertSqlSafe(statement.as_str()))
            .bind(project_key)
            .bind(last)
            .fetch_all(&mut *snapshot)
            .await
            .map_err(StoreError::during("read instances"))?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = column(&row, "instance_key")?;
            let configuration = instance_config::settings_of(snapshot, last).await?;
            let contents = contents::read(&mut *snapshot, last, None).await?;
            let seed = instance_of(&row, configuration, contents)?;
            let id = seed.instance.id;
            send(parts, StatePart::Instance(Box::new(seed))).await?;
            backups(snapshot, last, id, parts).await?;
            restores(snapshot, last, id, parts).await?;
        }
    }
}

fn instance_of(
    row: &SqliteRow,
    configuration: InstanceConfig,
    contents: Contents,
) -> Result<InstanceSeed, StoreError> {
    let is_in_transition: bool = column(row, "is_in_transition")?;
    let mut instance = row::instance(row)?;
    if column(row, "is_migrated_into")? {
        // Migrations are not exported, and nothing else would end that state.
        instance.status = InstanceStatus::Running;
    }
    Ok(InstanceSeed {
        instance,
        configuration,
        contents,
        password_hash: column::<Option<String>>(row, "password_hash")?.map(Secret::new),
        next_run_at: column::<Option<i64>>(row, "next_run_at")?.map(row::to_timestamp).transpose()?,
        minor_versions: MinorVersions {
            engine: column(row, "engine_minor_version")?,
            proxy: column(row, "proxy_minor_version")?,
        },
        work: is_in_transition.then(|| row::transition(row)).transpose()?.map(|transition| transition.plan),
        backups: Vec::new(),
        restores: Vec::new(),
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
