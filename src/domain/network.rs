//! What is stored of the network of an instance beside its place: how it is to be opened to the public, and its bandwidth.
//!
//! Source: docs/contract/dcs-v2-operations.md, sections 8 and 9.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// How an instance is to be opened to the public. Empty texts have become absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessRequest {
    /// The load balancer; the first generation has none.
    pub elb_id: Option<String>,
    /// The public address.
    pub public_ip_id: Option<String>,
    /// The address, if it is of the project's network.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// Whether connections are encrypted, of the first generation.
    pub ssl: bool,
}

/// For how long bandwidth is doubled.
pub const EXPANSION_TIME: Duration = Duration::from_hours(7 * 24);
/// How long it takes from the end of that until it can be doubled again.
pub const EXPANSION_INTERVAL: Duration = Duration::from_hours(24);

/// What was changed of the bandwidth of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BandwidthChanges {
    /// Shards that were given another bandwidth, by their numbers.
    pub shards: BTreeMap<u32, ShardSurplus>,
    /// The last time that it was doubled.
    pub expansion: Option<Expansion>,
}

/// What a shard has beside what is assured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardSurplus {
    /// How much, in Mbit/s.
    pub surplus: u32,
    /// Since when.
    pub updated_at: Timestamp,
}

/// A time for which bandwidth is doubled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expansion {
    /// Which one it is of the instance, from 1.
    pub count: u32,
    /// When it began.
    pub begin_at: Timestamp,
    /// Whether it has not ended.
    pub is_running: bool,
}

impl Expansion {
    /// Returns when it ends.
    pub fn end_at(&self) -> Timestamp {
        self.begin_at.saturating_add(EXPANSION_TIME)
    }

    /// Returns from when on there can be another one.
    pub fn next_at(&self) -> Timestamp {
        self.end_at().saturating_add(EXPANSION_INTERVAL)
    }
}

/// Bandwidths that shards are to have: their numbers, each with Mbit/s.
pub type BandwidthTargets = Vec<(u32, u32)>;
