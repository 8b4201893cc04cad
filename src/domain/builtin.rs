//! Things that are there without being asked for: the account, the network and the zones behind seeded instances.

use crate::domain::id::NetworkId;
use crate::domain::time::Timestamp;

/// The id of the domain that users and projects belong to, unless a seed names another.
pub const DOMAIN_ID: &str = "d78cbac186b744899480f25bd022f468";
/// The name of that domain.
pub const DOMAIN_NAME: &str = "emulator-domain";
/// The id of the project that is there while no seed names one.
pub const PROJECT_ID: &str = "4f1c0e9b4d7a4e0b8b7c2a5d9e3f1a60";
/// The access key of the built-in user.
pub const ACCESS_KEY: &str = "EMULATORACCESSKEY000";
/// The secret of that key. Public, and meant to be: it opens nothing but an emulator.
pub const SECRET_KEY: &str = "emulator-secret-key";
/// The id of the built-in user.
pub const USER_ID: &str = "9bfac09d9bcd4eb7bb1465a7bcff815b";
/// The name of the built-in user.
pub const USER_NAME: &str = "emulator";
/// The password of the built-in user. Public as the secret is.
pub const PASSWORD: &str = "emulator-password";
/// The Argon2 hash of that password.
pub const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=2048,t=1,p=1$ZGNzLWVtdWxhdG9yLS0tLQ$x81qhiCpEfJGWcq/ZlX3HpruSFNm+Za64Z9EumlzFpc";
/// The virtual private cloud of seeded instances.
pub const VPC_ID: &str = "c5cd009b-9ba9-41f2-9a26-2b8c3f3ffd39";
/// The subnet of seeded instances.
pub const SUBNET_ID: &str = "7e95c4d6-d7af-424c-a3cf-2be10968fe81";
/// The subnet of seeded instances within the network service below.
pub const NEUTRON_SUBNET_ID: &str = "1f0e5b9c-5d3a-4c0e-9a35-5b7b3c9a8d10";
/// The security group of seeded instances of the first engine generation.
pub const SECURITY_GROUP_ID: &str = "d57fad27-e3e9-43b7-9498-0a698ab63b27";
/// The rules of that group.
pub const SECURITY_RULE_IDS: [&str; 4] = [
    "7b1c8f0e-53f8-4c6a-8e2b-0d3f5a9c1e01",
    "7b1c8f0e-53f8-4c6a-8e2b-0d3f5a9c1e02",
    "7b1c8f0e-53f8-4c6a-8e2b-0d3f5a9c1e03",
    "7b1c8f0e-53f8-4c6a-8e2b-0d3f5a9c1e04",
];
/// When the network came into being that every project begins with: 2020-01-01 00:00:00 UTC.
pub const CREATED_AT: Timestamp = Timestamp::from_seconds(1_577_836_800);
/// The ids of the availability zones, in the order of their codes.
pub const ZONE_IDS: [&str; 3] = [
    "ae04cf9d61544df3806a3feeb401b204",
    "d573142f24894ef3bd3664de068b44b0",
    "effdcbc7d4d64a02aa1fa26b42f56533",
];

/// Returns one of the ids of that network. They are well-formed, as a test makes sure.
pub(super) fn network_id(text: &str) -> NetworkId {
    text.parse().unwrap_or_else(|_| NetworkId::from_bytes([0; 16]))
}

/// An availability zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its id.
    pub id: &'static str,
    /// Its code, which is its name too.
    pub code: String,
    /// The port by which clients tell zones apart. It means nothing else.
    pub port: String,
}

/// The port of the first zone; those of the others follow.
const FIRST_ZONE_PORT: usize = 8002;

/// Returns the zones of a region.
pub fn zones(region: &str) -> [Zone; ZONE_IDS.len()] {
    std::array::from_fn(|at| Zone {
        id: ZONE_IDS[at],
        code: zone_code(region, at + 1),
        port: (FIRST_ZONE_PORT + at).to_string(),
    })
}

/// The letters of the zones of a region that ends with a number.
const ZONE_LETTERS: [char; ZONE_IDS.len()] = ['a', 'b', 'c'];

/// Returns the code of zone `number` (from 1) of a region: `eu-de-01`, or `cn-north-4a` where the region ends with a number of its own.
pub fn zone_code(region: &str, number: usize) -> String {
    let is_numbered =
        region.rsplit('-').next().is_some_and(|end| end.bytes().all(|byte| byte.is_ascii_digit()));
    match ZONE_LETTERS.get(number.wrapping_sub(1)).filter(|_| is_numbered) {
        Some(letter) => format!("{region}{letter}"),
        None => format!("{region}-{number:02}"),
    }
}

/// Returns the id of the zone with a code: the one of its number, `eu-de-02` being the second, or of its letter.
pub fn zone_id(code: &str) -> Option<&'static str> {
    let end = code.rsplit('-').next()?;
    let number: usize = match ZONE_LETTERS.iter().position(|letter| end.ends_with(*letter)) {
        Some(at) => end[..end.len() - 1].parse::<u32>().ok().map(|_| at + 1)?,
        None => end.parse().ok()?,
    };
    ZONE_IDS.get(number.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_the_network_is_one() {
        for id in [VPC_ID, SUBNET_ID, NEUTRON_SUBNET_ID, SECURITY_GROUP_ID].iter().chain(&SECURITY_RULE_IDS) {
            assert_eq!(network_id(id).to_string(), *id);
        }
    }

    #[test]
    fn every_zone_has_a_code_and_an_id() {
        for (index, id) in ZONE_IDS.into_iter().enumerate() {
            for region in ["eu-de", "eu-ch2", "cn-north-4", "eu-west-101"] {
                assert_eq!(zone_id(&zone_code(region, index + 1)), Some(id));
            }
        }
        assert_eq!(zone_code("cn-north-4", 2), "cn-north-4b");
        for unknown in ["eu-de-00", "eu-de-04", "eu-de", "", "cn-north-4d", "cn-north-a", "cn-north-4"] {
            assert_eq!(zone_id(unknown), None, "{unknown}");
        }
    }
}
