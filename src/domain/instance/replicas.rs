//! What of an instance's replicas is not as its product has it: those that were added to a shard, or taken from it.
//!
//! Source: wire contract v1.0, section 2.21; v2, section 3, "Paths outside the SDK".

use std::str::FromStr;

/// A replica of a shard that is there beside those of the product, or one of the product that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Adding, Self::Added, Self::Removing, Self::Removed];

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

/// The word names no course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of adding, added, removing, removed")]
pub struct UnknownReplicaCourse;

impl FromStr for ReplicaCourse {
    type Err = UnknownReplicaCourse;

    fn from_str(text: &str) -> Result<Self, UnknownReplicaCourse> {
        Self::ALL.into_iter().find(|course| course.as_str() == text).ok_or(UnknownReplicaCourse)
    }
}
