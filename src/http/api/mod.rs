//! The API of the service: a module a resource, each with the list of its routes beside their handlers.

mod accounts;
mod backups;
mod catalog;
mod config;
mod diagnoses;
mod exports;
mod instances;
mod key_analyses;
mod links;
mod logs;
mod migrations;
mod minor_versions;
mod monitored;
mod network;
mod nodes;
mod orders;
mod restores;
mod roles;
mod sessions;
mod tasks;
mod versions;
mod web_cli;

use crate::http::route::RouteEntry;

/// Returns the routes of all resources, the hottest first.
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
        accounts::routes(),
        sessions::routes(),
        web_cli::routes(),
        migrations::routes(),
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
