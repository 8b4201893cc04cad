//! Instances: give another size.

use crate::domain::instance::{Billing, InstanceStatus, ResizeOrder, ResizeRules, WaitingChange};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::task_kind::TaskKind;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef};

impl Engine {
    /// Gives an instance another size: at once, or, if it `may_wait`, in the window of maintenance. At once means that it is EXTENDING,
    /// or has the size already, before this returns; the order by which that is paid is returned if it is paid in advance.
    ///
    /// # Errors
    /// `Refused` as `ResizeOrder::check`, with `InstanceNotFound`, as `Resize::of`, or for the quota of memory; in this order.
    pub async fn resize_instance(
        &self,
        api: ApiVersion,
        instance: InstanceRef,
        order: ResizeOrder,
        may_wait: bool,
        origin: Origin,
    ) -> Result<Option<String>, EngineError> {
        let rules = ResizeRules {
            region: &self.settings.region,
            needs_product: api == ApiVersion::V2,
            must_grow: api == ApiVersion::V1,
            clusters: self.settings.clusters_extend,
        };
        let wait = may_wait.then(|| WaitingChange::Size(order.clone()));
        let resize = Box::new(order.check(rules)?);
        let write = self.write().await?;
        let now = write.now;
        let work = self.transition_options(instance, InstanceStatus::Extending);
        let task = self.new_task(TaskKind::Resize, &origin.actor, now).await?;
        // How an instance is paid for never changes. It is read before, so that nothing can fail once the change is committed.
        let before = write.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let order_id = matches!(before.billing, Billing::PrePaid { .. }).then(|| self.new_order_id(now));
        let command = InstanceCommand::Extend { resize, wait, task, work };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(order_id)
    }
}
