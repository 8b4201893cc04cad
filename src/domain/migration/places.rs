//! Where the data of a migration comes from, and where it goes.

use serde::{Deserialize, Serialize};

use crate::domain::id::{BackupId, InstanceId};
use crate::domain::instance::{Instance, Network};

/// One end of a migration: an instance, or another server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationEndpoint {
    /// The instance; none if it is another server.
    pub instance_id: Option<InstanceId>,
    /// Its addresses, `ip:port` each, separated by commas. Of an instance: as they were when it was named.
    pub addrs: String,
    /// The name of the instance then.
    pub name: Option<String>,
    /// The subnet of the instance then.
    pub subnet_id: Option<String>,
    /// The product of the instance then.
    pub spec_code: Option<String>,
}

impl MigrationEndpoint {
    /// Returns an instance as an end.
    pub fn of_instance(instance: &Instance) -> Self {
        let addresses = instance.ip.split(',').map(|ip| format!("{ip}:{}", instance.port));
        Self {
            instance_id: Some(instance.id),
            addrs: addresses.collect::<Vec<_>>().join(","),
            name: Some(instance.name.as_str().to_owned()),
            subnet_id: Some(instance.network.subnet_id.clone()),
            spec_code: Some(instance.spec_code.clone()),
        }
    }

    /// Returns another server as an end.
    pub fn of_addresses(addrs: String) -> Self {
        Self { instance_id: None, addrs, name: None, subnet_id: None, spec_code: None }
    }

    /// Returns the first of its addresses and its port.
    pub fn first_address(&self) -> (&str, &str) {
        let first = self.addrs.split(',').next().unwrap_or_default().trim();
        first.rsplit_once(':').unwrap_or((first, ""))
    }

    /// Returns whether it is the same as another one.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.instance_id, other.instance_id) {
            (None, None) => self.addrs == other.addrs,
            (one, another) => one == another,
        }
    }
}

/// What an import takes its data from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "file_source", rename_all = "snake_case")]
pub enum ImportSource {
    /// Files in a bucket.
    SelfBuildObs {
        /// The bucket.
        bucket_name: Option<String>,
        /// The files.
        files: Vec<ImportFile>,
    },
    /// A backup of an instance.
    BackupRecord {
        /// The backup.
        backup_id: BackupId,
        /// Its name.
        backup_name: String,
        /// Its instance.
        instance_id: InstanceId,
    },
}

/// A file of a backup, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFile {
    /// Its name.
    pub file_name: String,
    /// Its size, in any words.
    pub size: Option<String>,
    /// When it was written, in any words.
    pub update_at: Option<String>,
}

/// The network that the machine of a migration is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationNetwork {
    /// The virtual private cloud.
    pub vpc_id: String,
    /// The subnet.
    pub subnet_id: String,
    /// The security group.
    pub security_group_id: Option<String>,
}

impl From<&Network> for MigrationNetwork {
    fn from(network: &Network) -> Self {
        Self {
            vpc_id: network.vpc_id.clone(),
            subnet_id: network.subnet_id.clone(),
            security_group_id: network.security_group_id.clone(),
        }
    }
}
