//! Reads what an export holds, of everything or of a project: part by part, within one transaction.
//!
//! A part holds some hundred rows at most, so that an export of a large database takes little memory; and one reader at a
//! time does this, so that the others stay free for those who want a page.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::sync::mpsc;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::identity::Secret;
use crate::domain::instance::{Instance, InstanceStatus, MinorVersions};
use crate::domain::order::Subscription;
use crate::domain::quota::Quota;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::store::error::StoreError;
use crate::store::row::{self, BACKUP_JSON, BACKUP_WORK, INSTANCE_COLUMNS, Json, RESTORE_JSON, RESTORE_WORK};
use crate::store::sqlite::placed_orders::EXPORTED_ORDER;
use crate::store::sqlite::reader::Reader;
use crate::store::sqlite::sql::{decode, sql};
use crate::store::sqlite::{
    contents, control, documents, enterprise_projects, identity, instance_config, networks, templates,
};
use crate::store::{AgencySeed, DomainSeed, InstanceSeed, ProjectSeed, StatePart, UserSeed};

/// How many rows a part has at most.
const ROWS_A_PART: usize = 256;
/// How long a part waits to be taken. Longer than that no snapshot is kept for somebody who does not read: while it is, the
/// log grows.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where parts go; nobody wants any more when it is closed.
type PartSender = mpsc::Sender<Result<StatePart, StoreError>>;

impl Reader {
    /// Sends the parts of the state, in the order of a document, until the last or until nobody wants any more.
    ///
    /// With a project: it and what belongs to it, and the settings, of which the caller knows which are about it.
    pub(in crate::store::sqlite) async fn export(&self, project: Option<ProjectId>, parts: PartSender) {
        let _turn = self.exporting.lock().await;
        match self.export_parts(project, &parts).await {
            // The other end is gone, and with it whoever could be told.
            Ok(()) | Err(Stopped::Unwanted) => {}
            Err(Stopped::Failed(error)) => drop(parts.send(Err(error)).await),
        }
    }

    async fn export_parts(&self, project: Option<ProjectId>, parts: &PartSender) -> Result<(), Stopped> {
        // Of all that is read in it, none is newer than the first.
        let failed = StoreError::during("begin to read the state");
        let mut connection = self.pool().acquire().await.map_err(&failed)?;
        let mut snapshot = connection.begin().await.map_err(&failed)?;
        if project.is_none() {
            let (domain, link_key) = identity::domain(&mut *snapshot).await?;
            send(parts, StatePart::Domain(DomainSeed { domain, link_key: Some(link_key) })).await?;
            for user in users(&mut snapshot).await? {
                send(parts, StatePart::User(user)).await?;
            }
            for agency in agencies(&mut snapshot).await? {
                send(parts, StatePart::Agency(agency)).await?;
            }
            for project in enterprise_projects::stored(&mut *snapshot, None).await? {
                send(parts, StatePart::EnterpriseProject(project)).await?;
            }
        }
        let read = sql(
            "read projects",
            "SELECT * FROM (
                 SELECT project_key, project_id, name, created_at, built_in, instance_quota, memory_quota_gb FROM projects
                 UNION ALL
                 -- A project that nobody has made can have templates.
                 SELECT DISTINCT NULL, project_id, lower(hex(project_id)), NULL, 0, NULL, NULL FROM config_templates
                 WHERE project_id NOT IN (SELECT project_id FROM projects))
             WHERE ?1 IS NULL OR project_id = ?1
             ORDER BY project_key IS NULL, project_key, project_id",
        );
        for row in read.bind(project).all::<ProjectRow>(&mut *snapshot).await? {
            let project_key = row.0;
            send(parts, StatePart::Project(project_of(&mut snapshot, row).await?)).await?;
            if let Some(project_key) = project_key {
                orders(&mut snapshot, project_key, parts).await?;
                instances(&mut snapshot, project_key, parts).await?;
            }
        }
        send(parts, StatePart::Settings(control::settings(&mut *snapshot).await?)).await?;
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

async fn send(parts: &PartSender, part: StatePart) -> Result<(), Stopped> {
    parts.send_timeout(Ok(part), TIMEOUT).await.map_err(|_| Stopped::Unwanted)
}

async fn users(snapshot: &mut SqliteConnection) -> Result<Vec<UserSeed>, StoreError> {
    let read = sql(
        "read users",
        "SELECT user_key, user_id, name, password_hash, denied, built_in FROM users WHERE agency IS NULL ORDER BY user_key",
    );
    let rows: Vec<(i64, _, _, _, _, _)> = read.all(&mut *snapshot).await?;
    let mut users = Vec::with_capacity(rows.len());
    for (key, id, name, password_hash, Json(denied), is_built_in) in rows {
        let keys = "SELECT access, secret FROM access_keys WHERE user_key = ? ORDER BY access";
        let access_keys = sql("read access keys", keys).bind(key).all(&mut *snapshot).await?;
        let roles = identity::roles(&mut *snapshot, key).await?;
        users.push(UserSeed { id, name, password_hash, is_built_in, access_keys, roles, denied });
    }
    Ok(users)
}

/// Reads the agencies that seeds have named.
async fn agencies(snapshot: &mut SqliteConnection) -> Result<Vec<AgencySeed>, StoreError> {
    let read = sql(
        "read agencies",
        "SELECT user_key, user_id, agency, denied FROM users WHERE agency IS NOT NULL AND built_in = 0 ORDER BY user_key",
    );
    let rows: Vec<(i64, _, _, _)> = read.all(&mut *snapshot).await?;
    let mut agencies = Vec::with_capacity(rows.len());
    for (key, id, name, Json(denied)) in rows {
        let roles = identity::roles(&mut *snapshot, key).await?;
        agencies.push(AgencySeed { id, name, roles, denied });
    }
    Ok(agencies)
}

/// A row of `projects`: its key, id, name, time of creation, whether it is built in, and its quota.
type ProjectRow = (Option<i64>, ProjectId, String, Option<Timestamp>, bool, Option<u32>, Option<u32>);

/// Reads a project, without its orders and instances.
async fn project_of(snapshot: &mut SqliteConnection, row: ProjectRow) -> Result<ProjectSeed, StoreError> {
    let (_, id, name, created_at, is_built_in, instances, memory_gb) = row;
    let quota = Quota { instances, memory_gb };
    let templates = templates::all_of(&mut *snapshot, id).await?;
    let networks = networks::resources(&mut *snapshot, id).await?;
    let (orders, instances) = (Vec::new(), Vec::new());
    Ok(ProjectSeed { id, name, created_at, is_built_in, quota, templates, networks, orders, instances })
}

/// An instance with its key and the hash of its password, whether that has a colon, its subscription, whether its own work is open, its
/// minor versions, whether it is migrated into, when its policy runs next, and its work.
type InstanceRow = (
    i64,
    Instance,
    Option<Secret>,
    bool,
    Option<Json<Subscription>>,
    bool,
    Option<String>,
    Option<String>,
    bool,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<FailureCode>,
);

async fn orders(
    snapshot: &mut SqliteConnection,
    project_key: i64,
    parts: &PartSender,
) -> Result<(), Stopped> {
    let statement =
        format!("SELECT {EXPORTED_ORDER} FROM orders o WHERE o.project_key = ? ORDER BY o.order_id");
    let rows = sqlx::query(AssertSqlSafe(statement)).bind(project_key).fetch(snapshot);
    let read = |row: &SqliteRow| documents::read(&decode::<(String,)>(row)?.0);
    in_parts(rows.map_err(StoreError::during("read orders")), read, StatePart::Orders, parts).await
}

async fn instances(
    snapshot: &mut SqliteConnection,
    project_key: i64,
    parts: &PartSender,
) -> Result<(), Stopped> {
    let statement = format!(
        "SELECT i.instance_key, {INSTANCE_COLUMNS}, i.password_hash, i.password_has_colon, i.subscription,
                w.instance_key IS NOT NULL, m.engine, m.proxy,
                EXISTS (SELECT 1 FROM background_work k WHERE k.instance_key = i.instance_key AND k.effect ->> 'kind' = 'migration'),
                (SELECT nullif(b.next_run_at, 0) FROM backup_policies b WHERE b.instance_key = i.instance_key),
                w.start_at, w.finish_at, w.failure
         FROM instances i JOIN projects p USING (project_key)
                          LEFT JOIN open_work w ON w.instance_key = i.instance_key AND w.record_kind = 0
                          LEFT JOIN minor_versions m ON m.instance_key = i.instance_key
         WHERE i.project_key = ? AND i.instance_key > ? AND i.deleted_at IS NULL ORDER BY i.instance_key LIMIT 256"
    );
    let mut last = i64::MIN;
    loop {
        let read = sql("read instances", statement.clone());
        let rows: Vec<InstanceRow> = read.bind(project_key).bind(last).all(&mut *snapshot).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let (
                key,
                mut instance,
                password_hash,
                password_has_colon,
                subscription,
                is_in_transition,
                engine,
                proxy,
                is_migrated_into,
                next_run_at,
                start_at,
                finish_at,
                failure,
            ) = row;
            if is_migrated_into {
                // Migrations are not exported, and nothing else would end that state.
                instance.status = InstanceStatus::Running;
            }
            last = key;
            let seed = InstanceSeed {
                configuration: instance_config::settings_of(snapshot, key).await?,
                accounts: documents::all(&mut *snapshot, key).await?,
                contents: contents::read(&mut *snapshot, key, None).await?,
                password_hash,
                password_has_colon,
                subscription: subscription.map(|Json(subscription)| subscription),
                next_run_at,
                minor_versions: MinorVersions { engine, proxy },
                work: is_in_transition.then(|| row::plan(start_at, finish_at, failure)),
                backups: Vec::new(),
                restores: Vec::new(),
                instance,
            };
            let id = seed.instance.id;
            send(parts, StatePart::Instance(Box::new(seed))).await?;
            backups(snapshot, last, id, parts).await?;
            restores(snapshot, last, id, parts).await?;
        }
    }
}

async fn backups(
    snapshot: &mut SqliteConnection,
    instance_key: i64,
    id: InstanceId,
    parts: &PartSender,
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
    parts: &PartSender,
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
    parts: &PartSender,
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
