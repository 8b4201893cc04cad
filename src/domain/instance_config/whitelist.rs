//! The addresses that may connect to an instance.
//!
//! Source: docs/contract/dcs-v2.md, section 2.10.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::domain::instance::{Engine, EngineVersion};
use crate::domain::refusal::Refusal;

/// The groups of addresses that may connect, and whether they alone may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whitelist {
    #[serde(rename = "enabled")]
    is_enabled: bool,
    groups: Vec<WhitelistGroup>,
}

/// A named group of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhitelistGroup {
    /// Its name.
    pub name: String,
    /// Addresses, and ranges of them in CIDR notation, as they were written.
    pub addresses: Vec<String>,
}

impl Whitelist {
    /// The most groups.
    pub const MAX_GROUPS: usize = 4;
    /// The most addresses in all groups together.
    pub const MAX_ADDRESSES: usize = 20;
    /// The most characters of a group's name.
    const MAX_NAME_CHARACTERS: usize = 64;
    /// The parameter that a refusal names.
    const PARAMETER: &'static str = "whitelist";

    /// Takes groups, in their order.
    ///
    /// # Errors
    /// `InvalidParameter` (`whitelist`) if there are too many groups or addresses, a name is empty, too long or there twice,
    /// or a text is no IPv4 address or range, or stands for every address.
    pub fn new(is_enabled: bool, groups: Vec<WhitelistGroup>) -> Result<Self, Refusal> {
        let addresses = groups.iter().flat_map(|group| &group.addresses);
        let fits = groups.len() <= Self::MAX_GROUPS && addresses.clone().count() <= Self::MAX_ADDRESSES;
        let named = groups.iter().enumerate().all(|(position, group)| {
            let length = group.name.chars().count();
            (1..=Self::MAX_NAME_CHARACTERS).contains(&length)
                && groups[..position].iter().all(|other| other.name != group.name)
        });
        if fits && named && addresses.clone().all(|text| is_address(text)) {
            Ok(Self { is_enabled, groups })
        } else {
            Err(Refusal::InvalidParameter { name: Self::PARAMETER })
        }
    }

    /// Decides whether an instance of that engine and version can have one.
    ///
    /// # Errors
    /// `InstanceStateUnsupported` in the first generation.
    pub fn permit(engine: Engine, version: &EngineVersion) -> Result<(), Refusal> {
        let first_generation = engine == Engine::Memcached || version.is_first_generation();
        if first_generation { Err(Refusal::InstanceStateUnsupported) } else { Ok(()) }
    }

    /// Returns whether only these addresses may connect.
    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Returns the groups in their order.
    pub fn groups(&self) -> &[WhitelistGroup] {
        &self.groups
    }
}

/// Returns whether a text is an IPv4 address or a range of them, but not one that stands for all.
fn is_address(text: &str) -> bool {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<Ipv4Addr>() else { return false };
    let is_all = address.is_unspecified() && bits.is_none_or(|bits| bits == "0");
    let fits = bits.is_none_or(|bits| {
        (1..=2).contains(&bits.len())
            && bits.bytes().all(|byte| byte.is_ascii_digit())
            && bits.parse().is_ok_and(|bits: u8| bits <= 32)
    });
    fits && !is_all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, addresses: &[&str]) -> WhitelistGroup {
        WhitelistGroup {
            name: name.to_owned(),
            addresses: addresses.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    #[test]
    fn addresses_and_ranges_are_taken() {
        for good in ["10.0.0.1", "10.0.0.0/8", "192.168.1.4/32", "10.0.0.0/0"] {
            assert!(Whitelist::new(true, vec![group("g", &[good])]).is_ok(), "{good}");
        }
        for bad in [
            "",
            "10.0.0",
            "10.0.0.256",
            "::1",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "0.0.0.0",
            "0.0.0.0/0",
            "a",
        ] {
            assert!(Whitelist::new(true, vec![group("g", &[bad])]).is_err(), "{bad}");
        }
    }

    #[test]
    fn groups_and_addresses_are_counted_and_names_are_one_each() {
        let twenty = vec!["10.0.0.1"; 20];
        let groups = |names: &[&str]| names.iter().map(|name| group(name, &[])).collect::<Vec<_>>();
        assert!(Whitelist::new(false, groups(&["a", "b", "c", "d"])).is_ok());
        assert!(Whitelist::new(false, groups(&["a", "b", "c", "d", "e"])).is_err());
        assert!(Whitelist::new(false, groups(&["a", "a"])).is_err());
        assert!(Whitelist::new(false, groups(&[""])).is_err());
        assert!(Whitelist::new(true, vec![group("a", &twenty)]).is_ok());
        assert!(Whitelist::new(true, vec![group("a", &twenty), group("b", &["10.0.0.1"])]).is_err());
    }
}
