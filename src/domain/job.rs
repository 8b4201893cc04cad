//! Jobs: what an answer names when the work it began is to be asked after.
//!
//! Source: wire contract v2, section 2.17.

use crate::domain::id::JobId;
use crate::domain::task::Course;
use crate::domain::time::Timestamp;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Changes configuration parameters.
    Configure,
    /// Sets who may connect.
    SetWhitelist,
    /// Switches encryption.
    SwitchEncryption,
    /// Switches whether the addresses of clients are seen.
    SwitchClientIps,
    /// Takes an instance to other zones.
    MigrateZones,
    /// Takes an instance to another network.
    SwitchSubnet,
    /// Adds a replica.
    AddReplica,
    /// Removes a replica.
    RemoveReplica,
    /// Starts or stops nodes.
    SwitchNodes,
}

impl JobKind {
    /// Returns the word that the API shows.
    ///
    /// The pages name two of them only; the others are in their manner.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configure => "modifyConfigJob",
            Self::SetWhitelist => "modifyWhitelistJob",
            Self::SwitchEncryption => "modifySslJob",
            Self::SwitchClientIps => "modifyClientIpTransJob",
            Self::MigrateZones => "migrateAzJob",
            Self::SwitchSubnet => "switchSubnetJob",
            Self::AddReplica => "addReplicaJob",
            Self::RemoveReplica => "deleteReplicaJob",
            Self::SwitchNodes => "modifyNodeStatusJob",
        }
    }
}

/// A job that is about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
}

/// A job that has begun. It outlives its instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does, in the API's word.
    pub kind: String,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// Why it failed, if it did.
    pub fail_reason: Option<String>,
}

impl Job {
    /// Returns where it is.
    pub fn course(&self) -> Course {
        match (self.ended_at, &self.fail_reason) {
            (None, _) => Course::Running,
            (Some(_), None) => Course::Succeeded,
            (Some(_), Some(_)) => Course::Failed,
        }
    }
}
