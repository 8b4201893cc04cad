//! Scans that run by themselves, and the policy of bandwidth.
//!
//! Source: docs/contract/dcs-v2.md, sections 2.8 to 2.11 and 2.20.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::domain::key_analysis::MAX_ANALYSES;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// A day.
const DAY: Duration = Duration::from_hours(24);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

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

    /// Returns when it is that time of day for the first time after `time`.
    fn first_after(self, time: Timestamp) -> Option<Timestamp> {
        let midnight = time.as_millis() - time.as_millis().rem_euclid(DAY_MS);
        let today = midnight + i64::from(self.minutes) * 60_000;
        let next = if today > time.as_millis() { today } else { today + DAY_MS };
        Timestamp::from_millis(next).ok()
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
    const MAX_TIMES: usize = 24;

    /// Takes times, in their order.
    ///
    /// # Errors
    /// `InvalidParameter` (`schedule_at`) if it is to run at no time, or at too many.
    pub fn new(is_enabled: bool, at: Vec<ScanTime>) -> Result<Self, Refusal> {
        if (is_enabled && at.is_empty()) || at.len() > Self::MAX_TIMES {
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

    /// Returns when it runs next after `time`, where it is `now`: runs so long ago that newer ones take the place of their records
    /// are left out.
    pub fn next_run(&self, time: Timestamp, now: Timestamp) -> Option<Timestamp> {
        if !self.is_enabled {
            return None;
        }
        let a_day: BTreeSet<u16> = self.at.iter().map(|at| at.minutes).collect();
        let days = u32::try_from(MAX_ANALYSES.div_ceil(a_day.len().max(1))).unwrap_or(u32::MAX);
        let time = time.max(now.saturating_sub(DAY.saturating_mul(days)));
        self.at.iter().filter_map(|at| at.first_after(time)).min()
    }
}

/// Reads the time at which a scan for expired keys first runs: with a zone, or without, which is UTC.
pub fn scan_start(text: &str) -> Option<Timestamp> {
    const LONGEST: usize = 40;
    if text.len() > LONGEST {
        return None;
    }
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let time = zoned
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc()));
    time.ok().map(Timestamp::from_utc)
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

    /// Returns when it runs next after `time`, where it is `now` and it was set at `set_at`, from which on it counts if it has no first
    /// time. Without an interval it runs once. What is left out is as for [`DailyScan::next_run`].
    pub fn next_run(&self, set_at: Timestamp, time: Timestamp, now: Timestamp) -> Option<Timestamp> {
        if !self.is_enabled {
            return None;
        }
        let first = self.first_scan_at.as_deref().and_then(scan_start).unwrap_or(set_at);
        if first > time {
            return Some(first);
        }
        let interval = Duration::from_secs(self.interval_s.filter(|interval| *interval > 0)?);
        let kept = interval.saturating_mul(u32::try_from(MAX_ANALYSES).unwrap_or(u32::MAX));
        let time = time.max(now.saturating_sub(kept));
        let interval = i64::try_from(interval.as_millis()).ok()?;
        let intervals = (time.as_millis() - first.as_millis()).div_euclid(interval) + 1;
        let next = first.as_millis().checked_add(intervals.max(1).checked_mul(interval)?)?;
        Timestamp::from_millis(next).ok()
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

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_daily_scan_runs_at_each_of_its_times() {
        let times = ["22:30", "03:00"].map(|text| ScanTime::parse(text).unwrap()).to_vec();
        let scan = DailyScan::new(true, times.clone()).unwrap();
        let mut time = at("2024-02-28T22:30:00Z");
        for next in ["2024-02-29T03:00:00Z", "2024-02-29T22:30:00Z", "2024-03-01T03:00:00Z"] {
            assert_eq!(scan.next_run(time, time), Some(at(next)));
            time = at(next);
        }
        assert_eq!(scan.next_run(at("2024-02-29T02:59:59.999Z"), time), Some(at("2024-02-29T03:00:00Z")));
        // Of the years that were missed as many days stay as have records.
        let late = scan.next_run(at("2024-02-28T22:30:00Z"), at("2034-03-01T00:00:00Z"));
        assert_eq!(late, Some(at("2034-01-10T03:00:00Z")));
        assert_eq!(DailyScan::new(false, times).unwrap().next_run(time, time), None);
        assert_eq!(scan.next_run(Timestamp::MAX, Timestamp::MAX), None);
    }

    #[test]
    fn a_scan_for_expired_keys_runs_at_intervals_from_its_first_time() {
        let scan = |first: Option<&str>, interval_s| ExpiredKeyScan {
            is_enabled: true,
            first_scan_at: first.map(str::to_owned),
            interval_s,
            ..ExpiredKeyScan::default()
        };
        let set = at("2024-01-01T00:00:00Z");
        let next = |scan: &ExpiredKeyScan, time: &str| scan.next_run(set, at(time), at(time));
        let every_minute = scan(Some("2024-01-01T10:00:05.000"), Some(60));
        assert_eq!(next(&every_minute, "2024-01-01T00:00:00Z"), Some(at("2024-01-01T10:00:05Z")));
        assert_eq!(next(&every_minute, "2024-01-01T10:00:05Z"), Some(at("2024-01-01T10:01:05Z")));
        assert_eq!(next(&every_minute, "2024-01-01T10:01:04.999Z"), Some(at("2024-01-01T10:01:05Z")));
        let late = every_minute.next_run(set, at("2024-01-01T10:00:05Z"), at("2025-01-01T10:00:05Z"));
        assert_eq!(late, Some(at("2025-01-01T08:21:05Z")));
        let once = scan(Some("2024-01-01T10:00:05+02:00"), None);
        assert_eq!(next(&once, "2024-01-01T00:00:00Z"), Some(at("2024-01-01T08:00:05Z")));
        assert_eq!(next(&once, "2024-01-01T08:00:05Z"), None);
        assert_eq!(next(&scan(None, Some(60)), "2024-01-01T00:00:00Z"), Some(at("2024-01-01T00:01:00Z")));
        assert_eq!(next(&scan(None, Some(u64::MAX)), "2024-01-01T00:00:00Z"), None);
        assert_eq!(next(&ExpiredKeyScan { is_enabled: false, ..every_minute }, "2024-01-01T00:00:00Z"), None);
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
