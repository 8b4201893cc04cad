//! Placement changes of an instance: zones, network, replicas. The instance is EXTENDING meanwhile.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.21; docs/contract/dcs-v2.md, section 2.20 and section 3, "Paths outside the SDK".

use uuid::Uuid;

use crate::domain::instance::create_request::zone_codes;
use crate::domain::instance::{
    CacheMode, Instance, InstanceAction, NodeGroup, NodeRole, ReplicaChange, ReplicaCourse,
};
use crate::domain::refusal::Refusal;
use crate::domain::task::{TaskDetails, TaskReplica};
use crate::domain::task_kind::TaskKind;

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

/// The most nodes of a shard, its master among them.
const MOST_COPIES: usize = 5;

impl PlacementChange {
    /// Returns what will be different.
    ///
    /// What waiting would not mend is refused first.
    ///
    /// # Errors
    /// `UnknownZone`, `OneZoneOnly`; `InstanceStateUnsupported` for replicas of anything but a cluster, `InvalidParameter`
    /// (`group_id`), `TooManyReplicas`, `NotAReplica`, `MasterNode`, `OnlyReplica`; as [`Instance::permit`].
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
        if group.nodes.len() >= MOST_COPIES {
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
        if group.nodes.len() <= 2 {
            return Err(Refusal::OnlyReplica);
        }
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
