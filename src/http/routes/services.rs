//! What is around the API: identity, files behind links, probes, and the control API.

use actix_web::http::Method;

use crate::http::control::documents::LONGEST_SEED_BYTES;
use crate::http::endpoint::{bulky_route, route, streaming_route};
use crate::http::routes::{RouteEntry, entry};
use crate::http::side::encryption;
use crate::http::{control, identity, links, openapi, operation, probes};

pub(super) fn identity_routes() -> Vec<RouteEntry> {
    const TOKENS: &str = "/v3/auth/tokens";
    vec![
        entry(&operation::SHOW_IDENTITY_VERSION, Method::GET, "/", || {
            route(identity::versions::show_versions)
        }),
        entry(&operation::SHOW_IDENTITY_VERSION, Method::GET, "/v3", || {
            route(identity::versions::show_version)
        }),
        entry(&operation::CREATE_TOKEN, Method::POST, TOKENS, || route(identity::tokens::create_token)),
        entry(&operation::SHOW_TOKEN, Method::GET, TOKENS, || route(identity::tokens::show_token)),
        entry(&operation::SHOW_TOKEN, Method::HEAD, TOKENS, || route(identity::tokens::show_token)),
        entry(&operation::SHOW_CATALOG, Method::GET, "/v3/auth/catalog", || {
            route(identity::catalog::show_catalog)
        }),
        entry(&operation::LIST_PROJECTS, Method::GET, "/v3/projects", || {
            route(identity::projects::list_projects)
        }),
        entry(&operation::LIST_PROJECTS, Method::GET, "/v3/auth/projects", || {
            route(identity::projects::list_projects)
        }),
        entry(&operation::SHOW_PROJECT, Method::GET, "/v3/projects/{project_id}", || {
            route(identity::projects::show_project)
        }),
        entry(&operation::LIST_DOMAINS, Method::GET, "/v3/auth/domains", || {
            route(identity::projects::list_domains)
        }),
        entry(&operation::LIST_USERS, Method::GET, "/v3/users", || route(identity::projects::list_users)),
    ]
}

pub(super) fn own_routes() -> Vec<RouteEntry> {
    const DOWNLOAD: &str = "/obs/{bucket}/{instance_id}/{backup_id}/{file_name}";
    vec![
        entry(&operation::DOWNLOAD_BACKUP, Method::GET, DOWNLOAD, || route(links::download)),
        entry(&operation::DOWNLOAD_BACKUP, Method::HEAD, DOWNLOAD, || route(links::download)),
        entry(&operation::DOWNLOAD_CERTIFICATE, Method::GET, encryption::ARCHIVE_PATH, || {
            route(encryption::download)
        }),
        entry(&operation::DOWNLOAD_CERTIFICATE, Method::HEAD, encryption::ARCHIVE_PATH, || {
            route(encryption::download)
        }),
        entry(&operation::LIVEZ, Method::GET, "/livez", || route(probes::livez)),
        entry(&operation::LIVEZ, Method::HEAD, "/livez", || route(probes::livez)),
        entry(&operation::READYZ, Method::GET, "/readyz", || route(probes::readyz)),
        entry(&operation::READYZ, Method::HEAD, "/readyz", || route(probes::readyz)),
        entry(&operation::METRICS, Method::GET, "/metrics", || route(probes::metrics)),
    ]
}

pub(super) fn control_routes() -> impl Iterator<Item = RouteEntry> {
    control_table().into_iter().map(|entry| RouteEntry { is_control: true, ..entry })
}

fn control_table() -> Vec<RouteEntry> {
    use operation::control as of;
    const CLOCK: &str = "/_emulator/clock";
    const TRANSITIONS: &str = "/_emulator/transitions/{model}";
    const FAULTS: &str = "/_emulator/faults";
    const FAULT: &str = "/_emulator/faults/{fault_id}";
    const IDS: &str = "/_emulator/ids";
    const REQUESTS: &str = "/_emulator/requests";
    const SNAPSHOT: &str = "/_emulator/snapshots/{snapshot_name}";
    const SNAPSHOT_FILE: &str = "/_emulator/snapshots/{snapshot_name}/file";
    vec![
        entry(&of::HEALTH, Method::GET, "/_emulator/health", || route(control::state::health)),
        entry(&of::INFO, Method::GET, "/_emulator/info", || route(control::state::info)),
        entry(&of::CONFIG, Method::GET, "/_emulator/config", || route(control::state::config)),
        entry(&of::OPERATIONS, Method::GET, "/_emulator/operations", || route(control::state::operations)),
        entry(&of::RESET, Method::POST, "/_emulator/reset", || route(control::documents::reset)),
        entry(&of::RESET, Method::POST, "/moto-api/reset", || route(control::documents::reset)),
        entry(&of::HEALTH, Method::GET, "/_localstack/health", || route(control::state::health)),
        entry(&of::SEED, Method::POST, "/_emulator/seed", || {
            bulky_route(LONGEST_SEED_BYTES, control::admit, control::documents::seed)
        }),
        entry(&of::EXPORT, Method::GET, "/_emulator/export", || route(control::documents::export)),
        entry(&of::SNAPSHOTS, Method::GET, "/_emulator/snapshots", || route(control::snapshots::list)),
        entry(&of::SNAPSHOTS, Method::GET, SNAPSHOT, || route(control::snapshots::show)),
        entry(&of::SNAPSHOTS, Method::PUT, SNAPSHOT, || route(control::snapshots::take)),
        entry(&of::SNAPSHOTS, Method::GET, SNAPSHOT_FILE, || route(control::snapshots::download)),
        entry(&of::SNAPSHOTS, Method::PUT, SNAPSHOT_FILE, || streaming_route(control::snapshots::upload)),
        entry(&of::SNAPSHOTS, Method::DELETE, SNAPSHOT, || route(control::snapshots::remove)),
        entry(&of::SNAPSHOTS, Method::POST, "/_emulator/snapshots/{snapshot_name}/restore", || {
            route(control::snapshots::restore)
        }),
        entry(&of::CLOCK, Method::GET, CLOCK, || route(control::clock::show)),
        entry(&of::CLOCK, Method::PUT, CLOCK, || route(control::clock::set)),
        entry(&of::CLOCK, Method::POST, "/_emulator/clock/advance", || route(control::clock::advance)),
        entry(&of::TRANSITIONS, Method::GET, TRANSITIONS, || route(control::transitions::show)),
        entry(&of::TRANSITIONS, Method::PUT, TRANSITIONS, || route(control::transitions::set)),
        entry(&of::TRANSITIONS, Method::DELETE, TRANSITIONS, || route(control::transitions::remove)),
        entry(&of::TRANSITIONS, Method::POST, "/_emulator/transitions/{model}/step", || {
            route(control::transitions::step)
        }),
        entry(&of::FAULTS, Method::GET, FAULTS, || route(control::fault_routes::list)),
        entry(&of::FAULTS, Method::POST, FAULTS, || route(control::fault_routes::create)),
        entry(&of::FAULTS, Method::DELETE, FAULTS, || route(control::fault_routes::clear)),
        entry(&of::FAULTS, Method::GET, FAULT, || route(control::fault_routes::show)),
        entry(&of::FAULTS, Method::PATCH, FAULT, || route(control::fault_routes::change)),
        entry(&of::FAULTS, Method::DELETE, FAULT, || route(control::fault_routes::remove)),
        entry(&of::IDS, Method::GET, IDS, || route(control::state::show_ids)),
        entry(&of::IDS, Method::PUT, IDS, || route(control::state::set_ids)),
        entry(&of::REQUESTS, Method::GET, REQUESTS, || route(control::requests::list)),
        entry(&of::REQUESTS, Method::DELETE, REQUESTS, || route(control::requests::clear)),
        entry(&of::REQUESTS, Method::POST, "/_emulator/requests/find", || route(control::requests::find)),
        entry(&of::REQUESTS, Method::POST, "/_emulator/requests/count", || route(control::requests::count)),
        entry(&of::REQUESTS, Method::POST, "/_emulator/requests/wait", || route(control::requests::wait)),
        entry(&of::REQUESTS, Method::GET, "/_emulator/requests/unsupported", || {
            route(control::requests::unsupported)
        }),
        entry(&of::OPENAPI, Method::GET, "/_emulator/openapi.json", || route(openapi::show_document)),
        entry(&of::DOCS, Method::GET, "/_emulator/docs", || route(openapi::show_page)),
    ]
}
