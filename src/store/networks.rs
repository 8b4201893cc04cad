//! The networks of projects.

use async_trait::async_trait;

use crate::domain::id::{NetworkId, ProjectId};
use crate::domain::networks::{NetworkRefusal, ProjectNetwork};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// A change of a network, which returns the id of what it is about.
pub type NetworkWork = Box<dyn FnOnce(&mut ProjectNetwork) -> Result<NetworkId, NetworkRefusal> + Send>;

/// Changes the network of a project.
pub struct ChangeNetwork {
    /// The project.
    pub project_id: ProjectId,
    /// What becomes of its network.
    pub work: NetworkWork,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of networks.
#[async_trait]
pub trait NetworkReads: Send + Sync {
    /// Returns the network of a project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn network(&self, project_id: ProjectId) -> Result<ProjectNetwork, StoreError>;
}

/// Changes of networks.
#[async_trait]
pub trait NetworkWrites: Send + Sync {
    /// Changes the network of a project; returns what the change was about and the network as it is then.
    ///
    /// # Errors
    /// `Refused` with the refusal of the change; then nothing has changed.
    async fn change_network(&self, command: ChangeNetwork)
    -> Result<(NetworkId, ProjectNetwork), StoreError>;
}
