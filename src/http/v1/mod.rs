//! Version 1.0 of the API.
//!
//! Source: wire contract v1.0.

pub(super) mod backups;
pub(super) mod instances;
pub(super) mod restores;

use crate::domain::page::{PageLimit, PageRequest};
use crate::domain::refusal::Refusal;
use crate::engine::RecordsQuery;
use crate::http::extract::{Query, clamped_limit, start};
use crate::http::time::window;

/// Reads which records a list is asked for.
///
/// # Errors
/// `InvalidQuery`.
fn records_query(query: &Query) -> Result<RecordsQuery, Refusal> {
    let page = PageRequest { skip: start(query)?, limit: clamped_limit(query, PageLimit::TEN)? };
    Ok(RecordsQuery { window: window(query)?, page })
}
