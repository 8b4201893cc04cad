//! What of an instance follows from the product it is: shards, copies, databases, bandwidth, memory.
//!
//! Source: docs/contract/dcs-v2.md, section 4.1.

use crate::domain::catalogue::{self, Product};
use crate::domain::instance::Instance;

/// Figures that follow from an instance's product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Copies of each shard, the master included.
    pub replica_count: u32,
    /// Shards.
    pub sharding_count: u32,
    /// Proxies before the shards; none but in a proxy cluster.
    pub proxy_count: u32,
    /// Databases.
    pub db_number: u32,
    /// Bandwidth, in Mbit/s.
    pub bandwidth_mbit: u32,
}

impl Instance {
    /// Returns the product it is; the nearest one if its code is not, or no longer, in the catalogue.
    pub fn product(&self) -> &'static Product {
        catalogue::product(&self.spec_code).unwrap_or_else(|| {
            catalogue::nearest(self.engine, &self.engine_version, self.cache_mode, self.capacity)
        })
    }

    /// Returns the figures that follow from its product.
    pub fn topology(&self) -> Topology {
        let product = self.product();
        let size = product.nearest_size(self.capacity);
        Topology {
            replica_count: product.copies,
            sharding_count: size.shards.count,
            proxy_count: size.shards.proxies,
            db_number: product.databases(),
            bandwidth_mbit: product.bandwidth(size).0,
        }
    }

    /// Returns the memory that clients can use, in MB: all of it if it is of a size that is not sold.
    pub fn max_memory_mb(&self) -> u32 {
        let size = self.product().size(self.capacity);
        size.map_or(self.capacity.as_megabytes(), catalogue::Size::usable_mb)
    }
}
