//! What runs in the background of instances: list, show, remove from the list.

use crate::domain::id::{JobId, ProjectId, TaskId};
use crate::domain::job::Job;
use crate::domain::origin::Origin;
use crate::domain::page::Page;
use crate::domain::refusal::Refusal;
use crate::domain::task::BackgroundTask;
use crate::engine::{Engine, EngineError, RecordsQuery};
use crate::store::{ChangeInstance, InstanceDeed, InstanceRef};

impl Engine {
    /// Returns a page of an instance's background tasks, newest first.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn list_tasks(
        &self,
        instance: InstanceRef,
        query: RecordsQuery,
    ) -> Result<Page<BackgroundTask>, EngineError> {
        let _present = self.now_for_reading().await;
        let tasks = self.side.background_tasks(instance, query.window, query.page).await?;
        Ok(tasks.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Removes a background task that has ended from the list.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `TaskNotFound` or `TaskRunning`; in this order.
    pub async fn delete_task(
        &self,
        instance: InstanceRef,
        task_id: TaskId,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let present = self.settled_now().await?;
        let now = present.now;
        let deed = InstanceDeed::DeleteTask { task_id };
        Ok(self.store.change_instance(ChangeInstance { instance, deed, now, origin }).await?)
    }

    /// Returns a job of a project.
    ///
    /// # Errors
    /// `Refused` with `InvalidParameter` (`job_id`) if there is none.
    pub async fn get_job(&self, project_id: ProjectId, id: JobId) -> Result<Job, EngineError> {
        let _present = self.now_for_reading().await;
        let job = self.side.job(project_id, id).await?;
        Ok(job.ok_or(Refusal::InvalidParameter { name: "job_id" })?)
    }
}
