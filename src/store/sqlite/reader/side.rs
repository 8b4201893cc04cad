//! Reads of what is set beside instances.

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Connection};

use crate::domain::config_template::ConfigTemplate;
use crate::domain::id::{ParameterChangeId, ProjectId};
use crate::domain::instance::Instance;
use crate::domain::page::{Page, PageRequest};
use crate::domain::side_settings::SideSettings;
use crate::store::ConfigReads;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::reader::unsigned;
use crate::store::sqlite::{side, templates};
use crate::store::{InstanceRef, StoreError, row};
use crate::store::{ParameterHistoryEntry, TagValues};

#[async_trait]
impl ConfigReads for SqliteStore {
    async fn side_settings(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<(Instance, SideSettings)>, StoreError> {
        // One look for all tables.
        let failed = StoreError::during("begin to read");
        let mut connection = self.reader.pool.acquire().await.map_err(&failed)?;
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let found = side::find(&mut transaction, instance).await?;
        Ok(found.map(|(_, instance, settings)| (instance, settings)))
    }

    async fn project_tags(&self, project_id: ProjectId) -> Result<Vec<TagValues>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT DISTINCT t.key, t.value FROM projects p JOIN instances i USING (project_key)
             JOIN instance_tags t USING (instance_key)
             WHERE p.project_id = ? AND i.deleted_at IS NULL ORDER BY t.key, t.value",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.reader.pool)
        .await
        .map_err(StoreError::during("list the tags of a project"))?;
        let mut tags: Vec<TagValues> = Vec::new();
        for (key, value) in rows {
            match tags.last_mut() {
                Some(last) if last.key == key => last.values.push(value),
                _ => tags.push(TagValues { key, values: vec![value] }),
            }
        }
        Ok(tags)
    }

    async fn parameter_history(
        &self,
        instance: InstanceRef,
        page: PageRequest,
    ) -> Result<Option<Page<ParameterHistoryEntry>>, StoreError> {
        let failed = StoreError::during("list the changes of parameters");
        let mut connection = self.reader.pool.acquire().await.map_err(&failed)?;
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let found: Option<(i64, i64)> = sqlx::query_as(
            "SELECT i.instance_key, (SELECT coalesce(max(change_number), 0) FROM parameter_changes c
                                     WHERE c.instance_key = i.instance_key)
             FROM instances i JOIN projects p USING (project_key)
             WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        )
        .bind(&instance.instance_id.as_bytes()[..])
        .bind(&instance.project_id.as_bytes()[..])
        .fetch_optional(&mut *transaction)
        .await
        .map_err(&failed)?;
        let Some((key, last)) = found else { return Ok(None) };
        let newest = last.saturating_sub(i64::try_from(page.skip).unwrap_or(i64::MAX));
        let rows = sqlx::query(
            "SELECT change_id, changed_at, changes FROM parameter_changes
             WHERE instance_key = ? AND change_number <= ? ORDER BY change_number DESC LIMIT ?",
        )
        .bind(key)
        .bind(newest)
        .bind(i64::try_from(page.limit.as_u64()).unwrap_or(i64::MAX))
        .fetch_all(&mut *transaction)
        .await
        .map_err(&failed)?;
        let items = rows.iter().map(row::parameter_history_entry).collect::<Result<_, _>>()?;
        Ok(Some(Page { items, total: unsigned(last) }))
    }

    async fn parameter_change(
        &self,
        instance: InstanceRef,
        id: ParameterChangeId,
    ) -> Result<Option<ParameterHistoryEntry>, StoreError> {
        let row = sqlx::query(
            "SELECT c.change_id, c.changed_at, c.changes FROM parameter_changes c
             JOIN instances i USING (instance_key) JOIN projects p USING (project_key)
             WHERE c.change_id = ? AND i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        )
        .bind(&id.as_bytes()[..])
        .bind(&instance.instance_id.as_bytes()[..])
        .bind(&instance.project_id.as_bytes()[..])
        .fetch_optional(&self.reader.pool)
        .await
        .map_err(StoreError::during("find a change of parameters"))?;
        row.as_ref().map(row::parameter_history_entry).transpose()
    }

    async fn templates(&self, project_id: ProjectId) -> Result<Vec<ConfigTemplate>, StoreError> {
        let columns = templates::COLUMNS;
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {columns} FROM config_templates WHERE project_id = ? ORDER BY created_at DESC, template_id"
        )))
        .bind(&project_id.as_bytes()[..])
        .fetch_all(&self.reader.pool)
        .await
        .map_err(StoreError::during("list templates"))?;
        rows.iter().map(row::template).collect()
    }
}
