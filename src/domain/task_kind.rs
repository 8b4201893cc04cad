//! Kinds of background work, and what clients see of each: a background task in their list, a job that an answer names, or both.
//!
//! Source: docs/contract/dcs-v2.md, sections 2.16 and 2.17.

use crate::domain::id::{JobId, TaskId};
use crate::domain::instance::Creator;

/// A kind of background work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Gives an instance another size.
    Resize,
    /// Adds a replica.
    AddReplica,
    /// Removes a replica.
    RemoveReplica,
    /// Sets who may connect.
    SetWhitelist,
    /// Sets who may connect, and names a job.
    SetWhitelistByJob,
    /// Changes the port.
    ChangePort,
    /// Changes or resets the password.
    ChangePassword,
    /// Changes configuration parameters, and names a job.
    ConfigureByJob,
    /// Switches encryption.
    SwitchEncryption,
    /// Switches whether the addresses of clients are seen.
    SwitchClientIps,
    /// Takes an instance to other zones.
    MigrateZones,
    /// Takes an instance to another network.
    SwitchSubnet,
    /// Starts or stops nodes.
    SwitchNodes,
}

/// The names under which the API shows a kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskNames {
    /// The name of its background task, if it has one.
    pub task: Option<&'static str>,
    /// The type of its job, if it has one.
    pub job: Option<&'static str>,
}

impl TaskKind {
    /// Returns the names of its task and of its job.
    ///
    /// The pages name every kind of task; a kind they do not name has none. Of jobs they name two only; the others follow their style.
    pub fn names(self) -> TaskNames {
        let (task, job) = match self {
            Self::Resize => (Some("ChangeInstanceSpec"), None),
            Self::AddReplica => (Some("AddReplica"), Some("addReplicaJob")),
            Self::RemoveReplica => (Some("DelReplica"), Some("deleteReplicaJob")),
            Self::SetWhitelist => (Some("AddWhitelist"), None),
            Self::SetWhitelistByJob => (Some("AddWhitelist"), Some("modifyWhitelistJob")),
            Self::ChangePort => (Some("UpdatePort"), None),
            Self::ChangePassword => (Some("modify"), None),
            Self::ConfigureByJob => (None, Some("modifyConfigJob")),
            Self::SwitchEncryption => (None, Some("modifySslJob")),
            Self::SwitchClientIps => (None, Some("modifyClientIpTransJob")),
            Self::MigrateZones => (None, Some("migrateAzJob")),
            Self::SwitchSubnet => (None, Some("switchSubnetJob")),
            Self::SwitchNodes => (None, Some("modifyNodeStatusJob")),
        };
        TaskNames { task, job }
    }
}

/// Background work that is about to start, with the ids of its task and job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// What it is.
    pub task: TaskKind,
    /// The id of its task.
    pub task_id: TaskId,
    /// The id of its job.
    pub job_id: JobId,
    /// Who counts as having asked for it.
    pub creator: Creator,
}
