//! Instances that a seed wants.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use crate::domain::id::ProjectId;
use crate::domain::instance::{Engine, InstanceStatus};
use crate::domain::time::Timestamp;
use crate::store::sqlite::dependent_rows::{self, Carried};
use crate::store::sqlite::writer::WriterState;
use crate::store::{InstanceSeed, StoreError, TableRow};

/// How many addresses `192.168.x.2` to `192.168.x.254` of one subnet are given out.
const ADDRESSES_A_SUBNET: i64 = 253;
/// How many subnets there are before addresses repeat.
const SUBNETS: i64 = 256;
/// How many addresses there are before they repeat.
pub(in crate::store::sqlite) const ADDRESSES: i64 = ADDRESSES_A_SUBNET * SUBNETS;

/// What is there under the id of an instance that a seed wants.
pub(super) struct Existing {
    project_id: Vec<u8>,
    deleted: bool,
    /// Name and value of each attribute that can differ.
    attributes: [(&'static str, String); 6],
}

pub(super) async fn find(
    connection: &mut SqliteConnection,
    instance: &InstanceSeed,
) -> Result<Option<Existing>, StoreError> {
    let row = sqlx::query(
        "SELECT project_id, deleted_at, i.name, cache_mode, status, engine, engine_version, capacity_mb
         FROM instances i JOIN projects USING (project_key) WHERE instance_id = ?",
    )
    .bind(&instance.id.as_bytes()[..])
    .fetch_optional(connection)
    .await
    .map_err(StoreError::during("find a seeded instance"))?;
    let Some(row) = row else { return Ok(None) };
    let text =
        |name: &'static str| row.try_get::<String, _>(name).map_err(StoreError::during("read a column"));
    let capacity_mb: i64 = row.try_get("capacity_mb").map_err(StoreError::during("read a column"))?;
    let deleted_at: Option<i64> = row.try_get("deleted_at").map_err(StoreError::during("read a column"))?;
    Ok(Some(Existing {
        project_id: row.try_get("project_id").map_err(StoreError::during("read a column"))?,
        deleted: deleted_at.is_some(),
        attributes: [
            ("name", text("name")?),
            ("cache_mode", text("cache_mode")?),
            ("status", text("status")?),
            ("engine", text("engine")?),
            ("engine_version", text("engine_version")?),
            ("capacity_mb", capacity_mb.to_string()),
        ],
    }))
}

/// Says how what is there differs from what the seed wants, a sentence each.
pub(super) fn differences(
    instance: &InstanceSeed,
    project_id: ProjectId,
    existing: &Existing,
) -> Vec<String> {
    let id = instance.id;
    if existing.project_id != project_id.as_bytes() {
        return vec![format!("instance {id} belongs to another project than the seed says")];
    }
    if existing.deleted {
        return vec![format!("instance {id} was deleted and stays so")];
    }
    let wanted = [
        instance.name.as_str().to_owned(),
        instance.cache_mode.as_str().to_owned(),
        instance.status.as_str().to_owned(),
        instance.engine.as_str().to_owned(),
        instance.engine_version.as_str().to_owned(),
        instance.capacity.as_megabytes().to_string(),
    ];
    existing
        .attributes
        .iter()
        .zip(wanted)
        .filter(|((_, found), wanted)| found != wanted)
        .map(|((name, found), wanted)| format!("instance {id} has {name} {found}, the seed says {wanted}"))
        .collect()
}

/// Creates an instance, without records and history, and returns its key.
pub(super) async fn create(
    state: &mut WriterState,
    carried: &Carried,
    project_key: i64,
    instance: &InstanceSeed,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let WriterState { connection, instances, .. } = state;
    instances.forget(instance.id);
    let ip = match &instance.ip {
        Some(ip) => ip.clone(),
        None => next_address(connection, project_key).await?,
    };
    // A deleted instance never changes: all of it comes at once.
    let given = with_usual(instance, now);
    let beside = carried.columns_of(&given)?;
    let (columns, values): (String, String) =
        beside.iter().map(|(column, value)| (format!(", {column}"), format!(", {value}"))).unzip();
    let statement = format!(
        "INSERT INTO instances (instance_id, project_key, name, description, engine, engine_version, cache_mode, \
                                capacity_mb, spec_code, status, ip, port, no_password_access, zone_codes, vpc_id, subnet_id, \
                                security_group_id, user_id, user_name, created_at, deleted_at{columns}) \
         VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22{values}) \
         RETURNING instance_key"
    );
    sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(dependent_rows::as_text(&given))
        .bind(&instance.id.as_bytes()[..])
        .bind(project_key)
        .bind(instance.name.as_str())
        .bind(&instance.description)
        .bind(instance.engine.as_str())
        .bind(instance.engine_version.as_str())
        .bind(instance.cache_mode.as_str())
        .bind(i64::from(instance.capacity.as_megabytes()))
        .bind(&instance.spec_code)
        .bind(instance.status.as_str())
        .bind(ip)
        .bind(i64::from(instance.port))
        .bind(instance.no_password_access)
        .bind(instance.zone_codes.join(","))
        .bind(&instance.network.vpc_id)
        .bind(&instance.network.subnet_id)
        .bind(&instance.network.security_group_id)
        .bind(&instance.creator.user_id)
        .bind(&instance.creator.user_name)
        .bind(instance.created_at.unwrap_or(now).as_millis())
        .bind(instance.deleted_at.map(Timestamp::as_millis))
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| dependent_rows::refused("instances", error))
}

/// The user of a Memcached instance that a seed says nothing else of.
const MEMCACHED_USER: &str = "memcached";

/// Returns the other columns of an instance, with those that a seed need not name: it came into service when it was created.
fn with_usual(instance: &InstanceSeed, now: Timestamp) -> TableRow {
    let mut columns = instance.dependent_rows.columns.clone();
    if !matches!(instance.status, InstanceStatus::Creating | InstanceStatus::CreateFailed) {
        let created_at = instance.created_at.unwrap_or(now).as_millis();
        columns.entry("launched_at".to_owned()).or_insert_with(|| created_at.into());
    }
    if instance.engine == Engine::Memcached {
        columns.entry("access_user".to_owned()).or_insert_with(|| MEMCACHED_USER.into());
    }
    columns
}

async fn next_address(connection: &mut SqliteConnection, project_key: i64) -> Result<String, StoreError> {
    let before: i64 = sqlx::query_scalar("SELECT count(*) FROM instances WHERE project_key = ?")
        .bind(project_key)
        .fetch_one(connection)
        .await
        .map_err(StoreError::during("count the instances of a project"))?;
    Ok(address(before))
}

/// Returns the address of the instance that follows `before` others in its project.
pub(in crate::store::sqlite) fn address(before: i64) -> String {
    let (subnet, host) = (before / ADDRESSES_A_SUBNET % SUBNETS, before % ADDRESSES_A_SUBNET + 2);
    format!("192.168.{subnet}.{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_a_project_follow_each_other() {
        assert_eq!(address(0), "192.168.0.2");
        assert_eq!(address(252), "192.168.0.254");
        assert_eq!(address(253), "192.168.1.2");
    }
}
