//! Reads of instances, but for their lists.

use async_trait::async_trait;
use std::collections::HashSet;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{Instance, MinorVersions};
use crate::domain::page::{Page, PageLimit};
use crate::domain::quota::{Quota, Usage};
use crate::store::error::StoreError;
use crate::store::sqlite::reader::unsigned;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{SqliteStore, change, instances, minor_versions, quotas};
use crate::store::{InstanceFilter, InstancePageStart, InstanceReads};
use crate::store::{InstanceRef, StatusCount, StoredPassword};

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
        let read = sql("read an instance", self.reader.one_instance.clone());
        read.bind(instance.instance_id).bind(instance.project_id).optional_value(&self.reader.pool).await
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
        find.bind(instance_id).optional_value(&self.reader.pool).await
    }

    async fn instances_of(&self, project_id: ProjectId) -> Result<HashSet<InstanceId>, StoreError> {
        let read = sql(
            "read the ids of instances",
            "SELECT instance_id FROM instances JOIN projects USING (project_key) WHERE project_id = ?",
        );
        Ok(read.bind(project_id).values(&self.reader.pool).await?.into_iter().collect())
    }

    async fn status_counts(&self, project_id: ProjectId) -> Result<Vec<StatusCount>, StoreError> {
        let count = sql(
            "count instances by state",
            "SELECT engine, status, count(*) AS instances FROM instances JOIN projects USING (project_key)
             WHERE project_id = ? AND deleted_at IS NULL GROUP BY engine, status",
        );
        let rows = count.bind(project_id).all(&self.reader.pool).await?;
        let count = |(engine, status, count)| StatusCount { engine, status, instances: unsigned(count) };
        Ok(rows.into_iter().map(count).collect())
    }

    async fn instance_password(&self, instance: InstanceRef) -> Result<Option<StoredPassword>, StoreError> {
        let pool = &self.reader.pool;
        let Some(key) = change::key_of(pool, instance).await? else { return Ok(None) };
        Ok(Some(instances::kept_password(pool, key).await?.1))
    }
}
