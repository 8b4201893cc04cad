//! Members that clients write in more than one way: a number or a text of one, a boolean or a text of one.
//!
//! Source: docs/contract/dcs-v1.0.md, section 1.7; docs/contract/dcs-v2.md, section 1.7.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::refusal::Refusal;
use crate::engine::ApiVersion;
use crate::http::extract::whole_number;

/// A number, a boolean, or a text of either.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Flexible {
    Boolean(bool),
    Number(serde_json::Number),
    Text(String),
}

impl PartialSchema for Flexible {
    fn schema() -> RefOr<Schema> {
        let kinds = SchemaType::from_iter([Type::Boolean, Type::Number, Type::String]);
        ObjectBuilder::new().schema_type(kinds).into()
    }
}

impl ToSchema for Flexible {}

impl Flexible {
    /// Returns it unless it is a text without characters, which stands for nothing.
    pub(super) fn given(&self) -> Option<&Self> {
        match self {
            Self::Text(text) if text.is_empty() => None,
            given => Some(given),
        }
    }

    /// Returns it as a text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Boolean(boolean) => boolean.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// Returns the boolean it is; as a number, 0 or 1.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            Self::Text(text) => text.to_ascii_lowercase().parse().ok(),
            Self::Number(number) => {
                [false, true].into_iter().find(|one| number.as_u64() == Some((*one).into()))
            }
        }
    }

    /// Returns the number it is.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Boolean(_) => None,
        }
    }

    /// Returns the whole number it is; the largest one, which no rule accepts, if it is none.
    pub(super) fn to_u64(&self) -> u64 {
        let whole = match self {
            Self::Number(number) => number.as_f64().and_then(|number| whole_number(&number.to_string())),
            Self::Text(text) => whole_number(text.trim()),
            Self::Boolean(_) => None,
        };
        whole.unwrap_or(u64::MAX)
    }
}

/// Reads a member that only v2 has; in v1.0 it is an unknown one, whatever it holds.
///
/// # Errors
/// `InvalidBody` for a type that the member cannot have.
pub(super) fn only_v2<T: DeserializeOwned>(
    api: ApiVersion,
    member: Option<Value>,
) -> Result<Option<T>, Refusal> {
    match (api, member) {
        (ApiVersion::V1, _) | (ApiVersion::V2, None) => Ok(None),
        (ApiVersion::V2, Some(value)) => serde_json::from_value(value).map_err(|_| Refusal::InvalidBody),
    }
}

/// Returns a text unless it has no characters.
pub(super) fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A text; null is one without characters.
#[derive(Debug, Default)]
pub(super) struct Texts(pub(super) String);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<String>::deserialize(deserializer).map(|text| Self(text.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_may_be_texts() {
        let read = |json: &str| serde_json::from_str::<Flexible>(json).unwrap();
        assert_eq!(["5", "5.0", "\"5\"", "\" 5\""].map(|json| read(json).to_u64()), [5; 4]);
        assert_eq!(["5.5", "-1", "\"x\"", "true"].map(|json| read(json).to_u64()), [u64::MAX; 4]);
        assert_eq!(
            ["true", "\"True\"", "1", "0", "2"].map(|json| read(json).boolean()),
            [Some(true), Some(true), Some(true), Some(false), None]
        );
        assert_eq!((read("5.0").text(), read("0.125").number()), ("5.0".to_owned(), Some(0.125)));
        assert!(read("\"\"").given().is_none());
    }
}
