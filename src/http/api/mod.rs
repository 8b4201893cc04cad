//! The API of the service: a module a resource, each with the list of its routes beside their handlers.

mod backups;
mod catalog;
mod config;
mod diagnoses;
mod exports;
mod instances;
mod key_analyses;
mod links;
mod logs;
mod minor_versions;
mod network;
mod nodes;
mod orders;
mod restores;
pub(super) mod stubs;
mod tasks;
mod versions;

use crate::http::route::RouteEntry;

/// Returns the routes of all resources but stubs, the hottest first.
pub(super) fn routes() -> Vec<RouteEntry> {
    [
        backups::routes(),
        restores::routes(),
        instances::routes(),
        key_analyses::routes(),
        network::routes(),
        orders::routes(),
        diagnoses::routes(),
        logs::routes(),
        minor_versions::routes(),
        exports::routes(),
        config::routes(),
        nodes::routes(),
        tasks::routes(),
        catalog::routes(),
        versions::routes(),
        links::routes(),
    ]
    .concat()
}
