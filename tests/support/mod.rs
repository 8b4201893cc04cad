//! The emulator as its black-box tests meet it: started as the program starts it, spoken to over HTTP only.
//!
//! Begin with [`TestServer`]. Every answer that comes through it has been checked for what all answers must have: a
//! request id, twice the same, and JSON where there is a body. [`refusal`] says what each error looks like on the wire,
//! [`seed`] what is there when a test begins.

use serde_json::Value;

mod answer;
pub(crate) mod api;
mod coverage;
mod database;
pub(crate) mod identity;
mod raw;
pub(crate) mod refusal;
pub(crate) mod seed;
mod server;
pub(crate) mod signer;

pub(crate) use answer::Answer;
pub(crate) use api::{Api, of, of_node};
pub(crate) use coverage::{Covered, RECORDS, Recorded, covered, requests_of};
pub(crate) use refusal::Refusal;
pub(crate) use server::{REAL_START, TestServer};

/// Returns a member of each row of a list.
pub(crate) fn each(rows: &Value, name: &str) -> Vec<Value> {
    rows.as_array().expect("an array of rows").iter().map(|row| row[name].clone()).collect()
}

/// Returns a text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

/// Returns whether `text` has a UUID's form in lower case.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| is_lower_hex(group))
}

/// Returns whether `text` is made of hexadecimal digits in lower case.
pub(crate) fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
