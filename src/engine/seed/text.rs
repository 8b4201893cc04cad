//! How values of the domain are written in a seed and in the control API, both ways.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use chrono::DateTime;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::backup::{BackupKind, BackupStatusKind};
use crate::domain::backup_file::BackupFormat;
use crate::domain::catalogue::{Edition, Storage};
use crate::domain::id::{BackupId, DomainId, InstanceId, ProjectId, RestoreId, TemplateId, UserId};
use crate::domain::identity::Secret;
use crate::domain::instance::policy::BackupWindow;
use crate::domain::instance::{CacheMode, Engine, InstanceName, InstanceStatus};
use crate::domain::instance_config::{TagKey, TagValue};
use crate::domain::origin::ApiVersion;
use crate::domain::remark::Remark;
use crate::domain::restore::RestoreStatusKind;
use crate::domain::time::{MAX_DURATION, Timestamp, UtcOffset};
use crate::domain::work::{FailureCode, Progress};

/// A value that a seed writes as a text.
pub(crate) trait SeedText: Sized {
    /// Reads it; the error says what it must be.
    fn read(text: &str) -> Result<Self, String>;
    /// Writes it.
    fn write(&self) -> String;
}

/// A value that stands in a seed as its text, so that what is wrong with it is said at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

/// A duration as people write it: `"200ms"`, `"2h"`, `"30days"`.
pub(crate) type DurationText = Text<Duration>;
/// A time as RFC 3339.
pub(crate) type TimeText = Text<Timestamp>;

impl<T: SeedText> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.write())
    }
}

impl<'de, T: SeedText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Values whose text is the one they are parsed from and displayed as.
macro_rules! displayed {
    ($($name:ty),+) => {$(
        impl SeedText for $name {
            fn read(text: &str) -> Result<Self, String> {
                parsed(text)
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

displayed!(ProjectId, InstanceId, BackupId, RestoreId, UserId, DomainId, TemplateId);
displayed!(CacheMode, Edition, InstanceStatus, Storage, UtcOffset, Progress, Uuid);

/// Values whose text is one of some words.
macro_rules! words {
    ($($name:ty),+) => {$(
        impl SeedText for $name {
            fn read(text: &str) -> Result<Self, String> {
                Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.into_iter().map(|value| value.as_str()).collect();
                    format!("must be one of {}", words.join(", "))
                })
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )+};
}

words!(BackupStatusKind, RestoreStatusKind, BackupKind, FailureCode);

/// Values whose text is the one they are made of.
macro_rules! texts {
    ($($name:ty: $read:expr),+) => {$(
        impl SeedText for $name {
            fn read(text: &str) -> Result<Self, String> {
                $read(text)
            }

            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )+};
}

fn taken<T: TryFrom<String, Error: Display>>(text: &str) -> Result<T, String> {
    T::try_from(text.to_owned()).map_err(|error| error.to_string())
}

texts!(BackupFormat: parsed, BackupWindow: parsed, Engine: parsed, InstanceName: taken, Remark: taken);
texts!(TagKey: taken, TagValue: taken);

impl SeedText for Timestamp {
    fn read(text: &str) -> Result<Self, String> {
        let time = DateTime::parse_from_rfc3339(text).ok();
        time.and_then(|time| Self::from_millis(time.timestamp_millis()).ok())
            .ok_or_else(|| "must be a time such as 2026-01-02T03:04:05Z, from 1970 to 9999".to_owned())
    }

    fn write(&self) -> String {
        self.to_rfc3339()
    }
}

impl SeedText for Duration {
    fn read(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text).ok().filter(|duration| *duration <= MAX_DURATION);
        duration.ok_or_else(|| {
            format!("{text:?} must be a duration of at most 100 years, such as 200ms, 2h or 30days")
        })
    }

    fn write(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

impl SeedText for ApiVersion {
    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| "must be v1.0 or v2".to_owned())
    }

    fn write(&self) -> String {
        self.as_str().to_owned()
    }
}

/// A text of 1 to so many characters, of which no form is known here: ids of networks, codes of products.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Short<const MOST: usize = 64>(pub(super) String);

impl<const MOST: usize> Serialize for Short<MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Short<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.chars().count() > MOST {
            return Err(D::Error::custom(format!("must have 1 to {MOST} characters")));
        }
        if text.contains('\0') {
            return Err(D::Error::custom("must not have U+0000"));
        }
        Ok(Self(text))
    }
}

/// What may be left out and may be null, which is not the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Nullable<T> {
    /// It is left out.
    #[default]
    Absent,
    /// It is null.
    Null,
    /// It is there.
    Given(T),
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Given(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Given))
    }
}

/// A secret: what is wrong with it does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecretText(pub(super) Secret);

/// The most characters of a secret.
const MAX_SECRET_CHARACTERS: usize = 512;

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The usual error would show what it did not like.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("must be a text"))?;
        if text.chars().count() > MAX_SECRET_CHARACTERS {
            return Err(D::Error::custom(format!("must have at most {MAX_SECRET_CHARACTERS} characters")));
        }
        Ok(Self(Secret::new(text)))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

/// Returns an id that follows from a name, so that it is the same in every database.
pub(super) fn derived_id(name: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    // The form of version 4, as the service's ids have.
    id[6] = (id[6] & 0x0f) | 0x40;
    id[8] = (id[8] & 0x3f) | 0x80;
    id
}
