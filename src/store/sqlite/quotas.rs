//! How much a project may have, and how much it has: what is counted are its rows. An instance that grows has already what it
//! will have.

use sqlx::SqliteExecutor;
use sqlx::sqlite::SqliteRow;

use crate::domain::id::ProjectId;
use crate::domain::quota::{Quota, Usage};
use crate::store::StoreError;
use crate::store::row;

/// Returns the quota of a project and what of it is used; nothing of nothing for a project that is not there.
pub(super) async fn quota(
    executor: impl SqliteExecutor<'_>,
    project_id: ProjectId,
) -> Result<(Quota, Usage), StoreError> {
    let row = sqlx::query(
        "SELECT p.instance_quota, p.memory_quota_gb, count(i.instance_key) AS instances,
                coalesce(sum(max(i.capacity_mb, coalesce(s.capacity_mb, 0))), 0) AS memory_mb
         FROM projects p LEFT JOIN instances i ON i.project_key = p.project_key AND i.deleted_at IS NULL
                         LEFT JOIN planned_sizes s USING (instance_key)
         WHERE p.project_id = ? GROUP BY p.project_key",
    )
    .bind(&project_id.as_bytes()[..])
    .fetch_optional(executor)
    .await
    .map_err(StoreError::during("read a quota"))?;
    let Some(row) = row else { return Ok((Quota::default(), Usage::default())) };
    let count = |name| row::column::<i64>(&row, name).map(|count| u64::try_from(count).unwrap_or(0));
    Ok((limits(&row)?, Usage { instances: count("instances")?, memory_mb: count("memory_mb")? }))
}

/// Reads how much a project may have from a row of `projects`.
pub(super) fn limits(row: &SqliteRow) -> Result<Quota, StoreError> {
    let limit = |name| {
        row::column::<Option<i64>>(row, name)?
            .map(u32::try_from)
            .transpose()
            .map_err(|_| StoreError::Inconsistent { what: "a quota is out of range" })
    };
    Ok(Quota { instances: limit("instance_quota")?, memory_gb: limit("memory_quota_gb")? })
}
