//! How the control API writes durations and times.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::time::{LONGEST_DURATION, Timestamp};
use crate::http::time::rfc3339;

/// A duration as people write it: `"200ms"`, `"2h"`, `"30days"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireDuration(pub(crate) Duration);

impl Serialize for WireDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for WireDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let duration = humantime::parse_duration(&text).ok().filter(|duration| *duration <= LONGEST_DURATION);
        duration.map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} must be a duration of at most 100 years, such as 200ms, 2h or 30days"
            ))
        })
    }
}

impl PartialSchema for WireDuration {
    fn schema() -> RefOr<Schema> {
        described_text("A duration as people write it.", ["200ms", "2h 30m", "30days"], None)
    }
}

impl ToSchema for WireDuration {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Duration")
    }
}

impl PartialSchema for WireTime {
    fn schema() -> RefOr<Schema> {
        let format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
        described_text("A time as RFC 3339.", ["2026-01-02T03:04:05Z"], format)
    }
}

impl ToSchema for WireTime {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}

fn described_text<const N: usize>(
    about: &str,
    examples: [&str; N],
    format: Option<SchemaFormat>,
) -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(about)).format(format);
    schema.examples(examples).into()
}

/// A time as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireTime(pub(crate) Timestamp);

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for WireTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = text.parse();
        time.map(Self).map_err(|error| serde::de::Error::custom(format!("{text:?} {error}")))
    }
}
