//! Records that a seed wants, with their open work.

use sqlx::SqliteConnection;

use crate::domain::refusal::Refusal;
use crate::store::sqlite::backups::{self, NewBackupRow};
use crate::store::sqlite::dependent_rows;
use crate::store::sqlite::restores::{self, NewRestoreRow};
use crate::store::sqlite::script::{InsertRow, Script};
use crate::store::{InstanceSeed, SeedPlan, StoreError};

/// How many rows one statement inserts at most.
const ROWS_A_STATEMENT: usize = 256;

/// Makes sure that no record of another instance has the id of one that is to be created. Those of the instances `replaced`
/// will be gone by then, and those of an instance that stays are not created.
pub(super) async fn require_free_ids(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
    replaced: &str,
) -> Result<(), StoreError> {
    for instance in plan.projects.iter().flat_map(|project| &project.instances) {
        let backups = instance.backups.iter().map(|backup| hex::encode(backup.id.as_bytes()));
        let restores = instance.restores.iter().map(|restore| hex::encode(restore.id.as_bytes()));
        let ids: Vec<String> = backups.chain(restores).collect();
        if ids.is_empty() {
            continue;
        }
        let taken: bool = sqlx::query_scalar(
            "WITH wanted (id) AS MATERIALIZED (SELECT unhex(value) FROM json_each(?1)),
                  taken (instance_key) AS (
                      SELECT instance_key FROM wanted JOIN backups ON backup_id = id
                      UNION ALL SELECT instance_key FROM wanted JOIN restores ON restore_id = id)
             SELECT EXISTS (SELECT 1 FROM taken JOIN instances USING (instance_key)
                            WHERE instance_id <> ?2 AND instance_id NOT IN (SELECT unhex(value) FROM json_each(?3)))
                AND (json_array_length(?3) > 0 OR NOT EXISTS (SELECT 1 FROM instances WHERE instance_id = ?2))",
        )
        .bind(serde_json::to_string(&ids).unwrap_or_default())
        .bind(&instance.id.as_bytes()[..])
        .bind(replaced)
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::during("look whether the ids of records are taken"))?;
        if taken {
            return Err(Refusal::IdTaken.into());
        }
    }
    Ok(())
}

/// Creates the records of an instance.
pub(super) async fn create(
    connection: &mut SqliteConnection,
    instance_key: i64,
    instance: &InstanceSeed,
) -> Result<(), StoreError> {
    let open_backups =
        instance.backups.iter().filter_map(|backup| backups::open_work_row(instance_key, backup));
    let open_restores =
        instance.restores.iter().filter_map(|restore| restores::open_work_row(instance_key, restore));
    let open: Vec<_> = open_backups.chain(open_restores).collect();
    insert(connection, instance.backups.iter().map(|backup| NewBackupRow::new(instance_key, backup))).await?;
    insert(connection, instance.restores.iter().map(|restore| NewRestoreRow::new(instance_key, restore)))
        .await?;
    insert(connection, open.into_iter()).await
}

/// Inserts rows, in order, some at a time.
async fn insert<R: InsertRow>(
    connection: &mut SqliteConnection,
    mut rows: impl Iterator<Item = R> + Send,
) -> Result<(), StoreError> {
    loop {
        let some: Vec<R> = rows.by_ref().take(ROWS_A_STATEMENT).collect();
        if some.is_empty() {
            return Ok(());
        }
        let mut script = Script::default();
        script.insert(some);
        script.run(connection).await.map_err(|error| dependent_rows::refused("a list of records", error))?;
    }
}
