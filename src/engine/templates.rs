//! Templates of configuration parameters: those that are shipped, and those of a project.

use crate::domain::config_template::{ConfigTemplate, TemplateRef, TemplateWords};
use crate::domain::id::{ProjectId, TemplateId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeTemplate, CreateTemplate, DeleteTemplate};

impl Engine {
    /// Returns a project's own templates, newest first.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn own_templates(&self, project_id: ProjectId) -> Result<Vec<ConfigTemplate>, EngineError> {
        let read = self.read().await;
        Ok(read.templates(project_id).await?)
    }

    /// Returns a template: a shipped one, or one of the project's own.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`.
    pub async fn template(
        &self,
        project_id: ProjectId,
        id: TemplateRef,
    ) -> Result<ConfigTemplate, EngineError> {
        let found = match id {
            TemplateRef::Shipped(_) => ConfigTemplate::shipped().find(|template| template.id == id),
            TemplateRef::Own(_) => {
                self.own_templates(project_id).await?.into_iter().find(|template| template.id == id)
            }
        };
        Ok(found.ok_or(Refusal::TemplateNotFound)?)
    }

    /// Makes a project's own template from another one, with `given_id` if its maker chose one; returns its id once it is durable.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`, as [`ConfigTemplate::derived`], or with `IdTaken`.
    pub async fn create_template(
        &self,
        project_id: ProjectId,
        source: TemplateRef,
        words: TemplateWords,
        given_id: Option<TemplateId>,
        origin: Origin,
    ) -> Result<TemplateId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let make = || TemplateId::from_random(self.ids.random_bits(), now);
        let id = match given_id {
            Some(id) => id,
            None => self.unused_id(make, TemplateId::as_bytes).await?,
        };
        let id_is_given = given_id.is_some();
        let create = CreateTemplate { project_id, source, id, id_is_given, words, now, origin };
        write.create_template(create).await?;
        Ok(id)
    }

    /// Changes a project's own template.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`, also for a shipped one, or as [`ConfigTemplate::reworded`].
    pub async fn change_template(
        &self,
        project_id: ProjectId,
        id: TemplateRef,
        words: TemplateWords,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let TemplateRef::Own(id) = id else { return Err(Refusal::TemplateNotFound.into()) };
        let change = ChangeTemplate { project_id, id, words, now: write.now, origin };
        Ok(write.change_template(change).await?)
    }

    /// Deletes a project's own template.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`, also for a shipped one.
    pub async fn delete_template(
        &self,
        project_id: ProjectId,
        id: TemplateRef,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let TemplateRef::Own(id) = id else { return Err(Refusal::TemplateNotFound.into()) };
        Ok(write.delete_template(DeleteTemplate { project_id, id, now: write.now, origin }).await?)
    }
}
