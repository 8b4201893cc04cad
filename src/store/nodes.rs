//! Roles of nodes, and what replicas are used for.

use async_trait::async_trait;

use crate::domain::instance::NodeChange;
use crate::domain::origin::Origin;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::{InstanceRef, StoreError};

/// Changes the roles of nodes of an instance, or what a replica is used for.
#[derive(Clone, Debug)]
pub struct ChangeNode {
    /// The instance.
    pub instance: InstanceRef,
    /// What is wanted.
    pub change: NodeChange,
    /// How long it takes, if it takes time.
    pub work: WorkOptions,
    /// Its background task, if its kind has one.
    pub task: Option<NewTask>,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Changes of nodes.
#[async_trait]
pub trait NodeWrites: Send + Sync {
    /// Makes a change of nodes, or begins it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as [`NodeChange::of`].
    async fn change_node(&self, command: ChangeNode) -> Result<(), StoreError>;
}
