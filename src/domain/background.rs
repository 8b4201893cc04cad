//! What callers set going, and the traces it leaves: a task that clients list, a job that an answer names, or both.
//!
//! Source: docs/contract/dcs-v2.md, sections 2.16 and 2.17.

use crate::domain::id::{JobId, TaskId};
use crate::domain::instance::Creator;

/// Something that a caller can set going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undertaking {
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

/// The traces of an undertaking, each by the word that the API shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traces {
    /// The name of its task, if it leaves one.
    pub task: Option<&'static str>,
    /// The type of its job, if it leaves one.
    pub job: Option<&'static str>,
}

impl Undertaking {
    /// Returns which traces it leaves. This is the whole rule: whatever is set going asks here.
    ///
    /// The pages name every kind of task; what they have no name for leaves none. Of jobs they name two only; the others are in
    /// their manner.
    pub fn traces(self) -> Traces {
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
        Traces { task, job }
    }
}

/// An undertaking that is about to begin, with the ids of whatever traces it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUndertaking {
    /// What it is.
    pub undertaking: Undertaking,
    /// The id of its task.
    pub task_id: TaskId,
    /// The id of its job.
    pub job_id: JobId,
    /// Who counts as having asked for it.
    pub creator: Creator,
}
