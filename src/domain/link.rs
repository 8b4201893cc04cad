//! How long download links are good, and the names of the files of backups.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.4; docs/contract/dcs-v2.md, section 2.1; docs/decisions/README.md no. 8.

use std::time::Duration;

use crate::domain::backup::Backup;
use crate::domain::instance::{CacheMode, Instance};

/// How long a download link is good: 300 to 86,400 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkLifetime(u32);

/// The number is outside what a link's life may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a link is good for {} to {} seconds", LinkLifetime::MIN_SECONDS, LinkLifetime::MAX_SECONDS)]
pub struct InvalidLinkLifetime;

impl LinkLifetime {
    /// The shortest life, in seconds.
    pub const MIN_SECONDS: u32 = 300;
    /// The longest life, in seconds.
    pub const MAX_SECONDS: u32 = 86_400;
    /// A day.
    pub const DAY: Self = Self(Self::MAX_SECONDS);

    /// Takes a number of seconds.
    ///
    /// # Errors
    /// [`InvalidLinkLifetime`] outside the limits.
    pub fn from_seconds(seconds: u64) -> Result<Self, InvalidLinkLifetime> {
        u32::try_from(seconds)
            .ok()
            .filter(|seconds| (Self::MIN_SECONDS..=Self::MAX_SECONDS).contains(seconds))
            .map(Self)
            .ok_or(InvalidLinkLifetime)
    }

    /// Returns the life as a duration.
    pub fn as_duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

/// The range of hash slots that the file of a sharded instance covers: all of them.
const ALL_SLOTS: &str = "0-16383";

/// Returns the name of a backup's file.
///
/// `{yyyyMMddHHmmss}_redis.{rdb|aof}`; of a sharded instance `redis_{ip}_{port}_{slots}_{yyyyMMddHHmmss}.{rdb|aof}`.
pub fn file_name(backup: &Backup, instance: &Instance) -> String {
    let time = backup.created_at.compact_local(backup.name_offset);
    let extension = backup.format.as_str();
    match instance.cache_mode {
        CacheMode::Single | CacheMode::Ha | CacheMode::HaRwSplit => format!("{time}_redis.{extension}"),
        CacheMode::Cluster | CacheMode::Proxy => {
            format!("redis_{}_{}_{ALL_SLOTS}_{time}.{extension}", instance.ip, instance.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_lives_from_five_minutes_to_a_day() {
        for (seconds, good) in
            [(0, false), (299, false), (300, true), (86_400, true), (86_401, false), (u64::MAX, false)]
        {
            assert_eq!(LinkLifetime::from_seconds(seconds).is_ok(), good, "{seconds}");
        }
    }
}
