//! The configuration of instances: parameters, tags, whitelist, scans, bandwidth.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::domain::background_work::Effect;
use crate::domain::config_template::ConfigTemplate;
use crate::domain::id::{ParameterChangeId, ProjectId};
use crate::domain::instance::Instance;
use crate::domain::instance_config::{ConfigChange, InstanceConfig, Tag, Tags};
use crate::domain::key_analysis::AnalysisKind;
use crate::domain::page::{Page, PageRequest};
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskDetails;
use crate::domain::time::Timestamp;
use crate::store::row::{self, Document, INSTANCE_COLUMNS, setting_name};
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::reader::unsigned;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, background_work, instances, tasks, templates};
use crate::store::{
    ChangeConfig, ChangeTemplate, ConfigReads, ConfigWrites, CreateTemplate, DeleteTemplate, InstanceRef,
    ParameterHistoryEntry, StoreError, TagValues,
};

/// Returns an instance, its key and its configuration.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    instance: InstanceRef,
) -> Result<Option<(i64, Instance, InstanceConfig)>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {INSTANCE_COLUMNS}, i.instance_key FROM instances i JOIN projects p USING (project_key) \
         WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL"
    )))
    .bind(&instance.instance_id.as_bytes()[..])
    .bind(&instance.project_id.as_bytes()[..])
    .fetch_optional(&mut *connection)
    .await
    .map_err(StoreError::during("read an instance"))?;
    let Some(row) = row else { return Ok(None) };
    let key = row::column(&row, "instance_key")?;
    let settings = settings_of(connection, key).await?;
    Ok(Some((key, row::instance(&row)?, settings)))
}

/// Returns the configuration of an instance.
pub(super) async fn settings_of(
    connection: &mut SqliteConnection,
    key: i64,
) -> Result<InstanceConfig, StoreError> {
    let failed = StoreError::during("read the configuration of an instance");
    let mut settings = InstanceConfig::default();
    let parameters = sqlx::query("SELECT param_id, value FROM instance_parameters WHERE instance_key = ?")
        .bind(key)
        .fetch_all(&mut *connection)
        .await
        .map_err(&failed)?;
    for row in parameters {
        let id = u8::try_from(row::column::<i64>(&row, "param_id")?)
            .map_err(|_| StoreError::Inconsistent { what: "instance_parameters.param_id is out of range" })?;
        settings.parameters.insert(id, row::column(&row, "value")?);
    }
    settings.parameters_changed_at = sqlx::query_scalar::<_, i64>(
        "SELECT changed_at FROM parameter_changes WHERE instance_key = ? ORDER BY change_number DESC LIMIT 1",
    )
    .bind(key)
    .fetch_optional(&mut *connection)
    .await
    .map_err(&failed)?
    .map(row::to_timestamp)
    .transpose()?;
    let tags = sqlx::query("SELECT key, value FROM instance_tags WHERE instance_key = ? ORDER BY position")
        .bind(key)
        .fetch_all(&mut *connection)
        .await
        .map_err(&failed)?;
    let tags: Vec<Tag> = tags.iter().map(row::tag).collect::<Result<_, _>>()?;
    settings.tags =
        Tags::new(tags).map_err(|_| StoreError::Inconsistent { what: "an instance has too many tags" })?;
    let documents =
        sqlx::query("SELECT name, document, updated_at FROM side_settings WHERE instance_key = ?")
            .bind(key)
            .fetch_all(&mut *connection)
            .await
            .map_err(&failed)?;
    for row in documents {
        let updated_at = row::timestamp(&row, "updated_at")?;
        row::take_document(
            &mut settings,
            row::column(&row, "name")?,
            row::column(&row, "document")?,
            updated_at,
        )?;
    }
    Ok(settings)
}

/// Changes the configuration of an instance, with its event.
pub(super) async fn change(
    state: &mut WriterState,
    change: ChangeConfig,
) -> Result<(Instance, InstanceConfig), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let found = find(connection, change.instance).await?;
    let (key, instance, mut settings) = found.ok_or(Refusal::InstanceNotFound)?;
    let (note, subject) = (change.change.note(), change.change.task_subject());
    let (kind, scanned) = (Written::of(&change.change), change.change.scan());
    let changes = settings.apply(change.change, &instance, change.now)?;
    match kind {
        Written::Parameters => write_parameters(connection, key, &settings).await?,
        Written::Tags => write_tags(connection, key, &settings.tags).await?,
        Written::Document(name) => {
            write_document(connection, key, name, &settings, change.now.as_millis()).await?;
        }
    }
    if let Some(scan) = scanned {
        plan_scan(connection, key, &settings, scan, (change.now, change.now)).await?;
    }
    let failed = StoreError::during("record a change of the configuration of an instance");
    if !changes.is_empty() {
        sqlx::query(
            "INSERT INTO parameter_changes (instance_key, change_number, change_id, changed_at, changes)
             SELECT ?1, coalesce(max(change_number), 0) + 1, ?2, ?3, ?4 FROM parameter_changes WHERE instance_key = ?1",
        )
        .bind(key)
        .bind(&change.change_id.as_bytes()[..])
        .bind(change.now.as_millis())
        .bind(row::changes_json(&changes)?)
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
    }
    let actor_key = actors.key(connection, &change.origin.actor).await.map_err(&failed)?;
    let audit = Audit { at: change.now, origin: &change.origin, actor_key };
    instances::note(connection, key, instance.status, &note, audit).await?;
    if let Some(task) = &change.task {
        let span = (change.now, Some(change.now));
        tasks::begin(connection, key, task, &TaskDetails::from(subject), span).await?;
    }
    Ok((instance, settings))
}

/// Plans when a scan runs next by itself after a time, as it is set now, in place of what was planned.
pub(super) async fn plan_scan(
    connection: &mut SqliteConnection,
    instance_key: i64,
    settings: &InstanceConfig,
    scan: AnalysisKind,
    (time, now): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let at = settings.next_scan(scan, time, now);
    background_work::plan(connection, instance_key, &Effect::ScheduledScan { scan }, at, time).await
}

/// Where a change is written.
enum Written {
    Parameters,
    Tags,
    Document(&'static str),
}

impl Written {
    fn of(change: &ConfigChange) -> Self {
        match change {
            ConfigChange::Parameters(_) => Self::Parameters,
            ConfigChange::Tags(_) => Self::Tags,
            ConfigChange::Whitelist(_) => Self::Document(setting_name::WHITELIST),
            ConfigChange::BigKeyScan(_) => Self::Document(setting_name::BIG_KEY_SCAN),
            ConfigChange::HotKeyScan(_) => Self::Document(setting_name::HOT_KEY_SCAN),
            ConfigChange::ExpiredKeyScan(_) => Self::Document(setting_name::EXPIRED_KEY_SCAN),
            ConfigChange::BandwidthPolicy(_) => Self::Document(setting_name::BANDWIDTH_POLICY),
        }
    }
}

async fn write_parameters(
    connection: &mut SqliteConnection,
    key: i64,
    settings: &InstanceConfig,
) -> Result<(), StoreError> {
    for (id, value) in &settings.parameters {
        sqlx::query("INSERT INTO instance_parameters (instance_key, param_id, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value")
            .bind(key)
            .bind(i64::from(*id))
            .bind(value)
            .execute(&mut *connection)
            .await
            .map_err(StoreError::during("set a parameter"))?;
    }
    Ok(())
}

async fn write_tags(connection: &mut SqliteConnection, key: i64, tags: &Tags) -> Result<(), StoreError> {
    let failed = StoreError::during("set the tags of an instance");
    sqlx::query("DELETE FROM instance_tags WHERE instance_key = ?")
        .bind(key)
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
    for (position, tag) in (0_i64..).zip(tags.iter()) {
        sqlx::query("INSERT INTO instance_tags (instance_key, position, key, value) VALUES (?, ?, ?, ?)")
            .bind(key)
            .bind(position)
            .bind(tag.key.as_str())
            .bind(tag.value.as_str())
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
    }
    Ok(())
}

async fn write_document(
    connection: &mut SqliteConnection,
    key: i64,
    name: &'static str,
    settings: &InstanceConfig,
    updated_at: i64,
) -> Result<(), StoreError> {
    let dated = |document: Option<Result<String, StoreError>>| document.transpose();
    let document = dated(match name {
        setting_name::WHITELIST => Some(settings.whitelist.to_json()),
        setting_name::BIG_KEY_SCAN => settings.big_key_scan.as_ref().map(|dated| dated.value.to_json()),
        setting_name::HOT_KEY_SCAN => settings.hot_key_scan.as_ref().map(|dated| dated.value.to_json()),
        setting_name::EXPIRED_KEY_SCAN => {
            settings.expired_key_scan.as_ref().map(|dated| dated.value.to_json())
        }
        _ => settings.bandwidth_policy.as_ref().map(Document::to_json),
    })?;
    let query = match &document {
        Some(document) => sqlx::query(
            "INSERT INTO side_settings (instance_key, name, document, updated_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at",
        )
        .bind(key)
        .bind(name)
        .bind(document.as_str())
        .bind(updated_at),
        None => {
            sqlx::query("DELETE FROM side_settings WHERE instance_key = ? AND name = ?").bind(key).bind(name)
        }
    };
    query
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(StoreError::during("set the configuration of an instance"))
}

#[async_trait]
impl ConfigWrites for SqliteStore {
    async fn change_config(&self, command: ChangeConfig) -> Result<(Instance, InstanceConfig), StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }

    async fn create_template(&self, command: CreateTemplate) -> Result<(), StoreError> {
        self.writer.change(|state| templates::create(state, command).boxed()).await
    }

    async fn change_template(&self, command: ChangeTemplate) -> Result<(), StoreError> {
        self.writer.change(|state| templates::change(state, command).boxed()).await
    }

    async fn delete_template(&self, command: DeleteTemplate) -> Result<(), StoreError> {
        self.writer.change(|state| templates::delete(state, command).boxed()).await
    }
}

#[async_trait]
impl ConfigReads for SqliteStore {
    async fn instance_config(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<(Instance, InstanceConfig)>, StoreError> {
        // One look for all tables.
        let failed = StoreError::during("begin to read");
        let mut connection = self.reader.pool().acquire().await.map_err(&failed)?;
        let mut transaction = connection.begin().await.map_err(&failed)?;
        let found = find(&mut transaction, instance).await?;
        Ok(found.map(|(_, instance, settings)| (instance, settings)))
    }

    async fn project_tags(&self, project_id: ProjectId) -> Result<Vec<TagValues>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT DISTINCT t.key, t.value FROM projects p JOIN instances i USING (project_key)
             JOIN instance_tags t USING (instance_key)
             WHERE p.project_id = ? AND i.deleted_at IS NULL ORDER BY t.key, t.value",
        )
        .bind(&project_id.as_bytes()[..])
        .fetch_all(self.reader.pool())
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
        let mut connection = self.reader.pool().acquire().await.map_err(&failed)?;
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
        .fetch_optional(self.reader.pool())
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
        .fetch_all(self.reader.pool())
        .await
        .map_err(StoreError::during("list templates"))?;
        rows.iter().map(row::template).collect()
    }
}
