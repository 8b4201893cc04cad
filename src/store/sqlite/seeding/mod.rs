//! Creates what a seed wants and is not there; touches nothing that is, unless it is told to replace it.
//!
//! An instance is created together with its configuration, its records and its open work, or not at all: what is numbered
//! and ordered within it never mixes with what was there. All questions are asked for all instances at once, and rows are
//! inserted by many, so that a seed costs by its length.

mod existing;
mod identity;
mod rows;

use std::collections::HashMap;

use sqlx::SqliteConnection;

use crate::domain::id::InstanceId;
use crate::domain::origin::Origin;
use crate::domain::quota::Quota;
use crate::domain::time::Timestamp;
use crate::store::sqlite::instances::free::{ADDRESSES, address, addresses_of};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{
    control, enterprise_projects, migrations, networks, placed_orders, scheduling, templates,
};
use crate::store::{ProjectSeed, SeedPlan, SeedReport, StoreError};
use existing::Existing;
use rows::SeededRows;

/// Applies a seed.
pub(super) async fn apply(
    state: &mut WriterState,
    plan: SeedPlan,
    now: Timestamp,
) -> Result<SeedReport, StoreError> {
    let mut report = SeedReport::default();
    // Before anything is written: a refused command leaves nothing behind.
    let mut existing = existing::find(&mut state.connection, &plan).await?;
    existing::require_free(&mut state.connection, &plan, &existing).await?;
    networks::require_seedable(&mut state.connection, &plan).await?;
    enterprise_projects::require_seedable(&mut state.connection, &plan).await?;
    if plan.overwrite {
        let replaced = existing::hex_ids(existing.keys().copied());
        migrations::end_of_instances(state, &replaced, now, &Origin::SEED).await?;
        placed_orders::remove_of_instances(&mut state.connection, &replaced).await?;
        report.instances_replaced = control::remove_instances(&mut state.connection, &replaced).await?;
        existing.clear();
        state.forget();
    }
    identity::apply(&mut state.connection, &plan, now, &mut report).await?;
    let SeedPlan { projects, enterprise_projects, settings, overwrite, before_commit, .. } = plan;
    for project in projects {
        let key = ensure_project(&mut state.connection, &project, now, overwrite, &mut report).await?;
        for template in &project.templates {
            if !templates::put(state, project.id, template, overwrite, now).await? {
                report.differences.push(format!("template {} was there already and stays so", template.id));
            }
        }
        let differing = networks::seed(state, key, &project, overwrite, now).await?;
        report.differences.extend(differing);
        let differing = placed_orders::seed(&mut state.connection, key, &project.orders, overwrite).await?;
        let difference = |id| format!("order {id} was there already and stays as it is");
        report.differences.extend(differing.into_iter().map(difference));
        create_instances(state, key, project, (&existing, now), &mut report).await?;
    }
    let differing = enterprise_projects::seed(state, &enterprise_projects, overwrite, now).await?;
    report.differences.extend(differing);
    report.instances_created = report.instances_created.saturating_sub(report.instances_replaced);
    scheduling::plan_noticed(&mut state.connection, now).await?;
    for (name, value) in settings {
        control::store_setting(&mut state.connection, name, Some(value)).await?;
    }
    if let Some(before_commit) = before_commit {
        before_commit.await?;
    }
    Ok(report)
}

/// Creates the instances of a project that are not there.
async fn create_instances(
    state: &mut WriterState,
    project_key: i64,
    project: ProjectSeed,
    (existing, now): (&HashMap<InstanceId, Existing>, Timestamp),
    report: &mut SeedReport,
) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    let actor_key = actors.key(connection, &Origin::SEED.actor).await?;
    let count = sql(
        "count the instances of a project",
        "SELECT coalesce((SELECT max(instance_key) FROM instances), 0),
                (SELECT count(*) FROM instances WHERE project_key = ?)",
    );
    let (mut instance_key, mut before): (i64, i64) = count.bind(project_key).one(&mut *connection).await?;
    let mut taken = addresses_of(connection, project_key).await?;
    taken.extend(project.instances.iter().flat_map(|seed| seed.instance.ip.split(',')).map(str::to_owned));
    let mut rows = SeededRows::new(project_key, actor_key);
    for mut seed in project.instances {
        if let Some(existing) = existing.get(&seed.instance.id) {
            report.instances_kept += 1;
            report.differences.extend(existing.differences(&seed, project.id));
            continue;
        }
        if seed.instance.ip.is_empty() {
            // When all have been looked at there is none that is free, and some are given out again.
            let candidates = before..before + ADDRESSES;
            let free = candidates.into_iter().find(|number| !taken.contains(&address(*number)));
            before = free.unwrap_or(before);
            seed.instance.ip = address(before);
        }
        (instance_key, before) = (instance_key + 1, before + 1);
        instances.forget(seed.instance.id);
        report.instances_created += 1;
        report.backups_created += u64::try_from(seed.backups.len()).unwrap_or(u64::MAX);
        report.restores_created += u64::try_from(seed.restores.len()).unwrap_or(u64::MAX);
        rows.add(instance_key, seed, now);
        if rows.is_full() {
            rows.insert(connection).await?;
        }
    }
    rows.insert(connection).await
}

async fn ensure_project(
    connection: &mut SqliteConnection,
    project: &ProjectSeed,
    now: Timestamp,
    overwrite: bool,
    report: &mut SeedReport,
) -> Result<i64, StoreError> {
    let created_at = project.created_at.unwrap_or(now);
    let create = sql(
        "create a project",
        "INSERT INTO projects (project_id, name, created_at, built_in) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let create = create.bind(project.id).bind(&project.name).bind(created_at).bind(project.is_built_in);
    report.projects_created += create.execute(&mut *connection).await?;
    if overwrite {
        let replace = sql(
            "replace a project",
            "UPDATE projects SET name = ?, created_at = iif(?, ?, created_at), built_in = ?, instance_quota = NULL,
                                 memory_quota_gb = NULL WHERE project_id = ?",
        );
        let replace = replace.bind(&project.name).bind(project.created_at.is_some()).bind(created_at);
        replace.bind(project.is_built_in).bind(project.id).execute(&mut *connection).await?;
    }
    let find = sql(
        "find a project",
        "SELECT project_key, name, instance_quota, memory_quota_gb FROM projects WHERE project_id = ?",
    );
    let (key, name, instances, memory_gb): (_, String, _, _) =
        find.bind(project.id).one(&mut *connection).await?;
    let quota = Quota { instances, memory_gb };
    report.differences.extend(set_quota(connection, project, quota).await?);
    if name != project.name {
        let difference = format!("project {} is named {name}, the seed says {}", project.id, project.name);
        report.differences.push(difference);
    }
    Ok(key)
}

/// Sets the limits of a project that are not set yet; returns a sentence for each that is set otherwise.
async fn set_quota(
    connection: &mut SqliteConnection,
    project: &ProjectSeed,
    found: Quota,
) -> Result<Vec<String>, StoreError> {
    let ProjectSeed { id, quota, .. } = project;
    if *quota == Quota::default() {
        return Ok(Vec::new());
    }
    let set = sql(
        "set a quota",
        "UPDATE projects SET instance_quota = coalesce(instance_quota, ?1), memory_quota_gb = coalesce(memory_quota_gb, ?2)
         WHERE project_id = ?3",
    );
    let set = set.bind(quota.instances).bind(quota.memory_gb).bind(*id);
    set.execute(connection).await?;
    let both =
        [("instances", found.instances, quota.instances), ("memory in GB", found.memory_gb, quota.memory_gb)];
    let differs = both.into_iter().filter_map(|(what, found, wanted)| match (found, wanted) {
        (Some(found), Some(wanted)) if found != wanted => {
            Some(format!("project {id} has a quota of {what} of {found}, the seed says {wanted}"))
        }
        _ => None,
    });
    Ok(differs.collect())
}
