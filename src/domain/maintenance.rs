//! The windows of time, of a day in UTC, in which an instance may be maintained.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.28; docs/contract/dcs-v2.md, section 2.15; docs/decisions/README.md no. 20.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// How long after a try in vain the next one is.
const RETRY_AFTER: Duration = Duration::from_hours(1);
const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A window that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// Its place in the list, from 1.
    pub number: u8,
    /// The hour at which it begins.
    pub begin_hour: u8,
    /// How many hours it is long.
    pub hours: u8,
}

/// The hour at which the first window of each length begins.
const FIRST_LONG: u8 = 22;
const FIRST_SHORT: u8 = 18;

impl MaintenanceWindow {
    /// How many windows of four hours there are. They come first; v1.0 shows only them.
    pub const LONG: usize = 6;
    /// The window of an instance for which none is asked: 02:00 to 06:00.
    pub const DEFAULT: Self = Self { number: 2, begin_hour: 2, hours: 4 };

    /// Returns every window: six of four hours, then twenty-four of one.
    pub fn all() -> impl Iterator<Item = Self> {
        let long = (0..6).map(|at| (at + 1, FIRST_LONG + 4 * at, 4));
        let short = (0..24).map(|at| (at + 7, FIRST_SHORT + at, 1));
        long.chain(short).map(|(number, hour, hours)| Self { number, begin_hour: hour % 24, hours })
    }

    /// Returns the window between two times as callers write them, `HH:mm:ss` or `HH:mm`, if it is offered.
    pub fn between(begin: &str, end: &str) -> Option<Self> {
        let (begin, end) = (whole_hour(begin)?, whole_hour(end)?);
        Self::all().find(|window| window.begin_hour == begin && window.end_hour() == end)
    }

    /// Returns the hour at which it ends.
    pub fn end_hour(self) -> u8 {
        (self.begin_hour + self.hours) % 24
    }

    /// Returns when it opens next; none if it is open at `time`.
    pub fn opens_after(self, time: Timestamp) -> Option<Timestamp> {
        let begin_ms = i64::from(self.begin_hour) * HOUR_MS;
        let open_for_ms = (time.as_millis() - begin_ms).rem_euclid(DAY_MS);
        if open_for_ms < i64::from(self.hours) * HOUR_MS {
            return None;
        }
        let left = u64::try_from(DAY_MS - open_for_ms).unwrap_or(0);
        Some(time.saturating_add(Duration::from_millis(left)))
    }

    /// Returns when what was tried in vain at `time` is tried again: an hour later, or when the window opens next. None where time
    /// ends before it.
    pub fn next_try(self, time: Timestamp) -> Option<Timestamp> {
        let later = time.saturating_add(RETRY_AFTER);
        Some(self.opens_after(later).unwrap_or(later)).filter(|next| *next > time)
    }

    /// Returns when it begins, as an instance shows it.
    pub fn begin(self) -> String {
        format!("{:02}:00:00", self.begin_hour)
    }

    /// Returns when it ends, as an instance shows it.
    pub fn end(self) -> String {
        format!("{:02}:00:00", self.end_hour())
    }
}

/// Reads a time that is a whole hour.
fn whole_hour(text: &str) -> Option<u8> {
    let digits = text.strip_suffix(":00:00").or_else(|| text.strip_suffix(":00"))?;
    let is_hour = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|hour| is_hour && *hour < 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_six_long_windows_and_then_twenty_four_short_ones() {
        let windows: Vec<_> = MaintenanceWindow::all().collect();
        assert_eq!(windows.len(), 30);
        for (at, window) in windows.iter().enumerate() {
            assert_eq!(usize::from(window.number), at + 1);
            assert_eq!(window.hours == 4, at < MaintenanceWindow::LONG);
        }
        assert_eq!((windows[0].begin().as_str(), windows[0].end().as_str()), ("22:00:00", "02:00:00"));
        assert_eq!(windows[1], MaintenanceWindow::DEFAULT);
        assert_eq!((windows[6].begin_hour, windows[29].begin_hour), (18, 17));
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_opens_once_a_day_also_across_midnight() {
        let night = MaintenanceWindow::between("22:00", "02:00").unwrap();
        for (time, opens_at) in [
            ("2024-02-28T21:59:59.999Z", Some("2024-02-28T22:00:00Z")),
            ("2024-02-28T22:00:00Z", None),
            ("2024-02-29T01:59:59.999Z", None),
            ("2024-02-29T02:00:00Z", Some("2024-02-29T22:00:00Z")),
            ("1970-01-01T01:00:00Z", None),
        ] {
            assert_eq!(night.opens_after(at(time)), opens_at.map(at), "{time}");
        }
    }

    #[test]
    fn what_was_tried_in_vain_is_tried_hourly_while_the_window_is_open() {
        let window = MaintenanceWindow::DEFAULT;
        for (time, next) in [
            ("2024-02-28T02:00:00Z", "2024-02-28T03:00:00Z"),
            ("2024-02-28T04:00:00Z", "2024-02-28T05:00:00Z"),
            ("2024-02-28T05:00:00Z", "2024-02-29T02:00:00Z"),
        ] {
            assert_eq!(window.next_try(at(time)), Some(at(next)), "{time}");
        }
        assert_eq!(window.next_try(Timestamp::MAX), None);
    }

    #[test]
    fn every_window_is_found_by_its_times_in_either_form() {
        for window in MaintenanceWindow::all() {
            let (begin, end) = (window.begin(), window.end());
            assert_eq!(MaintenanceWindow::between(&begin, &end), Some(window));
            assert_eq!(MaintenanceWindow::between(&begin[..5], &end), Some(window));
        }
        for (begin, end) in
            [("02:00:00", "07:00:00"), ("01:00:00", "05:00:00"), ("02:30:00", "06:30:00"), ("24:00", "01:00")]
        {
            assert_eq!(MaintenanceWindow::between(begin, end), None, "{begin}-{end}");
        }
        for text in ["", "2:00", "+2:00:00", "02", "02:00:00:00", "002:00"] {
            assert_eq!(whole_hour(text), None, "{text}");
        }
    }
}
