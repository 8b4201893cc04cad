//! Reads of instances, but for their lists.

use async_trait::async_trait;
use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{Instance, MinorVersions};
use crate::domain::page::{Page, PageLimit};
use crate::domain::quota::{Quota, Usage};
use crate::store::error::StoreError;
use crate::store::row;
use crate::store::sqlite::reader::unsigned;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{SqliteStore, change, minor_versions, quotas};
use crate::store::{InstanceFilter, InstancePageStart, InstanceReads};
use crate::store::{InstanceRef, KeptPassword, StatusCount};

#[async_trait]
impl InstanceReads for SqliteStore {
    async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError> {
        self.reader.list_instances(project_id, filter, start, limit).await
    }

    async fn all_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
    ) -> Result<Vec<Instance>, StoreError> {
        self.reader.all_instances(project_id, filter).await
    }

    async fn quota(&self, project_id: ProjectId) -> Result<(Quota, Usage), StoreError> {
        quotas::quota(&self.reader.pool, project_id).await
    }

    async fn get_instance(&self, instance: InstanceRef) -> Result<Option<Instance>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(self.reader.one_instance.as_str()))
            .bind(&instance.instance_id.as_bytes()[..])
            .bind(&instance.project_id.as_bytes()[..])
            .fetch_optional(&self.reader.pool)
            .await
            .map_err(StoreError::during("read an instance"))?;
        row.map(|row| row::instance(&row)).transpose()
    }

    async fn minor_versions(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<(Instance, MinorVersions)>, StoreError> {
        let Some(found) = self.get_instance(instance).await? else { return Ok(None) };
        let key = change::key_of(&self.reader.pool, instance).await?.unwrap_or_default();
        Ok(Some((found, minor_versions::read(&self.reader.pool, key).await?)))
    }

    async fn project_of(&self, instance_id: InstanceId) -> Result<Option<ProjectId>, StoreError> {
        let find = sql(
            "find the project of an instance",
            "SELECT project_id FROM instances JOIN projects USING (project_key) WHERE instance_id = ? AND deleted_at IS NULL",
        );
        Ok(find.bind(instance_id).optional::<(ProjectId,)>(&self.reader.pool).await?.map(|(id,)| id))
    }

    async fn instances_of(&self, project_id: ProjectId) -> Result<HashSet<InstanceId>, StoreError> {
        let rows = sqlx::query(
            "SELECT instance_id FROM instances JOIN projects USING (project_key) WHERE project_id = ?",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.reader.pool)
        .await
        .map_err(StoreError::during("read the ids of instances"))?;
        rows.iter().map(|row| row::bytes16(row, "instance_id").map(InstanceId::from_bytes)).collect()
    }

    async fn status_counts(&self, project_id: ProjectId) -> Result<Vec<StatusCount>, StoreError> {
        let rows = sqlx::query(
            "SELECT engine, status, count(*) AS instances FROM instances JOIN projects USING (project_key)
             WHERE project_id = ? AND deleted_at IS NULL GROUP BY engine, status",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.reader.pool)
        .await
        .map_err(StoreError::during("count instances by state"))?;
        let count = |row| {
            Ok(StatusCount {
                engine: row::parse(row, "engine", "instances.engine is unknown")?,
                status: row::parse(row, "status", "instances.status is unknown")?,
                instances: unsigned(row::column(row, "instances")?),
            })
        };
        rows.iter().map(count).collect()
    }

    async fn instance_password(&self, instance: InstanceRef) -> Result<Option<KeptPassword>, StoreError> {
        let found = sqlx::query(
            "SELECT i.password_hash, i.wrong_passwords, i.locked_until FROM instances i JOIN projects p USING (project_key)
             WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        )
        .bind(&instance.instance_id.as_bytes()[..])
        .bind(&instance.project_id.as_bytes()[..])
        .fetch_optional(&self.reader.pool)
        .await
        .map_err(StoreError::during("read the password of an instance"))?;
        found.map(|row| row::kept_password(&row)).transpose()
    }
}
