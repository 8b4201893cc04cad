//! What of an instance follows from its mode and size: shards, copies, databases, bandwidth.
//!
//! Source: wire contract v2, sections 4.1 to 4.3.

use crate::domain::instance::{CacheMode, Instance};

/// Figures that follow from an instance's mode and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Copies of each shard, the master included.
    pub replica_count: u32,
    /// Shards.
    pub sharding_count: u32,
    /// Databases.
    pub db_number: u32,
    /// Bandwidth, in Mbit/s.
    pub bandwidth_mbit: u32,
}

/// Bandwidth of one shard of a cluster, in Mbit/s.
const SHARD_BANDWIDTH: u32 = 768;
/// Bandwidth that a proxy cluster reaches at most, in Mbit/s.
const PROXY_BANDWIDTH_MAX: u32 = 10_000;
/// Databases of an instance that is no Redis Cluster.
const DATABASES: u32 = 256;
/// Copies of each shard unless the product says otherwise.
const COPIES: u32 = 2;

impl Instance {
    /// Returns the figures that follow from mode and size.
    pub fn topology(&self) -> Topology {
        let shards = match self.cache_mode {
            CacheMode::Single | CacheMode::Ha | CacheMode::HaRwSplit => 1,
            CacheMode::Cluster | CacheMode::Proxy => shards_of(self.capacity.whole_gb()),
        };
        let one_node = bandwidth_of_node(self.capacity.as_megabytes());
        match self.cache_mode {
            CacheMode::Single => topology(1, 1, DATABASES, one_node),
            CacheMode::Ha | CacheMode::HaRwSplit => topology(COPIES, 1, DATABASES, one_node),
            CacheMode::Cluster => topology(COPIES, shards, 1, shards * SHARD_BANDWIDTH),
            CacheMode::Proxy => {
                topology(COPIES, shards, DATABASES, (shards * SHARD_BANDWIDTH).min(PROXY_BANDWIDTH_MAX))
            }
        }
    }
}

const fn topology(replica_count: u32, sharding_count: u32, db_number: u32, bandwidth_mbit: u32) -> Topology {
    Topology { replica_count, sharding_count, db_number, bandwidth_mbit }
}

/// Returns how many shards a cluster of that many GB has.
fn shards_of(gigabytes: u32) -> u32 {
    match gigabytes {
        0..=32 => 3,
        33..=48 => 6,
        49..=1023 => gigabytes.div_ceil(8),
        1024.. => 128,
    }
}

/// Returns the bandwidth of a single node of that many MB, in Mbit/s.
fn bandwidth_of_node(megabytes: u32) -> u32 {
    match megabytes {
        0..=128 => 40,
        129..=1024 => 80,
        1025..=2048 => 128,
        2049..=8192 => 192,
        8193..=49_152 => 256,
        49_153.. => 384,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_follow_the_catalogue() {
        for (gigabytes, shards) in [
            (4, 3),
            (32, 3),
            (48, 6),
            (64, 8),
            (96, 12),
            (128, 16),
            (256, 32),
            (768, 96),
            (1024, 128),
            (4096, 128),
        ] {
            assert_eq!(shards_of(gigabytes), shards, "{gigabytes}");
        }
    }

    #[test]
    fn bandwidth_follows_the_catalogue() {
        for (megabytes, mbit) in [
            (128, 40),
            (256, 80),
            (1024, 80),
            (2048, 128),
            (4096, 192),
            (8192, 192),
            (16_384, 256),
            (49_152, 256),
            (65_536, 384),
        ] {
            assert_eq!(bandwidth_of_node(megabytes), mbit, "{megabytes}");
        }
    }
}
