//! Creates what a seed wants and is not there; touches nothing that is.

mod identity;

use sqlx::{Row, SqliteConnection};

use crate::domain::id::ProjectId;
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::row::{instance_status_code, record_kind};
use crate::store::sqlite::events::{self, Change};
use crate::store::sqlite::quotas;
use crate::store::sqlite::writer::WriterState;
use crate::store::{InstanceSeed, ProjectSeed, SeedPlan, SeedReport, StoreError};

/// How many addresses `192.168.x.2` to `192.168.x.254` of one subnet are given out.
const ADDRESSES_A_SUBNET: i64 = 253;
/// How many subnets there are before addresses repeat.
const SUBNETS: i64 = 256;

/// Applies a seed.
pub(super) async fn apply(
    state: &mut WriterState,
    plan: SeedPlan,
    now: Timestamp,
) -> Result<SeedReport, StoreError> {
    let mut report = SeedReport::default();
    // Before anything is written: a refused command leaves nothing behind.
    for project in &plan.projects {
        require_free_names(&mut state.connection, project).await?;
    }
    identity::apply(&mut state.connection, &plan, now, &mut report).await?;
    for project in plan.projects {
        let key = ensure_project(&mut state.connection, &project, now, &mut report).await?;
        for instance in project.instances {
            if let Some(existing) = find(&mut state.connection, &instance).await? {
                report.instances_kept += 1;
                report.differences.extend(differences(&instance, project.id, &existing));
            } else {
                create(state, key, &instance, now).await?;
                report.instances_created += 1;
            }
        }
    }
    Ok(report)
}

/// Makes sure that no other instance of a project has the name of one that is to be created.
async fn require_free_names(
    connection: &mut SqliteConnection,
    project: &ProjectSeed,
) -> Result<(), StoreError> {
    for instance in &project.instances {
        let taken: Option<i64> = sqlx::query_scalar(
            "SELECT 1 FROM instances i JOIN projects USING (project_key)
             WHERE project_id = ?1 AND i.name = ?2 AND deleted_at IS NULL AND instance_id <> ?3
               AND NOT EXISTS (SELECT 1 FROM instances WHERE instance_id = ?3)",
        )
        .bind(&project.id.as_bytes()[..])
        .bind(instance.name.as_str())
        .bind(&instance.id.as_bytes()[..])
        .fetch_optional(&mut *connection)
        .await
        .map_err(StoreError::during("look for the name of an instance"))?;
        if taken.is_some() {
            return Err(Refusal::InstanceNameTaken.into());
        }
    }
    Ok(())
}

async fn ensure_project(
    connection: &mut SqliteConnection,
    project: &ProjectSeed,
    now: Timestamp,
    report: &mut SeedReport,
) -> Result<i64, StoreError> {
    let created = sqlx::query(
        "INSERT INTO projects (project_id, name, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&project.id.as_bytes()[..])
    .bind(&project.name)
    .bind(now.as_millis())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("create a project"))?;
    report.projects_created += created.rows_affected();
    let row = sqlx::query("SELECT project_key, name FROM projects WHERE project_id = ?")
        .bind(&project.id.as_bytes()[..])
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::during("find a project"))?;
    report.differences.extend(quotas::ensure(connection, project.id, project.quota).await?);
    let name: String = row.try_get("name").map_err(StoreError::during("read a column"))?;
    if name != project.name {
        report
            .differences
            .push(format!("project {} is named {name}, the seed says {}", project.id, project.name));
    }
    row.try_get("project_key").map_err(StoreError::during("read a column"))
}

/// What is there under the id of an instance that a seed wants.
struct Existing {
    project_id: Vec<u8>,
    deleted: bool,
    /// Name and value of each attribute that can differ.
    attributes: [(&'static str, String); 6],
}

async fn find(
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
fn differences(instance: &InstanceSeed, project_id: ProjectId, existing: &Existing) -> Vec<String> {
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

async fn create(
    state: &mut WriterState,
    project_key: i64,
    instance: &InstanceSeed,
    now: Timestamp,
) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    instances.forget(instance.id);
    let before: i64 = sqlx::query_scalar("SELECT count(*) FROM instances WHERE project_key = ?")
        .bind(project_key)
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::during("count the instances of a project"))?;
    let instance_key: i64 = sqlx::query_scalar(
        "INSERT INTO instances (instance_id, project_key, name, engine, engine_version, cache_mode, capacity_mb, spec_code,
                                status, ip, port, no_password_access, zone_codes, vpc_id, subnet_id, security_group_id,
                                user_id, user_name, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)
         RETURNING instance_key",
    )
    .bind(&instance.id.as_bytes()[..])
    .bind(project_key)
    .bind(instance.name.as_str())
    .bind(instance.engine.as_str())
    .bind(instance.engine_version.as_str())
    .bind(instance.cache_mode.as_str())
    .bind(i64::from(instance.capacity.as_megabytes()))
    .bind(&instance.spec_code)
    .bind(instance.status.as_str())
    .bind(address(before))
    .bind(i64::from(instance.engine.default_port()))
    .bind(instance.zone_codes.join(","))
    .bind(&instance.network.vpc_id)
    .bind(&instance.network.subnet_id)
    .bind(&instance.network.security_group_id)
    .bind(&instance.creator.user_id)
    .bind(&instance.creator.user_name)
    .bind(now.as_millis())
    .fetch_one(&mut *connection)
    .await
    .map_err(StoreError::during("create a seeded instance"))?;
    let actor_key = actors
        .key(connection, &Origin::SEED.actor)
        .await
        .map_err(StoreError::during("record who creates an instance"))?;
    let event = Change {
        at: now,
        instance_key,
        record_kind: record_kind::INSTANCE,
        record_number: None,
        from_status: None,
        to_status: Some(instance_status_code(instance.status)),
        origin: &Origin::SEED,
    };
    events::append(connection, vec![event.into_row(actor_key)])
        .await
        .map_err(StoreError::during("record the creation of an instance"))
}

/// Returns the address of the instance that follows `before` others in its project.
fn address(before: i64) -> String {
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
