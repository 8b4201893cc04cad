//! Reads of instances.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::identity::Secret;
use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::page::{Page, PageLimit};
use crate::store::error::StoreError;
use crate::store::row::{self, INSTANCE_COLUMNS};
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::{InstanceFilter, InstancePageStart, InstanceRef, KeptPassword};

impl Reader {
    pub(in crate::store::sqlite) async fn get_instance(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<Instance>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(self.one_instance.as_str()))
            .bind(&instance.instance_id.as_bytes()[..])
            .bind(&instance.project_id.as_bytes()[..])
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::during("read an instance"))?;
        row.map(|row| row::instance(&row)).transpose()
    }

    pub(in crate::store::sqlite) async fn instance_password(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<KeptPassword>, StoreError> {
        let found: Option<Option<String>> = sqlx::query_scalar(
            "SELECT i.password_hash FROM instances i JOIN projects p USING (project_key)
             WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        )
        .bind(&instance.instance_id.as_bytes()[..])
        .bind(&instance.project_id.as_bytes()[..])
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::during("read the password of an instance"))?;
        Ok(found.map(|hash| KeptPassword { hash: hash.map(Secret::new) }))
    }

    pub(in crate::store::sqlite) async fn instances_of(
        &self,
        project_id: ProjectId,
    ) -> Result<HashSet<InstanceId>, StoreError> {
        let rows = sqlx::query(
            "SELECT instance_id FROM instances JOIN projects USING (project_key) WHERE project_id = ?",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::during("read the ids of instances"))?;
        rows.iter().map(|row| row::bytes16(row, "instance_id").map(InstanceId::from_bytes)).collect()
    }

    pub(in crate::store::sqlite) async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        let failed = StoreError::during("list instances");
        let mut counting = QueryBuilder::<Sqlite>::new("SELECT count(*)");
        push_filtered(&mut counting, project_id, &filter);
        let total: i64 = counting.build_query_scalar().fetch_one(&self.pool).await.map_err(&failed)?;

        let mut listing = QueryBuilder::<Sqlite>::new("SELECT ");
        listing.push(INSTANCE_COLUMNS);
        push_filtered(&mut listing, project_id, &filter);
        let mut skip = 0;
        match start {
            InstancePageStart::Skip(count) => skip = i64::try_from(count).unwrap_or(i64::MAX),
            InstancePageStart::After(marker) => {
                // Row values compare column by column; the first column runs the other way, so its sign is turned.
                listing.push(" AND (-i.created_at, i.instance_id) > (SELECT -m.created_at, m.instance_id FROM instances m");
                listing.push(" JOIN projects q ON q.project_key = m.project_key WHERE m.instance_id = ");
                listing.push_bind(marker.as_bytes().to_vec());
                listing.push(" AND q.project_id = ").push_bind(project_id.as_bytes().to_vec());
                listing.push(" AND m.deleted_at IS NULL)");
            }
        }
        listing.push(" ORDER BY i.created_at DESC, i.instance_id LIMIT ");
        listing.push_bind(i64::try_from(limit.as_u64()).unwrap_or(i64::MAX));
        listing.push(" OFFSET ").push_bind(skip);
        let rows = listing.build().fetch_all(&self.pool).await.map_err(&failed)?;
        let items = rows.iter().map(row::instance).collect::<Result<_, _>>()?;
        Ok(Page { items, total: unsigned(total) })
    }
}

/// Appends the instances of a project that a filter lets through; values are bound, never written into the text.
fn push_filtered(query: &mut QueryBuilder<Sqlite>, project_id: ProjectId, filter: &InstanceFilter) {
    query.push(
        " FROM instances i JOIN projects p USING (project_key) LEFT JOIN open_work w ON w.instance_key = i.instance_key \
         WHERE i.deleted_at IS NULL AND p.project_id = ",
    );
    query.push_bind(project_id.as_bytes().to_vec());
    if let Some(id) = filter.id {
        query.push(" AND i.instance_id = ").push_bind(id.as_bytes().to_vec());
    }
    if let Some(part) = &filter.name_contains {
        query.push(" AND instr(i.name, ").push_bind(part.clone()).push(") > 0");
    }
    if let Some(name) = &filter.name_is {
        query.push(" AND i.name = ").push_bind(name.clone());
    }
    if let Some(ip) = &filter.ip {
        query.push(" AND instr(',' || i.ip || ',', ',' || ").push_bind(ip.clone()).push(" || ',') > 0");
    }
    if let Some(part) = &filter.ip_contains {
        query.push(" AND instr(i.ip, ").push_bind(part.clone()).push(") > 0");
    }
    if let Some(engine) = filter.engine {
        query.push(" AND i.engine = ").push_bind(engine.as_str());
    }
    if let Some(capacity) = filter.capacity {
        query.push(" AND i.capacity_mb = ").push_bind(i64::from(capacity.as_megabytes()));
    }
    for (key, value) in &filter.tags {
        query.push(
            " AND EXISTS (SELECT 1 FROM instance_tags t WHERE t.instance_key = i.instance_key AND t.key = ",
        );
        query.push_bind(key.clone());
        if let Some(value) = value {
            query.push(" AND t.value = ").push_bind(value.clone());
        }
        query.push(")");
    }
    match filter.status {
        Some(status) => {
            query.push(" AND i.status = ").push_bind(status.as_str());
        }
        None if filter.include_create_failed => {}
        None => {
            query.push(" AND i.status <> ").push_bind(InstanceStatus::CreateFailed.as_str());
        }
    }
}
