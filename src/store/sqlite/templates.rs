//! Templates of configuration parameters: the writer reads the template that a change is about, applies the rule of the domain to
//! it, and writes it, all in one transaction.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;

use crate::domain::catalogue::{Edition, Storage};
use crate::domain::config_template::{ConfigTemplate, TemplateKind, TemplateRef};
use crate::domain::id::{ProjectId, TemplateId};
use crate::domain::instance::{CacheMode, Engine, EngineVersion};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::row::Json;
use crate::store::sqlite::events::{self, Actors, AuditContext, NamedSubject, ProjectChange, SubjectOwner};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{control, instances};
use crate::store::{ChangeTemplate, CreateTemplate, DeleteTemplate, StoreError};

/// Makes a project's own template from its source.
pub(super) async fn create(state: &mut WriterState, create: CreateTemplate) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let CreateTemplate { project_id, source, id, is_id_client_chosen, words, now, origin } = create;
    let template = require(connection, project_id, source).await?.derived(id, words, now)?;
    if is_id_client_chosen && control::is_taken(&mut *connection, *id.as_bytes()).await? {
        return Err(Refusal::IdTaken.into());
    }
    write(connection, project_id, id, &template, now).await?;
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
    let before = find(connection, project_id, template.id).await?;
    if before.is_some() && !overwrite || !write(connection, project_id, id, template, now).await? {
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
    write(connection, project_id, id, &template, now).await?;
    let subject = (project_id, id, template.name.as_str());
    record(connection, actors, subject, ProjectChange::Changed(note), (now, &origin)).await
}

/// Deletes a project's own template.
pub(super) async fn delete(
    state: &mut WriterState,
    DeleteTemplate { project_id, id, now, origin }: DeleteTemplate,
) -> Result<(), StoreError> {
    let WriterState { connection, actors, .. } = state;
    let template = require(connection, project_id, TemplateRef::Own(id)).await?;
    let delete = "DELETE FROM config_templates WHERE template_id = ? AND project_id = ?";
    sql("delete a template", delete).bind(id).bind(project_id).execute(&mut *connection).await?;
    let subject = (project_id, id, template.name.as_str());
    record(connection, actors, subject, ProjectChange::Deleted, (now, &origin)).await
}

/// Writes a template of a project; returns whether it did: what has its id may be another project's.
async fn write(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    id: TemplateId,
    template: &ConfigTemplate,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let write = sql(
        "write a template",
        "INSERT INTO config_templates (template_id, project_id, name, description, engine_version, cache_mode,
                                       product_type, storage_type, parameter_values, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (template_id) DO UPDATE
         SET name = excluded.name, description = excluded.description, engine_version = excluded.engine_version,
             cache_mode = excluded.cache_mode, product_type = excluded.product_type,
             storage_type = excluded.storage_type, parameter_values = excluded.parameter_values, created_at = excluded.created_at
         WHERE project_id = excluded.project_id",
    );
    let TemplateKind { engine_version, cache_mode, edition, storage } = &template.kind;
    let write = write.bind(id).bind(project_id).bind(&template.name).bind(&template.description);
    let write = write.bind(engine_version.as_str()).bind(*cache_mode).bind(edition.as_str());
    let write = write.bind(storage.as_str()).bind_json(&template.values);
    Ok(write.bind(template.created_at.unwrap_or(now)).execute(connection).await? > 0)
}

/// Records a change of a template.
async fn record(
    connection: &mut SqliteConnection,
    actors: &mut Actors,
    (project_id, id, name): (ProjectId, TemplateId, &str),
    change: ProjectChange,
    (at, origin): (Timestamp, &Origin),
) -> Result<(), StoreError> {
    // A template may be the first thing of its project.
    let project_key = instances::ensure_project(connection, project_id, at).await?;
    let actor_key = actors.key(connection, &origin.actor).await?;
    let subject =
        NamedSubject { owner: SubjectOwner::Project(project_key), kind: "template", id: id.as_bytes(), name };
    events::append_of_project(connection, subject, change, AuditContext { at, origin, actor_key }).await
}

async fn require(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    id: TemplateRef,
) -> Result<ConfigTemplate, StoreError> {
    Ok(find(connection, project_id, id).await?.ok_or(Refusal::TemplateNotFound)?)
}

/// Returns a template: a shipped one, or one of the project's own.
async fn find(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    id: TemplateRef,
) -> Result<Option<ConfigTemplate>, StoreError> {
    Ok(match id {
        TemplateRef::Shipped(_) => ConfigTemplate::shipped().find(|template| template.id == id),
        TemplateRef::Own(_) => {
            let own = all_of(connection, project_id).await?;
            own.into_iter().find(|template| template.id == id)
        }
    })
}

/// A row of `config_templates`: id, name, description, version, cache mode, edition, storage, values and time of creation.
type Row = (
    TemplateId,
    String,
    Option<String>,
    String,
    CacheMode,
    Edition,
    Storage,
    Json<BTreeMap<u8, String>>,
    Timestamp,
);

/// Returns a project's own templates, newest first.
pub(super) async fn all_of(
    database: impl SqliteExecutor<'_>,
    project_id: ProjectId,
) -> Result<Vec<ConfigTemplate>, StoreError> {
    let list = sql(
        "read the templates of a project",
        "SELECT template_id, name, description, engine_version, cache_mode, product_type, storage_type, parameter_values,
                created_at
         FROM config_templates WHERE project_id = ? ORDER BY created_at DESC, template_id",
    );
    let template =
        |(id, name, description, version, cache_mode, edition, storage, Json(values), created_at): Row| {
            let engine_version = EngineVersion::new(Engine::Redis, version).map_err(|_| {
                StoreError::Inconsistent { what: "config_templates.engine_version is unknown" }
            })?;
            let kind = TemplateKind { engine_version, cache_mode, edition, storage };
            let id = TemplateRef::Own(id);
            Ok(ConfigTemplate { id, name, description, kind, values, created_at: Some(created_at) })
        };
    list.bind(project_id).all(database).await?.into_iter().map(template).collect()
}
