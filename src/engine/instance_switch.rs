//! Instances: switch what is on or off.

use crate::domain::id::JobId;
use crate::domain::instance::{Instance, InstanceSwitch, NodeSwitch};
use crate::domain::job::{JobKind, NewJob};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceDeed, InstanceRef};

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
        let present = self.settled_now().await?;
        let now = present.now;
        let job = self.new_job(switch.job_kind(), now).await?;
        let deed = InstanceDeed::Switch { switch, job };
        self.store.change_instance(ChangeInstance { instance, deed, now, origin }).await?;
        Ok(job.id)
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
        let present = self.settled_now().await?;
        let now = present.now;
        let job = self.new_job(JobKind::SwitchNodes, now).await?;
        let deed = InstanceDeed::SwitchNodes { switch, job };
        self.store.change_instance(ChangeInstance { instance, deed, now, origin }).await?;
        Ok(job.id)
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

    /// Makes the id of a job that begins now.
    pub(super) async fn new_job(&self, kind: JobKind, now: Timestamp) -> Result<NewJob, EngineError> {
        let make = || JobId::from_random(self.ids.random_bits(), now);
        Ok(NewJob { id: self.unused_id(make, JobId::as_bytes).await?, kind })
    }
}
