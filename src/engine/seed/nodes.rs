//! Nodes of instances in a seed, as far as they do not follow from the instance: replicas that came or went, roles and weights, and
//! bandwidth that was changed. Checked against the topology of the instance.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::instance::bandwidth::{MAX_EXPANSIONS, MAX_OF_SHARD};
use crate::domain::instance::{
    CacheMode, DEFAULT_WEIGHT, Instance, LAST_COPY, MAX_COPIES, NodeGroup, ReplicaChange, ReplicaCourse,
    StoredNode,
};
use crate::domain::network::{BandwidthChanges, Expansion, ShardSurplus};
use crate::domain::time::Timestamp;
use crate::engine::seed::text::{SeedText, Short, Text, is_false};

/// The path of a field, and what is wrong with it.
type Wrong = (String, String);

/// A shard, by the number in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupName(u32);

impl SeedText for GroupName {
    fn read(text: &str) -> Result<Self, String> {
        let number = NodeGroup::number_of(text).map(Self);
        number.ok_or_else(|| "must be the name of a shard, such as group-0".to_owned())
    }

    fn write(&self) -> String {
        NodeGroup::name_of(self.0)
    }
}

/// A replica beside those of the product, one of these in another zone, or one that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplicaEntry {
    group_name: Text<GroupName>,
    /// The number of the copy, from 1. It is given once.
    copy: u32,
    /// The zone whose turn it is when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    az_code: Option<Short>,
    #[serde(default, skip_serializing_if = "is_false")]
    removed: bool,
}

/// The role and the weight of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeEntry {
    group_name: Text<GroupName>,
    /// The number of the copy that it came as; 0 came as the master.
    copy: u32,
    /// The number of the copy whose place it has; 0 is the master's. Its own when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<u32>,
    /// Since when it has another place than its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    role_since: Option<Text<Timestamp>>,
    /// 1: most likely to become master, 100: least, 0: never. 100 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority_weight: Option<u8>,
    #[serde(default, skip_serializing_if = "is_false")]
    is_remove_ip: bool,
}

/// Gives an instance the nodes that a seed says.
pub(super) fn give(
    instance: &mut Instance,
    replicas: &[ReplicaEntry],
    nodes: &[NodeEntry],
    now: Timestamp,
) -> Result<(), Wrong> {
    if !replicas.is_empty() {
        instance.replicas = replica_changes(replicas, instance)?;
    }
    if !nodes.is_empty() {
        instance.stored_nodes = stored_nodes(nodes, instance, now)?;
    }
    Ok(())
}

fn replica_changes(entries: &[ReplicaEntry], instance: &Instance) -> Result<Vec<ReplicaChange>, Wrong> {
    if instance.cache_mode == CacheMode::Single {
        return Err(("replicas".to_owned(), "cannot be: a single node has none".to_owned()));
    }
    let topology = instance.topology();
    let most = topology.replica_count.max(u32::try_from(MAX_COPIES).unwrap_or(u32::MAX));
    // How many nodes each shard has.
    let mut sizes: BTreeMap<u32, u32> =
        (0..topology.sharding_count).map(|shard| (shard, topology.replica_count)).collect();
    let (mut changes, mut seen) = (Vec::with_capacity(entries.len()), BTreeSet::new());
    for (index, entry) in entries.iter().enumerate() {
        let wrong = |field: &str, problem: String| Err((format!("replicas[{index}].{field}"), problem));
        let (Text(GroupName(shard)), copy) = (entry.group_name, entry.copy);
        let Some(size) = sizes.get_mut(&shard) else {
            return wrong("group_name", NO_SHARD.to_owned());
        };
        if !(1..=LAST_COPY).contains(&copy) {
            return wrong("copy", format!("must be a number from 1 to {LAST_COPY}"));
        }
        if !seen.insert((shard, copy)) {
            return wrong("copy", TWICE.to_owned());
        }
        let is_own = copy < topology.replica_count;
        *size = *size + u32::from(!is_own && !entry.removed) - u32::from(is_own && entry.removed);
        let written = entry.az_code.as_ref().map(|code| code.0.clone());
        let usual = || instance.zone_at(copy).to_owned();
        changes.push(if entry.removed {
            ReplicaChange { shard, copy, zone_code: written, course: ReplicaCourse::Removed }
        } else {
            let zone_code = Some(written.unwrap_or_else(usual));
            ReplicaChange { shard, copy, zone_code, course: ReplicaCourse::Added }
        });
    }
    if sizes.values().any(|size| *size > most) {
        return Err(("replicas".to_owned(), format!("must leave no shard with more than {most} nodes")));
    }
    Ok(changes)
}

fn stored_nodes(
    entries: &[NodeEntry],
    instance: &Instance,
    now: Timestamp,
) -> Result<Vec<StoredNode>, Wrong> {
    let nodes = instance.node_groups().into_iter().flat_map(|group| group.nodes);
    // The places there are, each with the number of the copy that the node there came as.
    let mut places: BTreeMap<(u32, u32), u32> =
        nodes.map(|node| ((node.shard, node.copy), node.copy)).collect();
    let own = instance.topology().replica_count;
    let came: BTreeSet<(u32, u32)> =
        instance.replicas.iter().map(|replica| (replica.shard, replica.copy)).collect();
    let (mut kept, mut seen) = (Vec::with_capacity(places.len()), BTreeSet::new());
    for (index, entry) in entries.iter().enumerate() {
        let wrong = |field: &str, problem: &str| Err((format!("nodes[{index}].{field}"), problem.to_owned()));
        let (Text(GroupName(shard)), copy) = (entry.group_name, entry.copy);
        let place = entry.place.unwrap_or(copy);
        let Some(there) = places.get_mut(&(shard, place)) else {
            return wrong("place", "is that of no node of the shard");
        };
        if copy >= own && !came.contains(&(shard, copy)) {
            return wrong("copy", "is that of no node of the shard");
        }
        if !seen.insert((shard, place)) {
            return wrong("place", TWICE);
        }
        let weight = entry.priority_weight.unwrap_or(DEFAULT_WEIGHT);
        if weight > DEFAULT_WEIGHT {
            return wrong("priority_weight", "must be a number from 0 to 100");
        }
        if entry.is_remove_ip && !instance.can_remove_addresses() {
            return wrong("is_remove_ip", "cannot be in an instance of that version");
        }
        *there = copy;
        let role_since = entry.role_since.map(|time| time.0).or((place != copy).then_some(now));
        kept.push(StoredNode {
            shard,
            copy,
            place,
            role_since,
            weight,
            is_address_removed: entry.is_remove_ip,
        });
    }
    let copies: BTreeSet<(u32, u32)> = places.iter().map(|((shard, _), copy)| (*shard, *copy)).collect();
    if copies.len() < places.len() {
        return Err((
            "nodes".to_owned(),
            "have one node at two places: those that exchange them all must be named".to_owned(),
        ));
    }
    Ok(kept)
}

const NO_SHARD: &str = "is no shard of the instance";
const TWICE: &str = "is there twice";

impl ReplicaEntry {
    /// Writes a replica as it is if what is under way comes to nothing; none if there is nothing to say of it then.
    pub(super) fn of(replica: ReplicaChange) -> Option<Self> {
        let ReplicaChange { shard, copy, zone_code, course } = replica.given_up()?;
        Some(Self {
            group_name: Text(GroupName(shard)),
            copy,
            az_code: zone_code.map(Short),
            removed: course == ReplicaCourse::Removed,
        })
    }
}

impl NodeEntry {
    /// Writes what is stored of a node; none if it is the usual.
    pub(super) fn of(node: &StoredNode) -> Option<Self> {
        let StoredNode { shard, copy, place, role_since, weight, is_address_removed } = *node;
        (*node != StoredNode::usual(shard, copy)).then(|| Self {
            group_name: Text(GroupName(shard)),
            copy,
            place: (place != copy).then_some(place),
            role_since: role_since.map(Text),
            priority_weight: (weight != DEFAULT_WEIGHT).then_some(weight),
            is_remove_ip: is_address_removed,
        })
    }
}

/// The bandwidth of a shard that was given another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupBandwidthEntry {
    group_name: Text<GroupName>,
    /// What it has beside what is assured, in Mbit/s.
    surplus: u32,
    updated_at: Option<Text<Timestamp>>,
}

/// The last time for which the bandwidth of an instance was doubled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandwidthInfoEntry {
    expand_count: u32,
    begin_time: Option<Text<Timestamp>>,
    /// Whether it is still doubled: until a week after it began.
    #[serde(default, skip_serializing_if = "is_false")]
    task_running: bool,
}

/// Returns what was changed of the bandwidth of an instance, if anything was.
pub(super) fn bandwidth(
    groups: &[GroupBandwidthEntry],
    info: Option<&BandwidthInfoEntry>,
    instance: &Instance,
    now: Timestamp,
) -> Result<Option<BandwidthChanges>, Wrong> {
    if groups.is_empty() && info.is_none() {
        return Ok(None);
    }
    if instance.engine_version.is_first_generation() {
        let field = if info.is_some() { "bandwidth_info" } else { "group_bandwidths" };
        return Err((field.to_owned(), "cannot be in an instance of that version".to_owned()));
    }
    let (count, mut changes) = (instance.topology().sharding_count, BandwidthChanges::default());
    for (index, entry) in groups.iter().enumerate() {
        let wrong =
            |field: &str, problem: String| Err((format!("group_bandwidths[{index}].{field}"), problem));
        let Text(GroupName(shard)) = entry.group_name;
        if shard >= count {
            return wrong("group_name", NO_SHARD.to_owned());
        }
        if entry.surplus > MAX_OF_SHARD {
            return wrong("surplus", format!("must be at most {MAX_OF_SHARD}"));
        }
        let updated_at = entry.updated_at.map_or(now, |time| time.0);
        if changes.shards.insert(shard, ShardSurplus { surplus: entry.surplus, updated_at }).is_some() {
            return wrong("group_name", TWICE.to_owned());
        }
    }
    if let Some(BandwidthInfoEntry { expand_count: count, begin_time, task_running: is_running }) = info {
        if !(1..=MAX_EXPANSIONS).contains(count) {
            let problem = format!("must be a number from 1 to {MAX_EXPANSIONS}");
            return Err(("bandwidth_info.expand_count".to_owned(), problem));
        }
        let begin_at = begin_time.map_or(now, |time| time.0);
        changes.expansion = Some(Expansion { count: *count, begin_at, is_running: *is_running });
    }
    Ok(Some(changes))
}

/// Writes what was changed of the bandwidth of an instance: that of its shards, and the last time that it was doubled.
pub(super) fn write_bandwidth(
    changes: Option<BandwidthChanges>,
) -> (Vec<GroupBandwidthEntry>, Option<BandwidthInfoEntry>) {
    let BandwidthChanges { shards, expansion } = changes.unwrap_or_default();
    let group = |(shard, kept): (u32, ShardSurplus)| GroupBandwidthEntry {
        group_name: Text(GroupName(shard)),
        surplus: kept.surplus,
        updated_at: Some(Text(kept.updated_at)),
    };
    let info = |expansion: Expansion| BandwidthInfoEntry {
        expand_count: expansion.count,
        begin_time: Some(Text(expansion.begin_at)),
        task_running: expansion.is_running,
    };
    (shards.into_iter().map(group).collect(), expansion.map(info))
}
