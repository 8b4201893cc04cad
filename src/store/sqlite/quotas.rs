//! How much a project may have, and how much it has: what is counted are its rows. An instance that grows has already what it
//! will have.

use sqlx::SqliteExecutor;

use crate::domain::id::ProjectId;
use crate::domain::quota::{Quota, Usage};
use crate::store::StoreError;
use crate::store::sqlite::reader::unsigned;
use crate::store::sqlite::sql::sql;

/// Returns the quota of a project and what of it is used; nothing of nothing for a project that is not there.
pub(super) async fn quota(
    executor: impl SqliteExecutor<'_>,
    project_id: ProjectId,
) -> Result<(Quota, Usage), StoreError> {
    let read = sql(
        "read a quota",
        "SELECT p.instance_quota, p.memory_quota_gb, count(i.instance_key),
                coalesce(sum(max(i.capacity_mb, coalesce(s.capacity_mb, 0))), 0)
         FROM projects p LEFT JOIN instances i ON i.project_key = p.project_key AND i.deleted_at IS NULL
                         LEFT JOIN planned_sizes s USING (instance_key)
         WHERE p.project_id = ? GROUP BY p.project_key",
    );
    let found = read.bind(project_id).optional(executor).await?;
    let Some((instances, memory_gb, count, used_mb)) = found else { return Ok(Default::default()) };
    let usage = Usage { instances: unsigned(count), memory_mb: unsigned(used_mb) };
    Ok((Quota { instances, memory_gb }, usage))
}
