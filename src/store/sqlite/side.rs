//! What is set beside instances: read by the readers and by the writer, changed by the writer.

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use crate::domain::instance::Instance;
use crate::domain::refusal::Refusal;
use crate::domain::side_settings::{SideChange, SideSettings, Tag, Tags};
use crate::domain::task::TaskDetails;
use crate::store::ChangeSideSettings;
use crate::store::row::{self, Document, INSTANCE_COLUMNS, side_name};
use crate::store::sqlite::background_tasks;
use crate::store::sqlite::events::Audit;
use crate::store::sqlite::instances;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, templates};
use crate::store::{ChangeTemplate, ConfigWrites, CreateTemplate, DeleteTemplate};
use crate::store::{InstanceRef, StoreError};
use async_trait::async_trait;
use futures_util::FutureExt;

/// Returns an instance, its key and what is set beside it.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    instance: InstanceRef,
) -> Result<Option<(i64, Instance, SideSettings)>, StoreError> {
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
) -> Result<SideSettings, StoreError> {
    let failed = StoreError::during("read what is set beside an instance");
    let mut settings = SideSettings::default();
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

/// Changes what is set beside an instance, and says so in the audit.
pub(super) async fn change(
    state: &mut WriterState,
    change: ChangeSideSettings,
) -> Result<(Instance, SideSettings), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let found = find(connection, change.instance).await?;
    let (key, instance, mut settings) = found.ok_or(Refusal::InstanceNotFound)?;
    let note = change.change.note();
    let kind = Written::of(&change.change);
    let changes = settings.apply(change.change, &instance, change.now)?;
    match kind {
        Written::Parameters => write_parameters(connection, key, &settings).await?,
        Written::Tags => write_tags(connection, key, &settings.tags).await?,
        Written::Document(name) => {
            write_document(connection, key, name, &settings, change.now.as_millis()).await?;
        }
    }
    let failed = StoreError::during("record a change beside an instance");
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
        background_tasks::begin(connection, key, task, &TaskDetails::default(), span).await?;
    }
    Ok((instance, settings))
}

/// Where a change is written.
enum Written {
    Parameters,
    Tags,
    Document(&'static str),
}

impl Written {
    fn of(change: &SideChange) -> Self {
        match change {
            SideChange::Parameters(_) => Self::Parameters,
            SideChange::Tags(_) => Self::Tags,
            SideChange::Whitelist(_) => Self::Document(side_name::WHITELIST),
            SideChange::BigKeyScan(_) => Self::Document(side_name::BIG_KEY_SCAN),
            SideChange::HotKeyScan(_) => Self::Document(side_name::HOT_KEY_SCAN),
            SideChange::ExpiredKeyScan(_) => Self::Document(side_name::EXPIRED_KEY_SCAN),
            SideChange::BandwidthPolicy(_) => Self::Document(side_name::BANDWIDTH_POLICY),
        }
    }
}

async fn write_parameters(
    connection: &mut SqliteConnection,
    key: i64,
    settings: &SideSettings,
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
    settings: &SideSettings,
    updated_at: i64,
) -> Result<(), StoreError> {
    let dated = |document: Option<Result<String, StoreError>>| document.transpose();
    let document = dated(match name {
        side_name::WHITELIST => Some(settings.whitelist.to_json()),
        side_name::BIG_KEY_SCAN => settings.big_key_scan.as_ref().map(|dated| dated.value.to_json()),
        side_name::HOT_KEY_SCAN => settings.hot_key_scan.as_ref().map(|dated| dated.value.to_json()),
        side_name::EXPIRED_KEY_SCAN => settings.expired_key_scan.as_ref().map(|dated| dated.value.to_json()),
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
        .map_err(StoreError::during("set something beside an instance"))
}

#[async_trait]
impl ConfigWrites for SqliteStore {
    async fn change_side_settings(
        &self,
        command: ChangeSideSettings,
    ) -> Result<(Instance, SideSettings), StoreError> {
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
