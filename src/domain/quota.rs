//! How much a project may have, and how much it has.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.25; docs/contract/dcs-v2.md, section 2.12.

use crate::domain::refusal::Refusal;

/// How much a project may have. Where nothing is set nothing is refused, and a usual figure is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// How many instances.
    pub instances: Option<u32>,
    /// How much memory, in GB.
    pub memory_gb: Option<u32>,
}

/// How much a project has, or is about to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many instances.
    pub instances: u64,
    /// How much memory all of them have together, in MB.
    pub memory_mb: u64,
}

impl Usage {
    /// Returns the memory in GB, rounded up.
    pub fn memory_gb(self) -> u64 {
        self.memory_mb.div_ceil(MB_IN_GB)
    }
}

const MB_IN_GB: u64 = 1024;

impl Quota {
    /// How many instances are shown as the limit where none is set.
    const DEFAULT_INSTANCES: u32 = 20;
    /// How much memory is shown as the limit where none is set, in GB.
    const DEFAULT_MEMORY_GB: u32 = 512;

    /// Returns the limit of instances that is shown: at least what is `used`, which a seed can have more of.
    pub fn shown_instances(self, used: Usage) -> u64 {
        u64::from(self.instances.unwrap_or(Self::DEFAULT_INSTANCES)).max(used.instances)
    }

    /// Returns the limit of memory that is shown, in GB: at least what is `used`.
    pub fn shown_memory_gb(self, used: Usage) -> u64 {
        u64::from(self.memory_gb.unwrap_or(Self::DEFAULT_MEMORY_GB)).max(used.memory_gb())
    }

    /// Decides whether a project that has `used` may get `more`.
    ///
    /// # Errors
    /// `InstanceQuotaExceeded`, `MemoryQuotaExceeded`; in this order.
    pub fn permit(self, used: Usage, more: Usage) -> Result<(), Refusal> {
        let is_over = |limit: Option<u32>, total: u64, unit: u64| {
            limit.is_some_and(|limit| total > u64::from(limit) * unit)
        };
        if more.instances > 0 && is_over(self.instances, used.instances + more.instances, 1) {
            return Err(Refusal::InstanceQuotaExceeded);
        }
        if more.memory_mb > 0 && is_over(self.memory_gb, used.memory_mb + more.memory_mb, MB_IN_GB) {
            return Err(Refusal::MemoryQuotaExceeded);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn usage(instances: u64, memory_mb: u64) -> Usage {
        Usage { instances, memory_mb }
    }

    #[test]
    fn a_project_may_have_as_much_as_its_quota_and_no_more() {
        let quota = Quota { instances: Some(2), memory_gb: Some(4) };
        assert_eq!(quota.permit(usage(1, 2048), usage(1, 2048)), Ok(()));
        assert_eq!(quota.permit(usage(2, 0), usage(1, 128)), Err(Refusal::InstanceQuotaExceeded));
        assert_eq!(quota.permit(usage(1, 2048), usage(1, 2176)), Err(Refusal::MemoryQuotaExceeded));
        assert_eq!(quota.permit(usage(1, 3968), usage(1, 128)), Ok(()));
        assert_eq!(quota.permit(usage(2, 9999), usage(1, 9999)), Err(Refusal::InstanceQuotaExceeded));
    }

    #[test]
    fn what_grows_by_nothing_is_within_a_quota_that_is_exceeded_already() {
        let quota = Quota { instances: Some(1), memory_gb: Some(1) };
        assert_eq!(quota.permit(usage(3, 0), usage(0, 128)), Ok(()));
        assert_eq!(quota.permit(usage(0, 9999), usage(1, 0)), Ok(()));
    }

    #[test]
    fn without_a_quota_everything_is_permitted() {
        assert_eq!(Quota::default().permit(usage(1_000_000, 1 << 40), usage(100, 1 << 30)), Ok(()));
        let shown = |used| (Quota::default().shown_instances(used), Quota::default().shown_memory_gb(used));
        assert_eq!(shown(Usage::default()), (20, 512));
        assert_eq!(shown(usage(21, 513 * 1024)), (21, 513));
    }

    #[test]
    fn a_part_of_a_gigabyte_counts_as_a_whole_one() {
        for (memory_mb, memory_gb) in [(0, 0), (128, 1), (1024, 1), (1152, 2)] {
            assert_eq!(usage(1, memory_mb).memory_gb(), memory_gb);
        }
    }
}
