//! Diagnoses of instances: what their nodes did in some minutes, and a report of it that stays as it is.
//!
//! Without a server behind an instance everything is normal, but for nodes that were stopped and for commands that are declared to have
//! taken long.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 6.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::contents::{Contents, SlowCommand, SlowNodeRole};
use crate::domain::id::DiagnosisId;
use crate::domain::instance::{Engine, Instance, Node, NodeGroup, NodeRole};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// How many reports an instance has at most: the oldest one goes.
pub const MAX_DIAGNOSES: usize = 100;
/// How much a diagnosis looks at, at most.
const MAX_PERIOD: Duration = Duration::from_mins(10);
/// How many addresses can be named, at most: more than an instance has nodes.
const MAX_ADDRESSES: usize = 1000;
/// How many names of commands a conclusion holds at most.
const MAX_COMMANDS: usize = 100;

/// What is looked at: dimensions, and the items of each.
pub const DIMENSIONS: [(&str, &[&str]); 3] = [
    ("load", &["cpu_usage", SLOW_COMMANDS]),
    (
        "storage",
        &["inner_memory_fragmentation", "persistence", "memory_usage", "centralized_expiration", "hit_ratio"],
    ),
    ("network", &["connection_num", "rx_controlled"]),
];

/// The item that is abnormal if commands took long.
const SLOW_COMMANDS: &str = "time_consuming_commands";

/// What a caller wants to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiagnosisRequest {
    /// From when on.
    pub begin_at: Timestamp,
    /// Until when.
    pub end_at: Timestamp,
    /// The addresses of the nodes; none: all that keep data.
    pub addresses: Vec<String>,
}

/// Where a diagnosis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiagnosisStatus {
    /// It waits or runs.
    Diagnosing,
    /// It has ended.
    Finished,
}

impl DiagnosisStatus {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Diagnosing => "diagnosing",
            Self::Finished => "finished",
        }
    }
}

/// A diagnosis with its report, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Its id.
    pub id: DiagnosisId,
    /// Where it is.
    pub status: DiagnosisStatus,
    /// From when on it looks.
    pub begin_at: Timestamp,
    /// Until when.
    pub end_at: Timestamp,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The ids of the nodes that it looks at.
    pub node_ids: Vec<Uuid>,
    /// What it found of each; none until it has ended.
    pub nodes: Vec<NodeReport>,
}

/// What was found of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// Its address, with the port.
    pub address: String,
    /// The code of its zone.
    pub zone_code: String,
    /// The name of its shard.
    pub group_name: String,
    /// Whether it was the master of its shard.
    pub is_master: bool,
    /// Whether it was stopped.
    pub is_faulted: bool,
    /// Whether it could not be looked at.
    pub has_failed: bool,
    /// The names of commands that took long, sorted.
    pub slow_commands: Vec<String>,
    /// What commands took, the longest first.
    pub commands: Vec<CommandTime>,
}

/// How long the calls of a command took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandTime {
    /// The name of the command.
    pub name: String,
    /// How often it was called.
    pub calls: u64,
    /// How long that took, in microseconds.
    pub usec: u64,
}

/// What was found of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemResult {
    /// Nothing is wrong.
    Normal,
    /// Something is.
    Abnormal,
    /// It could not be looked at.
    Failed,
}

impl ItemResult {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Abnormal => "abnormal",
            Self::Failed => "failed",
        }
    }
}

impl Diagnosis {
    /// Returns a diagnosis of an instance that is asked for at `now`.
    ///
    /// # Errors
    /// `ActionUnsupported` for Memcached; `InvalidQuery` with `begin_time` unless it begins before it ends, by ten minutes at most, with
    /// `end_time` if that is still to come, with `node_ip_list` for an address of none of its nodes; in this order.
    pub fn new(
        id: DiagnosisId,
        instance: &Instance,
        order: &DiagnosisRequest,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let DiagnosisRequest { begin_at, end_at, addresses } = order;
        if instance.engine != Engine::Redis {
            return Err(Refusal::ActionUnsupported);
        }
        if begin_at >= end_at || end_at.saturating_since(*begin_at) > MAX_PERIOD {
            return Err(Refusal::InvalidQuery { name: "begin_time" });
        }
        if *end_at > now {
            return Err(Refusal::InvalidQuery { name: "end_time" });
        }
        let nodes: Vec<Node> = instance.node_groups().into_iter().flat_map(|group| group.nodes).collect();
        let is_known = |address: &String| nodes.iter().any(|node| node.ip == *address);
        if addresses.len() > MAX_ADDRESSES || !addresses.iter().all(is_known) {
            return Err(Refusal::InvalidQuery { name: "node_ip_list" });
        }
        let is_meant = |node: &&Node| addresses.is_empty() || addresses.contains(&node.ip);
        let node_ids = nodes.iter().filter(is_meant).map(|node| node.id).collect();
        let status = DiagnosisStatus::Diagnosing;
        Ok(Self {
            id,
            status,
            begin_at: *begin_at,
            end_at: *end_at,
            created_at: now,
            node_ids,
            nodes: Vec::new(),
        })
    }

    /// Has it end with what it finds of the nodes that are still there. If it `fails`, none of them can be looked at.
    pub fn finish(&mut self, instance: &Instance, contents: &Contents, fails: bool) {
        self.status = DiagnosisStatus::Finished;
        let mut nodes = Vec::with_capacity(self.node_ids.len());
        for (shard, group) in (0..).zip(instance.node_groups()) {
            let meant = group.nodes.iter().filter(|node| self.node_ids.contains(&node.id));
            nodes.extend(meant.map(|node| self.report(instance, (shard, &group), node, contents, fails)));
        }
        self.nodes = nodes;
    }

    fn report(
        &self,
        instance: &Instance,
        (shard, group): (u32, &NodeGroup),
        node: &Node,
        contents: &Contents,
        fails: bool,
    ) -> NodeReport {
        let has_failed = node.is_stopped || fails;
        let replica = group.nodes.iter().find(|node| node.role == NodeRole::Replica);
        let is_of_node = |command: &&SlowCommand| {
            let ran_it = match command.node_role {
                SlowNodeRole::Master => node.role == NodeRole::Master,
                // Which replica it was is not said: it counts as the first one.
                SlowNodeRole::Slave => replica.is_some_and(|replica| replica.id == node.id),
                SlowNodeRole::Proxy => false,
            };
            ran_it && command.shard == shard && (self.begin_at..=self.end_at).contains(&command.start_time)
        };
        let slow: Vec<&SlowCommand> =
            if has_failed { Vec::new() } else { contents.slow_log.iter().filter(is_of_node).collect() };
        let names: BTreeSet<String> = slow.iter().map(|command| command.name()).collect();
        NodeReport {
            address: format!("{}:{}", node.ip, instance.port),
            zone_code: node.zone_code.clone(),
            group_name: group.name.clone(),
            is_master: node.role == NodeRole::Master,
            is_faulted: node.is_stopped,
            has_failed,
            slow_commands: names.into_iter().take(MAX_COMMANDS).collect(),
            commands: if has_failed { Vec::new() } else { self.commands(group, node, &slow) },
        }
    }

    /// Returns what commands took: those that keep replicas together, each second and microsecond, and those that took long.
    fn commands(&self, group: &NodeGroup, node: &Node, slow: &[&SlowCommand]) -> Vec<CommandTime> {
        let seconds = self.end_at.saturating_since(self.begin_at).as_secs();
        let replicas = group.nodes.iter().filter(|node| node.role == NodeRole::Replica).count();
        let (name, links) = match node.role {
            NodeRole::Master => ("replconf", u64::try_from(replicas).unwrap_or(0)),
            NodeRole::Replica | NodeRole::Proxy => ("ping", 1),
        };
        let mut times: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let of_links = seconds * links;
        if of_links > 0 {
            times.insert(name.to_owned(), (of_links, of_links));
        }
        for command in slow {
            let (calls, usec) = times.entry(command.name()).or_default();
            (*calls, *usec) = (*calls + 1, usec.saturating_add(command.duration));
        }
        let time = |(name, (calls, usec))| CommandTime { name, calls, usec };
        let mut times: Vec<CommandTime> = times.into_iter().map(time).collect();
        times.sort_by_key(|time| Reverse(time.usec));
        times.truncate(MAX_COMMANDS);
        times
    }

    /// Returns how many items of all nodes are abnormal.
    pub fn abnormal_items(&self) -> usize {
        self.nodes.iter().map(|node| node.count(ItemResult::Abnormal)).sum()
    }

    /// Returns how many items of all nodes could not be looked at.
    pub fn failed_items(&self) -> usize {
        self.nodes.iter().map(|node| node.count(ItemResult::Failed)).sum()
    }
}

impl NodeReport {
    /// Returns what was found of an item.
    pub fn result(&self, item: &str) -> ItemResult {
        if self.has_failed {
            ItemResult::Failed
        } else if item == SLOW_COMMANDS && !self.slow_commands.is_empty() {
            ItemResult::Abnormal
        } else {
            ItemResult::Normal
        }
    }

    /// Returns how many items have a result.
    pub fn count(&self, result: ItemResult) -> usize {
        DIMENSIONS.iter().flat_map(|(_, items)| *items).filter(|item| self.result(item) == result).count()
    }
}
