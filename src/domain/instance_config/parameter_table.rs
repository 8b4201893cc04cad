//! Every configuration parameter there is: one row a parameter.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.18, for Redis 3.x and Memcached; docs/contract/dcs-v2.md, section 2.8, for all later versions.

use crate::domain::instance_config::parameters::ParameterRange as Range;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// The id that the API knows it by.
    pub(super) id: u8,
    /// The name that the engine knows it by.
    pub(super) name: &'static str,
    /// The values it may have.
    pub(super) range: Range,
    /// The value it has until another is set.
    pub(super) default: &'static str,
    /// Whether a change takes effect only after a restart.
    pub(super) needs_restart: bool,
    /// What it does, for people.
    pub(super) description: &'static str,
}

/// The id of the parameter that says what goes when memory is full; where versions differ in its values and default.
pub(super) const MAXMEMORY_POLICY: u8 = 2;
/// The id of the memory set aside, in MB: of Redis 3.x without shards.
pub(super) const RESERVED_MEMORY: u8 = 12;

/// What may go when memory is full, in Redis 3.x.
pub(super) const EVICTION: Range = Range::Choice(&[
    "volatile-lru",
    "allkeys-lru",
    "volatile-random",
    "allkeys-random",
    "volatile-ttl",
    "noeviction",
]);
/// What may go when memory is full, from Redis 4.0 on.
const EVICTION_WITH_FREQUENCY: Range = Range::Choice(&[
    "volatile-lru",
    "allkeys-lru",
    "volatile-random",
    "allkeys-random",
    "volatile-ttl",
    "noeviction",
    "volatile-lfu",
    "allkeys-lfu",
]);
const YES_NO: Range = Range::Choice(&["yes", "no"]);

const fn row(
    id: u8,
    name: &'static str,
    range: Range,
    default: &'static str,
    description: &'static str,
) -> Row {
    Row { id, name, range, default, needs_restart: false, description }
}

/// The rows, by id.
pub(super) const ROWS: [Row; 26] = [
    row(
        1,
        "timeout",
        Range::Whole(0, 7200),
        "0",
        "Idle seconds before a client connection is closed; 0 keeps it open.",
    ),
    row(2, "maxmemory-policy", EVICTION_WITH_FREQUENCY, "volatile-lru", "Which keys go when memory is full."),
    row(
        3,
        "hash-max-ziplist-entries",
        Range::Whole(1, 10_000),
        "512",
        "Most fields of a hash in its compact form.",
    ),
    row(
        4,
        "hash-max-ziplist-value",
        Range::Whole(1, 10_000),
        "64",
        "Longest value of a hash in its compact form, in bytes.",
    ),
    row(
        5,
        "list-max-ziplist-entries",
        Range::Whole(1, 10_000),
        "512",
        "Most elements of a list in its compact form.",
    ),
    row(
        6,
        "list-max-ziplist-value",
        Range::Whole(1, 10_000),
        "64",
        "Longest element of a list in its compact form, in bytes.",
    ),
    row(
        7,
        "set-max-intset-entries",
        Range::Whole(1, 10_000),
        "512",
        "Most members of a set of integers in its compact form.",
    ),
    row(
        8,
        "zset-max-ziplist-entries",
        Range::Whole(1, 10_000),
        "128",
        "Most members of a sorted set in its compact form.",
    ),
    row(
        9,
        "zset-max-ziplist-value",
        Range::Whole(1, 10_000),
        "64",
        "Longest member of a sorted set in its compact form, in bytes.",
    ),
    row(
        10,
        "latency-monitor-threshold",
        Range::Whole(0, 86_400_000),
        "0",
        "Milliseconds from which an event counts as slow; 0 watches none.",
    ),
    row(11, "maxclients", Range::Whole(1000, 50_000), "10000", "Most clients connected at the same time."),
    row(
        RESERVED_MEMORY,
        "reserved-memory",
        Range::Whole(0, 0),
        "0",
        "Memory set aside for the system's own work, in MB.",
    ),
    row(13, "notify-keyspace-events", Range::KeyspaceEvents, "Ex", "Which events of keys are published."),
    row(
        14,
        "repl-backlog-size",
        Range::Whole(16_384, 1_073_741_824),
        "1048576",
        "Size of the replication backlog, in bytes.",
    ),
    row(
        15,
        "repl-backlog-ttl",
        Range::Whole(0, 604_800),
        "3600",
        "Seconds without replicas after which the backlog is freed.",
    ),
    row(
        16,
        "appendfsync",
        Range::Choice(&["no", "always", "everysec"]),
        "everysec",
        "When the append-only file is synced.",
    ),
    Row {
        needs_restart: true,
        ..row(17, "appendonly", YES_NO, "yes", "Whether every change is appended to a file.")
    },
    row(
        18,
        "slowlog-log-slower-than",
        Range::Whole(0, 1_000_000),
        "10000",
        "Microseconds from which a command is logged as slow.",
    ),
    row(19, "slowlog-max-len", Range::Whole(0, 1000), "128", "Most slow commands that are kept."),
    row(20, "lua-time-limit", Range::Whole(100, 5000), "5000", "Most milliseconds of a script."),
    row(21, "repl-timeout", Range::Whole(30, 3600), "60", "Seconds after which replication has timed out."),
    row(
        22,
        "proto-max-bulk-len",
        Range::Whole(1_048_576, 536_870_912),
        "536870912",
        "Largest element of a request, in bytes.",
    ),
    row(23, "master-read-only", YES_NO, "no", "Whether the master takes no writes."),
    row(
        24,
        "client-output-buffer-slave-soft-limit",
        Range::Whole(0, 134_217_728),
        "13421772",
        "Soft limit of a replica's output buffer, in bytes.",
    ),
    row(
        25,
        "client-output-buffer-slave-hard-limit",
        Range::Whole(0, 134_217_728),
        "13421772",
        "Hard limit of a replica's output buffer, in bytes.",
    ),
    row(
        26,
        "client-output-buffer-limit-slave-soft-seconds",
        Range::Whole(0, 60),
        "60",
        "Seconds above the soft limit after which a replica is cut off.",
    ),
];

/// Those of Redis 3.x, whatever its mode.
pub(super) const FIRST_GENERATION: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13];
/// Those of Redis 3.x without shards, which has memory to set aside as well.
pub(super) const FIRST_GENERATION_WITHOUT_SHARDS: &[u8] =
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, RESERVED_MEMORY, 13];
/// Those of Memcached.
pub(super) const MEMCACHED: &[u8] = &[1, 2];
/// Those of a single node from Redis 4.0 on.
pub(super) const SINGLE_NODE: &[u8] = &[1, 2, 3, 4, 7, 8, 9, 10, 11, 13, 18, 19, 20, 22, 23];
/// Those of every instance with replicas from Redis 4.0 on.
pub(super) const WITH_REPLICAS: &[u8] =
    &[1, 2, 3, 4, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26];
