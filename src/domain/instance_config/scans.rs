//! Scans that run by themselves, and the policy of bandwidth.
//!
//! Source: docs/contract/dcs-v2.md, sections 2.8 to 2.11 and 2.20.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::refusal::Refusal;

/// A time of day, `HH:mm`, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScanTime {
    minutes: u16,
}

impl ScanTime {
    /// Takes `HH:mm`.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str| {
            let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = (number(hour)?, number(minute)?);
        (hour < 24 && minute < 60).then_some(Self { minutes: hour * 60 + minute })
    }
}

impl fmt::Display for ScanTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl TryFrom<String> for ScanTime {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("must be HH:mm")
    }
}

impl From<ScanTime> for String {
    fn from(time: ScanTime) -> Self {
        time.to_string()
    }
}

/// A scan for big or hot keys, at some times of each day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyScan {
    #[serde(rename = "enabled")]
    is_enabled: bool,
    at: Vec<ScanTime>,
}

impl DailyScan {
    /// The most times of a day.
    const MOST_TIMES: usize = 24;

    /// Takes times, in their order.
    ///
    /// # Errors
    /// `InvalidParameter` (`schedule_at`) if it is to run at no time, or at too many.
    pub fn new(is_enabled: bool, at: Vec<ScanTime>) -> Result<Self, Refusal> {
        if (is_enabled && at.is_empty()) || at.len() > Self::MOST_TIMES {
            return Err(Refusal::InvalidParameter { name: "schedule_at" });
        }
        Ok(Self { is_enabled, at })
    }

    /// Returns whether it runs.
    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Returns when it runs, in the order given.
    pub fn times(&self) -> &[ScanTime] {
        &self.at
    }
}

/// A scan for expired keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiredKeyScan {
    /// Whether it runs.
    #[serde(rename = "enabled")]
    pub is_enabled: bool,
    /// When it first runs, as it was written: a reader finds it again letter by letter.
    pub first_scan_at: Option<String>,
    /// Seconds from one run to the next.
    pub interval_s: Option<u64>,
    /// Seconds after which a run is given up.
    pub timeout_s: Option<u64>,
    /// Keys of one step.
    pub keys: Option<u32>,
}

impl ExpiredKeyScan {
    /// The fewest and the most keys of a step. Known quirk: the page says at most 1000, clients send 20000.
    const KEYS: std::ops::RangeInclusive<u32> = 10..=100_000;

    /// Decides whether the scan can run so. Whether its first time is a time is decided by who reads it.
    ///
    /// # Errors
    /// `InvalidScanTimeout`, `InvalidScanKeys`.
    pub fn checked(self) -> Result<Self, Refusal> {
        if let Some(timeout) = self.timeout_s {
            let interval = self.interval_s.unwrap_or(0);
            let fits = if interval == 0 { timeout > 1 } else { timeout >= interval.saturating_mul(2) };
            if !fits {
                return Err(Refusal::InvalidScanTimeout);
            }
        }
        if self.keys.is_some_and(|keys| !Self::KEYS.contains(&keys)) {
            return Err(Refusal::InvalidScanKeys);
        }
        Ok(self)
    }
}

/// When bandwidth grows and shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandwidthPolicy {
    /// Minutes that are looked at.
    pub window_minutes: u32,
    /// Percent of use from which bandwidth grows.
    pub upper_percent: u32,
    /// Seconds from one growth to the next.
    pub grow_cooldown_s: u64,
    /// How it shrinks again; not at all if nothing is said.
    #[serde(flatten)]
    pub scale_in: ScaleIn,
}

/// How bandwidth shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleIn {
    /// Whether it does.
    #[serde(rename = "shrinks")]
    pub is_enabled: Option<bool>,
    /// Percent of use below which it does.
    pub lower_percent: Option<u32>,
    /// Seconds from one time to the next.
    #[serde(rename = "shrink_cooldown_s")]
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
    fn times_of_day_are_read_and_written() {
        for good in ["00:00", "07:30", "23:59"] {
            assert_eq!(ScanTime::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "24:00", "23:60", "7:30", "07:3", "07-30", "0730", "+7:30", "07:30:00"] {
            assert_eq!(ScanTime::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_scan_that_runs_has_a_time() {
        let noon = ScanTime::parse("12:00").unwrap();
        assert!(DailyScan::new(true, vec![noon]).is_ok());
        assert!(DailyScan::new(false, Vec::new()).is_ok());
        assert!(DailyScan::new(true, Vec::new()).is_err());
        assert!(DailyScan::new(true, vec![noon; 25]).is_err());
    }

    #[test]
    fn the_timeout_leaves_room_for_two_intervals() {
        let scan = |interval_s, timeout_s| {
            ExpiredKeyScan { interval_s, timeout_s, ..ExpiredKeyScan::default() }.checked()
        };
        assert!(scan(Some(10), Some(20)).is_ok());
        assert_eq!(scan(Some(10), Some(19)), Err(Refusal::InvalidScanTimeout));
        assert!(scan(Some(0), Some(2)).is_ok());
        assert_eq!(scan(Some(0), Some(1)), Err(Refusal::InvalidScanTimeout));
        assert!(scan(Some(10), None).is_ok());
        let keys = |keys| ExpiredKeyScan { keys: Some(keys), ..ExpiredKeyScan::default() }.checked();
        assert!(keys(10).is_ok() && keys(20_000).is_ok());
        assert_eq!(keys(9), Err(Refusal::InvalidScanKeys));
    }

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
