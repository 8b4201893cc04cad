//! Access from the public network, and bandwidth.

use crate::domain::id::JobId;
use crate::domain::network::PublicAccessRequest;
use crate::domain::origin::Origin;
use crate::domain::task::TaskKind;
use crate::domain::work::{FailureCode, WorkModel};
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef};

impl Engine {
    /// Opens an instance to the public, or, without an order, closes it; returns the job of it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `ProjectNetwork::open_access`, `Instance::opened` or `Instance::closed`, or the refusal of its state; in this order.
    pub async fn change_public_access(
        &self,
        instance: InstanceRef,
        to: Option<PublicAccessRequest>,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let kind = if to.is_some() { TaskKind::OpenToPublic } else { TaskKind::CloseToPublic };
        let task = self.new_task(kind, &origin.actor, now).await?;
        let job_id = task.job_id;
        let work = self.work_options(WorkModel::Task, instance, failure);
        let strict_network = self.settings.strict_network;
        let command = InstanceCommand::ChangePublicAccess { to, strict_network, task, work };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Gives shards of an instance another bandwidth, each named by its id; returns the job of it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `Instance::bandwidth_targets`, or the refusal of its state; in this order.
    pub async fn change_bandwidth(
        &self,
        instance: InstanceRef,
        wanted: Vec<(String, u64)>,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(TaskKind::ChangeBandwidth, &origin.actor, now).await?;
        let job_id = task.job_id;
        let work = self.work_options(WorkModel::Task, instance, failure);
        let command = InstanceCommand::ChangeBandwidth { wanted, task, work };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Doubles the bandwidth of an instance for a week.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `Instance::expanded`, or the refusal of its state; in this order.
    pub async fn expand_bandwidth(&self, instance: InstanceRef, origin: Origin) -> Result<(), EngineError> {
        let write = self.write().await?;
        let (command, now) = (InstanceCommand::ExpandBandwidth, write.now);
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }
}
