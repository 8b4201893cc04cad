//! What is set beside instances: parameters, tags, who may connect, scans, bandwidth.

use crate::domain::id::{JobId, ParameterChangeId, ProjectId};
use crate::domain::instance::Instance;
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest};
use crate::domain::refusal::Refusal;
use crate::domain::side_settings::{SideChange, SideSettings};
use crate::domain::task_kind::{NewTask, TaskKind};
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeSideSettings, InstanceRef, ParameterHistoryEntry, TagValues};

impl Engine {
    /// Returns an instance and what is set beside it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn side_settings(
        &self,
        instance: InstanceRef,
    ) -> Result<(Instance, SideSettings), EngineError> {
        let read = self.read().await;
        Ok(read.side_settings(instance).await?.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Changes what is set beside an instance; returns how both are afterwards, once that is durable.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as [`SideSettings::apply`].
    pub async fn change_side_settings(
        &self,
        instance: InstanceRef,
        change: SideChange,
        origin: Origin,
    ) -> Result<(Instance, SideSettings), EngineError> {
        let write = self.write().await?;
        let task = match change.task() {
            Some(task) => Some(self.new_task(task, &origin.actor, write.now).await?),
            None => None,
        };
        let change = self.side_change(instance, change, task, (write.now, origin)).await?;
        Ok(write.change_side_settings(change).await?)
    }

    /// Changes what is set beside an instance as [`Engine::change_side_settings`] does; returns the job of it, which has ended
    /// already.
    ///
    /// # Errors
    /// As [`Engine::change_side_settings`].
    pub async fn change_side_settings_by_job(
        &self,
        instance: InstanceRef,
        change: SideChange,
        task: TaskKind,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let task = self.new_task(task, &origin.actor, write.now).await?;
        let job_id = task.job_id;
        let change = self.side_change(instance, change, Some(task), (write.now, origin)).await?;
        write.change_side_settings(change).await?;
        Ok(job_id)
    }

    async fn side_change(
        &self,
        instance: InstanceRef,
        change: SideChange,
        task: Option<NewTask>,
        (now, origin): (Timestamp, Origin),
    ) -> Result<ChangeSideSettings, EngineError> {
        let change_id = match change {
            SideChange::Parameters(_) => {
                let make = || ParameterChangeId::from_random(self.ids.random_bits(), now);
                self.unused_id(make, ParameterChangeId::as_bytes).await?
            }
            // Only changes of parameters are remembered by an id.
            _ => ParameterChangeId::from_bytes([0; 16]),
        };
        Ok(ChangeSideSettings { instance, change, change_id, task, now, origin })
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
