//! The nodes of an instance: groups of a master and its replicas, and the proxies before them.
//!
//! Nothing of them is stored but which replicas were added or removed, and what `roles.rs` keeps: ids and addresses follow from the
//! instance, so that every page shows the same ones.
//!
//! Source: docs/contract/dcs-v2.md, section 2.18.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use uuid::{Builder, Uuid};

use crate::domain::catalogue::{self, Product};
use crate::domain::id::AccountId;
use crate::domain::instance::{Instance, InstanceAction, ReplicaChange, StoredNode};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRole {
    /// Takes the writes of its group.
    Master,
    /// Follows the master of its group.
    Replica,
    /// Leads clients to the groups of a proxy cluster.
    Proxy,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id, 32 hexadecimal digits.
    pub id: Uuid,
    /// Its id as a replica; also the master has one.
    pub replication_id: Uuid,
    /// The id that monitoring knows it by, 32 hexadecimal digits; as a logical node it has the same.
    pub monitored_id: Uuid,
    /// Its number among the nodes of the instance that do the same kind of work, from 0.
    pub number: u32,
    /// The number of its shard, from 0.
    pub shard: u32,
    /// The number of the copy of its shard whose place it has; that of a master is 0.
    pub copy: u32,
    /// What it does.
    pub role: NodeRole,
    /// Its address.
    pub ip: String,
    /// The zone it is in.
    pub zone_code: String,
    /// Whether it was stopped.
    pub is_stopped: bool,
    /// Since when it has its role; none: since it came.
    pub role_since: Option<Timestamp>,
    /// How likely it is to become master: 1 most, 100 least, 0 never.
    pub weight: u8,
    /// Whether the domain name for reading does not lead to its address any more.
    pub is_address_removed: bool,
}

impl Node {
    /// Returns its name.
    pub fn name(&self) -> String {
        format!("{}-{}", self.role.kind(), self.number)
    }
}

impl NodeRole {
    /// Returns the word for what such a node is.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Master | Self::Replica => "redis-server",
            Self::Proxy => "redis-proxy",
        }
    }
}

/// A shard: a master and its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeGroup {
    /// Its id.
    pub id: Uuid,
    /// Its name: `group-0`, `group-1` and so on.
    pub name: String,
    /// Its nodes, the master first.
    pub nodes: Vec<Node>,
}

impl NodeGroup {
    /// Returns the name of a shard with a number.
    pub fn name_of(shard: u32) -> String {
        format!("group-{shard}")
    }

    /// Returns the number of the shard with a name, if it is one.
    pub fn number_of(name: &str) -> Option<u32> {
        let number = name.strip_prefix("group-")?.parse().ok()?;
        (Self::name_of(number) == name).then_some(number)
    }
}

/// What an id is of. Different things of one instance have different ids.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Group = 1,
    Node = 2,
    Endpoint = 3,
    Replication = 4,
    Monitored = 5,
    DefaultAccount = 6,
    PublicAddress = 11,
    Listener = 12,
    LoadBalancer = 13,
}

impl Instance {
    /// Returns the groups of its nodes. An instance without shards has one.
    ///
    /// The master is in the first zone, replica `i` in zone `i`, or in the last: so that a client that asked for zones finds
    /// them again in each group.
    pub fn node_groups(&self) -> Vec<NodeGroup> {
        let topology = self.topology();
        let size = (topology.sharding_count, topology.replica_count);
        let group = |shard| NodeGroup {
            id: self.part_id(Of::Group, shard),
            name: NodeGroup::name_of(shard),
            nodes: self.servers(shard, size),
        };
        (0..topology.sharding_count).map(group).collect()
    }

    /// Returns the servers of a shard: those that the product has and that were not removed, then those that were added.
    fn servers(&self, shard: u32, size: (u32, u32)) -> Vec<Node> {
        let (_, copies) = size;
        let changes = || self.replicas.iter().filter(|replica| replica.shard == shard);
        let remains = |copy: &u32| changes().all(|it| it.copy != *copy || it.course.is_there());
        let added = changes().filter(|replica| replica.copy >= copies && replica.course.is_there());
        let copies = (0..copies).filter(remains).chain(added.map(|replica| replica.copy));
        copies.map(|copy| self.server(shard, copy, size)).collect()
    }

    /// Returns the node that a change of replicas brings or takes.
    pub fn changed_node(&self, change: &ReplicaChange) -> Node {
        let topology = self.topology();
        let size = (topology.sharding_count, topology.replica_count);
        placed(self.server(change.shard, change.copy, size), change)
    }

    /// Returns the proxies before its groups; there are none but in a proxy cluster.
    pub fn proxies(&self) -> Vec<Node> {
        let topology = self.topology();
        let servers = topology.sharding_count * topology.replica_count;
        let proxy = |number| {
            let position = servers + number;
            let node = self.node(position, NodeRole::Proxy, &StoredNode::usual(0, number));
            Node { number, ip: self.address(position), ..node }
        };
        (0..topology.proxy_count).map(proxy).collect()
    }

    /// Returns every node: servers group by group, then proxies.
    pub fn nodes(&self) -> Vec<Node> {
        let servers = self.node_groups().into_iter().flat_map(|group| group.nodes);
        servers.chain(self.proxies()).collect()
    }

    /// Returns the node with an id, as text: servers and proxies.
    ///
    /// # Errors
    /// `UnknownNode`.
    pub fn find_node(&self, id: &str) -> Result<Node, Refusal> {
        let id = Uuid::try_parse(id).map_err(|_| Refusal::UnknownNode)?;
        self.nodes().into_iter().find(|node| node.id == id).ok_or(Refusal::UnknownNode)
    }

    /// Returns the id of the point at which its network is entered.
    pub fn endpoint_id(&self) -> Uuid {
        self.part_id(Of::Endpoint, 0)
    }

    /// Returns the server at a place.
    fn server(&self, shard: u32, place: u32, size: (u32, u32)) -> Node {
        let kept = self.stored_node(shard, place);
        let role = if place == 0 { NodeRole::Master } else { NodeRole::Replica };
        let addressed = if self.is_one_shard_of_copies() { place } else { kept.copy };
        let ip = self.address(position_of(shard, addressed, size));
        let node = Node { ip, ..self.node(number_of(shard, kept.copy, size), role, &kept) };
        let change = self.replicas.iter().find(|it| it.shard == shard && it.copy == place);
        change.map_or(node.clone(), |change| placed(node, change))
    }

    /// Returns a node without its address.
    fn node(&self, number: u32, role: NodeRole, kept: &StoredNode) -> Node {
        let id = self.part_id(Of::Node, number);
        Node {
            id,
            is_stopped: self.stopped_nodes.contains(&id),
            replication_id: self.part_id(Of::Replication, number),
            monitored_id: self.part_id(Of::Monitored, number),
            number,
            shard: kept.shard,
            copy: kept.place,
            role,
            ip: String::new(),
            zone_code: self.zone_at(kept.place).to_owned(),
            role_since: kept.role_since,
            weight: kept.weight,
            is_address_removed: kept.is_address_removed,
        }
    }

    /// Returns the zone of a copy: the one at its place, or the last.
    pub fn zone_at(&self, position: u32) -> &str {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let zone = self.zone_codes.get(position).or(self.zone_codes.last());
        zone.map_or("", String::as_str)
    }

    /// Returns one of the addresses that the instance shows, or one that follows them.
    fn address(&self, position: u32) -> String {
        let shown = || self.ip.split(',').map(str::trim);
        let count = u32::try_from(shown().count()).unwrap_or(u32::MAX);
        if let Some(address) = shown().nth(usize::try_from(position).unwrap_or(usize::MAX)) {
            return address.to_owned();
        }
        match shown().next_back().and_then(|last| last.parse::<Ipv4Addr>().ok()) {
            Some(last) => Ipv4Addr::from_bits(last.to_bits().wrapping_add(position - count + 1)).to_string(),
            None => self.ip.clone(),
        }
    }

    /// Returns the id of the default account.
    pub fn default_account_id(&self) -> AccountId {
        AccountId::from_bytes(self.part_id(Of::DefaultAccount, 0).into_bytes())
    }

    /// Makes the id of a part of the instance: it follows from the instance's own, and looks as if it did not.
    pub(super) fn part_id(&self, of: Of, number: u32) -> Uuid {
        let part = (u64::from(number) << 8) | of as u64;
        let (high, low) = Uuid::from_bytes(*self.id.as_bytes()).as_u64_pair();
        let high = mixed(high ^ mixed(part));
        Builder::from_random_bytes((u128::from(high) << 64 | u128::from(mixed(low ^ high))).to_be_bytes())
            .into_uuid()
    }
}

/// Servers are numbered group by group. Those that were added are numbered behind all that the product has: no other node has their
/// number, as long as the instance has as many shards and copies.
fn number_of(shard: u32, copy: u32, (shards, copies): (u32, u32)) -> u32 {
    if copy < copies { shard * copies + copy } else { copy * shards + shard }
}

/// Addresses are those of all masters first, then of all replicas, then of those that were added.
fn position_of(shard: u32, copy: u32, (shards, copies): (u32, u32)) -> u32 {
    match copy {
        0 => shard,
        _ if copy < copies => shards + shard * (copies - 1) + copy - 1,
        _ => copy * shards + shard,
    }
}

/// Returns a node in the zone that is kept of its place, if one is.
fn placed(node: Node, replica: &ReplicaChange) -> Node {
    match &replica.zone_code {
        Some(zone_code) => Node { zone_code: zone_code.clone(), ..node },
        None => node,
    }
}

/// Spreads every bit over all of them, without losing any (the finish of `SplitMix64`).
pub(super) fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Nodes that are to be started or stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSwitch {
    stops: bool,
    /// Which; none: all.
    nodes: Vec<Uuid>,
}

impl NodeSwitch {
    /// Takes what a caller says.
    ///
    /// # Errors
    /// `InvalidAction`; `UnknownNode` for a text that is the id of no node; in this order.
    pub fn new(action: &str, nodes: &[String]) -> Result<Self, Refusal> {
        let stops = match action {
            "start" => false,
            "stop" => true,
            _ => return Err(Refusal::InvalidAction),
        };
        let nodes = nodes.iter().map(|id| Uuid::try_parse(id).map_err(|_| Refusal::UnknownNode));
        Ok(Self { stops, nodes: nodes.collect::<Result<_, _>>()? })
    }

    /// Returns the nodes that are stopped afterwards. What is stopped or started already stays so; that is no mistake.
    ///
    /// # Errors
    /// `UnknownNode`, or the refusal of the instance's state; in this order.
    pub fn applied_to(&self, instance: &Instance) -> Result<BTreeSet<Uuid>, Refusal> {
        let all: BTreeSet<Uuid> = instance.nodes().iter().map(|node| node.id).collect();
        let named: BTreeSet<Uuid> =
            if self.nodes.is_empty() { all.clone() } else { self.nodes.iter().copied().collect() };
        if !named.is_subset(&all) {
            return Err(Refusal::UnknownNode);
        }
        instance.permit(InstanceAction::Configure)?;
        let stopped = &instance.stopped_nodes;
        Ok(if self.stops { stopped | &named } else { stopped - &named })
    }

    /// Returns what the audit says of it.
    pub fn note(&self) -> &'static str {
        if self.stops { "nodes stopped" } else { "nodes started" }
    }
}

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
