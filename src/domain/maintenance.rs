//! The windows of time, of a day in UTC, in which an instance may be maintained.
//!
//! Source: wire contract v1.0, section 2.28; v2, section 2.15; `decisions` no. 20.

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
