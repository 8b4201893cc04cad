//! Reads of instances, but for their lists.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::Instance;
use crate::store::error::StoreError;
use crate::store::row;
use crate::store::sqlite::reader::{Reader, unsigned};
use crate::store::{InstanceRef, KeptPassword, StatusCount};

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
        let found = sqlx::query(
            "SELECT i.password_hash, i.wrong_passwords, i.locked_until FROM instances i JOIN projects p USING (project_key)
             WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        )
        .bind(&instance.instance_id.as_bytes()[..])
        .bind(&instance.project_id.as_bytes()[..])
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::during("read the password of an instance"))?;
        found.map(|row| row::kept_password(&row)).transpose()
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

    pub(in crate::store::sqlite) async fn status_counts(
        &self,
        project_id: ProjectId,
    ) -> Result<Vec<StatusCount>, StoreError> {
        let rows = sqlx::query(
            "SELECT engine, status, count(*) AS instances FROM instances JOIN projects USING (project_key)
             WHERE project_id = ? AND deleted_at IS NULL GROUP BY engine, status",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.pool)
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
}
