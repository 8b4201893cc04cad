//! What of the catalogue is on offer: not every cloud sells everything.
//!
//! Source: docs/clouds.md.

use std::fmt;
use std::str::FromStr;

use crate::domain::catalogue::{Cpu, Edition, Family};
use crate::domain::instance::Engine;

/// What is sold beside x86 products of Redis 4.0 and later, which always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is sold or not")]
pub struct Offers {
    first_generation: bool,
    memcached: bool,
    arm64: bool,
    enterprise: bool,
}

const FIRST_GENERATION: &str = "redis-3.0";
const MEMCACHED: &str = "memcached";
const ARM64: &str = "arm64";
const ENTERPRISE: &str = "enterprise";

impl Offers {
    /// Everything.
    pub const ALL: Self = Self { first_generation: true, memcached: true, arm64: true, enterprise: true };

    /// Returns whether the products of a family are sold.
    pub fn has(self, family: &Family) -> bool {
        let is_engine_sold = match family.engine {
            Engine::Memcached => self.memcached,
            Engine::Redis => self.first_generation || !family.is_first_generation(),
        };
        let is_cpu_sold = self.arm64 || family.cpu != Cpu::Arm;
        is_engine_sold && is_cpu_sold && (self.enterprise || family.edition != Edition::Enterprise)
    }

    fn by_word(&mut self, word: &str) -> Option<&mut bool> {
        match word {
            FIRST_GENERATION => Some(&mut self.first_generation),
            MEMCACHED => Some(&mut self.memcached),
            ARM64 => Some(&mut self.arm64),
            ENTERPRISE => Some(&mut self.enterprise),
            _ => None,
        }
    }
}

/// A text names something that is always sold, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be all, none, or some of redis-3.0, memcached, arm64 and enterprise, separated by commas")]
pub struct UnknownOffer;

impl FromStr for Offers {
    type Err = UnknownOffer;

    fn from_str(text: &str) -> Result<Self, UnknownOffer> {
        let mut offers = match text {
            "all" => return Ok(Self::ALL),
            "none" => return Ok(Self::default()),
            _ => Self::default(),
        };
        for word in text.split(',') {
            *offers.by_word(word.trim()).ok_or(UnknownOffer)? = true;
        }
        Ok(offers)
    }
}

impl fmt::Display for Offers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.first_generation, FIRST_GENERATION),
            (self.memcached, MEMCACHED),
            (self.arm64, ARM64),
            (self.enterprise, ENTERPRISE),
        ];
        let sold: Vec<&str> = words.into_iter().filter(|(sold, _)| *sold).map(|(_, word)| word).collect();
        formatter.write_str(if sold.is_empty() { "none" } else { "" })?;
        formatter.write_str(&sold.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::products;

    #[test]
    fn what_is_on_offer_is_written_as_it_is_read() {
        for text in ["none", "redis-3.0", "memcached,arm64", "redis-3.0,memcached,arm64,enterprise"] {
            assert_eq!(text.parse::<Offers>().unwrap().to_string(), text);
        }
        assert_eq!("all".parse(), Ok(Offers::ALL));
        assert_eq!(" arm64 , enterprise".parse::<Offers>().unwrap().to_string(), "arm64,enterprise");
        for text in ["", "arm", "redis-4.0", "all,arm64", "arm64,"] {
            assert_eq!(text.parse::<Offers>(), Err(UnknownOffer), "{text}");
        }
    }

    #[test]
    fn products_are_sold_as_far_as_they_are_on_offer() {
        let sold = |offers: Offers, code: &str| {
            products().iter().any(|product| product.spec_code == code && offers.has(product.family))
        };
        for (code, word) in [
            ("dcs.single_node", "redis-3.0"),
            ("dcs.memcached.single_node", "memcached"),
            ("redis.single.au1.large.2", "arm64"),
            ("redis.ha.xu1.large.enthp.8", "enterprise"),
        ] {
            assert!(sold(word.parse().unwrap(), code) && sold(Offers::ALL, code), "{code}");
            assert!(!sold(Offers::default(), code), "{code}");
        }
        assert!(sold(Offers::default(), "redis.single.xu1.large.2"));
    }
}
