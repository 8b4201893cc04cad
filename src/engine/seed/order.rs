//! Orders in a seed, and for which time instances are paid in advance.

use serde::{Deserialize, Serialize};

use crate::domain::id::InstanceId;
use crate::domain::instance::ResizeRequest;
use crate::domain::order::{MAX_MONTHS, Order, OrderKind, OrderStatus, OrderedSize, Subscription};
use crate::domain::time::Timestamp;
use crate::engine::seed::text::{Nullable, Short, Text, is_false};

/// An order of a project in a seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderEntry {
    pub(super) order_id: Short,
    #[serde(default = "purchase")]
    order_type: OrderKind,
    #[serde(default = "done")]
    status: OrderStatus,
    create_time: Option<Text<Timestamp>>,
    /// With its creation when left out, unless it is not paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_time: Option<Text<Timestamp>>,
    /// The instances that it is about; they may be gone.
    resource_ids: Vec<Text<InstanceId>>,
    /// The size that its instance gets once it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    resize: Option<ResizeEntry>,
}

/// The size of an order, in the words of the call that placed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResizeEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    new_capacity: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_type: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    available_zones: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    node_list: Vec<String>,
    #[serde(default = "at_once")]
    execute_immediately: bool,
}

fn at_once() -> bool {
    true
}

impl From<ResizeEntry> for OrderedSize {
    fn from(entry: ResizeEntry) -> Self {
        let order = ResizeRequest {
            capacity_gb: entry.new_capacity,
            product: entry.spec_code,
            kind: entry.change_type,
            zones: entry.available_zones,
            nodes: entry.node_list,
        };
        Self { order, may_wait: !entry.execute_immediately }
    }
}

impl From<OrderedSize> for ResizeEntry {
    fn from(OrderedSize { order, may_wait }: OrderedSize) -> Self {
        Self {
            new_capacity: order.capacity_gb,
            spec_code: order.product,
            change_type: order.kind,
            available_zones: order.zones,
            node_list: order.nodes,
            execute_immediately: !may_wait,
        }
    }
}

fn purchase() -> OrderKind {
    OrderKind::Purchase
}

fn done() -> OrderStatus {
    OrderStatus::Done
}

impl OrderEntry {
    /// Returns the order, or a field and what is wrong with it.
    pub(super) fn order(&self, now: Timestamp) -> Result<Order, (&'static str, &'static str)> {
        if self.resource_ids.is_empty() {
            return Err(("resource_ids", "must name one instance at least"));
        }
        let is_paid = self.status != OrderStatus::Unpaid;
        if self.resize.is_some() && (is_paid || self.order_type != OrderKind::Change) {
            return Err(("resize", "waits for the payment of a change, and this is none"));
        }
        if self.payment_time.is_some() && !is_paid {
            return Err(("payment_time", "cannot be: the order is not paid"));
        }
        let created_at = self.create_time.map_or(now, |time| time.0);
        let paid_at = self.payment_time.map_or(created_at, |time| time.0);
        Ok(Order {
            id: self.order_id.0.clone(),
            kind: self.order_type,
            status: self.status,
            created_at,
            paid_at: is_paid.then_some(paid_at),
            resources: self.resource_ids.iter().map(|id| id.0).collect(),
            size: self.resize.clone().map(OrderedSize::from),
        })
    }
}

impl From<Order> for OrderEntry {
    fn from(order: Order) -> Self {
        Self {
            order_id: Short(order.id),
            order_type: order.kind,
            status: order.status,
            create_time: Some(Text(order.created_at)),
            payment_time: order.paid_at.map(Text),
            resource_ids: order.resources.into_iter().map(Text).collect(),
            resize: order.size.map(ResizeEntry::from),
        }
    }
}

/// For which time an instance is paid in advance, in a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionEntry {
    /// How many months each time lasts.
    period_num: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    is_auto_renew: bool,
    /// From the creation of the instance on when left out; null: it is not paid.
    #[serde(default)]
    effective_time: Nullable<Text<Timestamp>>,
    /// As many months later when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_time: Option<Text<Timestamp>>,
}

impl SubscriptionEntry {
    /// Returns the subscription of an instance, or a field and what is wrong with it.
    pub(super) fn subscription(
        &self,
        created_at: Timestamp,
    ) -> Result<Subscription, (&'static str, &'static str)> {
        if !(1..=MAX_MONTHS).contains(&self.period_num) {
            return Err(("period_num", "must be a number of months from 1 to 36"));
        }
        let unpaid = Subscription { months: self.period_num, renews: self.is_auto_renew, time: None };
        let from = match &self.effective_time {
            Nullable::Absent => Some(created_at),
            Nullable::Null => None,
            Nullable::Given(Text(from)) => Some(*from),
        };
        match (from, self.expire_time) {
            (None, None) => Ok(unpaid),
            (Some(from), None) => Ok(unpaid.paid(from)),
            (Some(from), Some(Text(until))) if until >= from => {
                Ok(Subscription { time: Some((from, until)), ..unpaid })
            }
            (_, Some(_)) => Err(("expire_time", "must follow an effective_time")),
        }
    }
}

impl From<Subscription> for SubscriptionEntry {
    fn from(subscription: Subscription) -> Self {
        let (from, until) = subscription.time.unzip();
        Self {
            period_num: subscription.months,
            is_auto_renew: subscription.renews,
            effective_time: from.map_or(Nullable::Null, |from| Nullable::Given(Text(from))),
            expire_time: until.map(Text),
        }
    }
}
