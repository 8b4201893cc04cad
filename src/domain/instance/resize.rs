//! What a caller wants an instance to become: a product, a capacity, more or fewer copies.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.13; docs/contract/dcs-v2.md, section 2.5; docs/decisions/README.md no. 20.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::catalogue::{self, NotSold, Product};
use crate::domain::instance::create_request::{product, zone_codes};
use crate::domain::instance::placement::ReplicaCounts;
use crate::domain::instance::{
    CacheMode, Capacity, Instance, InstanceAction, Node, NodeGroup, NodeRole, ReplicaChange,
};
use crate::domain::refusal::Refusal;
use crate::domain::task::{TaskKind, TaskReplica, TaskSize};

/// What a caller says. Empty texts have become absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResizeRequest {
    /// The memory, in GB.
    pub capacity_gb: Option<f64>,
    /// The code of the product, or its id.
    pub product: Option<String>,
    /// What kind of change it is.
    pub kind: Option<String>,
    /// The zones of new replicas, by code or id; from the first again where they run out.
    pub zones: Vec<String>,
    /// The nodes to be removed.
    pub nodes: Vec<String>,
}

/// What checks depend on beside the order itself.
#[derive(Clone, Copy, Debug)]
pub struct ResizeRules<'r> {
    /// The region, whose zones there are.
    pub region: &'r str,
    /// Whether a product must be named; else it follows from the capacity.
    pub needs_product: bool,
    /// Whether an instance can only become larger.
    pub must_grow: bool,
    /// Whether clusters can become anything. Setting `instance.allow_cluster_extend`.
    pub clusters: bool,
}

/// A kind of change that a caller can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResizeKind {
    AddReplicas,
    RemoveReplicas,
    /// More shards, or another type: both follow from the product.
    Other,
}

/// What is wanted, checked as far as that does not depend on the instance.
#[derive(Clone, Debug)]
pub struct Resize {
    capacity: Capacity,
    product: Option<String>,
    kind: Option<ResizeKind>,
    /// By their codes.
    zones: Vec<String>,
    nodes: Vec<Uuid>,
    must_grow: bool,
    clusters: bool,
}

/// What an instance becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSize {
    /// The code of its product, as it was written.
    pub spec_code: String,
    /// Its memory.
    pub capacity: Capacity,
    /// How it keeps its data.
    pub cache_mode: CacheMode,
    /// Copies of each shard, the master included.
    pub copies: u32,
    /// How many addresses it shows.
    pub addresses: u32,
    /// What of its replicas is not as the product has it.
    pub replicas: Vec<ReplicaChange>,
}

impl ResizeRequest {
    /// Checks what is said.
    ///
    /// # Errors
    /// `InvalidCapacity`, `UnknownProduct` if none is named where one must be, `InvalidParameter` (`change_type`),
    /// `InvalidReplicaZones`, `InvalidNodeList`; in this order.
    pub fn check(self, rules: ResizeRules<'_>) -> Result<Resize, Refusal> {
        let capacity = self.capacity_gb.and_then(|gigabytes| Capacity::from_gigabytes(gigabytes).ok());
        let capacity = capacity.ok_or(Refusal::InvalidCapacity)?;
        if rules.needs_product && self.product.is_none() {
            return Err(Refusal::UnknownProduct);
        }
        let kind = match self.kind.as_deref() {
            None => None,
            Some("createReplication") => Some(ResizeKind::AddReplicas),
            Some("deleteReplication") => Some(ResizeKind::RemoveReplicas),
            Some("addSharding" | "instanceType") => Some(ResizeKind::Other),
            Some(_) => return Err(Refusal::InvalidParameter { name: "change_type" }),
        };
        let zones = match &self.zones[..] {
            [] => Vec::new(),
            named => zone_codes(named, rules.region).map_err(|_| Refusal::InvalidReplicaZones)?,
        };
        let nodes = self.nodes.iter().map(|id| Uuid::try_parse(id).ok()).collect::<Option<Vec<Uuid>>>();
        Ok(Resize {
            capacity,
            product: self.product,
            kind,
            zones,
            nodes: nodes.ok_or(Refusal::InvalidNodeList)?,
            must_grow: rules.must_grow,
            clusters: rules.clusters,
        })
    }
}

impl Resize {
    /// Returns its kind of background work. Source: docs/decisions/README.md no. 42.
    pub fn task(&self) -> TaskKind {
        match self.kind {
            Some(ResizeKind::AddReplicas) => TaskKind::AddReplica,
            Some(ResizeKind::RemoveReplicas) => TaskKind::RemoveReplica,
            Some(ResizeKind::Other) | None => TaskKind::Resize,
        }
    }

    /// The code by which the task of a check tells that the quota of memory would be exceeded.
    pub const QUOTA_EXCEEDED: &str = "DCS.4036";

    /// Returns what an instance becomes.
    ///
    /// What waiting would not mend is refused first.
    ///
    /// # Errors
    /// `ResizeUnsupported` for a cluster, where these stay as they are; `OnlyReplica`; `NotLarger`; what is wrong with the
    /// product and the capacity; `NotLarger` if it is both already; `TypeChangeUnsupported` and `ResizeUnsupported` for what
    /// the instance cannot become; what is wrong with zones and nodes; the refusal of its state; in this order.
    pub fn of(&self, instance: &Instance) -> Result<NewSize, Refusal> {
        let old = instance.product();
        if !self.clusters && matches!(instance.cache_mode, CacheMode::Cluster | CacheMode::Proxy) {
            return Err(Refusal::ResizeUnsupported);
        }
        if self.kind == Some(ResizeKind::RemoveReplicas)
            && instance.is_one_shard_of_copies()
            && old.copies <= 2
        {
            return Err(Refusal::OnlyReplica);
        }
        let is_first_generation = instance.engine_version.is_first_generation();
        let (wanted, has) = (self.capacity, instance.capacity);
        if (self.must_grow && wanted <= has) || (is_first_generation && wanted < has) {
            return Err(Refusal::NotLarger);
        }
        let new = self.product_for(instance, old)?;
        if std::ptr::eq(new, old) && wanted == has {
            return Err(Refusal::NotLarger);
        }
        if !old.may_become(new, &instance.engine_version) {
            let stays = old.family.mode == new.family.mode;
            return Err(if stays { Refusal::ResizeUnsupported } else { Refusal::TypeChangeUnsupported });
        }
        self.permit_kind(instance, old, new)?;
        instance.permit(InstanceAction::Extend)?;
        let size = new.size(wanted).ok_or(Refusal::InvalidCapacity)?;
        let shards = size.shards.count;
        let replicas = self.replicas(instance, old, new, shards)?;
        let written = self.product.as_deref().and_then(catalogue::code_in);
        Ok(NewSize {
            spec_code: written.unwrap_or(&new.spec_code).to_owned(),
            capacity: wanted,
            cache_mode: new.family.mode,
            copies: new.copies,
            addresses: new.shown_addresses(size),
            replicas,
        })
    }

    /// Finds the product: the one that is named, else the one of the family that is sold in the capacity.
    fn product_for(&self, instance: &Instance, old: &'static Product) -> Result<&'static Product, Refusal> {
        let Some(name) = &self.product else {
            return old.of_size(self.capacity).ok_or(Refusal::InvalidCapacity);
        };
        let (engine, version) = (instance.engine, &instance.engine_version);
        match catalogue::offer(name, engine, version, self.capacity) {
            // The version of the instance stays, so it is the product that does not fit.
            Err(NotSold::Version) => Err(Refusal::ResizeUnsupported),
            _ => product(name, engine, version, self.capacity).map(|(product, _)| product),
        }
    }

    /// Decides whether the products are such as the kind that was named has them, and zones and nodes such as these need.
    fn permit_kind(&self, instance: &Instance, old: &Product, new: &Product) -> Result<(), Refusal> {
        let stays = old.family.mode == new.family.mode;
        match self.kind {
            Some(ResizeKind::AddReplicas) => {
                if !stays || new.copies <= old.copies {
                    return Err(Refusal::ResizeUnsupported);
                }
                // The replicas of a cluster may be named one by one, or once for all shards.
                let shards =
                    if instance.is_one_shard_of_copies() { 1 } else { instance.topology().sharding_count };
                let added = usize::try_from(new.copies - old.copies).unwrap_or(usize::MAX);
                let most = added.saturating_mul(usize::try_from(shards).unwrap_or(usize::MAX));
                if self.zones.len() > most { Err(Refusal::TooManyReplicaZones) } else { Ok(()) }
            }
            Some(ResizeKind::RemoveReplicas) => {
                if !stays || new.copies >= old.copies {
                    return Err(Refusal::ResizeUnsupported);
                }
                if instance.is_one_shard_of_copies() { self.permit_nodes(instance) } else { Ok(()) }
            }
            Some(ResizeKind::Other) | None => Ok(()),
        }
    }

    /// Returns what of the replicas is not as the new product has it. One that keeps its data otherwise brings its own.
    fn replicas(
        &self,
        instance: &Instance,
        old: &Product,
        new: &Product,
        shards: u32,
    ) -> Result<Vec<ReplicaChange>, Refusal> {
        if old.family.mode != new.family.mode {
            return Ok(Vec::new());
        }
        let adds = self.kind == Some(ResizeKind::AddReplicas);
        let removes = self.kind == Some(ResizeKind::RemoveReplicas) && instance.is_one_shard_of_copies();
        instance.replicas_by(ReplicaCounts {
            shards,
            copies: new.copies,
            zones: if adds { &self.zones } else { &[] },
            leaving: if removes { self.nodes.first().copied() } else { None },
        })
    }

    /// Decides whether the node that is named can be removed. Without one the newest replicas are.
    fn permit_nodes(&self, instance: &Instance) -> Result<(), Refusal> {
        let named = match self.nodes[..] {
            [] => return Ok(()),
            [named] => named,
            _ => return Err(Refusal::InvalidNodeList),
        };
        match instance.nodes().iter().find(|node| node.id == named).map(|node| node.role) {
            None => Err(Refusal::InvalidNodeList),
            Some(NodeRole::Master) => Err(Refusal::MasterNode),
            Some(NodeRole::Proxy) => Err(Refusal::NotAReplica),
            Some(NodeRole::Replica) => Ok(()),
        }
    }
}

impl NewSize {
    /// Returns the replicas that come or go, as a task tells them, of an instance that keeps its data as before, in as many shards, and
    /// gets these addresses.
    pub fn replicas_as_told(&self, before: &Instance, ip: &str) -> Option<TaskReplica> {
        let (spec_code, replicas, ip) = (self.spec_code.clone(), self.replicas.clone(), ip.to_owned());
        let after = Instance { spec_code, capacity: self.capacity, replicas, ip, ..before.clone() };
        let (old, new) = (before.node_groups(), after.node_groups());
        if before.cache_mode != self.cache_mode || old.len() != new.len() {
            return None;
        }
        // Ids follow from how many copies a shard of a cluster has; places do not.
        let mut changed: Vec<(&str, &Node)> = Vec::new();
        for (old, new) in old.iter().zip(&new) {
            let not_in = |others: &NodeGroup, node: &Node| others.nodes.iter().all(|it| it.copy != node.copy);
            let come = new.nodes.iter().filter(|node| not_in(old, node));
            let go = old.nodes.iter().filter(|node| not_in(new, node));
            changed.extend(come.chain(go).map(|node| (old.name.as_str(), node)));
        }
        let mut groups: Vec<&str> = changed.iter().map(|(group, _)| *group).collect();
        groups.dedup();
        let told = |part: fn(&Node) -> &str| {
            changed.iter().map(|(_, node)| part(node)).collect::<Vec<_>>().join(",")
        };
        (!changed.is_empty()).then(|| TaskReplica {
            group_name: groups.join(","),
            zone_code: told(|node| &node.zone_code),
            ip: told(|node| &node.ip),
        })
    }

    /// Returns it as a task tells it.
    pub fn as_told(&self) -> TaskSize {
        TaskSize {
            capacity: self.capacity,
            spec_code: self.spec_code.clone(),
            cache_mode: self.cache_mode,
            copies: self.copies,
        }
    }
}

impl Instance {
    /// Returns its size as a task tells it.
    pub fn size_as_told(&self) -> TaskSize {
        TaskSize {
            capacity: self.capacity,
            spec_code: self.spec_code.clone(),
            cache_mode: self.cache_mode,
            copies: self.topology().replica_count,
        }
    }
}

/// A change that may wait, as its caller said it.
#[derive(Clone, Debug)]
pub enum WaitingChange {
    /// Get another size.
    Size(ResizeRequest),
    /// Be in other zones, which are named by code or id.
    Zones(Vec<String>),
}
