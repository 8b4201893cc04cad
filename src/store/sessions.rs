//! Sessions of the clients of instances.

use async_trait::async_trait;

use crate::domain::origin::Origin;
use crate::domain::session::NodeSessions;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::{InstanceRef, StoreError};

/// Reads or ends sessions of an instance.
#[derive(Clone, Debug)]
pub struct ChangeSessions {
    /// The instance.
    pub instance: InstanceRef,
    /// What is to be done.
    pub command: SessionCommand,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// What can be done to sessions.
#[derive(Clone, Debug)]
pub enum SessionCommand {
    /// Read those of a node, by a job that ends at once.
    Scan {
        /// The id of the node.
        node_id: String,
        /// The job.
        task: NewTask,
    },
    /// End some of a node.
    End {
        /// The id of the node.
        node_id: String,
        /// The addresses of their clients.
        addresses: Vec<String>,
    },
    /// End all.
    EndAll {
        /// The id of the node; none: of every node.
        node_id: Option<String>,
        /// How long that takes.
        work: WorkOptions,
        /// Its job.
        task: NewTask,
    },
}

/// Reads of what is kept of sessions.
#[async_trait]
pub trait SessionReads: Send + Sync {
    /// Returns what is kept of the sessions of an instance; `None` if it is not there, is deleted, or belongs to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn stored_sessions(&self, instance: InstanceRef) -> Result<Option<Vec<NodeSessions>>, StoreError>;
}

/// Changes of sessions.
#[async_trait]
pub trait SessionWrites: Send + Sync {
    /// Reads or ends sessions.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `node_with_sessions`, or the refusal of the instance's state; in this order.
    async fn change_sessions(&self, command: ChangeSessions) -> Result<(), StoreError>;
}
