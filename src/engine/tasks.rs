//! What runs in the background of instances: list, show, remove from the list.

use std::time::Duration;

use crate::domain::id::{JobId, ProjectId, TaskId};
use crate::domain::origin::{Actor, Origin};
use crate::domain::page::Page;
use crate::domain::refusal::Refusal;
use crate::domain::task::BackgroundTask;
use crate::domain::task::Job;
use crate::domain::task::{NewTask, TaskKind};
use crate::domain::time::Timestamp;
use crate::domain::work::Progress;
use crate::engine::{Engine, EngineError, RecordsQuery};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef, OpenRecord};

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
        let read = self.read().await;
        let tasks = read.background_tasks(instance, query.window, query.page).await?;
        Ok(tasks.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Returns a page of the background tasks of a project and of its instances, newest first.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn list_project_tasks(
        &self,
        project_id: ProjectId,
        query: RecordsQuery,
    ) -> Result<Page<BackgroundTask>, EngineError> {
        let read = self.read().await;
        Ok(read.project_tasks(project_id, query.window, query.page).await?)
    }

    /// Returns a background task of an instance, how far it is, and how much longer it takes.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound` or `TaskNotFound`; in this order.
    pub async fn task_progress(
        &self,
        instance: InstanceRef,
        task_id: TaskId,
    ) -> Result<(BackgroundTask, Progress, Duration), EngineError> {
        let read = self.read().await;
        let InstanceRef { project_id, instance_id } = instance;
        read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let found = read.background_task(project_id, task_id).await?;
        let found = found.filter(|(owner, _)| *owner == Some(instance_id));
        let (_, task) = found.ok_or(Refusal::TaskNotFound)?;
        let open = read.open_records(Some(project_id), Some(instance_id)).await?;
        let of_work = open.iter().find_map(|record| match record {
            OpenRecord::Work(work) if work.task_id == Some(task_id) => Some(work.plan),
            _ => None,
        });
        let plan = of_work.or_else(|| {
            open.iter().find_map(|record| match record {
                OpenRecord::Instance(transition) => Some(transition.plan),
                OpenRecord::Backup(_) | OpenRecord::Restore(_) | OpenRecord::Work(_) => None,
            })
        });
        let (progress, remaining) = task.progress(plan, read.now);
        Ok((task, progress, remaining))
    }

    /// Removes a background task of a project that has ended from the lists.
    ///
    /// # Errors
    /// `Refused` with `TaskNotFound` or `TaskRunning`; in this order.
    pub async fn delete_project_task(
        &self,
        project_id: ProjectId,
        task_id: TaskId,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let found = write.background_task(project_id, task_id).await?;
        let (instance_id, _) = found.ok_or(Refusal::TaskNotFound)?;
        let now = write.now;
        let Some(instance_id) = instance_id else {
            return Ok(write.delete_project_task(project_id, task_id, now, origin).await?);
        };
        let instance = InstanceRef { project_id, instance_id };
        let command = InstanceCommand::DeleteTask { task_id };
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
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
        let write = self.write().await?;
        let now = write.now;
        let command = InstanceCommand::DeleteTask { task_id };
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }

    /// Returns new background work with fresh ids.
    pub(super) async fn new_task(
        &self,
        task: TaskKind,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<NewTask, EngineError> {
        let task_id = || TaskId::from_random(self.ids.random_bits(), now);
        let job_id = || JobId::from_random(self.ids.random_bits(), now);
        Ok(NewTask {
            task,
            task_id: self.unused_id(task_id, TaskId::as_bytes).await?,
            job_id: self.unused_id(job_id, JobId::as_bytes).await?,
            creator: self.creator(actor).await?,
        })
    }

    /// Returns a job of a project.
    ///
    /// # Errors
    /// `Refused` with `InvalidParameter` (`job_id`) if there is none.
    pub async fn get_job(&self, project_id: ProjectId, id: JobId) -> Result<Job, EngineError> {
        let read = self.read().await;
        let job = read.job(project_id, id).await?;
        Ok(job.ok_or(Refusal::InvalidParameter { name: "job_id" })?)
    }
}
