//! The addresses of a project's instances: none is given out twice.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use crate::store::StoreError;
use crate::store::sqlite::seeding::{ADDRESSES, address};

/// Returns so many addresses that no instance of a project has or will have.
pub(super) async fn free(
    connection: &mut SqliteConnection,
    project_key: i64,
    count: usize,
) -> Result<Vec<String>, StoreError> {
    let first = given_out(connection, project_key).await?;
    let mut next = first;
    let mut free = Vec::with_capacity(count);
    while free.len() < count {
        let missing = i64::try_from(count - free.len()).unwrap_or(i64::MAX);
        let candidates: Vec<String> = (next..next + missing).map(address).collect();
        next += missing;
        // When all have been looked at there is none that is free, and some are given out again.
        let taken = if next - first > ADDRESSES {
            HashSet::new()
        } else {
            taken(connection, project_key, &candidates).await?
        };
        free.extend(candidates.into_iter().filter(|candidate| !taken.contains(candidate)));
    }
    Ok(free)
}

/// Returns how many addresses the instances of a project have, those that are gone included.
async fn given_out(connection: &mut SqliteConnection, project_key: i64) -> Result<i64, StoreError> {
    sqlx::query_scalar(
        "SELECT coalesce(sum(length(ip) - length(replace(ip, ',', '')) + 1), 0) FROM instances WHERE project_key = ?",
    )
    .bind(project_key)
    .fetch_one(connection)
    .await
    .map_err(StoreError::during("count the addresses of a project"))
}

/// Returns those of some addresses that an instance of the project has, or will have when it has its new size.
async fn taken(
    connection: &mut SqliteConnection,
    project_key: i64,
    candidates: &[String],
) -> Result<HashSet<String>, StoreError> {
    let taken: Vec<String> = sqlx::query_scalar(
        "SELECT c.value FROM json_each(?1) c
         WHERE EXISTS (SELECT 1 FROM instances i LEFT JOIN planned_sizes s USING (instance_key)
                       WHERE i.project_key = ?2
                         AND instr(',' || i.ip || ',' || coalesce(s.ip, '') || ',', ',' || c.value || ',') > 0)",
    )
    .bind(serde_json::to_string(candidates).unwrap_or_default())
    .bind(project_key)
    .fetch_all(connection)
    .await
    .map_err(StoreError::during("look for addresses of a project"))?;
    Ok(taken.into_iter().collect())
}
