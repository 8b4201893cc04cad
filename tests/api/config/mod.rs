//! Instance configuration.

pub(crate) mod jobs;
pub(crate) mod parameters;
pub(crate) mod ssl;
pub(crate) mod tags;
pub(crate) mod templates;
pub(crate) mod whitelist_scans_bandwidth;
