//! Cache instances: what they are, and what the state they are in permits.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.8 and 3.1; docs/contract/dcs-v2.md, section 4.

mod attributes;
pub mod bandwidth;
mod create_request;
mod minor_version;
mod nodes;
pub mod password;
mod permissions;
mod placement;
pub mod policy;
mod public_access;
mod resize;
mod roles;
mod state;
pub mod transition;
mod update;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use attributes::{
    Access, Billing, Capacity, Creator, Engine, EngineVersion, InstanceName, InvalidCapacity, InvalidEngine,
    InvalidEngineVersion, InvalidInstanceName, Network, NetworkNames, RenameCommands,
};
pub use create_request::{BillingRequest, CreateInstancesRequest, CreateRules, ExpectedProduct, NewInstance};
pub use minor_version::{MinorVersions, Upgrade, UpgradeRequest};
pub use nodes::{Node, NodeGroup, NodeRole, NodeSwitch, Topology};
pub use permissions::{InstanceAction, OperationalState, PERMISSIONS};
pub use placement::{LAST_COPY, MAX_COPIES, NewPlacement, PlacementChange, ReplicaChange, ReplicaCourse};
pub use public_access::{Listener, PublicAccess, public_address};
pub use resize::{NewSize, Resize, ResizeRequest, ResizeRules, WaitingChange};
pub use roles::{DEFAULT_WEIGHT, NodeChange, NodeName, StoredNode};
pub use state::{BackupRules, InstanceState, OpenWork};
pub use transition::{StatusAction, StatusTransition};
pub use update::{InstanceSwitch, InstanceUpdate, UpdateInstanceRequest};

use crate::domain::background_work::Occupation;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::policy::StoredPolicy;
use crate::domain::instance_config::Tags;
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::network::BandwidthChanges;
use crate::domain::time::Timestamp;

/// How an instance keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheMode {
    /// One node.
    Single,
    /// Master and standby.
    Ha,
    /// Master and standby, reads spread over both.
    HaRwSplit,
    /// Redis Cluster.
    Cluster,
    /// A cluster behind proxies.
    Proxy,
}

impl CacheMode {
    /// Every mode.
    pub const ALL: [Self; 5] = [Self::Single, Self::Ha, Self::HaRwSplit, Self::Cluster, Self::Proxy];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Ha => "ha",
            Self::HaRwSplit => "ha_rw_split",
            Self::Cluster => "cluster",
            Self::Proxy => "proxy",
        }
    }
}

/// The word names no cache mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of single, ha, ha_rw_split, cluster, proxy")]
pub struct UnknownCacheMode;

impl FromStr for CacheMode {
    type Err = UnknownCacheMode;

    fn from_str(text: &str) -> Result<Self, UnknownCacheMode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownCacheMode)
    }
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum InstanceStatus {
    /// Being created.
    Creating,
    /// In service.
    Running,
    /// Faulty.
    Error,
    /// Restarting.
    Restarting,
    /// Being extended.
    Extending,
    /// A restore is waiting or running.
    Restoring,
    /// Being emptied.
    Flushing,
    /// Being started.
    Starting,
    /// Being stopped.
    Closing,
    /// Stopped.
    Closed,
    /// Its creation failed.
    CreateFailed,
    /// Frozen by an administrator.
    Frozen,
}

impl InstanceStatus {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Creating,
        Self::Running,
        Self::Error,
        Self::Restarting,
        Self::Extending,
        Self::Restoring,
        Self::Flushing,
        Self::Starting,
        Self::Closing,
        Self::Closed,
        Self::CreateFailed,
        Self::Frozen,
    ];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Running => "RUNNING",
            Self::Error => "ERROR",
            Self::Restarting => "RESTARTING",
            Self::Extending => "EXTENDING",
            Self::Restoring => "RESTORING",
            Self::Flushing => "FLUSHING",
            Self::Starting => "STARTING",
            Self::Closing => "CLOSING",
            Self::Closed => "CLOSED",
            Self::CreateFailed => "CREATEFAILED",
            Self::Frozen => "FROZEN",
        }
    }

    /// The state an instance is in while a restore of it is open, and the one it has when that has ended, well or badly.
    pub const OF_RESTORE: (Self, Self) = (Self::Restoring, Self::Running);
}

/// The word names no state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one of CREATING, RUNNING, ERROR, RESTARTING, EXTENDING, RESTORING, FLUSHING, STARTING, CLOSING, CLOSED, \
     CREATEFAILED, FROZEN"
)]
pub struct UnknownInstanceStatus;

impl FromStr for InstanceStatus {
    type Err = UnknownInstanceStatus;

    fn from_str(text: &str) -> Result<Self, UnknownInstanceStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownInstanceStatus)
    }
}

/// An instance as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// Its name.
    pub name: InstanceName,
    /// A description, if one was given.
    pub description: Option<String>,
    /// The cache engine.
    pub engine: Engine,
    /// The cache engine as its creator wrote it, if that differs from the usual way.
    pub engine_as_sent: Option<String>,
    /// The version of the engine.
    pub engine_version: EngineVersion,
    /// How it keeps its data.
    pub cache_mode: CacheMode,
    /// Its memory.
    pub capacity: Capacity,
    /// The code of its product.
    pub spec_code: String,
    /// The id of its product as its creator wrote it, if anything but the code was written.
    pub product_id: Option<String>,
    /// How it is paid for.
    pub billing: Billing,
    /// The state it is in.
    pub status: InstanceStatus,
    /// The address its clients use.
    pub ip: String,
    /// The domain name that it has got from another instance; none: its own.
    pub domain_name: Option<String>,
    /// The port its clients use.
    pub port: u16,
    /// How its clients get in.
    pub access: Access,
    /// Whether it sees the addresses of its clients, not only those of what stands before it.
    pub sees_client_ips: bool,
    /// The codes of its availability zones, in the order given.
    pub zone_codes: Vec<String>,
    /// Where its replicas differ from its product: those that were added, and those that were removed.
    pub replicas: Vec<ReplicaChange>,
    /// The network it is in.
    pub network: Network,
    /// Who created it.
    pub creator: Creator,
    /// When it may be maintained.
    pub maintenance: MaintenanceWindow,
    /// The enterprise project it is counted in.
    pub enterprise_project_id: String,
    /// The name of that, if it was made.
    pub enterprise_project_name: Option<String>,
    /// New names of commands.
    pub rename_commands: RenameCommands,
    /// Its tags.
    pub tags: Tags,
    /// What is stored of its nodes.
    pub stored_nodes: Vec<StoredNode>,
    /// Those of its nodes that were stopped.
    pub stopped_nodes: BTreeSet<Uuid>,
    /// What was changed of its bandwidth, if anything was.
    pub bandwidth: Option<BandwidthChanges>,
    /// When it is backed up by itself; none if nothing was ever said about that.
    pub backup_policy: Option<StoredPolicy>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it came into service first, if it has.
    pub launched_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What went wrong with it, if anything did.
    pub error_code: Option<String>,
    /// The backup or work that runs on it while its status stays RUNNING, if any.
    pub task: Option<InstanceTask>,
}

/// Work on an instance that stays RUNNING.
///
/// Source: docs/contract/dcs-v2.md, section 1.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceTask {
    /// A backup is waiting or running.
    Backup,
    /// Background work that keeps others from changing it.
    Occupied(Occupation),
}

impl InstanceTask {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "BACKUPING",
            Self::Occupied(occupation) => occupation.as_str(),
        }
    }
}

impl Instance {
    /// Returns the domain name of its address: its own, unless it has exchanged that.
    pub fn domain_name(&self) -> String {
        self.domain_name.clone().unwrap_or_else(|| self.own_domain_name())
    }

    /// Returns its own domain name: `redis-` + the first seven digits of the id + its name.
    pub fn own_domain_name(&self) -> String {
        let id = self.id.to_string();
        format!("redis-{}-{}.dcs.example.com", &id[..7], self.name)
    }

    /// Returns the domain name for reading, which only master/standby instances have.
    pub fn readonly_domain_name(&self) -> Option<String> {
        let id = self.id.to_string();
        matches!(self.cache_mode, CacheMode::Ha)
            .then(|| format!("redis-{}-{}-readonly.dcs.example.com", &id[..7], self.name))
    }
}

impl fmt::Display for CacheMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for InstanceStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_one_mode_or_state() {
        for mode in CacheMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        for status in InstanceStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert_eq!("HA".parse::<CacheMode>(), Err(UnknownCacheMode));
        assert_eq!("running".parse::<InstanceStatus>(), Err(UnknownInstanceStatus));
    }

    #[test]
    fn the_messages_name_every_word() {
        for mode in CacheMode::ALL {
            assert!(UnknownCacheMode.to_string().contains(mode.as_str()));
        }
        for status in InstanceStatus::ALL {
            assert!(UnknownInstanceStatus.to_string().contains(status.as_str()));
        }
    }
}
