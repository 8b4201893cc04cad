//! Comparing what clients show with what they should.

use std::fmt::Debug;

use chrono::{DateTime, Duration};
use libtest_mimic::Failed;
use serde_json::Value;

/// Fails unless both are the same.
pub(crate) fn same<T: PartialEq + Debug + ?Sized>(what: &str, seen: &T, expected: &T) -> Result<(), Failed> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what}\nseen:     {seen:#?}\nexpected: {expected:#?}").into())
}

/// Fails unless both are the same, and shows them as JSON.
pub(crate) fn same_json(what: &str, seen: &Value, expected: &Value) -> Result<(), Failed> {
    if seen == expected {
        return Ok(());
    }
    Err(format!("{what}\nseen:     {seen:#}\nexpected: {expected:#}").into())
}

/// Returns a member that is a text.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Result<&'a str, Failed> {
    object[name].as_str().ok_or_else(|| format!("{name} is no text in {object:#}").into())
}

/// Returns a member that is a UUID, in lower case with dashes.
pub(crate) fn id<'a>(object: &'a Value, name: &str) -> Result<&'a str, Failed> {
    let id = text(object, name)?;
    let parsed = uuid::Uuid::parse_str(id).map_err(|error| format!("{id}: {error}"))?;
    same("the way an id is written", id, parsed.to_string().as_str())?;
    Ok(id)
}

/// Returns the name that a record gets: its kind and the time of its creation, eight hours ahead of UTC.
pub(crate) fn name_of_record(kind: &str, created_at: &str) -> Result<String, Failed> {
    let created_at = DateTime::parse_from_rfc3339(created_at)?.to_utc() + Duration::hours(8);
    Ok(format!("{kind}_{}", created_at.format("%Y%m%d%H%M%S")))
}

/// Fails unless a text is a record's name: its kind, and 14 digits.
pub(crate) fn is_name_of_record(kind: &str, name: &str) -> Result<(), Failed> {
    let digits = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_')).unwrap_or_default();
    if digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("{name} is no name of a {kind}").into())
}

/// Fails unless a text is a time as the API writes it: UTC with three fractional digits and a `Z`.
pub(crate) fn is_api_time(time: &str) -> Result<(), Failed> {
    let parsed = DateTime::parse_from_rfc3339(time).map_err(|error| format!("{time}: {error}"))?;
    let written = parsed.to_utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    same("the way a time is written", time, written.as_str())
}
