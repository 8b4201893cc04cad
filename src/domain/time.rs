//! Points in time, as whole milliseconds, and the offset of the zone that names are written in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDateTime, SecondsFormat, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};

/// A point in time: whole milliseconds since 1970-01-01 00:00:00 UTC, up to the end of the year 9999.
///
/// Whole milliseconds, so that a value comes back from the database and from the wire as it went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(i64);

/// The number of milliseconds lies outside the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time must lie between 1970-01-01 and 9999-12-31, but is {millis} ms")]
pub struct TimestampOutOfRange {
    millis: i64,
}

/// A text is no time of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time such as 2026-01-02T03:04:05Z, from 1970 to 9999")]
pub struct InvalidTimestamp;

/// The longest duration that anything here lasts: 100 years.
pub const MAX_DURATION: Duration = Duration::from_hours(100 * 365 * 24);

impl Timestamp {
    /// 1970-01-01 00:00:00.000 UTC.
    pub const MIN: Self = Self(0);
    /// 9999-12-31 23:59:59.999 UTC.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Takes Unix seconds, of this century or so: what is out of range would be no time.
    pub(crate) const fn from_seconds(seconds: u32) -> Self {
        Self(seconds as i64 * 1000)
    }

    /// Takes Unix milliseconds.
    ///
    /// # Errors
    /// [`TimestampOutOfRange`] before 1970 and after 9999.
    pub fn from_millis(millis: i64) -> Result<Self, TimestampOutOfRange> {
        if (Self::MIN.0..=Self::MAX.0).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(TimestampOutOfRange { millis })
        }
    }

    /// Returns the time of the system's calendar; what lies outside the range is moved to its nearest end.
    pub fn from_utc(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis().clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns the Unix time in milliseconds.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the Unix time in whole seconds.
    pub fn as_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// Returns the time `duration` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(Self::MAX.0))
    }

    /// Returns the time `duration` earlier, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis).max(Self::MIN.0))
    }

    /// Returns how much later this is than `earlier`; zero if it is not later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// Returns the time as a calendar date and time in UTC.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Returns the digits `yyyyMMddHHmmss` of this time in the zone `offset`, as record names carry them.
    pub fn compact_local(self, offset: UtcOffset) -> String {
        let local: NaiveDateTime = self.to_utc().naive_utc() + offset.to_delta();
        // The formats of chrono are read anew each time, which took a fifth of what a list costs.
        let (date, time) = (local.date(), local.time());
        let (year, month, day) = (date.year(), date.month(), date.day());
        format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", time.hour(), time.minute(), time.second())
    }

    /// Returns the time as the API writes it: UTC, exactly three fractional digits, a literal `Z`.
    pub fn to_rfc3339(self) -> String {
        self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads a time as RFC 3339 writes it; what is finer than a millisecond is cut off.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTimestamp)?;
        Self::from_millis(time.timestamp_millis()).map_err(|_| InvalidTimestamp)
    }
}

impl fmt::Display for Timestamp {
    /// Writes the time as the API does.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The offset from UTC of the zone in which record names are written, from -14:00 to +14:00.
///
/// Source: docs/contract/dcs-v1.0.md, switch `naming.utc_offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtcOffset {
    minutes: i16,
}

/// The text or number is not an offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an offset from UTC between -14:00 and +14:00, such as +08:00")]
pub struct InvalidUtcOffset;

impl UtcOffset {
    /// UTC itself.
    pub const UTC: Self = Self { minutes: 0 };
    /// Largest distance from UTC, in minutes.
    const MAX_MINUTES: i16 = 14 * 60;

    /// Takes minutes east of UTC.
    ///
    /// # Errors
    /// [`InvalidUtcOffset`] beyond 14 hours either way.
    pub fn from_minutes(minutes: i16) -> Result<Self, InvalidUtcOffset> {
        if (-Self::MAX_MINUTES..=Self::MAX_MINUTES).contains(&minutes) {
            Ok(Self { minutes })
        } else {
            Err(InvalidUtcOffset)
        }
    }

    /// Returns minutes east of UTC.
    pub fn as_minutes(self) -> i16 {
        self.minutes
    }

    fn to_delta(self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.minutes))
    }
}

impl FromStr for UtcOffset {
    type Err = InvalidUtcOffset;

    fn from_str(text: &str) -> Result<Self, InvalidUtcOffset> {
        let (sign, digits) = match text.as_bytes() {
            [b'+', rest @ ..] => (1, rest),
            [b'-', rest @ ..] => (-1, rest),
            _ => return Err(InvalidUtcOffset),
        };
        let [h1 @ b'0'..=b'9', h2 @ b'0'..=b'9', b':', m1 @ b'0'..=b'5', m2 @ b'0'..=b'9'] = *digits else {
            return Err(InvalidUtcOffset);
        };
        let digit = |byte: u8| i16::from(byte - b'0');
        let hours = digit(h1) * 10 + digit(h2);
        let minutes = digit(m1) * 10 + digit(m2);
        Self::from_minutes(sign * (hours * 60 + minutes))
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.unsigned_abs();
        write!(formatter, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_carry_the_digits_of_the_local_time() {
        let created_at = Timestamp::from_millis(1_583_130_904_512).unwrap();
        assert_eq!(created_at.compact_local("+08:00".parse().unwrap()), "20200302143504");
        assert_eq!(created_at.compact_local("-03:30".parse().unwrap()), "20200302030504");
    }

    #[test]
    fn an_offset_has_a_sign_two_digits_a_colon_and_two_digits() {
        for text in ["", "08:00", "+8:00", "+08:60", "+15:00", "-14:01", "+0800", "+08:00 "] {
            assert_eq!(text.parse::<UtcOffset>(), Err(InvalidUtcOffset), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_offset_survives_its_text(minutes in -UtcOffset::MAX_MINUTES..=UtcOffset::MAX_MINUTES) {
            let offset = UtcOffset::from_minutes(minutes).unwrap();
            prop_assert_eq!(offset.to_string().parse::<UtcOffset>(), Ok(offset));
        }

        #[test]
        fn a_number_is_a_time_exactly_within_the_range(millis: i64) {
            let inside = (0..=Timestamp::MAX.as_millis()).contains(&millis);
            prop_assert_eq!(Timestamp::from_millis(millis).is_ok(), inside);
        }
    }
}
