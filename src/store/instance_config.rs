//! The configuration of instances, and templates of parameters, as the store keeps them.

use async_trait::async_trait;

use crate::domain::config_template::{ConfigTemplate, TemplateAttributes, TemplateRef};
use crate::domain::id::{ParameterChangeId, ProjectId, TemplateId};
use crate::domain::instance::Instance;
use crate::domain::instance_config::{ChangedParameter, ConfigChange, InstanceConfig};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest};
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::store::{InstanceRef, StoreError};

/// Changes the configuration of an instance.
#[derive(Clone, Debug)]
pub struct ChangeConfig {
    /// The instance.
    pub instance: InstanceRef,
    /// What is to change.
    pub change: ConfigChange,
    /// The id of a change of parameters.
    pub change_id: ParameterChangeId,
    /// Its background task, if it has one.
    pub task: Option<NewTask>,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// A time at which parameters of an instance changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterHistoryEntry {
    /// Its id.
    pub id: ParameterChangeId,
    /// When it was.
    pub at: Timestamp,
    /// What changed.
    pub changes: Vec<ChangedParameter>,
}

/// The distinct values that one key of a tag has in a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagValues {
    /// The key.
    pub key: String,
    /// The values, sorted.
    pub values: Vec<String>,
}

/// Makes a project's own template from another one.
#[derive(Clone, Debug)]
pub struct CreateTemplate {
    /// The project.
    pub project_id: ProjectId,
    /// The template that it starts from: a shipped one, or one of the project's own.
    pub source: TemplateRef,
    /// The id of the new one.
    pub id: TemplateId,
    /// Whether its maker chose the id, which may be taken.
    pub is_id_client_chosen: bool,
    /// What is said of it.
    pub words: TemplateAttributes,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Changes a project's own template.
#[derive(Clone, Debug)]
pub struct ChangeTemplate {
    /// The project.
    pub project_id: ProjectId,
    /// The template.
    pub id: TemplateId,
    /// What is said of it; what is absent stays.
    pub words: TemplateAttributes,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Deletes a project's own template.
#[derive(Clone, Debug)]
pub struct DeleteTemplate {
    /// The project.
    pub project_id: ProjectId,
    /// The template.
    pub id: TemplateId,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of the configuration of instances, and of templates.
#[async_trait]
pub trait ConfigReads: Send + Sync {
    /// Returns an instance and its configuration, as they are at one moment; `None` if there is no such instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn instance_config(
        &self,
        instance: InstanceRef,
    ) -> Result<Option<(Instance, InstanceConfig)>, StoreError>;

    /// Returns the keys of tags that instances of a project have, sorted, with their values.
    ///
    /// # Errors
    /// `Failed`.
    async fn project_tags(&self, project_id: ProjectId) -> Result<Vec<TagValues>, StoreError>;

    /// Returns a page of the times at which parameters of an instance changed, newest first; `None` if there is no such
    /// instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn parameter_history(
        &self,
        instance: InstanceRef,
        page: PageRequest,
    ) -> Result<Option<Page<ParameterHistoryEntry>>, StoreError>;

    /// Returns what changed at one of those times; `None` if there is no such instance or time.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn parameter_change(
        &self,
        instance: InstanceRef,
        id: ParameterChangeId,
    ) -> Result<Option<ParameterHistoryEntry>, StoreError>;

    /// Returns a project's own templates, newest first.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn templates(&self, project_id: ProjectId) -> Result<Vec<ConfigTemplate>, StoreError>;
}

/// Changes of the configuration of instances, and of templates.
#[async_trait]
pub trait ConfigWrites: Send + Sync {
    /// Changes the configuration of an instance; returns both as they are afterwards.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as [`InstanceConfig::apply`].
    async fn change_config(&self, change: ChangeConfig) -> Result<(Instance, InstanceConfig), StoreError>;

    /// Makes a project's own template from its source as that is at this moment.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`, as [`ConfigTemplate::derived`], or with `IdTaken`; in this order. `Failed`.
    async fn create_template(&self, create: CreateTemplate) -> Result<(), StoreError>;

    /// Changes a project's own template as it is at this moment.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`, or as [`ConfigTemplate::reworded`]; `Failed`.
    async fn change_template(&self, change: ChangeTemplate) -> Result<(), StoreError>;

    /// Deletes a project's own template.
    ///
    /// # Errors
    /// `Refused` with `TemplateNotFound`; `Failed`.
    async fn delete_template(&self, delete: DeleteTemplate) -> Result<(), StoreError>;
}
