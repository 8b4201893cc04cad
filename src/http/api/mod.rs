//! The API of the service: a module a resource.

pub(super) mod backups;
pub(super) mod catalog;
pub(super) mod config;
pub(super) mod instances;
pub(super) mod nodes;
pub(super) mod restores;
pub(super) mod stubs;
pub(super) mod tasks;
pub(super) mod v1;
pub(super) mod v2;
