//! From the texts of a request to values of the domain.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use crate::domain::page::PageLimit;
use crate::domain::refusal::Refusal;

/// The header with the id that the caller chooses for what is created.
pub(super) const EMULATOR_ID: &str = "X-Emulator-Id";

/// The parameters behind the path, decoded, in the order of their arrival. An empty value counts as absent.
#[derive(Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// How many parameters are looked at; what follows is ignored.
    const MAX_PAIRS: usize = 256;

    /// Decodes the text behind the question mark.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes())
            .take(Self::MAX_PAIRS)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (Cow::into_owned(name), Cow::into_owned(value)))
            .collect();
        Self { pairs }
    }

    /// Returns the value of the first of `names` that was given, and the name.
    pub(super) fn first_of(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names.iter().find_map(|name| self.get(name).map(|value| (*name, value)))
    }

    /// Returns the value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Returns every parameter that was given, name and value.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns whether a parameter is "true", in any case.
    pub(super) fn is_true(&self, names: &[&'static str]) -> bool {
        self.first_of(names).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
    }
}

/// Reads digits as a number; one that is too large becomes the largest.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Reads the ordinal of the first record of a page, from 1, as the number of records before it.
///
/// # Errors
/// `InvalidQuery` unless it is a whole number of at least 1.
pub(super) fn start(query: &Query) -> Result<u64, Refusal> {
    let Some(text) = query.get("start") else { return Ok(0) };
    whole_number(text).and_then(|start| start.checked_sub(1)).ok_or(Refusal::InvalidQuery { name: "start" })
}

/// Reads how many records a page holds; above the maximum it is that.
///
/// # Errors
/// `InvalidQuery` unless it is a whole number of at least 1.
pub(super) fn clamped_limit(query: &Query, default: PageLimit) -> Result<PageLimit, Refusal> {
    let Some(text) = query.get("limit") else { return Ok(default) };
    whole_number(text)
        .and_then(|limit| PageLimit::clamped(limit).ok())
        .ok_or(Refusal::InvalidQuery { name: "limit" })
}

/// Reads how many records lie before a page, from 0.
///
/// # Errors
/// `InvalidQuery` unless it is a whole number.
pub(super) fn offset(query: &Query) -> Result<u64, Refusal> {
    let Some(text) = query.get("offset") else { return Ok(0) };
    whole_number(text).ok_or(Refusal::InvalidQuery { name: "offset" })
}

/// Reads how many records a page holds, 10 unless something is said.
///
/// # Errors
/// `InvalidQuery` unless it is a whole number from 1 to the maximum.
pub(super) fn bounded_limit(query: &Query) -> Result<PageLimit, Refusal> {
    let Some(text) = query.get("limit") else { return Ok(PageLimit::TEN) };
    whole_number(text)
        .filter(|limit| *limit <= u64::from(PageLimit::MAX))
        .and_then(|limit| PageLimit::clamped(limit).ok())
        .ok_or(Refusal::InvalidQuery { name: "limit" })
}

/// Reads a body that must be there.
///
/// # Errors
/// `EmptyBody`, or `InvalidBody` as for [`optional_object`].
pub(super) fn mandatory_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    if body.is_empty() { Err(Refusal::EmptyBody) } else { object(body) }
}

/// Reads a body all of whose members are optional: nothing at all counts as `{}`.
///
/// # Errors
/// `InvalidBody` unless it is a JSON object whose members have usable types, and no text has U+0000.
pub(super) fn optional_object<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Refusal> {
    if body.is_empty() { Ok(T::default()) } else { object(body) }
}

fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // serde would read a JSON array as the members in order; the API takes objects only.
    let starts_an_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !starts_an_object || holds_null(body) {
        return Err(Refusal::InvalidBody);
    }
    serde_json::from_slice(body).map_err(|_| Refusal::InvalidBody)
}

/// Returns whether a text in a JSON document has U+0000, which it can only as an escape.
pub(super) fn holds_null(document: &[u8]) -> bool {
    const ESCAPE: &[u8] = br"\u0000";
    let backslashes = |before: &[u8]| before.iter().rev().take_while(|byte| **byte == b'\\').count();
    document.windows(ESCAPE.len()).enumerate().any(|(at, window)| {
        // An even number of backslashes before it: they stand for themselves.
        window == ESCAPE && backslashes(&document[..at]).is_multiple_of(2)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_is_absent_and_names_are_tried_in_order() {
        let query = Query::parse("beginTime=&begin_time=1&limit=5&limit=6&x");
        assert_eq!(query.first_of(&["beginTime", "begin_time"]), Some(("begin_time", "1")));
        assert_eq!(query.get("limit"), Some("5"));
        assert_eq!(query.get("x"), None);
    }

    #[test]
    fn start_counts_from_one() {
        assert_eq!(start(&Query::parse("")), Ok(0));
        assert_eq!(start(&Query::parse("start=11")), Ok(10));
        assert_eq!(start(&Query::parse("start=99999999999999999999999")), Ok(u64::MAX - 1));
        for text in ["start=0", "start=-1", "start=1.5", "start=a", "start=%2B1"] {
            assert_eq!(start(&Query::parse(text)), Err(Refusal::InvalidQuery { name: "start" }), "{text}");
        }
    }

    #[test]
    fn the_null_character_is_found_as_an_escape() {
        for (document, holds) in [
            (r#"{"a": "\u0000"}"#, true),
            (r#"{"a\u0000": 1}"#, true),
            (r#"{"a": "\\\u0000"}"#, true),
            (r#"{"a": "\\u0000"}"#, false),
            (r#"{"a": "\u00000"}"#, true),
            (r#"{"a": "\u0001"}"#, false),
        ] {
            assert_eq!(holds_null(document.as_bytes()), holds, "{document}");
        }
    }

    #[test]
    fn only_objects_are_bodies() {
        #[derive(Debug, Default, PartialEq, serde::Deserialize)]
        struct Body {
            #[serde(default)]
            remark: Option<String>,
        }
        assert_eq!(optional_object::<Body>(b""), Ok(Body { remark: None }));
        assert_eq!(
            optional_object::<Body>(b" {\"remark\": null, \"more\": [1]}\n"),
            Ok(Body { remark: None })
        );
        let deep = [b"{\"a\":".to_vec(), vec![b'['; 100_000]].concat();
        for body in [
            b"[\"x\"]".as_slice(),
            b"null",
            b"1",
            b"{",
            b" ",
            b"{\"remark\": 1}",
            b"{\"remark\": \"\xff\"}",
            b"{} {}",
            &deep,
        ] {
            assert_eq!(optional_object::<Body>(body), Err(Refusal::InvalidBody));
        }
    }
}
