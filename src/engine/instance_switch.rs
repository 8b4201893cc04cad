//! Instances: switch what is on or off.

use crate::domain::id::JobId;
use crate::domain::instance::{Instance, InstanceSwitch, NodeSwitch};
use crate::domain::origin::Origin;
use crate::domain::task_kind::TaskKind;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef};

impl Engine {
    /// Switches something of an instance; returns the job of it, which has ended already. Once this returns everybody sees it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `InstanceSwitch::applied_to`.
    pub async fn switch_instance(
        &self,
        instance: InstanceRef,
        switch: InstanceSwitch,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(switch.task(), &origin.actor, now).await?;
        let job_id = task.job_id;
        let command = InstanceCommand::Switch { switch, task };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Starts or stops nodes of an instance; returns the job of it, which has ended already. Once this returns everybody sees it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `NodeSwitch::applied_to`.
    pub async fn switch_nodes(
        &self,
        instance: InstanceRef,
        switch: NodeSwitch,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(TaskKind::SwitchNodes, &origin.actor, now).await?;
        let job_id = task.job_id;
        let command = InstanceCommand::SwitchNodes { switch, task };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Returns an instance whose connections can be encrypted.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound` or `EncryptionUnsupported`.
    pub async fn encryptable_instance(&self, instance: InstanceRef) -> Result<Instance, EngineError> {
        let (instance, _) = self.get_instance(instance).await?;
        instance.engine_version.permit_encryption()?;
        Ok(instance)
    }
}
