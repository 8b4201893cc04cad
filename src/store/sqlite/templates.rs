//! Templates of configuration parameters: the writer reads the template that a change is about, applies the rule of the domain to
//! it, and writes it, all in one transaction.

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::config_template::{ConfigTemplate, TemplateRef};
use crate::domain::id::{ProjectId, TemplateId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::sqlite::events::{self, Actors, Audit, ProjectChange, ProjectSubject};
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{control, instances};
use crate::store::{ChangeTemplate, CreateTemplate, DeleteTemplate, StoreError, row};

/// The columns that a template is read from.
pub(super) const COLUMNS: &str = "template_id, name, description, engine_version, cache_mode, product_type, storage_type, parameter_values, \
     created_at";

/// Makes a project's own template from its source.
pub(super) async fn create(state: &mut WriterState, create: CreateTemplate) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let CreateTemplate { project_id, source, id, id_is_given, words, now, origin } = create;
    let template = require(connection, project_id, source).await?.derived(id, words, now)?;
    if id_is_given && control::is_taken(&mut *connection, *id.as_bytes()).await? {
        return Err(Refusal::IdTaken.into());
    }
    sqlx::query(
        "INSERT INTO config_templates (template_id, project_id, name, description, engine_version, cache_mode,
                                       product_type, storage_type, parameter_values, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&id.as_bytes()[..])
    .bind(&project_id.as_bytes()[..])
    .bind(&template.name)
    .bind(&template.description)
    .bind(template.kind.engine_version.as_str())
    .bind(template.kind.cache_mode.as_str())
    .bind(template.kind.edition.as_str())
    .bind(template.kind.storage.as_str())
    .bind(row::values_json(&template.values)?)
    .bind(template.created_at.map_or(0, Timestamp::as_millis))
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("create a template"))?;
    let subject = (project_id, id, template.name.as_str());
    record(connection, actors, subject, ProjectChange::Created, (now, &origin)).await
}

/// Creates a template that a seed wants, or, if the seed is to overwrite, replaces it; returns whether it did.
pub(super) async fn put(
    state: &mut WriterState,
    project_id: ProjectId,
    template: &ConfigTemplate,
    overwrite: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let TemplateRef::Own(id) = template.id else { return Ok(false) };
    let WriterState { connection, actors, .. } = state;
    let before = match require(connection, project_id, template.id).await {
        Ok(before) => Some(before),
        Err(StoreError::Refused(Refusal::TemplateNotFound)) => None,
        Err(error) => return Err(error),
    };
    if before.is_some() && !overwrite {
        return Ok(false);
    }
    let done = sqlx::query(
        "INSERT INTO config_templates (template_id, project_id, name, description, engine_version, cache_mode,
                                       product_type, storage_type, parameter_values, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (template_id) DO UPDATE
         SET name = excluded.name, description = excluded.description, engine_version = excluded.engine_version,
             cache_mode = excluded.cache_mode, product_type = excluded.product_type,
             storage_type = excluded.storage_type, parameter_values = excluded.parameter_values, created_at = excluded.created_at
         WHERE project_id = excluded.project_id",
    )
    .bind(&id.as_bytes()[..])
    .bind(&project_id.as_bytes()[..])
    .bind(&template.name)
    .bind(&template.description)
    .bind(template.kind.engine_version.as_str())
    .bind(template.kind.cache_mode.as_str())
    .bind(template.kind.edition.as_str())
    .bind(template.kind.storage.as_str())
    .bind(row::values_json(&template.values)?)
    .bind(template.created_at.unwrap_or(now).as_millis())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("seed a template"))?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let change = match before {
        None => ProjectChange::Created,
        Some(before) => match template.note_of_changes(&before) {
            Some(note) => ProjectChange::Changed(note),
            None => return Ok(true),
        },
    };
    let subject = (project_id, id, template.name.as_str());
    record(connection, actors, subject, change, (now, &Origin::SEED)).await?;
    Ok(true)
}

/// Changes a project's own template.
pub(super) async fn change(
    state: &mut WriterState,
    ChangeTemplate { project_id, id, words, now, origin }: ChangeTemplate,
) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let before = require(connection, project_id, TemplateRef::Own(id)).await?;
    let template = before.clone().reworded(words)?;
    let Some(note) = template.note_of_changes(&before) else { return Ok(()) };
    sqlx::query(
        "UPDATE config_templates SET name = ?, description = ?, parameter_values = ?
         WHERE template_id = ? AND project_id = ?",
    )
    .bind(&template.name)
    .bind(&template.description)
    .bind(row::values_json(&template.values)?)
    .bind(&id.as_bytes()[..])
    .bind(&project_id.as_bytes()[..])
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("change a template"))?;
    let subject = (project_id, id, template.name.as_str());
    record(connection, actors, subject, ProjectChange::Changed(note), (now, &origin)).await
}

/// Records a change of a template.
async fn record(
    connection: &mut SqliteConnection,
    actors: &mut Actors,
    (project_id, id, name): (ProjectId, TemplateId, &str),
    change: ProjectChange,
    (at, origin): (Timestamp, &Origin),
) -> Result<(), StoreError> {
    let failed = StoreError::during("record a change of a template");
    // A template may be the first thing of its project.
    let project_key = instances::ensure_project(connection, project_id, at).await?;
    let actor_key = actors.key(connection, &origin.actor).await.map_err(&failed)?;
    let subject = ProjectSubject { project_key, kind: "template", id: id.as_bytes(), name };
    let audit = Audit { at, origin, actor_key };
    events::append_of_project(connection, subject, change, audit).await.map_err(failed)
}

/// Returns a template: a shipped one, or one of the project's own.
async fn require(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    id: TemplateRef,
) -> Result<ConfigTemplate, StoreError> {
    let found = match id {
        TemplateRef::Shipped(_) => ConfigTemplate::shipped().find(|template| template.id == id),
        TemplateRef::Own(own) => {
            let statement =
                format!("SELECT {COLUMNS} FROM config_templates WHERE template_id = ? AND project_id = ?");
            sqlx::query(AssertSqlSafe(statement))
                .bind(&own.as_bytes()[..])
                .bind(&project_id.as_bytes()[..])
                .fetch_optional(connection)
                .await
                .map_err(StoreError::during("read a template"))?
                .as_ref()
                .map(row::template)
                .transpose()?
        }
    };
    Ok(found.ok_or(Refusal::TemplateNotFound)?)
}

/// Deletes a project's own template.
pub(super) async fn delete(
    state: &mut WriterState,
    DeleteTemplate { project_id, id, now, origin }: DeleteTemplate,
) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let template = require(connection, project_id, TemplateRef::Own(id)).await?;
    sqlx::query("DELETE FROM config_templates WHERE template_id = ? AND project_id = ?")
        .bind(&id.as_bytes()[..])
        .bind(&project_id.as_bytes()[..])
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("delete a template"))?;
    let subject = (project_id, id, template.name.as_str());
    record(connection, actors, subject, ProjectChange::Deleted, (now, &origin)).await
}
