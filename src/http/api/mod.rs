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
mod monitored;
mod nodes;
mod restores;
mod roles;
mod tasks;
mod versions;

use crate::http::route::RouteEntry;

/// Returns the routes of all resources, the hottest first.
pub(super) fn routes() -> Vec<RouteEntry> {
    [
        backups::routes(),
        restores::routes(),
        instances::routes(),
        key_analyses::routes(),
        diagnoses::routes(),
        logs::routes(),
        minor_versions::routes(),
        exports::routes(),
        config::routes(),
        nodes::routes(),
        roles::routes(),
        monitored::routes(),
        tasks::routes(),
        catalog::routes(),
        versions::routes(),
        links::routes(),
    ]
    .concat()
}
