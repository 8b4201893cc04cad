//! Version 2 of the API.
//!
//! Source: wire contract v2.

pub(super) mod backups;
pub(super) mod instances;
pub(super) mod restores;
pub(super) mod version;

use crate::domain::page::PageRequest;
use crate::domain::refusal::Refusal;
use crate::engine::RecordsQuery;
use crate::http::extract::{Query, bounded_limit, offset};
use crate::http::time::window;

/// Reads which records a list is asked for.
///
/// # Errors
/// `InvalidQuery`; `WindowReversed` if the time range starts after its end.
fn records_query(query: &Query) -> Result<RecordsQuery, Refusal> {
    let page = PageRequest { skip: offset(query)?, limit: bounded_limit(query)? };
    let window = window(query)?;
    if window.is_reversed() { Err(Refusal::WindowReversed) } else { Ok(RecordsQuery { window, page }) }
}
