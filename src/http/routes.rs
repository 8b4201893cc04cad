//! The table of everything that can be called.
//!
//! Literal paths stand before those with placeholders that would capture them, and the hottest stand first.

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::Method;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Resource, Route, web};

use crate::engine::ApiVersion;
use crate::http::control::documents::LONGEST_SEED_BYTES;
use crate::http::endpoint::{bulky_route, endpoint, endpoint_of_all, route};
use crate::http::error::ApiError;
use crate::http::fringe::{self, Row};
use crate::http::operation::{self, Operation, RouteName};
use crate::http::side::{bandwidth, configs, scans, tags, templates, whitelist};
use crate::http::{
    backups, catalogue, control, identity, instance_deletion, instance_order, instance_status, instances,
    links, nodes, probes, restores, v2,
};

/// One method on one path.
pub struct RouteEntry {
    /// What is asked for.
    pub operation: &'static Operation,
    /// The version of the API that is spoken; none for what belongs to no version.
    pub api: Option<ApiVersion>,
    /// The method.
    pub method: Method,
    /// The path, with placeholders in braces.
    pub path: &'static str,
    /// Makes the route; called once a worker.
    route: fn() -> Route,
}

/// Returns the table.
pub fn table() -> Vec<RouteEntry> {
    [api_routes(), identity_routes(), own_routes(), control_routes()].into_iter().flatten().collect()
}

fn entry(
    operation: &'static Operation,
    method: Method,
    path: &'static str,
    route: fn() -> Route,
) -> RouteEntry {
    let api = match path.split('/').nth(1) {
        Some("v1.0") => Some(ApiVersion::V1),
        Some("v2") => Some(ApiVersion::V2),
        _ => None,
    };
    RouteEntry { operation, api, method, path, route }
}

/// The routes of a version: the same operations, at the same places behind its name.
macro_rules! version_routes {
    ($version:literal) => {{
        const INSTANCES: &str = concat!("/", $version, "/{project_id}/instances");
        const INSTANCE: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}");
        const BACKUPS: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/backups");
        const BACKUP: &str =
            concat!("/", $version, "/{project_id}/instances/{instance_id}/backups/{backup_id}");
        const LINKS: &str =
            concat!("/", $version, "/{project_id}/instances/{instance_id}/backups/{backup_id}/links");
        const RESTORES: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/restores");
        const STATUS: &str = concat!("/", $version, "/{project_id}/instances/status");
        const CONFIGS: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/configs");
        const TAGS: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/tags");
        const TAG_ACTION: &str = concat!("/", $version, "/{project_id}/dcs/{instance_id}/tags/action");
        const GROUPS: &str = concat!("/", $version, "/{project_id}/instance/{instance_id}/groups");
        const ALL_TAGS: &str = concat!("/", $version, "/{project_id}/dcs/tags");
        vec![
            entry(&operation::CREATE_BACKUP, Method::POST, BACKUPS, || endpoint(backups::create_backup)),
            entry(&operation::LIST_BACKUPS, Method::GET, BACKUPS, || endpoint(backups::list_backups)),
            entry(&operation::DELETE_BACKUP, Method::DELETE, BACKUP, || endpoint(backups::delete_backup)),
            entry(&operation::CREATE_LINKS, Method::POST, LINKS, || endpoint(backups::create_links)),
            entry(&operation::CREATE_RESTORE, Method::POST, RESTORES, || endpoint(restores::create_restore)),
            entry(&operation::LIST_RESTORES, Method::GET, RESTORES, || endpoint(restores::list_restores)),
            entry(&operation::CHANGE_STATUSES, Method::PUT, STATUS, || {
                endpoint(instance_status::change_statuses)
            }),
            entry(&operation::GET_INSTANCE, Method::GET, INSTANCE, || endpoint(instances::get_instance)),
            entry(&operation::DELETE_INSTANCE, Method::DELETE, INSTANCE, || {
                endpoint(instance_deletion::delete_instance)
            }),
            entry(&operation::LIST_INSTANCES, Method::GET, INSTANCES, || endpoint(instances::list_instances)),
            entry(&operation::CREATE_INSTANCES, Method::POST, INSTANCES, || {
                endpoint(instance_order::create_instances)
            }),
            entry(&operation::DELETE_INSTANCES, Method::DELETE, INSTANCES, || {
                endpoint(instance_deletion::delete_instances)
            }),
            entry(&operation::LIST_CONFIGS, Method::GET, CONFIGS, || endpoint(configs::list_configs)),
            entry(&operation::CHANGE_CONFIGS, Method::PUT, CONFIGS, || endpoint(configs::change_configs)),
            entry(&operation::CHANGE_TAGS, Method::POST, TAG_ACTION, || endpoint(tags::change_tags)),
            entry(&operation::LIST_TAGS, Method::GET, TAGS, || endpoint(tags::list_tags)),
            entry(&operation::LIST_GROUPS, Method::GET, GROUPS, || endpoint(nodes::list_groups)),
            entry(&operation::LIST_PROJECT_TAGS, Method::GET, ALL_TAGS, || endpoint(tags::list_project_tags)),
        ]
    }};
}

fn api_routes() -> Vec<RouteEntry> {
    let mut routes = version_routes!("v1.0");
    routes.extend(fringe::literal_rows().map(fringe_entry));
    routes.extend(version_routes!("v2"));
    routes.extend(catalogue_routes());
    routes.extend(fringe_routes());
    routes.push(entry(&operation::SHOW_VERSION, Method::GET, "/v2", || route(v2::show_version)));
    routes.extend(side_routes());
    routes
}

fn catalogue_routes() -> Vec<RouteEntry> {
    const V2_WINDOWS: &str = "/v2/instances/maintain-windows";
    vec![
        entry(&operation::LIST_PRODUCTS, Method::GET, "/v1.0/products", || {
            endpoint_of_all(catalogue::list_products)
        }),
        entry(&operation::LIST_ZONES, Method::GET, "/v1.0/availableZones", || {
            endpoint_of_all(catalogue::list_zones)
        }),
        entry(&operation::LIST_WINDOWS, Method::GET, "/v1.0/instances/maintain-windows", || {
            endpoint_of_all(catalogue::list_windows)
        }),
        entry(&operation::LIST_TRIALS, Method::GET, "/v1.0/{domain_id}/trials", || {
            endpoint_of_all(catalogue::list_trials)
        }),
        entry(&operation::SHOW_QUOTA, Method::GET, "/v1.0/{project_id}/quota", || {
            endpoint(catalogue::show_quota)
        }),
        entry(&operation::LIST_FLAVORS, Method::GET, "/v2/{project_id}/flavors", || {
            endpoint(catalogue::list_flavors)
        }),
        entry(&operation::LIST_ZONES, Method::GET, "/v2/available-zones", || {
            endpoint_of_all(catalogue::list_zones)
        }),
        entry(&operation::LIST_WINDOWS, Method::GET, V2_WINDOWS, || endpoint_of_all(catalogue::list_windows)),
        entry(&operation::SHOW_QUOTA, Method::GET, "/v2/{project_id}/quota", || {
            endpoint(catalogue::show_quota)
        }),
    ]
}

fn fringe_entry(row: &'static Row) -> RouteEntry {
    entry(&row.operation, row.method.clone(), row.path, || endpoint(fringe::serve))
}

fn fringe_routes() -> Vec<RouteEntry> {
    const MONITORED: &str = "/v2/{project_id}/dims/monitored-objects";
    const MONITORED_PARTS: &str = "/v2/{project_id}/dims/monitored-objects/{instance_id}";
    let mut routes: Vec<RouteEntry> = fringe::rows().map(fringe_entry).collect();
    routes.push(entry(&operation::LIST_MONITORED, Method::GET, MONITORED, || {
        endpoint(fringe::monitored::list_instances)
    }));
    routes.push(entry(&operation::LIST_MONITORED_PARTS, Method::GET, MONITORED_PARTS, || {
        endpoint(fringe::monitored::list_parts)
    }));
    routes
}

/// What only v2 has beside instances.
fn side_routes() -> Vec<RouteEntry> {
    const WHITELIST: &str = "/v2/{project_id}/instance/{instance_id}/whitelist";
    const BIG_KEYS: &str = "/v2/{project_id}/instances/{instance_id}/bigkey/autoscan";
    const HOT_KEYS: &str = "/v2/{project_id}/instances/{instance_id}/hotkey/autoscan";
    const EXPIRED_KEYS: &str = "/v2/{project_id}/instances/{instance_id}/scan-expire-keys/autoscan-config";
    const BANDWIDTH: &str = "/v2/{project_id}/instances/{instance_id}/autoscaling-policy/bandwidth";
    const HISTORIES: &str = "/v2/{project_id}/instances/{instance_id}/config-histories";
    const HISTORY: &str = "/v2/{project_id}/instances/{instance_id}/config-histories/{history_id}";
    const TEMPLATES: &str = "/v2/{project_id}/config-templates";
    const LOGICAL_NODES: &str = "/v2/{project_id}/instances/{instance_id}/logical-nodes";
    const ALL_NODES: &str = "/v2/{project_id}/instances-logical-nodes";
    const NODES: &str = "/v2/{project_id}/instances/{instance_id}/nodes";
    const TEMPLATE: &str = "/v2/{project_id}/config-templates/{template_id}";
    vec![
        entry(&operation::SHOW_WHITELIST, Method::GET, WHITELIST, || endpoint(whitelist::show_whitelist)),
        entry(&operation::CHANGE_WHITELIST, Method::PUT, WHITELIST, || endpoint(whitelist::change_whitelist)),
        entry(&operation::SHOW_BIG_KEY_SCAN, Method::GET, BIG_KEYS, || endpoint(scans::show_big_key_scan)),
        entry(&operation::CHANGE_BIG_KEY_SCAN, Method::PUT, BIG_KEYS, || {
            endpoint(scans::change_big_key_scan)
        }),
        entry(&operation::SHOW_HOT_KEY_SCAN, Method::GET, HOT_KEYS, || endpoint(scans::show_hot_key_scan)),
        entry(&operation::CHANGE_HOT_KEY_SCAN, Method::PUT, HOT_KEYS, || {
            endpoint(scans::change_hot_key_scan)
        }),
        entry(&operation::SHOW_EXPIRED_KEY_SCAN, Method::GET, EXPIRED_KEYS, || {
            endpoint(scans::show_expired_key_scan)
        }),
        entry(&operation::CHANGE_EXPIRED_KEY_SCAN, Method::PUT, EXPIRED_KEYS, || {
            endpoint(scans::change_expired_key_scan)
        }),
        entry(&operation::SHOW_BANDWIDTH_POLICY, Method::GET, BANDWIDTH, || endpoint(bandwidth::show_policy)),
        entry(&operation::CHANGE_BANDWIDTH_POLICY, Method::PUT, BANDWIDTH, || {
            endpoint(bandwidth::change_policy)
        }),
        entry(&operation::DELETE_BANDWIDTH_POLICY, Method::DELETE, BANDWIDTH, || {
            endpoint(bandwidth::delete_policy)
        }),
        entry(&operation::LIST_CONFIG_HISTORIES, Method::GET, HISTORIES, || {
            endpoint(configs::list_histories)
        }),
        entry(&operation::SHOW_CONFIG_HISTORY, Method::GET, HISTORY, || endpoint(configs::show_history)),
        entry(&operation::LIST_LOGICAL_NODES, Method::GET, LOGICAL_NODES, || {
            endpoint(nodes::list_logical_nodes)
        }),
        entry(&operation::LIST_NODES_OF_INSTANCES, Method::GET, ALL_NODES, || {
            endpoint(nodes::list_nodes_of_instances)
        }),
        entry(&operation::SHOW_TOPOLOGY, Method::GET, NODES, || endpoint(nodes::show_topology)),
        entry(&operation::LIST_TEMPLATES, Method::GET, TEMPLATES, || endpoint(templates::list_templates)),
        entry(&operation::CREATE_TEMPLATE, Method::POST, TEMPLATES, || endpoint(templates::create_template)),
        entry(&operation::SHOW_TEMPLATE, Method::GET, TEMPLATE, || endpoint(templates::show_template)),
        entry(&operation::CHANGE_TEMPLATE, Method::PUT, TEMPLATE, || endpoint(templates::change_template)),
        entry(&operation::DELETE_TEMPLATE, Method::DELETE, TEMPLATE, || endpoint(templates::delete_template)),
    ]
}

fn identity_routes() -> Vec<RouteEntry> {
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

fn own_routes() -> Vec<RouteEntry> {
    const DOWNLOAD: &str = "/obs/{bucket}/{instance_id}/{backup_id}/{file_name}";
    vec![
        entry(&operation::DOWNLOAD_BACKUP, Method::GET, DOWNLOAD, || route(links::download)),
        entry(&operation::DOWNLOAD_BACKUP, Method::HEAD, DOWNLOAD, || route(links::download)),
        entry(&operation::LIVEZ, Method::GET, "/livez", || route(probes::livez)),
        entry(&operation::LIVEZ, Method::HEAD, "/livez", || route(probes::livez)),
        entry(&operation::READYZ, Method::GET, "/readyz", || route(probes::readyz)),
        entry(&operation::READYZ, Method::HEAD, "/readyz", || route(probes::readyz)),
        entry(&operation::METRICS, Method::GET, "/metrics", || route(probes::metrics)),
    ]
}

fn control_routes() -> Vec<RouteEntry> {
    use operation::control as of;
    const CLOCK: &str = "/_emulator/clock";
    const TRANSITIONS: &str = "/_emulator/transitions/{model}";
    const FAULTS: &str = "/_emulator/faults";
    const FAULT: &str = "/_emulator/faults/{fault_id}";
    const IDS: &str = "/_emulator/ids";
    const REQUESTS: &str = "/_emulator/requests";
    const SNAPSHOT: &str = "/_emulator/snapshots/{snapshot_name}";
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
    ]
}

/// Literal paths of the API that are not built yet and that a placeholder would capture: they do not exist, which is
/// another answer than a malformed id. Source: `decisions` no. 24.
const NOT_BUILT: [&str; 2] =
    ["/v1.0/{project_id}/instances/statistic", "/v2/{project_id}/instances/statistic"];

/// Registers the table: one resource a path; a method that is not in it is refused, and so is every other path.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    for path in NOT_BUILT {
        config.service(web::resource(path).default_service(route(unknown_route)));
    }
    let table = table();
    let mut paths: Vec<&'static str> = Vec::new();
    for entry in &table {
        if !paths.contains(&entry.path) {
            paths.push(entry.path);
        }
    }
    for path in paths {
        let entries: Vec<&RouteEntry> = table.iter().filter(|entry| entry.path == path).collect();
        config.service(resource(path, &entries));
    }
    config.default_service(route(unknown_route));
}

/// Makes the resource of a path.
fn resource(path: &'static str, entries: &[&RouteEntry]) -> Resource {
    let methods: Vec<&str> = entries.iter().map(|entry| entry.method.as_str()).collect();
    let allowed = methods.join(", ");
    let refused = move |_request: HttpRequest, _body: Bytes| {
        let allowed = allowed.clone();
        async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed { allowed }) }
    };
    let mut resource = web::resource(path).default_service(route(refused));
    for entry in entries {
        let method = entry.method.clone();
        let name = RouteName { operation: entry.operation, api: entry.api };
        // The guard that lets the request through also says what it is.
        let guard = move |context: &GuardContext<'_>| {
            let is_let_through = context.head().method == method;
            if is_let_through {
                context.req_data_mut().insert(name);
            }
            is_let_through
        };
        resource = resource.route((entry.route)().guard(fn_guard(guard)));
    }
    resource
}

async fn unknown_route(_request: HttpRequest, _body: Bytes) -> Result<HttpResponse, ApiError> {
    Err(ApiError::UnknownRoute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_stands_in_the_table_twice() {
        let mut routes: Vec<_> =
            table().into_iter().map(|entry| (entry.method.to_string(), entry.path)).collect();
        let count = routes.len();
        routes.sort();
        routes.dedup();
        assert_eq!(routes.len(), count);
    }
}
