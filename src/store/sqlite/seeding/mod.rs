//! Creates what a seed wants and is not there; touches nothing that is, unless it is told to replace it.
//!
//! An instance is created together with its records, its history and its open work, or not at all: what is numbered and
//! ordered within it never mixes with what was there.

mod history;
mod identity;
mod instances;
mod records;

pub(super) use instances::{ADDRESSES, address};

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use crate::domain::id::InstanceId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::sqlite::dependent_rows::{Carried, Owner};
use crate::store::sqlite::quotas;
use crate::store::sqlite::resetting;
use crate::store::sqlite::scheduling;
use crate::store::sqlite::writer::WriterState;
use crate::store::{ProjectSeed, SeedPlan, SeedReport, StoreError};

/// Applies a seed.
pub(super) async fn apply(
    state: &mut WriterState,
    plan: SeedPlan,
    now: Timestamp,
) -> Result<SeedReport, StoreError> {
    let mut report = SeedReport::default();
    // Before anything is written: a refused command leaves nothing behind.
    let replaced = if plan.overwrite { ids_of_instances(&plan) } else { Vec::new() };
    let replaced = serde_json::to_string(&replaced).unwrap_or_default();
    require_free_names(&mut state.connection, &plan, &replaced).await?;
    records::require_free_ids(&mut state.connection, &plan, &replaced).await?;
    if plan.overwrite {
        report.instances_replaced = resetting::remove_instances(&mut state.connection, &replaced).await?;
        state.forget();
    }
    identity::apply(&mut state.connection, &plan, now, &mut report).await?;
    let SeedPlan { projects, events, rows, settings, overwrite, .. } = plan;
    let carried = Carried::read(&mut state.connection).await?;
    let mut created = HashMap::new();
    for project in projects {
        let key = ensure_project(&mut state.connection, &project, now, overwrite, &mut report).await?;
        carried.put_of_project(&mut state.connection, key, &project.rows, overwrite).await?;
        for instance in project.instances {
            if let Some(existing) = instances::find(&mut state.connection, &instance).await? {
                report.instances_kept += 1;
                report.differences.extend(instances::differences(&instance, project.id, &existing));
                continue;
            }
            let instance_key = instances::create(state, &carried, key, &instance, now).await?;
            let owner = Owner { project_key: key, instance_key: Some(instance_key) };
            carried.put(&mut state.connection, owner, &instance.dependent_rows.rows).await?;
            report.instances_created += 1;
            report.backups_created += u64::try_from(instance.backups.len()).unwrap_or(u64::MAX);
            report.restores_created += u64::try_from(instance.restores.len()).unwrap_or(u64::MAX);
            records::create(&mut state.connection, instance_key, &instance).await?;
            if !instance.has_history {
                history::begin(state, instance_key, &instance, now).await?;
            }
            created.insert(instance.id, instance_key);
        }
    }
    report.instances_created = report.instances_created.saturating_sub(report.instances_replaced);
    scheduling::plan_noticed(&mut state.connection, now).await?;
    carried.put_loose(&mut state.connection, &rows, overwrite).await?;
    history::append(state, &created, events).await?;
    for (name, value) in settings {
        resetting::keep_setting(&mut state.connection, name, Some(value)).await?;
    }
    Ok(report)
}

/// Returns the ids of all instances of a seed, in hexadecimal.
fn ids_of_instances(plan: &SeedPlan) -> Vec<String> {
    let instances = plan.projects.iter().flat_map(|project| &project.instances);
    instances.map(|instance| hex(instance.id)).collect()
}

fn hex(id: InstanceId) -> String {
    id.to_string().replace('-', "")
}

/// Makes sure that no other instance of a project has the name of one that is to be created. Those of `replaced` will be
/// gone by then.
async fn require_free_names(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
    replaced: &str,
) -> Result<(), StoreError> {
    for project in &plan.projects {
        for instance in project.instances.iter().filter(|instance| instance.deleted_at.is_none()) {
            let taken: Option<i64> = sqlx::query_scalar(
                "SELECT 1 FROM instances i JOIN projects USING (project_key)
                 WHERE project_id = ?1 AND i.name = ?2 AND deleted_at IS NULL AND instance_id <> ?3
                   AND instance_id NOT IN (SELECT unhex(value) FROM json_each(?4))
                   AND (json_array_length(?4) > 0 OR NOT EXISTS (SELECT 1 FROM instances WHERE instance_id = ?3))",
            )
            .bind(&project.id.as_bytes()[..])
            .bind(instance.name.as_str())
            .bind(&instance.id.as_bytes()[..])
            .bind(replaced)
            .fetch_optional(&mut *connection)
            .await
            .map_err(StoreError::during("look for the name of an instance"))?;
            if taken.is_some() {
                return Err(Refusal::InstanceNameTaken.into());
            }
        }
    }
    Ok(())
}

async fn ensure_project(
    connection: &mut SqliteConnection,
    project: &ProjectSeed,
    now: Timestamp,
    overwrite: bool,
    report: &mut SeedReport,
) -> Result<i64, StoreError> {
    let created_at = project.created_at.unwrap_or(now).as_millis();
    let created = sqlx::query(
        "INSERT INTO projects (project_id, name, created_at, built_in) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&project.id.as_bytes()[..])
    .bind(&project.name)
    .bind(created_at)
    .bind(project.is_built_in)
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("create a project"))?;
    report.projects_created += created.rows_affected();
    if overwrite {
        sqlx::query(
            "UPDATE projects SET name = ?, created_at = iif(?, ?, created_at), built_in = ?, instance_quota = NULL,
                                 memory_quota_gb = NULL WHERE project_id = ?",
        )
        .bind(&project.name)
        .bind(project.created_at.is_some())
        .bind(created_at)
        .bind(project.is_built_in)
        .bind(&project.id.as_bytes()[..])
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("replace a project"))?;
    }
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
