//! The policy by which the bandwidth of an instance follows its use. Kept as set; the emulator has no bandwidth to change.
//!
//! Source: docs/contract/dcs-v2.md, section 2.20.

use crate::domain::refusal::Refusal;

/// When bandwidth grows and shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandwidthPolicy {
    /// Minutes that are looked at.
    pub window_minutes: u32,
    /// Percent of use from which bandwidth grows.
    pub upper_percent: u32,
    /// Seconds from one growth to the next.
    pub grow_cooldown_s: u64,
    /// How it shrinks again; not at all if nothing is said.
    pub scale_in: ScaleIn,
}

/// How bandwidth shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScaleIn {
    /// Whether it does.
    pub is_enabled: Option<bool>,
    /// Percent of use below which it does.
    pub lower_percent: Option<u32>,
    /// Seconds from one time to the next.
    pub cooldown_s: Option<u64>,
}

impl BandwidthPolicy {
    const WINDOWS: [u32; 5] = [1, 5, 10, 15, 30];
    const UPPER: [u32; 6] = [50, 60, 70, 80, 90, 95];

    /// Decides whether there can be such a policy.
    ///
    /// # Errors
    /// `InvalidParameter` with the member that is wrong.
    pub fn checked(self) -> Result<Self, Refusal> {
        let wrong = |name| Err(Refusal::InvalidParameter { name });
        if !Self::WINDOWS.contains(&self.window_minutes) {
            return wrong("window_size");
        }
        if !Self::UPPER.contains(&self.upper_percent) {
            return wrong("bandwidth_usage_upper_threshold");
        }
        if self.scale_in.lower_percent.is_some_and(|lower| lower >= self.upper_percent) {
            return wrong("bandwidth_usage_lower_threshold");
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_thresholds_are_those_offered() {
        let policy = BandwidthPolicy {
            window_minutes: 5,
            upper_percent: 80,
            grow_cooldown_s: 60,
            scale_in: ScaleIn { is_enabled: Some(true), lower_percent: Some(20), cooldown_s: Some(60) },
        };
        assert_eq!(policy.checked(), Ok(policy));
        let wrong = |name| Err(Refusal::InvalidParameter { name });
        assert_eq!(BandwidthPolicy { window_minutes: 6, ..policy }.checked(), wrong("window_size"));
        assert_eq!(
            BandwidthPolicy { upper_percent: 55, ..policy }.checked(),
            wrong("bandwidth_usage_upper_threshold")
        );
        let scale_in = ScaleIn { lower_percent: Some(80), ..policy.scale_in };
        assert_eq!(
            BandwidthPolicy { scale_in, ..policy }.checked(),
            wrong("bandwidth_usage_lower_threshold")
        );
    }
}
