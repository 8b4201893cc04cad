//! Instances of a seed that are there already, and what its other instances must not have in common with what is there.

use std::collections::HashMap;

use serde_json::json;
use sqlx::SqliteConnection;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::refusal::Refusal;
use crate::store::sqlite::sql::sql;
use crate::store::{InstanceSeed, SeedPlan, StoreError};

/// An instance that is there under the id of a seeded one.
pub(super) struct Existing {
    project_id: ProjectId,
    deleted: bool,
    /// Name and value of each attribute that can differ.
    attributes: [(&'static str, String); 6],
}

/// A row of `instances` as [`find`] reads it.
type Row = (InstanceId, ProjectId, bool, String, String, String, String, String, i64);

impl Existing {
    fn new(row: Row) -> (InstanceId, Self) {
        let (id, project_id, deleted, name, cache_mode, status, engine, engine_version, capacity_mb) = row;
        let attributes = [
            ("name", name),
            ("cache_mode", cache_mode),
            ("status", status),
            ("engine", engine),
            ("engine_version", engine_version),
            ("capacity_mb", capacity_mb.to_string()),
        ];
        (id, Self { project_id, deleted, attributes })
    }

    /// Says how it differs from what the seed wants, a sentence each.
    pub(super) fn differences(&self, seed: &InstanceSeed, project_id: ProjectId) -> Vec<String> {
        let instance = &seed.instance;
        let id = instance.id;
        if self.project_id != project_id {
            return vec![format!("instance {id} belongs to another project than the seed says")];
        }
        if self.deleted {
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
        self.attributes
            .iter()
            .zip(wanted)
            .filter(|((_, found), wanted)| found != wanted)
            .map(|((name, found), wanted)| {
                format!("instance {id} has {name} {found}, the seed says {wanted}")
            })
            .collect()
    }
}

/// Returns ids as a JSON array of hexadecimal digits, as statements take many.
pub(super) fn hex_ids(ids: impl Iterator<Item = InstanceId>) -> String {
    json!(ids.map(|id| hex::encode(id.as_bytes())).collect::<Vec<_>>()).to_string()
}

/// Finds the instances of a seed that are there.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
) -> Result<HashMap<InstanceId, Existing>, StoreError> {
    let find = sql(
        "find seeded instances",
        "WITH wanted (id) AS MATERIALIZED (SELECT unhex(value) FROM json_each(?))
         SELECT instance_id, project_id, deleted_at IS NOT NULL AS is_deleted, i.name, cache_mode, status, engine,
                engine_version, capacity_mb
         FROM wanted JOIN instances i ON instance_id = id JOIN projects USING (project_key)",
    );
    let find = find.bind(hex_ids(plan.instances().map(|(_, seed)| seed.instance.id)));
    Ok(find.all(connection).await?.into_iter().map(Existing::new).collect())
}

/// Makes sure that no other instance of a project has the name of one that is to be created, and no other record its id. What
/// belongs to instances that are replaced will be gone by then.
pub(super) async fn require_free(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
    existing: &HashMap<InstanceId, Existing>,
) -> Result<(), StoreError> {
    let replaced = hex_ids(existing.keys().copied().filter(|_| plan.overwrite));
    let is_created = |seed: &InstanceSeed| plan.overwrite || !existing.contains_key(&seed.instance.id);
    let created = || plan.instances().filter(|(_, seed)| is_created(seed));
    let names: Vec<_> = created()
        .map(|(project, seed)| json!([hex::encode(project.as_bytes()), seed.instance.name.as_str()]))
        .collect();
    let look = sql("look for the names of instances", // Left to itself SQLite would read the whole list of the project for each name.
        "WITH wanted (project_id, name) AS MATERIALIZED (SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?1))
         SELECT EXISTS (
             SELECT 1 FROM wanted w JOIN projects p ON p.project_id = w.project_id
             JOIN instances i INDEXED BY instances_by_name ON i.project_key = p.project_key AND i.name = w.name
             WHERE i.deleted_at IS NULL AND i.instance_id NOT IN (SELECT unhex(value) FROM json_each(?2)))");
    let look = look.bind(json!(names).to_string()).bind(&replaced);
    let is_name_taken: bool = look.value(&mut *connection).await?;
    if is_name_taken {
        return Err(Refusal::InstanceNameTaken.into());
    }
    let records = created().flat_map(|(_, seed)| {
        let backups = seed.backups.iter().map(|backup| hex::encode(backup.id.as_bytes()));
        let restores = seed.restores.iter().map(|restore| hex::encode(restore.id.as_bytes()));
        let accounts = seed.accounts.iter().map(|account| hex::encode(account.id.as_bytes()));
        backups.chain(restores).chain(accounts)
    });
    let look = sql(
        "look for the ids of records",
        "WITH wanted (id) AS MATERIALIZED (SELECT unhex(value) FROM json_each(?1)),
              taken (instance_key) AS (SELECT instance_key FROM wanted JOIN backups ON backup_id = id
                                       UNION ALL SELECT instance_key FROM wanted JOIN restores ON restore_id = id
                                       UNION ALL SELECT instance_key FROM wanted JOIN accounts USING (id))
         SELECT EXISTS (SELECT 1 FROM taken JOIN instances USING (instance_key)
                        WHERE instance_id NOT IN (SELECT unhex(value) FROM json_each(?2)))",
    );
    let look = look.bind(json!(records.collect::<Vec<_>>()).to_string()).bind(&replaced);
    let is_id_taken: bool = look.value(connection).await?;
    if is_id_taken { Err(Refusal::IdTaken.into()) } else { Ok(()) }
}
