//! The attributes of an instance that have a form of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::backup_file::BackupFormat;
use crate::domain::catalogue;
use crate::domain::refusal::Refusal;

/// The name of an instance: 4 to 64 characters, a letter first, then letters, digits, `_` and `-` (ASCII).
///
/// Source: docs/contract/dcs-v1.0.md, section 2.7 `name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct InstanceName(String);

/// The text cannot be the name of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have {} to {} characters, a letter first, then only letters, digits, '_' and '-'",
    InstanceName::MIN_CHARACTERS,
    InstanceName::MAX_CHARACTERS
)]
pub struct InvalidInstanceName;

impl InstanceName {
    /// The fewest characters of a name.
    pub const MIN_CHARACTERS: usize = 4;
    /// The most characters of a name.
    pub const MAX_CHARACTERS: usize = 64;

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for InstanceName {
    type Error = InvalidInstanceName;

    fn try_from(text: String) -> Result<Self, InvalidInstanceName> {
        let fits = (Self::MIN_CHARACTERS..=Self::MAX_CHARACTERS).contains(&text.len());
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic());
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if fits && starts_well && is_plain { Ok(Self(text)) } else { Err(InvalidInstanceName) }
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The cache engine of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Engine {
    /// Redis.
    Redis,
    /// Memcached.
    Memcached,
}

/// The word names no cache engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be Redis or Memcached")]
pub struct InvalidEngine;

impl Engine {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Memcached => "Memcached",
        }
    }

    /// Returns the port an instance listens on when none is asked for.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Redis => 6379,
            Self::Memcached => 11211,
        }
    }
}

impl FromStr for Engine {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, InvalidEngine> {
        [Self::Redis, Self::Memcached]
            .into_iter()
            .find(|engine| engine.as_str().eq_ignore_ascii_case(text))
            .ok_or(InvalidEngine)
    }
}

/// The version of a cache engine, as its creator wrote it. Empty for Memcached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineVersion(String);

/// The text is no version that the engine is offered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 3.0, 3.0.7, 4.0, 5.0, 6.0 or 7.0 for Redis and empty for Memcached")]
pub struct InvalidEngineVersion;

impl EngineVersion {
    /// Takes a version that `engine` is offered in.
    ///
    /// # Errors
    /// [`InvalidEngineVersion`] for any other text.
    pub fn new(engine: Engine, text: String) -> Result<Self, InvalidEngineVersion> {
        if catalogue::is_offered(engine, &text) { Ok(Self(text)) } else { Err(InvalidEngineVersion) }
    }

    /// Returns the version that an instance gets when none is asked for.
    pub fn default_of(engine: Engine) -> Self {
        Self(match engine {
            Engine::Redis => "5.0".to_owned(),
            Engine::Memcached => String::new(),
        })
    }

    /// Returns the version as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the format that backups have when none is asked for: `aof` for Redis 3.x, else `rdb`.
    ///
    /// Source: docs/contract/dcs-v2.md, section 2.1 `backup_format`.
    pub fn backup_format(&self, engine: Engine) -> BackupFormat {
        match engine {
            Engine::Redis if self.is_first_generation() => BackupFormat::Aof,
            Engine::Redis | Engine::Memcached => BackupFormat::Rdb,
        }
    }

    /// Returns whether it is of the first generation (Redis 3.0 or Memcached), whose products, networks and backup
    /// files differ from all later ones.
    pub fn is_first_generation(&self) -> bool {
        self.0.is_empty() || self.0.starts_with("3.")
    }
}

/// The memory of an instance, in whole MB: 128, 256, 512, or whole GB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Capacity {
    megabytes: u32,
}

/// The number cannot be the memory of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 0.125, 0.25, 0.5 or a whole number of GB from 1 to {}", Capacity::MAX_GB)]
pub struct InvalidCapacity;

impl TryFrom<u32> for Capacity {
    type Error = InvalidCapacity;

    fn try_from(megabytes: u32) -> Result<Self, InvalidCapacity> {
        Self::from_megabytes(megabytes)
    }
}

impl From<Capacity> for u32 {
    fn from(capacity: Capacity) -> Self {
        capacity.megabytes
    }
}

impl Capacity {
    /// The largest capacity, in GB.
    pub const MAX_GB: u32 = 4096;
    const MB_IN_GB: u32 = 1024;
    /// Two gigabytes, what an instance has unless something else is asked for or sold.
    pub const TWO_GB: Self = Self { megabytes: 2 * Self::MB_IN_GB };

    /// Takes a number of megabytes.
    ///
    /// # Errors
    /// [`InvalidCapacity`] unless it is 128, 256, 512 or whole GB up to [`Capacity::MAX_GB`].
    pub const fn from_megabytes(megabytes: u32) -> Result<Self, InvalidCapacity> {
        let whole_gb = megabytes > 0 && megabytes.is_multiple_of(Self::MB_IN_GB);
        let offered = matches!(megabytes, 128 | 256 | 512) || whole_gb;
        if offered && megabytes <= Self::MAX_GB * Self::MB_IN_GB {
            Ok(Self { megabytes })
        } else {
            Err(InvalidCapacity)
        }
    }

    /// Takes a number of gigabytes, which may be 0.125, 0.25 or 0.5.
    ///
    /// # Errors
    /// [`InvalidCapacity`] as for [`Capacity::from_megabytes`].
    pub fn from_gigabytes(gigabytes: f64) -> Result<Self, InvalidCapacity> {
        let megabytes = gigabytes * f64::from(Self::MB_IN_GB);
        let in_range = (1.0..=f64::from(Self::MAX_GB * Self::MB_IN_GB)).contains(&megabytes);
        if !in_range || megabytes.fract() != 0.0 {
            return Err(InvalidCapacity);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number inside the range, checked above"
        )]
        Self::from_megabytes(megabytes as u32)
    }

    /// Returns the capacity in MB.
    pub fn as_megabytes(self) -> u32 {
        self.megabytes
    }

    /// Returns the capacity in GB, as [`Capacity::from_gigabytes`] takes it.
    pub fn as_gigabytes(self) -> f64 {
        f64::from(self.megabytes) / f64::from(Self::MB_IN_GB)
    }

    /// Returns the whole gigabytes; zero below one.
    pub fn whole_gb(self) -> u32 {
        self.megabytes / Self::MB_IN_GB
    }

    /// Returns the fraction of a capacity below one gigabyte as the API writes it, without a leading zero.
    pub fn minor(self) -> Option<&'static str> {
        match self.megabytes {
            128 => Some(".125"),
            256 => Some(".25"),
            512 => Some(".5"),
            _ => None,
        }
    }
}

/// The network an instance is in: what its project has, or ids of nothing, kept as given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Network {
    /// The virtual private cloud.
    pub vpc_id: String,
    /// The subnet.
    pub subnet_id: String,
    /// The security group; none from engine version 4.0 on.
    pub security_group_id: Option<String>,
    /// What they are called.
    #[serde(default)]
    pub names: NetworkNames,
}

/// What is known of the network an instance is in, as its project has it at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct NetworkNames {
    /// The name of the virtual private cloud.
    pub vpc: Option<String>,
    /// The name of the subnet.
    pub subnet: Option<String>,
    /// Its range.
    pub cidr: Option<String>,
    /// The name of the security group.
    pub group: Option<String>,
    /// Its public address.
    pub public_address: Option<std::net::Ipv4Addr>,
}

/// The user that created an instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Creator {
    /// The user's id.
    pub user_id: String,
    /// The user's name.
    pub user_name: String,
}

/// How an instance is paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Billing {
    /// By the hour.
    #[default]
    PostPaid,
    /// In advance, by an order.
    PrePaid {
        /// The order's id; what a seed says of an instance need not name one.
        order_id: Option<String>,
    },
}

impl Billing {
    /// Returns the number that the API shows.
    pub fn charging_mode(&self) -> u8 {
        match self {
            Self::PostPaid => 0,
            Self::PrePaid { .. } => 1,
        }
    }

    /// Returns the id of the order, if there is one.
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Self::PostPaid => None,
            Self::PrePaid { order_id } => order_id.as_deref(),
        }
    }
}

/// How the clients of an instance get in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whether they need no password.
    pub no_password: bool,
    /// The user they log in as; only Memcached has one.
    pub user: Option<String>,
    /// Whether connections are encrypted.
    pub ssl: bool,
    /// Whether it has a public address.
    pub public_ip: bool,
    /// The id of that address, if one was named.
    pub public_ip_id: Option<String>,
    /// The load balancer before that address, if one was named.
    pub elb_id: Option<String>,
}

/// New names of commands, by their usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenameCommands(BTreeMap<String, String>);

impl RenameCommands {
    /// The commands that can have another name.
    const COMMANDS: [&str; 9] =
        ["command", "keys", "flushdb", "flushall", "hgetall", "scan", "hscan", "sscan", "zscan"];

    /// Takes new names.
    ///
    /// # Errors
    /// `InvalidParameter` (`rename_commands`) for a command that keeps its name, or a name that is empty.
    pub fn new(names: BTreeMap<String, String>) -> Result<Self, Refusal> {
        let fits = |(command, name): (&String, &String)| {
            Self::COMMANDS.contains(&command.to_ascii_lowercase().as_str()) && !name.is_empty()
        };
        if names.iter().all(fits) {
            Ok(Self(names))
        } else {
            Err(Refusal::InvalidParameter { name: "rename_commands" })
        }
    }

    /// Returns the new names, by their usual ones.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for good in ["dcs-", "aaaa", "A_-9", &"x".repeat(64)] {
            assert!(InstanceName::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "abc", "1abc", "-abc", "ab c", "äbcd", &"x".repeat(65)] {
            assert_eq!(InstanceName::try_from(bad.to_owned()), Err(InvalidInstanceName), "{bad}");
        }
    }

    #[test]
    fn capacities_below_one_gigabyte_show_zero_and_a_fraction() {
        for (gigabytes, whole, minor) in
            [(0.125, 0, Some(".125")), (0.25, 0, Some(".25")), (0.5, 0, Some(".5")), (2.0, 2, None)]
        {
            let capacity = Capacity::from_gigabytes(gigabytes).unwrap();
            assert_eq!((capacity.whole_gb(), capacity.minor()), (whole, minor));
        }
    }

    #[test]
    fn versions_are_those_that_something_is_sold_in() {
        for version in ["3.0", "3.0.7", "4.0", "5.0", "6.0", "7.0"] {
            assert!(EngineVersion::new(Engine::Redis, version.to_owned()).is_ok(), "{version}");
            assert!(InvalidEngineVersion.to_string().contains(version));
        }
        for (engine, version) in
            [(Engine::Redis, ""), (Engine::Redis, "3.1"), (Engine::Redis, "8.0"), (Engine::Memcached, "5.0")]
        {
            assert_eq!(
                EngineVersion::new(engine, version.to_owned()),
                Err(InvalidEngineVersion),
                "{version}"
            );
        }
        assert!(EngineVersion::new(Engine::Memcached, String::new()).is_ok());
    }

    proptest! {
        #[test]
        fn a_capacity_is_a_small_one_or_whole_gigabytes(megabytes in 0_u32..10_000_000) {
            let expected = matches!(megabytes, 128 | 256 | 512)
                || (megabytes > 0 && megabytes % 1024 == 0 && megabytes <= 4096 * 1024);
            prop_assert_eq!(Capacity::from_megabytes(megabytes).is_ok(), expected);
            prop_assert_eq!(Capacity::from_gigabytes(f64::from(megabytes) / 1024.0).is_ok(), expected);
            if let Ok(capacity) = Capacity::from_megabytes(megabytes) {
                prop_assert_eq!(Capacity::from_gigabytes(capacity.as_gigabytes()), Ok(capacity));
            }
        }
    }
}
