//! Background tasks and jobs as the store keeps them. They are written by the changes that they belong to.

use async_trait::async_trait;

use crate::domain::id::{InstanceId, JobId, ProjectId, TaskId};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::task::BackgroundTask;
use crate::domain::task::Job;
use crate::domain::time::Timestamp;
use crate::store::{InstanceRef, StoreError};

/// Reads of background tasks and jobs.
#[async_trait]
pub trait TaskReads: Send + Sync {
    /// Returns a background task of a project, and its instance, if it is of one.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn background_task(
        &self,
        project_id: ProjectId,
        id: TaskId,
    ) -> Result<Option<(Option<InstanceId>, BackgroundTask)>, StoreError>;

    /// Returns a page of an instance's background tasks, newest first; `None` if there is no such instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn background_tasks(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<BackgroundTask>>, StoreError>;

    /// Returns a page of the background tasks of a project and of its instances, newest first.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn project_tasks(
        &self,
        project_id: ProjectId,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Page<BackgroundTask>, StoreError>;

    /// Returns a job of a project, also when its instance is gone.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn job(&self, project_id: ProjectId, id: JobId) -> Result<Option<Job>, StoreError>;
}

/// Changes of background tasks.
#[async_trait]
pub trait TaskWrites: Send + Sync {
    /// Removes a task that is of a project, and not of an instance, and that has ended.
    ///
    /// # Errors
    /// `Refused` with `TaskNotFound` or `TaskRunning`.
    async fn delete_project_task(
        &self,
        project_id: ProjectId,
        id: TaskId,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), StoreError>;
}
