//! Instances: other zones, another network, other replicas.

use crate::domain::id::JobId;
use crate::domain::instance::{Extension, InstanceStatus, WaitingChange};
use crate::domain::origin::Origin;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceDeed, InstanceRef};

impl Engine {
    /// Extends an instance by something else than its size; returns the job of it. The instance is EXTENDING until that is done.
    /// Other zones can wait for the window of maintenance, if they `may_wait`.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `Extension::of`.
    pub async fn extend_instance(
        &self,
        instance: InstanceRef,
        extension: Extension,
        may_wait: bool,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let present = self.settled_now().await?;
        let now = present.now;
        let undertaking = self.new_undertaking(extension.undertaking(), &origin.actor, now).await?;
        let job_id = undertaking.job_id;
        let work = self.passage_wish(instance, InstanceStatus::Extending);
        let wait = match &extension {
            Extension::Zones(zones) if may_wait => Some(WaitingChange::Zones(zones.clone())),
            _ => None,
        };
        let region = self.settings.region.clone();
        let deed = InstanceDeed::Rearrange { extension, region, wait, undertaking, work };
        self.store.change_instance(ChangeInstance { instance, deed, now, origin }).await?;
        Ok(job_id)
    }
}
