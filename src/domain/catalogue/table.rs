//! The table: every family of products and the sizes it is sold in. Nothing else says what is sold.
//!
//! Generic families stand before enterprise ones. Figures of a size are in GB, connections and Mbit/s.
//!
//! Source: docs/contract/dcs-v2.md, sections 4.2 and 4.3; docs/contract/dcs-v1.0.md, section 2.8 `max_memory`.

use crate::domain::catalogue::family::{Cpu, Edition, Family, Shards, Size, Storage};
use crate::domain::instance::{CacheMode, Capacity, Engine};

const EVERY_VERSION: &[&str] = &["4.0", "5.0", "6.0", "7.0"];
const UP_TO_6: &[&str] = &["4.0", "5.0", "6.0"];
/// The first generation. Both spellings are one version.
const FIRST: &[&str] = &["3.0", "3.0.7"];
/// Memcached has no versions.
const NONE: &[&str] = &[];

/// A family of which most that differs is said by its row.
const USUAL: Family = Family {
    code: "",
    older_code: None,
    engine: Engine::Redis,
    versions: EVERY_VERSION,
    mode: CacheMode::Ha,
    cpu: Cpu::X86,
    edition: Edition::Generic,
    storage: Storage::Dram,
    copies: &[2],
    sizes: NODE,
};

/// Every family. In a code `{size}` is `tiny` below 1 GB and `large` from there on, `{copies}` the copies of each shard, and
/// `{cap}` the capacity, in MB below 1 GB.
#[rustfmt::skip]
pub(super) const FAMILIES: &[Family] = &[
    Family { code: "redis.single.xu1.{size}.{cap}", mode: CacheMode::Single, copies: &[1], ..USUAL },
    Family { code: "redis.single.au1.{size}.{cap}", mode: CacheMode::Single, copies: &[1], cpu: Cpu::Arm, ..USUAL },
    Family { code: "redis.ha.xu1.{size}.r{copies}.{cap}", older_code: Some("redis.ha.xu1.{size}.{cap}"),
             copies: &[2, 3, 4, 5], ..USUAL },
    Family { code: "redis.ha.au1.{size}.r{copies}.{cap}", older_code: Some("redis.ha.au1.{size}.{cap}"),
             copies: &[2, 3, 4, 5], cpu: Cpu::Arm, ..USUAL },
    Family { code: "redis.ha.xu1.{size}.p{copies}.{cap}", mode: CacheMode::HaRwSplit, versions: UP_TO_6,
             copies: &[2, 3, 4, 5, 6], sizes: RW_SPLIT, ..USUAL },
    Family { code: "redis.proxy.xu1.{size}.{cap}", mode: CacheMode::Proxy, versions: UP_TO_6, sizes: PROXY, ..USUAL },
    Family { code: "redis.proxy.au1.{size}.{cap}", mode: CacheMode::Proxy, versions: UP_TO_6, sizes: PROXY,
             cpu: Cpu::Arm, ..USUAL },
    Family { code: "redis.proxy.xu1.{size}.s1.{cap}", mode: CacheMode::Proxy, versions: UP_TO_6,
             sizes: PROXY_OF_1_GB_SHARDS, ..USUAL },
    Family { code: "redis.proxy.au1.{size}.s1.{cap}", mode: CacheMode::Proxy, versions: UP_TO_6,
             sizes: PROXY_OF_1_GB_SHARDS, cpu: Cpu::Arm, ..USUAL },
    Family { code: "redis.cluster.xu1.{size}.r{copies}.{cap}", mode: CacheMode::Cluster, copies: &[1, 2, 3, 4, 5],
             sizes: CLUSTER, ..USUAL },
    Family { code: "redis.cluster.au1.{size}.r{copies}.{cap}", mode: CacheMode::Cluster, copies: &[1, 2, 3, 4, 5],
             sizes: CLUSTER, cpu: Cpu::Arm, ..USUAL },
    Family { code: "redis.cluster.xu1.{size}.r{copies}.s1.{cap}", mode: CacheMode::Cluster, copies: &[1, 2, 3, 4, 5],
             sizes: CLUSTER_OF_1_GB_SHARDS, ..USUAL },
    Family { code: "redis.cluster.au1.{size}.r{copies}.s1.{cap}", mode: CacheMode::Cluster, copies: &[1, 2, 3, 4, 5],
             sizes: CLUSTER_OF_1_GB_SHARDS, cpu: Cpu::Arm, ..USUAL },
    Family { code: "dcs.single_node", mode: CacheMode::Single, versions: FIRST, copies: &[1], sizes: FIRST_SINGLE, ..USUAL },
    Family { code: "dcs.master_standby", versions: FIRST, sizes: FIRST_HA, ..USUAL },
    Family { code: "dcs.cluster", mode: CacheMode::Proxy, versions: FIRST, sizes: FIRST_PROXY, ..USUAL },
    Family { code: "dcs.memcached.single_node", engine: Engine::Memcached, mode: CacheMode::Single, versions: NONE,
             copies: &[1], sizes: FIRST_SINGLE, ..USUAL },
    Family { code: "dcs.memcached.master_standby", engine: Engine::Memcached, versions: NONE, sizes: FIRST_HA, ..USUAL },
    Family { code: "redis.ha.xu1.{size}.enthp.{cap}", versions: &["6.0"], edition: Edition::Enterprise,
             sizes: HIGH_PERFORMANCE, ..USUAL },
    Family { code: "redis.ha.xu1.{size}.entst.{cap}", versions: &["6.0"], edition: Edition::Enterprise,
             storage: Storage::Ssd, sizes: ON_SSD, ..USUAL },
];

/// Takes a capacity in GB; one that cannot be does not compile.
const fn capacity(gb: f64) -> Capacity {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the rows below are small and above zero"
    )]
    match Capacity::from_megabytes((gb * 1024.0) as u32) {
        Ok(capacity) => capacity,
        Err(_) => panic!("a row has a size that no instance can have"),
    }
}

/// A size all of whose memory can be used.
const fn size(gb: f64, shards: u32, connections: (u32, u32), bandwidth: (u32, u32)) -> Size {
    Size {
        capacity: capacity(gb),
        usable_gb: gb,
        shards: Shards { count: shards, proxies: 0 },
        connections,
        bandwidth,
    }
}

/// A size of one node, in two copies or one.
const fn node(gb: f64, connections: (u32, u32), bandwidth: u32) -> Size {
    size(gb, 1, connections, (bandwidth, bandwidth))
}

const NODE: &[Size] = &[
    node(0.125, (10_000, 10_000), 40),
    node(0.25, (10_000, 10_000), 80),
    node(0.5, (10_000, 10_000), 80),
    node(1.0, (10_000, 50_000), 80),
    node(2.0, (10_000, 50_000), 128),
    node(4.0, (10_000, 50_000), 192),
    node(8.0, (10_000, 50_000), 192),
    node(16.0, (10_000, 50_000), 256),
    node(24.0, (10_000, 50_000), 256),
    node(32.0, (10_000, 50_000), 256),
    node(48.0, (10_000, 50_000), 256),
    node(64.0, (10_000, 50_000), 384),
];

/// Connections and bandwidth of each copy: 48 MB/s up to 4 GB, 96 MB/s above.
const RW_SPLIT: &[Size] = &[
    node(1.0, (10_000, 10_000), 384),
    node(2.0, (10_000, 10_000), 384),
    node(4.0, (10_000, 10_000), 384),
    node(8.0, (10_000, 10_000), 768),
    node(16.0, (10_000, 10_000), 768),
    node(32.0, (10_000, 10_000), 768),
    node(64.0, (10_000, 10_000), 768),
];

/// A size of a cluster without proxies: the figures are those of its shards together.
const fn cluster(gb: f64, shards: u32) -> Size {
    size(gb, shards, (shards * 10_000, shards * 50_000), (shards * 768, shards * 768))
}

const CLUSTER: &[Size] = &[
    cluster(4.0, 3),
    cluster(8.0, 3),
    cluster(16.0, 3),
    cluster(24.0, 3),
    cluster(32.0, 3),
    cluster(48.0, 6),
    cluster(64.0, 8),
    cluster(96.0, 12),
    cluster(128.0, 16),
    cluster(192.0, 24),
    cluster(256.0, 32),
    cluster(384.0, 48),
    cluster(512.0, 64),
    cluster(768.0, 96),
    cluster(1024.0, 128),
    cluster(2048.0, 128),
];

const CLUSTER_OF_1_GB_SHARDS: &[Size] = &[cluster(4.0, 4), cluster(8.0, 8)];

/// A size of a cluster behind as many proxies as it has shards.
const fn proxy(gb: f64, shards: u32, connections: (u32, u32), bandwidth: u32) -> Size {
    Size {
        shards: Shards { count: shards, proxies: shards },
        ..size(gb, shards, connections, (bandwidth, bandwidth))
    }
}

const PROXY: &[Size] = &[
    proxy(4.0, 3, (20_000, 20_000), 2304),
    proxy(8.0, 3, (30_000, 30_000), 2304),
    proxy(16.0, 3, (30_000, 30_000), 2304),
    proxy(24.0, 3, (30_000, 30_000), 2304),
    proxy(32.0, 3, (30_000, 30_000), 2304),
    proxy(48.0, 6, (60_000, 60_000), 4608),
    proxy(64.0, 8, (80_000, 80_000), 6144),
    proxy(96.0, 12, (120_000, 120_000), 9216),
    proxy(128.0, 16, (160_000, 160_000), 10_000),
    proxy(192.0, 24, (200_000, 240_000), 10_000),
    proxy(256.0, 32, (320_000, 320_000), 10_000),
    proxy(384.0, 48, (480_000, 480_000), 10_000),
    proxy(512.0, 64, (500_000, 500_000), 10_000),
    proxy(768.0, 96, (500_000, 500_000), 10_000),
    proxy(1024.0, 128, (200_000, 500_000), 10_000),
    proxy(2048.0, 128, (200_000, 500_000), 10_000),
    proxy(4096.0, 128, (200_000, 500_000), 10_000),
];

/// The pages name no figures for these: they are those of the usual sizes with as many shards.
const PROXY_OF_1_GB_SHARDS: &[Size] =
    &[proxy(8.0, 8, (80_000, 80_000), 6144), proxy(16.0, 16, (160_000, 160_000), 10_000)];

/// A size of the first generation, which keeps a part of its memory for itself.
const fn first(gb: f64, usable_gb: f64, connections: (u32, u32), bandwidth: (u32, u32)) -> Size {
    Size { usable_gb, ..size(gb, 1, connections, bandwidth) }
}

const FIRST_SINGLE: &[Size] = &[
    first(2.0, 1.5, (5_000, 50_000), (42, 512)),
    first(4.0, 3.2, (5_000, 50_000), (64, 1536)),
    first(8.0, 6.8, (5_000, 50_000), (64, 1536)),
    first(16.0, 13.6, (5_000, 50_000), (85, 3072)),
    first(32.0, 27.2, (5_000, 50_000), (85, 3072)),
    first(64.0, 58.2, (5_000, 60_000), (128, 5120)),
];

const FIRST_HA: &[Size] = &[
    first(2.0, 1.5, (5_000, 50_000), (42, 512)),
    first(4.0, 3.2, (5_000, 50_000), (64, 1536)),
    first(8.0, 6.4, (5_000, 50_000), (64, 1536)),
    first(16.0, 12.8, (5_000, 50_000), (85, 3072)),
    first(32.0, 25.6, (5_000, 50_000), (85, 3072)),
    first(64.0, 51.2, (5_000, 60_000), (128, 5120)),
];

/// A size of a proxy cluster of the first generation, which has fewer proxies than shards.
const fn first_proxy(gb: f64, proxies: u32, shards: u32, connections: u32) -> Size {
    Size {
        shards: Shards { count: shards, proxies },
        ..size(gb, shards, (connections, connections), (600, 5120))
    }
}

const FIRST_PROXY: &[Size] = &[
    first_proxy(64.0, 3, 8, 90_000),
    first_proxy(128.0, 6, 16, 180_000),
    first_proxy(256.0, 8, 32, 240_000),
    first_proxy(512.0, 16, 64, 480_000),
    first_proxy(1024.0, 16, 64, 960_000),
];

const HIGH_PERFORMANCE: &[Size] = &[
    node(8.0, (10_000, 50_000), 1536),
    node(16.0, (10_000, 50_000), 1536),
    node(32.0, (10_000, 50_000), 1536),
    node(64.0, (10_000, 50_000), 1536),
];

const ON_SSD: &[Size] =
    &[node(8.0, (10_000, 50_000), 768), node(16.0, (10_000, 50_000), 768), node(32.0, (10_000, 50_000), 768)];
