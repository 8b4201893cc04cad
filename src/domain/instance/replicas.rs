//! What of an instance's replicas is not as its product has it: those that were added to a shard, or taken from it.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.21; docs/contract/dcs-v2.md, section 3, "Paths outside the SDK".

use std::str::FromStr;

use uuid::Uuid;

use crate::domain::instance::Instance;
use crate::domain::refusal::Refusal;

/// The highest number that a copy of a shard can have.
const LAST_COPY: u32 = 65_535;

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

/// How the replicas of an instance change when it becomes another product that keeps its data alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplicaCounts<'r> {
    /// How many shards there will be.
    pub shards: u32,
    /// How many copies each will have, the master included.
    pub copies: u32,
    /// The codes of the zones of new replicas, shard by shard; from the first again where they run out.
    pub zones: &'r [String],
    /// The node that goes before all others.
    pub leaving: Option<Uuid>,
}

impl Instance {
    /// Returns the number that the next copy of a shard gets: no copy has had it before.
    ///
    /// # Errors
    /// `TooManyReplicas` if all are used up.
    pub(super) fn next_copy(&self, shard: u32) -> Result<u32, Refusal> {
        let of_shard = self.replicas.iter().filter(|replica| replica.shard == shard);
        let last = of_shard.map(|replica| replica.copy).max().unwrap_or(0);
        let next = last.saturating_add(1).max(self.topology().replica_count);
        if next > LAST_COPY { Err(Refusal::TooManyReplicas) } else { Ok(next) }
    }

    /// Returns what of its replicas is not as its new product has it. Those that stay keep copy and zone; of those that go the
    /// one that was named is first, then the last ones; those that come are in the zones that were named, or in the one whose turn it is.
    ///
    /// # Errors
    /// `TooManyReplicas` if their numbers are used up.
    pub(super) fn replicas_by(&self, counts: ReplicaCounts<'_>) -> Result<Vec<ReplicaChange>, Refusal> {
        let (mut changes, mut zones) = (Vec::new(), counts.zones.iter().cycle());
        let wanted = usize::try_from(counts.copies).unwrap_or(usize::MAX);
        for (shard, group) in (0..counts.shards).zip(self.node_groups()) {
            let stays = group.nodes.into_iter().filter(|node| Some(node.id) != counts.leaving);
            let mut copies: Vec<(u32, String)> = stays.map(|node| (node.copy, node.zone_code)).collect();
            copies.truncate(wanted);
            let mut next = self.next_copy(shard)?;
            while copies.len() < wanted {
                if next > LAST_COPY {
                    return Err(Refusal::TooManyReplicas);
                }
                let zone = zones.next().map_or_else(|| self.zone_at(next), String::as_str);
                copies.push((next, zone.to_owned()));
                next += 1;
            }
            for copy in 1..next.max(counts.copies) {
                let is_own = copy < counts.copies;
                changes.extend(match copies.iter().find(|(number, _)| *number == copy) {
                    Some((_, zone)) if is_own && zone == self.zone_at(copy) => None,
                    Some((_, zone)) => Some(ReplicaChange::added(shard, copy, zone.clone())),
                    None => Some(ReplicaChange::removed(shard, copy)),
                });
            }
        }
        Ok(changes)
    }
}

impl ReplicaChange {
    fn added(shard: u32, copy: u32, zone_code: String) -> Self {
        Self { shard, copy, zone_code: Some(zone_code), course: ReplicaCourse::Added }
    }

    fn removed(shard: u32, copy: u32) -> Self {
        Self { shard, copy, zone_code: None, course: ReplicaCourse::Removed }
    }
}
