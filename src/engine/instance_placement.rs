//! Instances: other zones, another network, other replicas.

use crate::domain::id::JobId;
use crate::domain::instance::{InstanceStatus, PlacementChange, WaitingChange};
use crate::domain::origin::Origin;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef};

impl Engine {
    /// Extends an instance by something else than its size; returns the job of it. The instance is EXTENDING until that is done.
    /// Other zones can wait for the window of maintenance, if they `may_wait`.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `PlacementChange::of`.
    pub async fn extend_instance(
        &self,
        instance: InstanceRef,
        extension: PlacementChange,
        may_wait: bool,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(extension.task(), &origin.actor, now).await?;
        let job_id = task.job_id;
        let work = self.transition_options(instance, InstanceStatus::Extending);
        let wait = match &extension {
            PlacementChange::Zones(zones) if may_wait => Some(WaitingChange::Zones(zones.clone())),
            _ => None,
        };
        let region = self.settings.region.clone();
        let command = InstanceCommand::Rearrange { extension, region, wait, task, work };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(job_id)
    }
}
