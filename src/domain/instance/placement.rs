//! Placement changes of an instance: zones, network, replicas. The instance is EXTENDING meanwhile.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.21; docs/contract/dcs-v2.md, section 2.20 and section 3, "Paths outside the SDK".

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::instance::create_request::zone_codes;
use crate::domain::instance::{CacheMode, Instance, InstanceAction, NodeGroup, NodeRole};
use crate::domain::refusal::Refusal;
use crate::domain::task::{TaskDetails, TaskKind, TaskReplica};

/// A requested placement change. Zones are named by code or id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacementChange {
    /// Be in these zones, in this order.
    Zones(Vec<String>),
    /// Be in another network.
    Network {
        /// The virtual private cloud.
        vpc_id: String,
        /// The subnet.
        subnet_id: String,
    },
    /// Have one replica more in a shard.
    AddReplica {
        /// The shard.
        group_id: String,
        /// The zone of the replica; none: the one whose turn it is.
        zone: Option<String>,
    },
    /// Have one replica fewer in a shard.
    RemoveReplica {
        /// The shard.
        group_id: String,
        /// The node that is to go.
        node_id: String,
    },
}

/// The placement once the change has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewPlacement {
    /// The codes of the zones.
    Zones(Vec<String>),
    /// The network.
    Network {
        /// The virtual private cloud.
        vpc_id: String,
        /// The subnet.
        subnet_id: String,
    },
    /// A replica.
    Replica(ReplicaChange),
}

/// The most nodes of a shard to which replicas are added one by one, its master among them.
pub const MAX_COPIES: usize = 5;

impl PlacementChange {
    /// Returns what will be different.
    ///
    /// What waiting would not mend is refused first.
    ///
    /// # Errors
    /// `UnknownZone`, `OneZoneOnly`; `InstanceStateUnsupported` for replicas of anything but a cluster, `InvalidParameter`
    /// (`group_id`), `TooManyReplicas`, `NotAReplica`, `MasterNode`, `OnlyReplica`, `LastAddressOfReplicas`; as [`Instance::permit`].
    pub fn of(&self, instance: &Instance, region: &str) -> Result<NewPlacement, Refusal> {
        let extended = match self {
            Self::Zones(names) => {
                let codes = zone_codes(names, region)?;
                if instance.cache_mode == CacheMode::Single && codes.len() > 1 {
                    return Err(Refusal::OneZoneOnly);
                }
                NewPlacement::Zones(codes)
            }
            Self::Network { vpc_id, subnet_id } => {
                NewPlacement::Network { vpc_id: vpc_id.clone(), subnet_id: subnet_id.clone() }
            }
            Self::AddReplica { group_id, zone } => {
                let zone = zone.as_ref().map(|zone| zone_codes(std::slice::from_ref(zone), region));
                let zone = zone.transpose()?.and_then(|mut codes| codes.pop());
                NewPlacement::Replica(instance.one_replica_more(group_id, zone)?)
            }
            Self::RemoveReplica { group_id, node_id } => {
                NewPlacement::Replica(instance.one_replica_fewer(group_id, node_id)?)
            }
        };
        instance.permit(InstanceAction::Extend)?;
        Ok(extended)
    }

    /// Returns its kind of background work.
    pub fn task(&self) -> TaskKind {
        match self {
            Self::Zones(_) => TaskKind::MigrateZones,
            Self::Network { .. } => TaskKind::SwitchSubnet,
            Self::AddReplica { .. } => TaskKind::AddReplica,
            Self::RemoveReplica { .. } => TaskKind::RemoveReplica,
        }
    }

    /// Returns what the audit says of it.
    pub fn note(&self) -> &'static str {
        match self {
            Self::Zones(_) => "zones to change",
            Self::Network { .. } => "network to change",
            Self::AddReplica { .. } => "replica to be added",
            Self::RemoveReplica { .. } => "replica to be removed",
        }
    }
}

impl NewPlacement {
    /// Returns what a task tells of it; `instance` is as before.
    pub fn task_details(&self, instance: &Instance) -> TaskDetails {
        let Self::Replica(change) = self else { return TaskDetails::default() };
        let node = instance.changed_node(change);
        let group_name = NodeGroup::name_of(change.shard);
        let replica = Some(TaskReplica { group_name, zone_code: node.zone_code, ip: node.ip });
        TaskDetails { replica, ..TaskDetails::default() }
    }
}

impl Instance {
    fn one_replica_more(&self, group_id: &str, zone: Option<String>) -> Result<ReplicaChange, Refusal> {
        let (shard, group) = self.group_of_replicas(group_id)?;
        // While a replica comes or goes, how many there are is not known yet.
        self.permit(InstanceAction::Extend)?;
        if group.nodes.len() >= MAX_COPIES {
            return Err(Refusal::TooManyReplicas);
        }
        let copy = self.next_copy(shard)?;
        let zone = zone.unwrap_or_else(|| self.zone_at(copy).to_owned());
        Ok(ReplicaChange { shard, copy, zone_code: Some(zone), course: ReplicaCourse::Adding })
    }

    fn one_replica_fewer(&self, group_id: &str, node_id: &str) -> Result<ReplicaChange, Refusal> {
        let (shard, group) = self.group_of_replicas(group_id)?;
        let node_id = Uuid::try_parse(node_id).map_err(|_| Refusal::NotAReplica)?;
        let node = group.nodes.iter().find(|node| node.id == node_id).ok_or(Refusal::NotAReplica)?;
        if node.role == NodeRole::Master {
            return Err(Refusal::MasterNode);
        }
        self.permit(InstanceAction::Extend)?;
        group.permit_removal(node)?;
        let added = self.replicas.iter().find(|replica| replica.shard == shard && replica.copy == node.copy);
        let zone_code = added.and_then(|replica| replica.zone_code.clone());
        Ok(ReplicaChange { shard, copy: node.copy, zone_code, course: ReplicaCourse::Removing })
    }

    /// Returns a shard whose replicas come and go, with its number: those of a cluster do.
    fn group_of_replicas(&self, group_id: &str) -> Result<(u32, NodeGroup), Refusal> {
        if self.cache_mode != CacheMode::Cluster {
            return Err(Refusal::InstanceStateUnsupported);
        }
        let group_id = Uuid::try_parse(group_id).ok();
        let mut groups = (0..).zip(self.node_groups());
        let found = groups.find(|(_, group)| Some(group.id) == group_id);
        found.ok_or(Refusal::InvalidParameter { name: "group_id" })
    }
}

/// The highest number that a copy of a shard can have.
pub const LAST_COPY: u32 = 65_535;

/// A replica of a shard that is there beside those of the product, or one of the product that is not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ReplicaChange {
    /// The number of the shard, from 0.
    pub shard: u32,
    /// The number of the copy; the master has 0. It is given once: what was removed does not come back.
    pub copy: u32,
    /// The zone of one that was added.
    pub zone_code: Option<String>,
    /// How far it is.
    pub course: ReplicaCourse,
}

/// How far a change of a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaCourse {
    /// It will be there when the instance has been extended.
    Adding,
    /// It is there.
    Added,
    /// It is there until the instance has been changed.
    Removing,
    /// It is gone.
    Removed,
}

impl ReplicaCourse {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adding => "adding",
            Self::Added => "added",
            Self::Removing => "removing",
            Self::Removed => "removed",
        }
    }

    /// Returns whether the replica is there.
    pub fn is_there(self) -> bool {
        matches!(self, Self::Added | Self::Removing)
    }
}

/// How the replicas of an instance change when it becomes another product that keeps its data alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplicaCounts<'r> {
    /// How many shards there will be.
    pub shards: u32,
    /// How many copies each will have, the master included.
    pub copies: u32,
    /// The codes of the zones of new replicas, shard by shard; from the first again where they run out.
    pub zones: &'r [String],
    /// The node that goes before all others.
    pub leaving: Option<Uuid>,
}

impl Instance {
    /// Returns the number that the next copy of a shard gets: no copy has had it before.
    ///
    /// # Errors
    /// `TooManyReplicas` if all are used up.
    pub(super) fn next_copy(&self, shard: u32) -> Result<u32, Refusal> {
        let of_shard = self.replicas.iter().filter(|replica| replica.shard == shard);
        let last = of_shard.map(|replica| replica.copy).max().unwrap_or(0);
        let next = last.saturating_add(1).max(self.topology().replica_count);
        if next > LAST_COPY { Err(Refusal::TooManyReplicas) } else { Ok(next) }
    }

    /// Returns what of its replicas is not as its new product has it. Those that stay keep place and zone; of those that go the
    /// one that was named is first, then the newest ones; those that come are in the zones that were named, or in the one whose turn it is.
    ///
    /// # Errors
    /// `TooManyReplicas` if their numbers are used up; as [`NodeGroup::staying`].
    pub(super) fn replicas_by(&self, counts: ReplicaCounts<'_>) -> Result<Vec<ReplicaChange>, Refusal> {
        let (mut changes, mut zones) = (Vec::new(), counts.zones.iter().cycle());
        let wanted = usize::try_from(counts.copies).unwrap_or(usize::MAX);
        for (shard, group) in (0..counts.shards).zip(self.node_groups()) {
            let stays = group.staying(wanted, counts.leaving)?.into_iter();
            let mut copies: Vec<(u32, String)> =
                stays.map(|node| (node.copy, node.zone_code.clone())).collect();
            let mut next = self.next_copy(shard)?;
            while copies.len() < wanted {
                if next > LAST_COPY {
                    return Err(Refusal::TooManyReplicas);
                }
                let zone = zones.next().map_or_else(|| self.zone_at(next), String::as_str);
                copies.push((next, zone.to_owned()));
                next += 1;
            }
            for copy in 1..next.max(counts.copies) {
                let is_own = copy < counts.copies;
                changes.extend(match copies.iter().find(|(number, _)| *number == copy) {
                    Some((_, zone)) if is_own && zone == self.zone_at(copy) => None,
                    Some((_, zone)) => Some(ReplicaChange::added(shard, copy, zone.clone())),
                    None => Some(ReplicaChange::removed(shard, copy)),
                });
            }
        }
        Ok(changes)
    }
}

impl ReplicaChange {
    /// Returns what is left of it if a change that is under way comes to nothing: what was to come does not, what was to go stays.
    pub fn given_up(self) -> Option<Self> {
        match self.course {
            ReplicaCourse::Added | ReplicaCourse::Removed => Some(self),
            ReplicaCourse::Removing if self.zone_code.is_some() => {
                Some(Self { course: ReplicaCourse::Added, ..self })
            }
            ReplicaCourse::Adding | ReplicaCourse::Removing => None,
        }
    }

    fn added(shard: u32, copy: u32, zone_code: String) -> Self {
        Self { shard, copy, zone_code: Some(zone_code), course: ReplicaCourse::Added }
    }

    fn removed(shard: u32, copy: u32) -> Self {
        Self { shard, copy, zone_code: None, course: ReplicaCourse::Removed }
    }
}
