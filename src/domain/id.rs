//! Identifiers. Each thing has a type of its own, so that one id cannot be passed for another.
//!
//! Hexadecimal input is taken in either case; what is shown is always lower case.
//!
//! Source: docs/contract/dcs-v1.0.md, section 1.2.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid, Variant, Version};

use crate::domain::time::Timestamp;

/// The text is not an identifier of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not 32 hexadecimal digits.
    #[error("must be 32 hexadecimal digits without dashes")]
    NotHex32,
    /// Not the 8-4-4-4-12 form.
    #[error("must be a UUID: 8-4-4-4-12 hexadecimal digits")]
    NotUuid,
}

/// Length of an id of 32 hexadecimal digits, in characters.
pub const HEX32_LENGTH: usize = 32;
/// Length of a UUID in its 8-4-4-4-12 form, in characters.
pub const UUID_LENGTH: usize = 36;

/// An id of something that is made here.
pub trait Identifier: Copy + Send + Sync {
    /// Makes an id of 128 random bits for what comes into being at `at`.
    fn from_random(random: [u8; 16], at: Timestamp) -> Self;

    /// Returns its 16 bytes.
    fn as_bytes(&self) -> &[u8; 16];
}

/// Defines an identifier over 128 bits with the text form that the parse and display functions give it.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $length:expr, $error:expr, $form:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Returns the 16 bytes of the id, in the order of its text.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Writes the text of the id into `buffer`, without an allocation.
            pub fn encode<'a>(&self, buffer: &'a mut [u8; $length]) -> &'a str {
                self.0.$form().encode_lower(buffer)
            }

            /// Makes an id of 128 random bits for what comes into being at `at`.
            ///
            /// It has the form of a version 4 UUID, as the service's own ids have, but its first 48 bits are the time in
            /// milliseconds: ids that are made one after the other lie side by side in the unique index, so that a create
            /// costs the same at five million records as at none. 74 random bits remain.
            pub fn from_random(random: [u8; 16], at: Timestamp) -> Self {
                Self(time_ordered(random, at))
            }

            /// Restores an id from the bytes that [`Self::as_bytes`] gave.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != $length {
                    return Err($error);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| $error)
            }
        }

        impl Identifier for $name {
            fn from_random(random: [u8; 16], at: Timestamp) -> Self {
                Self::from_random(random, at)
            }

            fn as_bytes(&self) -> &[u8; 16] {
                self.as_bytes()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.$form(), formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}

identifier! {
    /// A project, the tenant that owns instances. 32 hexadecimal digits.
    ProjectId, HEX32_LENGTH, InvalidId::NotHex32, simple
}
identifier! {
    /// One request, as `X-Request-Id` and the audit name it. 32 hexadecimal digits.
    RequestId, HEX32_LENGTH, InvalidId::NotHex32, simple
}
identifier! {
    /// A cache instance. A UUID of any version.
    InstanceId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// A backup record. A UUID of any version.
    BackupId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}

identifier! {
    /// A restore record. A UUID of any version.
    RestoreId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// Something in the network of a project: a VPC, a subnet, a security group, a rule. A UUID of any version.
    NetworkId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// An enterprise project that was made. A UUID of any version.
    EnterpriseProjectId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// A user. 32 hexadecimal digits.
    UserId, HEX32_LENGTH, InvalidId::NotHex32, simple
}
identifier! {
    /// A domain, the account that users and projects belong to. 32 hexadecimal digits.
    DomainId, HEX32_LENGTH, InvalidId::NotHex32, simple
}
identifier! {
    /// A project's own template of parameters. A UUID of any version.
    TemplateId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// A time at which parameters of an instance changed. A UUID of any version.
    ParameterChangeId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// A background task of an instance. 32 hexadecimal digits.
    TaskId, HEX32_LENGTH, InvalidId::NotHex32, simple
}
identifier! {
    /// A job that an answer names. 32 hexadecimal digits.
    JobId, HEX32_LENGTH, InvalidId::NotHex32, simple
}

identifier! {
    /// An account of an instance. A UUID of any version.
    AccountId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// An analysis of the keys of an instance. A UUID of any version.
    AnalysisId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// A report of a diagnosis of an instance. A UUID of any version.
    DiagnosisId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// A file of the run log of an instance. A UUID of any version.
    RunLogId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}
identifier! {
    /// A migration of data into an instance. A UUID of any version.
    MigrationId, UUID_LENGTH, InvalidId::NotUuid, hyphenated
}

/// Puts the milliseconds of `at` in front of random bits and marks the result as a version 4 UUID.
fn time_ordered(mut random: [u8; 16], at: Timestamp) -> Uuid {
    random[..6].copy_from_slice(&at.as_millis().to_be_bytes()[2..]);
    Builder::from_bytes(random).with_variant(Variant::RFC4122).with_version(Version::Random).into_uuid()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hex_is_taken_in_either_case_and_shown_in_lower_case() {
        let project: ProjectId = "A4A5d4098fb4474fA22cd05f897d6b99".parse().unwrap();
        assert_eq!(project.to_string(), "a4a5d4098fb4474fa22cd05f897d6b99");
        let instance: InstanceId = "5560DF16-cebf-4473-95c4-d1b573c16e79".parse().unwrap();
        assert_eq!(instance.to_string(), "5560df16-cebf-4473-95c4-d1b573c16e79");
    }

    #[test]
    fn other_forms_of_a_uuid_are_refused() {
        for text in [
            "",
            "5560df16cebf447395c4d1b573c16e79",
            "{5560df16-cebf-4473-95c4-d1b573c16e79}",
            "urn:uuid:5560df16-cebf-4473-95c4-d1b573c16e79",
            "5560df16-cebf-4473-95c4-d1b573c16e7",
            "5560df16-cebf-4473-95c4-d1b573c16e7g",
            "5560df16-cebf-4473-95c4d-1b573c16e79",
        ] {
            assert_eq!(text.parse::<InstanceId>(), Err(InvalidId::NotUuid), "{text}");
        }
        assert_eq!("5560df16-cebf-4473-95c4-d1b573c1".parse::<ProjectId>(), Err(InvalidId::NotHex32));
    }

    #[test]
    fn ids_made_later_sort_later_and_have_the_form_of_version_4() {
        let earlier = BackupId::from_random([0xff; 16], Timestamp::from_millis(1_583_130_004_512).unwrap());
        let later = BackupId::from_random([0x00; 16], Timestamp::from_millis(1_583_130_004_513).unwrap());
        assert!(earlier < later);
        assert_eq!(earlier.0.get_version(), Some(Version::Random));
        assert_eq!(earlier.0.get_variant(), Variant::RFC4122);
    }

    proptest! {
        #[test]
        fn every_id_survives_its_text_and_its_bytes(bytes: [u8; 16]) {
            let backup = BackupId::from_bytes(bytes);
            prop_assert_eq!(backup.to_string().parse::<BackupId>(), Ok(backup));
            let project = ProjectId::from_bytes(bytes);
            prop_assert_eq!(project.to_string().parse::<ProjectId>(), Ok(project));
            prop_assert_eq!(BackupId::from_bytes(*backup.as_bytes()), backup);
        }

        #[test]
        fn a_text_is_an_id_exactly_when_it_matches_the_contract(text in "[0-9a-fA-Fg-]{30,38}") {
            let is_hex32 = text.len() == 32 && text.chars().all(|c| c.is_ascii_hexdigit());
            prop_assert_eq!(text.parse::<ProjectId>().is_ok(), is_hex32);
        }
    }
}
