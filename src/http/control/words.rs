//! How the control API describes durations and times.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::engine::{DurationText, TimeText};

impl PartialSchema for DurationText {
    fn schema() -> RefOr<Schema> {
        described_text("A duration as people write it.", ["200ms", "2h 30m", "30days"], None)
    }
}

impl ToSchema for DurationText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Duration")
    }
}

impl PartialSchema for TimeText {
    fn schema() -> RefOr<Schema> {
        let format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
        described_text("A time as RFC 3339.", ["2026-01-02T03:04:05Z"], format)
    }
}

impl ToSchema for TimeText {
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
