//! Version 1.0 of the API.
//!
//! Source: wire contract v1.0.

pub(super) mod backups;
pub(super) mod instances;
