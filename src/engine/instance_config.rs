//! The configuration of instances (parameters, tags, whitelist, scans, bandwidth), and templates of parameters.

use crate::domain::config_template::{ConfigTemplate, TemplateAttributes, TemplateRef};
use crate::domain::id::{JobId, ParameterChangeId, ProjectId, TemplateId};
use crate::domain::instance::Instance;
use crate::domain::instance_config::{ConfigChange, InstanceConfig};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest};
use crate::domain::refusal::Refusal;
use crate::domain::task::{NewTask, TaskKind};
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::store::{
    ChangeConfig, ChangeTemplate, CreateTemplate, DeleteTemplate, InstanceRef, ParameterHistoryEntry,
    TagValues,
};

impl Engine {
    /// Returns an instance and its configuration.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn instance_config(
        &self,
        instance: InstanceRef,
    ) -> Result<(Instance, InstanceConfig), EngineError> {
        let read = self.read().await;
        Ok(read.instance_config(instance).await?.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Changes the configuration of an instance; returns both as they are afterwards, once that is durable.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as [`InstanceConfig::apply`].
    pub async fn change_config(
        &self,
        instance: InstanceRef,
        change: ConfigChange,
        origin: Origin,
    ) -> Result<(Instance, InstanceConfig), EngineError> {
        let write = self.write().await?;
        let task = match change.task() {
            Some(task) => Some(self.new_task(task, &origin.actor, write.now).await?),
            None => None,
        };
        let change = self.config_change(instance, change, task, (write.now, origin)).await?;
        Ok(write.change_config(change).await?)
    }

    /// Changes the configuration of an instance as [`Engine::change_config`] does; returns the job of it, which has ended
    /// already.
    ///
    /// # Errors
    /// As [`Engine::change_config`].
    pub async fn change_config_by_job(
        &self,
        instance: InstanceRef,
        change: ConfigChange,
        task: TaskKind,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let task = self.new_task(task, &origin.actor, write.now).await?;
        let job_id = task.job_id;
        let change = self.config_change(instance, change, Some(task), (write.now, origin)).await?;
        write.change_config(change).await?;
        Ok(job_id)
    }

    async fn config_change(
        &self,
        instance: InstanceRef,
        change: ConfigChange,
        task: Option<NewTask>,
        (now, origin): (Timestamp, Origin),
    ) -> Result<ChangeConfig, EngineError> {
        let change_id = match change {
            ConfigChange::Parameters(_) => {
                let make = || ParameterChangeId::from_random(self.ids.random_bits(), now);
                self.unused_id(make, ParameterChangeId::as_bytes).await?
            }
            // Only changes of parameters have an id.
            _ => ParameterChangeId::from_bytes([0; 16]),
        };
        Ok(ChangeConfig { instance, change, change_id, task, now, origin })
    }

    /// Returns the keys of tags in a project, sorted, with their values.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn project_tags(&self, project_id: ProjectId) -> Result<Vec<TagValues>, EngineError> {
        let read = self.read().await;
        Ok(read.project_tags(project_id).await?)
    }

    /// Returns a page of the times at which parameters of an instance changed, newest first.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn parameter_history(
        &self,
        instance: InstanceRef,
        page: PageRequest,
    ) -> Result<Page<ParameterHistoryEntry>, EngineError> {
        let read = self.read().await;
        Ok(read.parameter_history(instance, page).await?.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Returns what of the parameters changed at one time.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or with `InvalidParameter` (`history_id`) if nothing changed then.
    pub async fn parameter_change(
        &self,
        instance: InstanceRef,
        id: ParameterChangeId,
    ) -> Result<ParameterHistoryEntry, EngineError> {
        let read = self.read().await;
        if let Some(entry) = read.parameter_change(instance, id).await? {
            return Ok(entry);
        }
        read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        Err(Refusal::InvalidParameter { name: "history_id" }.into())
    }
}

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

    /// Makes a project's own template from another one, with `client_chosen_id` if its maker chose one; returns its id once it is durable.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`, as [`ConfigTemplate::derived`], or with `IdTaken`.
    pub async fn create_template(
        &self,
        project_id: ProjectId,
        source: TemplateRef,
        words: TemplateAttributes,
        client_chosen_id: Option<TemplateId>,
        origin: Origin,
    ) -> Result<TemplateId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let make = || TemplateId::from_random(self.ids.random_bits(), now);
        let id = match client_chosen_id {
            Some(id) => id,
            None => self.unused_id(make, TemplateId::as_bytes).await?,
        };
        let is_id_client_chosen = client_chosen_id.is_some();
        let create = CreateTemplate { project_id, source, id, is_id_client_chosen, words, now, origin };
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
        words: TemplateAttributes,
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
