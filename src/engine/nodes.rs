//! Roles of nodes, and what replicas are used for.

use crate::domain::id::JobId;
use crate::domain::instance::NodeChange;
use crate::domain::origin::Origin;
use crate::domain::work::{FailureCode, WorkModel};
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeNode, InstanceRef};

impl Engine {
    /// Changes the roles of nodes, or what a replica is used for; returns the job of that, if it has one. What takes no time is done
    /// before anybody else is served.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as [`NodeChange::of`].
    pub async fn change_node(
        &self,
        instance: InstanceRef,
        change: NodeChange,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<Option<JobId>, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = match change.task() {
            Some(kind) => Some(self.new_task(kind, &origin.actor, now).await?),
            None => None,
        };
        let job_id = task.as_ref().filter(|task| task.task.names().job.is_some()).map(|task| task.job_id);
        let work = self.work_options(WorkModel::Task, instance, failure);
        write.change_node(ChangeNode { instance, change, work, task, now, origin }).await?;
        Ok(job_id)
    }
}
