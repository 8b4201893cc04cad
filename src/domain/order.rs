//! Orders, by which instances are paid for in advance, and the subscriptions that they are of.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 13.

use chrono::{Days, Months, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::domain::id::InstanceId;
use crate::domain::instance::{Instance, InstanceStatus, ResizeRequest};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderKind {
    /// New instances.
    Purchase,
    /// Another size of one.
    Change,
    /// An end before its time.
    Unsubscription,
}

impl OrderKind {
    /// Returns the number that the API shows.
    pub fn number(self) -> u8 {
        match self {
            Self::Purchase => 1,
            Self::Change => 3,
            Self::Unsubscription => 4,
        }
    }
}

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// It is being carried out.
    Processing,
    /// What was ordered failed.
    Cancelled,
    /// It is done.
    Done,
    /// It waits until it is paid.
    Unpaid,
}

impl OrderStatus {
    /// Returns the number that the API shows.
    pub fn number(self) -> u8 {
        match self {
            Self::Processing => 3,
            Self::Cancelled => 4,
            Self::Done => 5,
            Self::Unpaid => 6,
        }
    }
}

/// An order, as it is stored. It outlives its instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Its id, such as `CS2406111630ABCDE`.
    pub id: String,
    /// What it is for.
    pub kind: OrderKind,
    /// Where it is.
    pub status: OrderStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was paid, if it was.
    pub paid_at: Option<Timestamp>,
    /// The instances that it is about.
    pub resources: Vec<InstanceId>,
    /// The size that its instance gets once it is paid, if it waits with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<OrderedSize>,
}

/// Another size of an instance, as it was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderedSize {
    /// What its caller said.
    pub order: ResizeRequest,
    /// Whether it waits for the window of maintenance.
    pub may_wait: bool,
}

impl Order {
    /// Returns an order that is paid as it is made.
    pub fn paid(id: String, kind: OrderKind, resources: Vec<InstanceId>, now: Timestamp) -> Self {
        let (status, paid_at) = (OrderStatus::Processing, Some(now));
        Self { id, kind, status, created_at: now, paid_at, resources, size: None }
    }

    /// Has it wait until it is paid.
    #[must_use]
    pub fn unpaid(self) -> Self {
        Self { status: OrderStatus::Unpaid, paid_at: None, ..self }
    }

    /// Takes that it is paid into account.
    ///
    /// # Errors
    /// `OrderNotPayable` unless it waits for that.
    pub fn pay(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.status != OrderStatus::Unpaid {
            return Err(Refusal::OrderNotPayable);
        }
        (self.status, self.paid_at, self.size) = (OrderStatus::Processing, Some(now), None);
        Ok(())
    }
}

/// How instances are to be paid for in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepayment {
    /// For how many months at a time.
    pub months: u32,
    /// Whether the time is renewed by itself.
    pub renews: bool,
    /// Whether that is paid at once.
    pub pays: bool,
}

/// The most months that are paid for at a time: three years.
pub const MAX_MONTHS: u32 = 36;

/// For which time an instance is paid in advance, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// How many months each time lasts.
    pub months: u32,
    /// Whether the time is renewed by itself.
    pub renews: bool,
    /// From when to when; none: it is not paid.
    pub time: Option<(Timestamp, Timestamp)>,
}

impl Subscription {
    /// Returns the subscription of a new instance, which is paid `now` if that is at once.
    pub fn new(prepayment: Prepayment, now: Timestamp) -> Self {
        let unpaid = Self { months: prepayment.months, renews: prepayment.renews, time: None };
        if prepayment.pays { unpaid.paid(now) } else { unpaid }
    }

    /// Returns the one of an instance of which nothing is said but that it is paid for in advance.
    pub fn of(instance: &Instance) -> Self {
        Self { months: 1, renews: false, time: None }.paid(instance.created_at)
    }

    /// Returns it paid from `now` on.
    #[must_use]
    pub fn paid(self, now: Timestamp) -> Self {
        Self { time: Some((now, end_of(now, self.months))), ..self }
    }

    /// Returns it as it is at `now`: one that is renewed by itself never ends.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let Some((from, mut until)) = self.time.filter(|_| self.renews) else { return self };
        while until < now {
            let next = end_of(until, self.months);
            if next <= until {
                break;
            }
            until = next;
        }
        Self { time: Some((from, until)), ..self }
    }

    /// Returns it with or without its renewal, from `now` on.
    #[must_use]
    pub fn renewed(self, renews: bool, now: Timestamp) -> Self {
        Self { renews, ..self.at(now) }
    }
}

/// Returns the last second of the day that lies so many months after `from`.
fn end_of(from: Timestamp, months: u32) -> Timestamp {
    let day = from.to_utc().date_naive().checked_add_months(Months::new(months));
    let next_day = day.and_then(|day| day.checked_add_days(Days::new(1)));
    let midnight = next_day.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let last = midnight.and_then(|midnight| Timestamp::from_millis(midnight.timestamp_millis() - 1_000).ok());
    last.unwrap_or(Timestamp::MAX)
}

/// What the number says that the API shows of a subscribed instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceStatus {
    /// In use.
    InUse,
    /// Frozen.
    Frozen,
    /// Its time is over.
    Expired,
}

impl ResourceStatus {
    /// Returns the number.
    pub fn number(self) -> u8 {
        match self {
            Self::InUse => 2,
            Self::Frozen => 4,
            Self::Expired => 5,
        }
    }
}

/// An instance that is paid for in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The instance.
    pub instance: Instance,
    /// For which time it is paid.
    pub subscription: Subscription,
}

impl Resource {
    /// Returns what it is at `now`.
    pub fn status(&self, now: Timestamp) -> ResourceStatus {
        let is_over = self.subscription.at(now).time.is_some_and(|(_, until)| until < now);
        match self.instance.status {
            InstanceStatus::Frozen => ResourceStatus::Frozen,
            _ if is_over => ResourceStatus::Expired,
            _ => ResourceStatus::InUse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::from_utc(text.parse().unwrap())
    }

    #[test]
    fn a_time_ends_with_a_day_and_is_renewed_by_itself() {
        let order = Prepayment { months: 1, renews: false, pays: true };
        let paid = Subscription::new(order, time("2024-06-11T08:12:00Z"));
        let until = |subscription: Subscription, now: &str| subscription.at(time(now)).time.unwrap().1;
        assert_eq!(until(paid, "2025-01-01T00:00:00Z"), time("2024-07-11T23:59:59Z"));
        let renewed = paid.renewed(true, time("2024-07-01T00:00:00Z"));
        assert_eq!(until(renewed, "2024-07-12T00:00:00Z"), time("2024-08-11T23:59:59Z"));
        // What was renewed stays so when it no longer is.
        let ends = renewed.renewed(false, time("2024-07-12T00:00:00Z"));
        assert_eq!(until(ends, "2030-01-01T00:00:00Z"), time("2024-08-11T23:59:59Z"));
        assert_eq!(Subscription::new(Prepayment { pays: false, ..order }, Timestamp::MIN).time, None);
        assert_eq!(end_of(Timestamp::MAX, 1), Timestamp::MAX);
    }
}
