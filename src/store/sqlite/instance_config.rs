//! The configuration of instances: parameters, tags, whitelist, scans, bandwidth.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::domain::background_work::Effect;
use crate::domain::config_template::ConfigTemplate;
use crate::domain::id::{ParameterChangeId, ProjectId};
use crate::domain::instance::Instance;
use crate::domain::instance_config::{ChangedParameter, ConfigChange, InstanceConfig, Tags};
use crate::domain::key_analysis::AnalysisKind;
use crate::domain::page::{Page, PageRequest};
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskDetails;
use crate::domain::time::Timestamp;
use crate::store::row::{self, INSTANCE_COLUMNS, Json, setting_name};
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::reader::{signed, unsigned};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, background_work, change, instances, tasks, templates};
use crate::store::{
    ChangeConfig, ChangeTemplate, ConfigReads, ConfigWrites, CreateTemplate, DeleteTemplate, InstanceRef,
    ParameterHistoryEntry, StoreError, TagValues,
};

/// Returns an instance, its key and its configuration.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    instance: InstanceRef,
) -> Result<Option<(i64, Instance, InstanceConfig)>, StoreError> {
    let read = format!(
        "SELECT i.instance_key, {INSTANCE_COLUMNS} FROM instances i JOIN projects p USING (project_key) \
         WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL"
    );
    let read = sql("read an instance", read).bind(instance.instance_id).bind(instance.project_id);
    let Some((key, instance)) = read.optional(&mut *connection).await? else { return Ok(None) };
    Ok(Some((key, instance, settings_of(connection, key).await?)))
}

/// Returns the configuration of an instance.
pub(super) async fn settings_of(
    connection: &mut SqliteConnection,
    key: i64,
) -> Result<InstanceConfig, StoreError> {
    let parameters = "SELECT param_id, value FROM instance_parameters WHERE instance_key = ?";
    let parameters =
        sql("read the parameters of an instance", parameters).bind(key).all(&mut *connection).await?;
    let changed =
        "SELECT changed_at FROM parameter_changes WHERE instance_key = ? ORDER BY change_number DESC LIMIT 1";
    let changed =
        sql("read when parameters changed", changed).bind(key).optional_value(&mut *connection).await?;
    let tags = "SELECT key, value FROM instance_tags WHERE instance_key = ? ORDER BY position";
    let tags = sql("read the tags of an instance", tags).bind(key).all(&mut *connection).await?;
    let mut settings = InstanceConfig {
        parameters: parameters.into_iter().collect(),
        parameters_changed_at: changed,
        tags: row::tags(tags)?,
        ..InstanceConfig::default()
    };
    let documents = "SELECT name, document, updated_at FROM side_settings WHERE instance_key = ?";
    let documents = sql("read the configuration of an instance", documents).bind(key).all(connection).await?;
    for (name, document, updated_at) in documents {
        let (name, document): (String, String) = (name, document);
        row::take_document(&mut settings, &name, &document, updated_at)?;
    }
    Ok(settings)
}

/// Changes the configuration of an instance, with its event.
async fn change_config(
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
            write_document(connection, key, name, &settings, change.now).await?;
        }
    }
    if let Some(scan) = scanned {
        plan_scan(connection, key, &settings, scan, (change.now, change.now)).await?;
    }
    if !changes.is_empty() {
        let record = sql(
            "record a change of parameters",
            "INSERT INTO parameter_changes (instance_key, change_number, change_id, changed_at, changes)
             SELECT ?1, coalesce(max(change_number), 0) + 1, ?2, ?3, ?4 FROM parameter_changes WHERE instance_key = ?1",
        );
        let record = record.bind(key).bind(change.change_id).bind(change.now).bind_json(&changes);
        record.execute(&mut *connection).await?;
    }
    let actor_key = actors.key(connection, &change.origin.actor).await?;
    let audit = AuditContext { at: change.now, origin: &change.origin, actor_key };
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
        let set = sql(
            "set a parameter",
            "INSERT INTO instance_parameters (instance_key, param_id, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        );
        set.bind(key).bind(*id).bind(value).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_tags(connection: &mut SqliteConnection, key: i64, tags: &Tags) -> Result<(), StoreError> {
    let set = sql("set the tags of an instance", "DELETE FROM instance_tags WHERE instance_key = ?");
    set.bind(key).execute(&mut *connection).await?;
    for (position, tag) in (0_i64..).zip(tags.iter()) {
        let set = sql(
            "set the tags of an instance",
            "INSERT INTO instance_tags (instance_key, position, key, value) VALUES (?, ?, ?, ?)",
        );
        let set = set.bind(key).bind(position).bind(tag.key.as_str()).bind(tag.value.as_str());
        set.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_document(
    connection: &mut SqliteConnection,
    key: i64,
    name: &'static str,
    settings: &InstanceConfig,
    updated_at: Timestamp,
) -> Result<(), StoreError> {
    let Some(document) = row::document(settings, name) else {
        let remove = "DELETE FROM side_settings WHERE instance_key = ? AND name = ?";
        let remove = sql("remove a part of the configuration of an instance", remove);
        return remove.bind(key).bind(name).execute(connection).await.map(drop);
    };
    let write = sql(
        "set the configuration of an instance",
        "INSERT INTO side_settings (instance_key, name, document, updated_at) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at",
    );
    let write = write.bind(key).bind(name).bind(document).bind(updated_at);
    write.execute(connection).await.map(drop)
}

#[async_trait]
impl ConfigWrites for SqliteStore {
    async fn change_config(&self, command: ChangeConfig) -> Result<(Instance, InstanceConfig), StoreError> {
        self.writer.change(|state| change_config(state, command).boxed()).await
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
        let list = sql(
            "list the tags of a project",
            "SELECT DISTINCT t.key, t.value FROM projects p JOIN instances i USING (project_key)
             JOIN instance_tags t USING (instance_key)
             WHERE p.project_id = ? AND i.deleted_at IS NULL ORDER BY t.key, t.value",
        );
        let rows: Vec<(String, String)> = list.bind(project_id).all(self.reader.pool()).await?;
        let mut tags: Vec<TagValues> = Vec::new();
        for (key, value) in rows {
            match tags.last_mut() {
                Some(tag) if tag.key == key => tag.values.push(value),
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
        let pool = self.reader.pool();
        let Some(key) = change::key_of(pool, instance).await? else { return Ok(None) };
        // Changes are only added: what comes after the first look is not on the page.
        let count = "SELECT coalesce(max(change_number), 0) FROM parameter_changes WHERE instance_key = ?";
        let total: i64 = sql("count the changes of parameters", count).bind(key).value(pool).await?;
        let list = sql(
            "list the changes of parameters",
            "SELECT change_id, changed_at, changes FROM parameter_changes
             WHERE instance_key = ? AND change_number <= ? ORDER BY change_number DESC LIMIT ?",
        );
        let newest = total.saturating_sub(signed(page.skip));
        let rows = list.bind(key).bind(newest).bind(signed(page.limit.as_u64())).all(pool).await?;
        Ok(Some(Page { items: rows.into_iter().map(entry).collect(), total: unsigned(total) }))
    }

    async fn parameter_change(
        &self,
        instance: InstanceRef,
        id: ParameterChangeId,
    ) -> Result<Option<ParameterHistoryEntry>, StoreError> {
        let find = sql(
            "find a change of parameters",
            "SELECT c.change_id, c.changed_at, c.changes FROM parameter_changes c
             JOIN instances i USING (instance_key) JOIN projects p USING (project_key)
             WHERE c.change_id = ? AND i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        );
        let find = find.bind(id).bind(instance.instance_id).bind(instance.project_id);
        Ok(find.optional(self.reader.pool()).await?.map(entry))
    }

    async fn templates(&self, project_id: ProjectId) -> Result<Vec<ConfigTemplate>, StoreError> {
        templates::all_of(self.reader.pool(), project_id).await
    }
}

/// Takes a row of `parameter_changes`.
fn entry(
    (id, at, Json(changes)): (ParameterChangeId, Timestamp, Json<Vec<ChangedParameter>>),
) -> ParameterHistoryEntry {
    ParameterHistoryEntry { id, at, changes }
}
