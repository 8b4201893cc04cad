//! The API of the service: a module a resource, each with the list of its routes beside their handlers.

mod accounts;
mod backups;
mod catalog;
mod config;
mod instances;
mod key_analyses;
mod nodes;
mod restores;
mod sessions;
pub(super) mod stubs;
mod tasks;
mod versions;
mod web_cli;

use crate::http::route::RouteEntry;

/// Returns the routes of all resources but stubs, the hottest first.
pub(super) fn routes() -> Vec<RouteEntry> {
    [
        backups::routes(),
        restores::routes(),
        instances::routes(),
        key_analyses::routes(),
        accounts::routes(),
        sessions::routes(),
        web_cli::routes(),
        config::routes(),
        nodes::routes(),
        tasks::routes(),
        catalog::routes(),
        versions::routes(),
        backups::links::routes(),
    ]
    .concat()
}
