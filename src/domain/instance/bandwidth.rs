//! The bandwidth of an instance: assured by its product, more for shards that were given more, and twice of it for a week.
//!
//! What is kept is how much more a shard has than is assured: so that an instance of another size keeps it.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 9.

use uuid::Uuid;

use crate::domain::catalogue::Edition;
use crate::domain::instance::nodes::Of;
use crate::domain::instance::{CacheMode, Instance};
use crate::domain::network::{BandwidthChanges, BandwidthTargets, Expansion, ShardSurplus};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// What a shard can be given at most, unless more is assured, in Mbit/s.
pub const MAX_OF_SHARD: u32 = 2048;
/// How often the bandwidth of an instance can be doubled.
pub const MAX_EXPANSIONS: u32 = 3;
/// What an instance behind proxies has at most while it is doubled, in Mbit/s.
const MAX_OF_PROXIES: u32 = 10_000;
/// What a shard is given is a multiple of this.
const STEP: u32 = 8;

/// The bandwidth of a shard, in Mbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardBandwidth {
    /// The id of the shard.
    pub group_id: Uuid,
    /// When it was changed, if it was.
    pub updated_at: Option<Timestamp>,
    /// What it has.
    pub bandwidth: u32,
    /// What it can be given at most.
    pub max: u32,
    /// What is assured.
    pub assured: u32,
}

impl Instance {
    /// Returns whether its shards can be given another bandwidth.
    pub fn can_change_bandwidth(&self) -> bool {
        !self.engine_version.is_first_generation() && self.product().family.edition == Edition::Generic
    }

    /// Returns the bandwidth of each shard, in their order.
    pub fn shard_bandwidths(&self) -> Vec<ShardBandwidth> {
        let changes = self.bandwidth.clone().unwrap_or_default();
        let shards: Vec<ShardBandwidth> = (0..)
            .zip(self.assured())
            .map(|(number, assured)| {
                let group_id = self.part_id(Of::Group, number);
                let kept = changes.shards.get(&number);
                let max = assured.max(MAX_OF_SHARD);
                let bandwidth = assured + kept.map_or(0, |kept| kept.surplus);
                let updated_at = kept.map(|kept| kept.updated_at);
                ShardBandwidth { group_id, updated_at, bandwidth: bandwidth.min(max), max, assured }
            })
            .collect();
        if !changes.expansion.is_some_and(|expansion| expansion.is_running) {
            return shards;
        }
        let usual: Vec<u32> = shards.iter().map(|shard| shard.bandwidth).collect();
        let doubled = divided(self.doubled(usual.iter().sum()), &usual);
        shards
            .into_iter()
            .zip(doubled)
            .map(|(shard, bandwidth)| ShardBandwidth { bandwidth, ..shard })
            .collect()
    }

    /// Returns what of its bandwidth is assured for each shard.
    fn assured(&self) -> Vec<u32> {
        let topology = self.topology();
        let shards = usize::try_from(topology.sharding_count).unwrap_or(usize::MAX);
        divided(topology.bandwidth_mbit, &vec![1; shards])
    }

    /// Returns what becomes of a bandwidth while it is doubled.
    fn doubled(&self, usual: u32) -> u32 {
        let doubled = usual.saturating_mul(2);
        if self.cache_mode == CacheMode::Proxy { doubled.min(usual.max(MAX_OF_PROXIES)) } else { doubled }
    }

    /// Decides what shards are given of what a caller wants: `wanted` are ids of shards, each with Mbit/s.
    ///
    /// # Errors
    /// `InvalidParameter` (`instance_id`) if nothing can be changed, or it is doubled just now; (`group_id`) for a shard that it has not;
    /// (`target_bandwidth`) for more than a shard can be given; (`group_bandwidths`) for more of them than there are shards.
    pub fn bandwidth_targets(&self, wanted: &[(String, u64)]) -> Result<BandwidthTargets, Refusal> {
        let is_doubled = self.bandwidth.as_ref().and_then(|changes| changes.expansion);
        if !self.can_change_bandwidth() || is_doubled.is_some_and(|expansion| expansion.is_running) {
            return Err(Refusal::InvalidParameter { name: "instance_id" });
        }
        let shards = self.shard_bandwidths();
        if wanted.len() > shards.len() {
            return Err(Refusal::InvalidParameter { name: "group_bandwidths" });
        }
        let target = |(id, target): &(String, u64)| {
            let found = (0..).zip(&shards).find(|(_, shard)| shard.group_id.to_string() == *id);
            let (number, shard) = found.ok_or(Refusal::InvalidParameter { name: "group_id" })?;
            let target = u32::try_from(*target).ok().filter(|target| *target <= shard.max);
            let target = target.ok_or(Refusal::InvalidParameter { name: "target_bandwidth" })?;
            Ok((number, (target - target % STEP).max(shard.assured)))
        };
        wanted.iter().map(target).collect()
    }

    /// Returns what is kept once shards have the bandwidth that they are to have.
    pub fn with_bandwidths(&self, targets: &BandwidthTargets, at: Timestamp) -> BandwidthChanges {
        let mut changes = self.bandwidth.clone().unwrap_or_default();
        for ((number, assured), target) in (0..).zip(self.assured()).filter_map(|(number, assured)| {
            let target = targets.iter().rev().find(|(of, _)| *of == number)?.1;
            Some(((number, assured), target))
        }) {
            let surplus = target.saturating_sub(assured);
            changes.shards.insert(number, ShardSurplus { surplus, updated_at: at });
        }
        changes
    }

    /// Returns what is kept once the instance has its size: shards that are gone have nothing, and come back with what is assured.
    pub fn bandwidth_of_its_shards(&self) -> Option<BandwidthChanges> {
        let count = self.topology().sharding_count;
        let mut changes = self.bandwidth.clone()?;
        changes.shards.retain(|number, _| *number < count);
        Some(changes)
    }

    /// Returns what is kept once the bandwidth is doubled.
    ///
    /// # Errors
    /// `InvalidParameter` (`instance_id`) for the first generation, if it is doubled already, was of late, or too often, or nothing
    /// can be added.
    pub fn expanded(&self, now: Timestamp) -> Result<BandwidthChanges, Refusal> {
        let mut changes = self.bandwidth.clone().unwrap_or_default();
        let usual: u32 = self.shard_bandwidths().iter().map(|shard| shard.bandwidth).sum();
        let last = changes.expansion;
        let is_too_soon = last.is_some_and(|last| last.is_running || now < last.next_at());
        let count = last.map_or(0, |last| last.count);
        if self.engine_version.is_first_generation()
            || is_too_soon
            || count >= MAX_EXPANSIONS
            || self.doubled(usual) == usual
        {
            return Err(Refusal::InvalidParameter { name: "instance_id" });
        }
        changes.expansion = Some(Expansion { count: count + 1, begin_at: now, is_running: true });
        Ok(changes)
    }

    /// Returns what is kept once the bandwidth is no longer doubled.
    pub fn no_longer_expanded(&self) -> BandwidthChanges {
        let mut changes = self.bandwidth.clone().unwrap_or_default();
        if let Some(expansion) = &mut changes.expansion {
            expansion.is_running = false;
        }
        changes
    }
}

/// Divides a whole in proportion to `parts`, in whole numbers: what is left over goes to the first ones.
fn divided(whole: u32, parts: &[u32]) -> Vec<u32> {
    let total: u64 = parts.iter().map(|part| u64::from(*part)).sum();
    let share = |part: &u32| u64::from(whole) * u64::from(*part) / total.max(1);
    let left = u64::from(whole) - parts.iter().map(share).sum::<u64>();
    let shares = (0..).zip(parts).map(|(place, part)| share(part) + u64::from(place < left));
    shares.map(|share| u32::try_from(share).unwrap_or(u32::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::divided;

    #[test]
    fn a_whole_is_divided_without_a_rest() {
        assert_eq!(divided(2304, &[1, 1, 1]), [768, 768, 768]);
        assert_eq!(divided(10_000, &[1; 3]), [3334, 3333, 3333]);
        assert_eq!(divided(600, &[200, 100]), [400, 200]);
        assert_eq!(divided(5, &[]), [] as [u32; 0]);
    }
}
