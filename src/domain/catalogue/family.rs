//! What a row of the table says.

use std::fmt;
use std::str::FromStr;

use crate::domain::instance::{CacheMode, Capacity, Engine, EngineVersion};

/// Products that differ only in capacity and number of copies.
#[derive(Debug, PartialEq)]
pub struct Family {
    /// How the codes of its products are written. Without placeholders it is one product, sold in every size.
    pub(super) code: &'static str,
    /// How the codes of the products with two copies were written once. They are still understood.
    pub(super) older_code: Option<&'static str>,
    /// The cache engine.
    pub engine: Engine,
    /// The versions of the engine it is offered in, as callers may write them.
    pub versions: &'static [&'static str],
    /// How its instances keep their data.
    pub mode: CacheMode,
    /// The processors it runs on.
    pub cpu: Cpu,
    /// The edition it belongs to.
    pub edition: Edition,
    /// What its data is kept in.
    pub storage: Storage,
    /// The numbers of copies of each shard, the master included, that it is sold with.
    pub(super) copies: &'static [u32],
    /// The sizes it is sold in, smallest first.
    pub sizes: &'static [Size],
}

/// A size in which a family is sold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// The capacity.
    pub capacity: Capacity,
    /// What of it clients can use, in GB.
    pub usable_gb: f64,
    /// Shards, and proxies in front of them.
    pub shards: Shards,
    /// Connections: as set at first, and at most.
    pub connections: (u32, u32),
    /// Bandwidth in Mbit/s: assured, and at most.
    pub bandwidth: (u32, u32),
}

/// How many shards and proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards {
    /// Shards.
    pub count: u32,
    /// Proxies; none unless the mode has them.
    pub proxies: u32,
}

/// The architecture of processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// Intel and its like.
    X86,
    /// Arm, 64 bits.
    Arm,
}

/// An edition of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// The usual one.
    #[default]
    Generic,
    /// The enterprise edition.
    Enterprise,
}

/// What data is kept in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// Memory.
    #[default]
    Dram,
    /// Memory and flash.
    Ssd,
}

impl Cpu {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "aarch64",
        }
    }
}

impl Edition {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Enterprise => "enterprise",
        }
    }
}

impl Storage {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dram => "DRAM",
            Self::Ssd => "SSD",
        }
    }
}

/// The word names no edition, or nothing that data is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be generic or enterprise, DRAM or SSD")]
pub struct UnknownProductWord;

impl FromStr for Edition {
    type Err = UnknownProductWord;

    fn from_str(text: &str) -> Result<Self, UnknownProductWord> {
        [Self::Generic, Self::Enterprise]
            .into_iter()
            .find(|one| one.as_str() == text)
            .ok_or(UnknownProductWord)
    }
}

impl FromStr for Storage {
    type Err = UnknownProductWord;

    fn from_str(text: &str) -> Result<Self, UnknownProductWord> {
        [Self::Dram, Self::Ssd].into_iter().find(|one| one.as_str() == text).ok_or(UnknownProductWord)
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Size {
    /// Returns what clients can use of it, in whole MB.
    pub fn usable_mb(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most the largest capacity in MB, and rounded"
        )]
        let megabytes = (self.usable_gb * 1024.0).round() as u32;
        megabytes
    }
}

impl Family {
    /// Returns whether it is offered in a version of its engine.
    pub fn offers(&self, version: &EngineVersion) -> bool {
        self.offers_text(version.as_str())
    }

    pub(super) fn offers_text(&self, version: &str) -> bool {
        let has_no_versions = self.versions.is_empty() && version.is_empty();
        has_no_versions || self.versions.contains(&version)
    }

    /// Returns whether it is of the first generation (Redis 3.0 or Memcached).
    pub(super) fn is_first_generation(&self) -> bool {
        self.versions.iter().all(|version| version.starts_with("3."))
    }

    /// Returns the versions it is offered in as one text, `;` between them. A patch level is another spelling of its version.
    pub fn releases(&self) -> String {
        let releases = self.versions.iter().filter(|version| version.matches('.').count() == 1);
        releases.copied().collect::<Vec<_>>().join(";")
    }

    /// Returns whether one code stands for all its sizes.
    pub fn is_tiered(&self) -> bool {
        !self.code.contains("{cap}")
    }

    /// Writes a code of the family.
    pub(super) fn written(form: &str, copies: u32, size: &Size) -> String {
        let capacity = size.capacity;
        let (word, number) = match capacity.whole_gb() {
            0 => ("tiny", capacity.as_megabytes()),
            gigabytes => ("large", gigabytes),
        };
        form.replace("{size}", word)
            .replace("{copies}", &copies.to_string())
            .replace("{cap}", &number.to_string())
    }
}
