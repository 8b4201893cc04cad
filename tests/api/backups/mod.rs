//! Backups, their files and policies.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod links;
pub(crate) mod links_host;
pub(crate) mod list;
pub(crate) mod policies;
pub(crate) mod policies_faults;
pub(crate) mod policies_model;
pub(crate) mod policies_retention;
pub(crate) mod time;
pub(crate) mod v2;
