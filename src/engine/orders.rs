//! Orders: show, pay, end; and the instances that are paid for in advance.

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{InstanceStatus, WaitingChange};
use crate::domain::order::{Order, OrderedSize, Resource};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::engine::lock::WriteGuard;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::store::{
    ChangeInstance, InstanceCommand, InstanceRef, PayOrder, ResourceFilter, SwitchRenewal, Unsubscribe,
};

impl Engine {
    /// Returns an order of any project, with the project; whoever asks.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn order(&self, order_id: &str) -> Result<Option<(ProjectId, Order)>, EngineError> {
        Ok(self.read().await.order(order_id).await?)
    }

    /// Returns instances of any project that are paid for in advance, oldest first, with the time at which they were looked at;
    /// whoever asks.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn resources(&self, filter: ResourceFilter) -> Result<(Vec<Resource>, Timestamp), EngineError> {
        let read = self.read().await;
        let now = read.now;
        Ok((read.resources(filter).await?, now))
    }

    /// Pays an order: its instances come about from now on, or its instance gets the size that was ordered.
    ///
    /// # Errors
    /// `Refused` with `OrderNotFound` or `OrderNotPayable`, or as [`Engine::resize_instance`]; in this order.
    pub async fn pay_order(
        &self,
        project_id: ProjectId,
        order_id: String,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let (_, order) = write.order(&order_id).await?.ok_or(Refusal::OrderNotFound)?;
        let change = match (order.size, order.resources.first()) {
            (Some(OrderedSize { order, may_wait }), Some(instance_id)) => {
                let instance = InstanceRef { project_id, instance_id: *instance_id };
                let wait = may_wait.then(|| WaitingChange::Size(order.clone()));
                let resize = Box::new(order.check(self.resize_rules(ApiVersion::V2))?);
                let task = self.new_task(resize.task(), &origin.actor, now).await?;
                let work = self.transition_options(instance, InstanceStatus::Extending);
                let command = InstanceCommand::Resize { resize, wait, task, work, order: None };
                Some(ChangeInstance { instance, command, now, origin: origin.clone() })
            }
            _ => None,
        };
        let work = |instance_id: &InstanceId| {
            let instance = InstanceRef { project_id, instance_id: *instance_id };
            (*instance_id, self.transition_options(instance, InstanceStatus::Creating))
        };
        let work = order.resources.iter().map(work).collect();
        Ok(write.pay_order(PayOrder { project_id, order_id, work, change, now, origin }).await?)
    }

    /// Ends the subscriptions of instances, all or none, and deletes them by that if it `deletes`; returns the orders of it.
    ///
    /// # Errors
    /// `Refused` with `ResourceNotFound`, or the refusal of an instance's state.
    pub async fn unsubscribe(
        &self,
        instances: Vec<InstanceRef>,
        deletes: bool,
        origin: Origin,
    ) -> Result<Vec<String>, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let mut named: Vec<(InstanceRef, String)> = Vec::with_capacity(instances.len());
        for instance in instances {
            let mut order_id = self.new_order_id(&write).await?;
            while named.iter().any(|(_, other)| *other == order_id) {
                order_id = self.new_order_id(&write).await?;
            }
            named.push((instance, order_id));
        }
        let order_ids = named.iter().map(|(_, order_id)| order_id.clone()).collect();
        write.unsubscribe(Unsubscribe { instances: named, deletes, now, origin }).await?;
        Ok(order_ids)
    }

    /// Switches whether the subscription of an instance is renewed by itself.
    ///
    /// # Errors
    /// `Refused` with `ResourceNotFound`.
    pub async fn switch_renewal(
        &self,
        instance: InstanceRef,
        renews: bool,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        Ok(write.switch_renewal(SwitchRenewal { instance, renews, now, origin }).await?)
    }

    /// Returns the id of a new order: `CS`, the minute, and five capitals.
    pub(super) async fn new_order_id(&self, write: &WriteGuard<'_>) -> Result<String, EngineError> {
        const LETTERS: usize = 5;
        let minute = &write.now.compact_local(UtcOffset::UTC)[2..12];
        loop {
            let bits = self.ids.random_bits().into_iter().take(LETTERS);
            let letters: String = bits.map(|bits| char::from(b'A' + bits % 26)).collect();
            let id = format!("CS{minute}{letters}");
            if write.order(&id).await?.is_none() {
                return Ok(id);
            }
        }
    }
}
