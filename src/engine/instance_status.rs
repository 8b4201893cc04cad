//! Instances: restart, flush, start, stop.

use futures_util::future::join_all;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::StatusAction;
use crate::domain::origin::Origin;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef};

impl Engine {
    /// Has instances of a project restarted, emptied, started or stopped; returns, in the order of `ids`, what became of
    /// each. One that takes time is on its way before this returns.
    pub async fn change_statuses(
        &self,
        project_id: ProjectId,
        ids: &[InstanceId],
        action: StatusAction,
        origin: &Origin,
    ) -> Vec<Result<(), EngineError>> {
        let change = |id: &InstanceId| {
            self.change_status(InstanceRef { project_id, instance_id: *id }, action, origin.clone())
        };
        join_all(ids.iter().map(change)).await
    }

    /// `Refused` with `InstanceNotFound`, or as `InstanceState::permit_status_action`.
    async fn change_status(
        &self,
        instance: InstanceRef,
        action: StatusAction,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let work = self.transition_options(instance, action.passes_through());
        let command = InstanceCommand::Pass { action, work };
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }
}
