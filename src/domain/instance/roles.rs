//! The roles of the nodes of an instance: which one is the master of its shard, how likely a replica is to become it, and which
//! addresses the domain name for reading leads to.
//!
//! A node takes the place of a copy of its shard; place 0 is the master's. Ids stay with nodes, zones with places: so an instance shows the
//! zones that were asked for. Addresses stay with places where there is one shard, so that the instance's address is always the
//! master's, and with nodes elsewhere.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 2; docs/contract/dcs-v2.md, section 2.18.

use uuid::Uuid;

use crate::domain::instance::{CacheMode, Engine, Instance, InstanceAction, Node, NodeGroup, NodeRole};
use crate::domain::refusal::Refusal;
use crate::domain::task::{TaskKind, TaskSubject};
use crate::domain::time::Timestamp;

/// The weight of a replica until another one is asked for.
pub const DEFAULT_WEIGHT: u8 = 100;

/// What is stored of a node because it does not follow from the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNode {
    /// The number of its shard, from 0.
    pub shard: u32,
    /// The number of the copy that it was when it came: its ids follow from that.
    pub copy: u32,
    /// The number of the copy whose place it has; 0 is the master's.
    pub place: u32,
    /// Since when it has that place; none: since it came.
    pub role_since: Option<Timestamp>,
    /// How likely it is to become master: 1 most, 100 least, 0 never.
    pub weight: u8,
    /// Whether the domain name for reading does not lead to its address any more.
    pub is_address_removed: bool,
}

impl StoredNode {
    /// Returns what holds of a node that is where it came.
    pub fn usual(shard: u32, copy: u32) -> Self {
        Self { shard, copy, place: copy, role_since: None, weight: DEFAULT_WEIGHT, is_address_removed: false }
    }
}

/// A node as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName {
    /// The id of its shard.
    pub group_id: String,
    /// Its id.
    pub node_id: String,
}

/// A change of the roles of nodes, or of what a replica is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeChange {
    /// Have the master and a replica change places, of an instance that is one shard.
    Swap {
        /// Whether it is done before it is answered, and has no job.
        at_once: bool,
    },
    /// Have a replica become the master of its shard, in a cluster.
    Promote(NodeName),
    /// Give a replica a weight.
    SetWeight(NodeName, u64),
    /// Have the domain name for reading lead to a replica no longer.
    RemoveAddress(NodeName),
}

impl NodeChange {
    /// Returns the node that it is about: of a swap the one that becomes master.
    ///
    /// What waiting would not mend is refused first.
    ///
    /// # Errors
    /// `SwapUnsupported`, `AllWeightsZero`, `InvalidWeight`, `UnknownNode`, `NodeUnsupported` for a master, `LastAddress`; as
    /// [`Instance::permit`].
    pub fn of(&self, instance: &Instance) -> Result<Node, Refusal> {
        let node = match self {
            Self::Swap { .. } => instance.next_master()?,
            Self::Promote(name) => {
                if !matches!(instance.cache_mode, CacheMode::Cluster | CacheMode::Proxy) {
                    return Err(Refusal::SwapUnsupported);
                }
                instance.replica(name)?.1
            }
            Self::SetWeight(name, weight) => {
                let weight = u8::try_from(*weight).ok().filter(|weight| *weight <= DEFAULT_WEIGHT);
                let weight = weight.ok_or(Refusal::InvalidWeight)?;
                let (group, node) = instance.replica(name)?;
                if weight == 0 && group.others(&node).all(|other| other.weight == 0) {
                    return Err(Refusal::AllWeightsZero);
                }
                Node { weight, ..node }
            }
            Self::RemoveAddress(name) => {
                if !instance.can_remove_addresses() {
                    return Err(Refusal::ActionUnsupported);
                }
                let (group, node) = instance.replica(name)?;
                if instance.cache_mode == CacheMode::HaRwSplit && group.is_last_address(&node) {
                    return Err(Refusal::LastAddress);
                }
                node
            }
        };
        instance.permit(InstanceAction::Occupy)?;
        Ok(node)
    }

    /// Returns its kind of background work, if it is one.
    pub fn task(&self) -> Option<TaskKind> {
        match self {
            Self::Swap { at_once: true } => Some(TaskKind::SwapAtOnce),
            Self::Swap { at_once: false } | Self::Promote(_) => Some(TaskKind::SwitchOver),
            Self::SetWeight(..) => None,
            Self::RemoveAddress(_) => Some(TaskKind::RemoveAddress),
        }
    }

    /// Returns what a task tells of it, `node` being as before.
    pub fn task_subject(&self, node: &Node) -> TaskSubject {
        let named = TaskSubject {
            group_name: Some(NodeGroup::name_of(node.shard)),
            replica_ip: Some(node.ip.clone()),
            ..TaskSubject::default()
        };
        match self {
            Self::Swap { .. } | Self::SetWeight(..) => TaskSubject::default(),
            Self::Promote(_) => named,
            Self::RemoveAddress(_) => TaskSubject { node_name: Some(node.name()), ..named },
        }
    }

    /// Returns what the audit says of it.
    pub fn note(&self) -> String {
        match self {
            Self::Swap { .. } | Self::Promote(_) => "switchover".to_owned(),
            Self::SetWeight(_, weight) => format!("priority weight {weight}"),
            Self::RemoveAddress(_) => "address removed from the domain name".to_owned(),
        }
    }
}

impl NodeGroup {
    /// Returns the replicas beside one.
    fn others(&self, node: &Node) -> impl Iterator<Item = &Node> {
        let id = node.id;
        self.nodes.iter().filter(move |other| other.role == NodeRole::Replica && other.id != id)
    }

    /// Returns whether a replica is the last one to which the domain name for reading leads.
    fn is_last_address(&self, replica: &Node) -> bool {
        !replica.is_address_removed && self.others(replica).all(|other| other.is_address_removed)
    }

    /// Decides whether a replica may be removed.
    ///
    /// # Errors
    /// `OnlyReplica`, `LastAddressOfReplicas`.
    pub fn permit_removal(&self, replica: &Node) -> Result<(), Refusal> {
        if self.others(replica).next().is_none() {
            return Err(Refusal::OnlyReplica);
        }
        if self.is_last_address(replica) { Err(Refusal::LastAddressOfReplicas) } else { Ok(()) }
    }

    /// Returns the nodes that stay of it when there are to be so many: `leaving` goes first, then the newest replicas.
    ///
    /// # Errors
    /// `LastAddressOfReplicas` if replicas stay, but none to which the domain name for reading leads.
    pub(super) fn staying(&self, wanted: usize, leaving: Option<Uuid>) -> Result<Vec<&Node>, Refusal> {
        let mut staying: Vec<&Node> = self.nodes.iter().filter(|node| Some(node.id) != leaving).collect();
        while staying.len() > wanted.max(1) {
            let newest = staying.iter().skip(1).max_by_key(|node| node.number).map(|node| node.id);
            staying.retain(|node| Some(node.id) != newest);
        }
        let is_led_to = |node: &&Node| node.role == NodeRole::Replica && !node.is_address_removed;
        let had_addresses = self.nodes.iter().any(|node| is_led_to(&node));
        if had_addresses && staying.len() > 1 && !staying.iter().any(is_led_to) {
            return Err(Refusal::LastAddressOfReplicas);
        }
        Ok(staying)
    }

    /// Returns the node that a node is related to: a replica to its master, the master to its first replica.
    pub fn relation_of(&self, node: &Node) -> Option<&Node> {
        let related = if node.role == NodeRole::Master { NodeRole::Replica } else { NodeRole::Master };
        self.nodes.iter().find(|other| other.role == related)
    }
}

impl Instance {
    /// Returns the replica that becomes master when nobody names one: that of the lowest weight above 0, the first of them.
    fn next_master(&self) -> Result<Node, Refusal> {
        let mut groups = self.node_groups();
        let is_one_shard = self.is_one_shard_of_copies() && groups.iter().all(|group| group.nodes.len() > 1);
        let replicas = groups.pop().filter(|_| is_one_shard).ok_or(Refusal::SwapUnsupported)?.nodes;
        let candidates =
            replicas.into_iter().filter(|node| node.role == NodeRole::Replica && node.weight > 0);
        candidates.min_by_key(|node| node.weight).ok_or(Refusal::AllWeightsZero)
    }

    /// Returns a replica with its shard.
    fn replica(&self, name: &NodeName) -> Result<(NodeGroup, Node), Refusal> {
        let node = self.find_node(&name.node_id)?;
        let group_id = Uuid::try_parse(&name.group_id).ok();
        let group = self.node_groups().into_iter().find(|group| Some(group.id) == group_id);
        let group = group.filter(|group| group.nodes.contains(&node)).ok_or(Refusal::UnknownNode)?;
        if node.role == NodeRole::Master { Err(Refusal::NodeUnsupported) } else { Ok((group, node)) }
    }

    /// Returns whether addresses of replicas can be taken from its domain name for reading.
    pub fn can_remove_addresses(&self) -> bool {
        self.engine == Engine::Redis && !self.engine_version.is_first_generation()
    }

    /// Returns whether it is one shard with copies.
    pub(super) fn is_one_shard_of_copies(&self) -> bool {
        matches!(self.cache_mode, CacheMode::Ha | CacheMode::HaRwSplit)
    }

    /// Returns what is kept of the node at a place.
    pub(super) fn stored_node(&self, shard: u32, place: u32) -> StoredNode {
        let kept = self.stored_nodes.iter().find(|node| node.shard == shard && node.place == place);
        kept.cloned().unwrap_or_else(|| StoredNode::usual(shard, place))
    }

    /// Returns what is kept of its nodes once some of them are different.
    fn stored_nodes_with(&self, changed: impl IntoIterator<Item = StoredNode>) -> Vec<StoredNode> {
        let mut nodes = self.stored_nodes.clone();
        for node in changed {
            nodes.retain(|other| (other.shard, other.copy) != (node.shard, node.copy));
            nodes.push(node);
        }
        nodes
    }

    /// Returns what is kept of its nodes once a replica has become master; none if there is no such replica any more.
    pub fn switched_over(&self, replica: Uuid, at: Timestamp) -> Option<Vec<StoredNode>> {
        let Node { shard, copy, .. } = self.replica_by_id(replica)?;
        let promoted = StoredNode { place: 0, role_since: Some(at), ..self.stored_node(shard, copy) };
        let demoted = StoredNode { place: copy, role_since: Some(at), ..self.stored_node(shard, 0) };
        Some(self.stored_nodes_with([promoted, demoted]))
    }

    /// Returns what is kept of its nodes once a replica has another weight.
    pub fn weighed(&self, replica: &Node) -> Vec<StoredNode> {
        let kept = self.stored_node(replica.shard, replica.copy);
        self.stored_nodes_with([StoredNode { weight: replica.weight, ..kept }])
    }

    /// Returns what is kept of its nodes once the domain name for reading does not lead to a replica any more; none if there is no such
    /// replica.
    pub fn without_address(&self, replica: Uuid) -> Option<Vec<StoredNode>> {
        let Node { shard, copy, .. } = self.replica_by_id(replica)?;
        Some(
            self.stored_nodes_with([StoredNode {
                is_address_removed: true,
                ..self.stored_node(shard, copy)
            }]),
        )
    }

    fn replica_by_id(&self, id: Uuid) -> Option<Node> {
        let mut nodes = self.node_groups().into_iter().flat_map(|group| group.nodes);
        nodes.find(|node| node.id == id && node.role == NodeRole::Replica)
    }

    /// Returns whether its nodes are those that it had `before`, as far as both have them.
    pub fn keeps_nodes_of(&self, before: &Self) -> bool {
        let (new, old) = (self.topology(), before.topology());
        let ids_stay = new.sharding_count == 1 || new.replica_count == old.replica_count;
        self.cache_mode == before.cache_mode && new.sharding_count == old.sharding_count && ids_stay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u32, is_address_removed: bool) -> Node {
        let role = if number == 0 { NodeRole::Master } else { NodeRole::Replica };
        let id = Uuid::from_u128(u128::from(number));
        Node {
            id,
            replication_id: id,
            monitored_id: id,
            number,
            shard: 0,
            copy: number,
            role,
            ip: String::new(),
            zone_code: String::new(),
            is_stopped: false,
            role_since: None,
            weight: DEFAULT_WEIGHT,
            is_address_removed,
        }
    }

    fn numbers(staying: Result<Vec<&Node>, Refusal>) -> Vec<u32> {
        staying.unwrap().iter().map(|node| node.number).collect()
    }

    #[test]
    fn the_newest_replicas_go_and_the_master_never() {
        // Master is the newest node; the oldest one is the last of the list.
        let nodes = vec![
            Node { number: 3, ..node(0, false) },
            node(1, false),
            node(2, false),
            Node { number: 0, ..node(3, false) },
        ];
        let group = NodeGroup { id: Uuid::nil(), name: String::new(), nodes };
        assert_eq!(numbers(group.staying(3, None)), [3, 1, 0]);
        assert_eq!(numbers(group.staying(2, Some(group.nodes[1].id))), [3, 0]);
        assert_eq!(numbers(group.staying(1, None)), [3]);
    }

    #[test]
    fn the_last_replica_that_readers_are_led_to_stays() {
        let nodes = vec![node(0, false), node(1, true), node(2, false)];
        let group = NodeGroup { id: Uuid::nil(), name: String::new(), nodes };
        assert_eq!(group.staying(2, None), Err(Refusal::LastAddressOfReplicas));
        assert_eq!(numbers(group.staying(2, Some(group.nodes[1].id))), [0, 2]);
        assert_eq!(group.permit_removal(&group.nodes[2]), Err(Refusal::LastAddressOfReplicas));
        assert_eq!(group.permit_removal(&group.nodes[1]), Ok(()));
        // With no replica left nobody is led astray.
        assert_eq!(numbers(group.staying(1, None)), [0]);
    }
}
