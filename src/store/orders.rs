//! Orders, and instances that are paid for in advance.

use async_trait::async_trait;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::order::{Order, Resource};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::{ChangeInstance, InstanceRef, StoreError};

/// Which instances that are paid for in advance are asked for. What is absent does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFilter {
    /// They are of this order.
    pub order_id: Option<String>,
    /// They are among these.
    pub ids: Option<Vec<InstanceId>>,
}

/// Pays an order.
#[derive(Clone, Debug)]
pub struct PayOrder {
    /// The project.
    pub project_id: ProjectId,
    /// The order.
    pub order_id: String,
    /// How long its instances are being created from now on.
    pub work: Vec<(InstanceId, WorkOptions)>,
    /// What is done to its instance instead, if another size of it was ordered.
    pub change: Option<ChangeInstance>,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Ends the subscriptions of instances: all or none.
#[derive(Clone, Debug)]
pub struct Unsubscribe {
    /// The instances, each with the id of the order that ends it.
    pub instances: Vec<(InstanceRef, String)>,
    /// Whether they are deleted by that; otherwise only times end that have not begun.
    pub deletes: bool,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Switches whether the subscription of an instance is renewed by itself.
#[derive(Clone, Debug)]
pub struct SwitchRenewal {
    /// The instance.
    pub instance: InstanceRef,
    /// Whether it is.
    pub renews: bool,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of orders.
#[async_trait]
pub trait OrderReads: Send + Sync {
    /// Returns an order of any project, with the project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn order(&self, order_id: &str) -> Result<Option<(ProjectId, Order)>, StoreError>;

    /// Returns instances of any project that are there and paid for in advance, oldest first.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn resources(&self, filter: ResourceFilter) -> Result<Vec<Resource>, StoreError>;
}

/// Changes of orders.
#[async_trait]
pub trait OrderWrites: Send + Sync {
    /// Pays an order: its instances come about from now on, or its instance changes.
    ///
    /// # Errors
    /// `Refused` with `OrderNotFound` or `OrderNotPayable`, or as that change.
    async fn pay_order(&self, command: PayOrder) -> Result<(), StoreError>;

    /// Ends subscriptions.
    ///
    /// # Errors
    /// `Refused` with `ResourceNotFound` or the refusal of an instance's state; then nothing has changed.
    async fn unsubscribe(&self, command: Unsubscribe) -> Result<(), StoreError>;

    /// Switches the renewal of a subscription.
    ///
    /// # Errors
    /// `Refused` with `ResourceNotFound`.
    async fn switch_renewal(&self, command: SwitchRenewal) -> Result<(), StoreError>;
}
