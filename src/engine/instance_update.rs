//! Instances: change what takes no time.

use crate::domain::instance::UpdateOrder;
use crate::domain::origin::Origin;
use crate::domain::task_kind::TaskKind;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef};

impl Engine {
    /// Changes an instance; what the order does not name stays. Once this returns everybody sees it.
    ///
    /// # Errors
    /// `Refused` as `UpdateOrder::check`, with `InstanceNotFound`, as `InstanceUpdate::applied_to`, or with
    /// `InstanceNameTaken`; in this order.
    pub async fn update_instance(
        &self,
        instance: InstanceRef,
        order: UpdateOrder,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let update = Box::new(order.check(self.settings.name_offset)?);
        let write = self.write().await?;
        let now = write.now;
        let (policy_id, unique_names) = (self.new_policy_id().await?, self.settings.unique_instance_names);
        let port_change = if update.names_a_port() {
            Some(self.new_task(TaskKind::ChangePort, &origin.actor, now).await?)
        } else {
            None
        };
        let command = InstanceCommand::Update { update, policy_id, unique_names, port_change };
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }
}
