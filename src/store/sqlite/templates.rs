//! Templates of configuration parameters: the writer reads the template that a change is about, applies the rule of the domain to
//! it, and writes it, all in one transaction.

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::config_template::{ConfigTemplate, TemplateRef};
use crate::domain::id::{ProjectId, TemplateId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::sqlite::ids;
use crate::store::{ChangeTemplate, CreateTemplate, StoreError, row};

/// The columns that a template is read from.
pub(super) const COLUMNS: &str =
    "template_id, name, description, engine_version, cache_mode, parameter_values, created_at";

/// Makes a project's own template from its source.
pub(super) async fn create(
    connection: &mut SqliteConnection,
    create: CreateTemplate,
) -> Result<(), StoreError> {
    let CreateTemplate { project_id, source, id, id_is_given, words, now } = create;
    let template = require(connection, project_id, source).await?.derived(id, words, now)?;
    if id_is_given && ids::is_taken(&mut *connection, *id.as_bytes()).await? {
        return Err(Refusal::IdTaken.into());
    }
    sqlx::query(
        "INSERT INTO config_templates (template_id, project_id, name, description, engine_version, cache_mode,
                                       parameter_values, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&id.as_bytes()[..])
    .bind(&project_id.as_bytes()[..])
    .bind(template.name)
    .bind(template.description)
    .bind(template.kind.engine_version.as_str())
    .bind(template.kind.cache_mode.as_str())
    .bind(row::values_json(&template.values)?)
    .bind(template.created_at.map_or(0, Timestamp::as_millis))
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("create a template"))
}

/// Changes a project's own template.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    ChangeTemplate { project_id, id, words }: ChangeTemplate,
) -> Result<(), StoreError> {
    let template = require(connection, project_id, TemplateRef::Own(id)).await?.reworded(words)?;
    sqlx::query(
        "UPDATE config_templates SET name = ?, description = ?, parameter_values = ?
         WHERE template_id = ? AND project_id = ?",
    )
    .bind(template.name)
    .bind(template.description)
    .bind(row::values_json(&template.values)?)
    .bind(&id.as_bytes()[..])
    .bind(&project_id.as_bytes()[..])
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("change a template"))
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

/// Removes a project's own template; returns whether there was one.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    template_id: TemplateId,
) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM config_templates WHERE template_id = ? AND project_id = ?")
        .bind(&template_id.as_bytes()[..])
        .bind(&project_id.as_bytes()[..])
        .execute(connection)
        .await
        .map_err(StoreError::during("delete a template"))?;
    Ok(done.rows_affected() == 1)
}
