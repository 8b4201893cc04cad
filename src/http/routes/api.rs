//! The API itself: what both versions have, and what one of them has, but for what is set beside instances.

use actix_web::http::Method;

use crate::http::api::backups;
use crate::http::api::catalog;
use crate::http::api::config::{parameters, tags};
use crate::http::api::instances;
use crate::http::api::instances::counts;
use crate::http::api::instances::create;
use crate::http::api::instances::delete;
use crate::http::api::instances::password;
use crate::http::api::instances::placement;
use crate::http::api::instances::resize;
use crate::http::api::instances::status;
use crate::http::api::instances::update;
use crate::http::api::nodes;
use crate::http::api::restores;
use crate::http::api::stubs::{self, Row};
use crate::http::api::tasks;
use crate::http::api::v2;
use crate::http::context::{endpoint, endpoint_of_all, route};
use crate::http::operation;
use crate::http::routes::side::{command_routes, side_routes};
use crate::http::routes::{RouteEntry, entry};

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
        const TASKS: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/tasks");
        const TASK: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/tasks/{task_id}");
        const PASSWORD: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/password");
        const STATISTIC: &str = concat!("/", $version, "/{project_id}/instances/statistic");
        const CONFIGS: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/configs");
        const TAGS: &str = concat!("/", $version, "/{project_id}/instances/{instance_id}/tags");
        const TAG_ACTION: &str = concat!("/", $version, "/{project_id}/dcs/{instance_id}/tags/action");
        const GROUPS: &str = concat!("/", $version, "/{project_id}/instance/{instance_id}/groups");
        const REPLICAS: &str =
            concat!("/", $version, "/{project_id}/instance/{instance_id}/groups/{group_id}/replications");
        const ALL_TAGS: &str = concat!("/", $version, "/{project_id}/dcs/tags");
        vec![
            entry(&operation::CREATE_BACKUP, Method::POST, BACKUPS, || endpoint(backups::create_backup)),
            entry(&operation::LIST_BACKUPS, Method::GET, BACKUPS, || endpoint(backups::list_backups)),
            entry(&operation::DELETE_BACKUP, Method::DELETE, BACKUP, || endpoint(backups::delete_backup)),
            entry(&operation::CREATE_LINKS, Method::POST, LINKS, || endpoint(backups::create_links)),
            entry(&operation::CREATE_RESTORE, Method::POST, RESTORES, || endpoint(restores::create_restore)),
            entry(&operation::LIST_RESTORES, Method::GET, RESTORES, || endpoint(restores::list_restores)),
            entry(&operation::CHANGE_STATUSES, Method::PUT, STATUS, || endpoint(status::change_statuses)),
            entry(&operation::COUNT_STATUSES, Method::GET, STATUS, || endpoint(counts::count_statuses)),
            entry(&operation::LIST_STATISTICS, Method::GET, STATISTIC, || endpoint(counts::list_statistics)),
            entry(&operation::GET_INSTANCE, Method::GET, INSTANCE, || endpoint(instances::get_instance)),
            entry(&operation::UPDATE_INSTANCE, Method::PUT, INSTANCE, || endpoint(update::update_instance)),
            entry(&operation::DELETE_INSTANCE, Method::DELETE, INSTANCE, || {
                endpoint(delete::delete_instance)
            }),
            entry(&operation::LIST_INSTANCES, Method::GET, INSTANCES, || endpoint(instances::list_instances)),
            entry(&operation::CREATE_INSTANCES, Method::POST, INSTANCES, || {
                endpoint(create::create_instances)
            }),
            entry(&operation::DELETE_INSTANCES, Method::DELETE, INSTANCES, || {
                endpoint(delete::delete_instances)
            }),
            entry(&operation::LIST_TASKS, Method::GET, TASKS, || endpoint(tasks::list_tasks)),
            entry(&operation::DELETE_TASK, Method::DELETE, TASK, || endpoint(tasks::delete_task)),
            entry(&operation::CHANGE_PASSWORD, Method::PUT, PASSWORD, || endpoint(password::change_password)),
            entry(&operation::LIST_CONFIGS, Method::GET, CONFIGS, || endpoint(parameters::list_configs)),
            entry(&operation::CHANGE_CONFIGS, Method::PUT, CONFIGS, || endpoint(parameters::change_configs)),
            entry(&operation::CHANGE_TAGS, Method::POST, TAG_ACTION, || endpoint(tags::change_tags)),
            entry(&operation::LIST_TAGS, Method::GET, TAGS, || endpoint(tags::list_tags)),
            entry(&operation::LIST_GROUPS, Method::GET, GROUPS, || endpoint(nodes::list_groups)),
            entry(&operation::ADD_REPLICA, Method::POST, REPLICAS, || endpoint(placement::add_replica)),
            entry(&operation::LIST_PROJECT_TAGS, Method::GET, ALL_TAGS, || endpoint(tags::list_project_tags)),
        ]
    }};
}

pub(super) fn api_routes() -> Vec<RouteEntry> {
    let mut routes = version_routes!("v1.0");
    routes.extend(stubs::literal_rows().map(stub_entry));
    routes.extend(version_routes!("v2"));
    routes.push(entry(
        &operation::RESIZE_INSTANCE,
        Method::POST,
        "/v1.0/{project_id}/instances/{instance_id}/extend",
        || endpoint(resize::resize_instance),
    ));
    routes.extend(catalogue_routes());
    routes.extend(stub_routes());
    routes.push(entry(&operation::SHOW_VERSION, Method::GET, "/v2", || route(v2::show_version)));
    routes.extend(side_routes());
    routes.extend(command_routes());
    routes
}

fn catalogue_routes() -> Vec<RouteEntry> {
    const V2_WINDOWS: &str = "/v2/instances/maintain-windows";
    vec![
        entry(&operation::LIST_PRODUCTS, Method::GET, "/v1.0/products", || {
            endpoint_of_all(catalog::list_products)
        }),
        entry(&operation::LIST_ZONES, Method::GET, "/v1.0/availableZones", || {
            endpoint_of_all(catalog::list_zones)
        }),
        entry(&operation::LIST_WINDOWS, Method::GET, "/v1.0/instances/maintain-windows", || {
            endpoint_of_all(catalog::list_windows)
        }),
        entry(&operation::LIST_TRIALS, Method::GET, "/v1.0/{domain_id}/trials", || {
            endpoint_of_all(catalog::list_trials)
        }),
        entry(&operation::SHOW_QUOTA, Method::GET, "/v1.0/{project_id}/quota", || {
            endpoint(catalog::show_quota)
        }),
        entry(&operation::LIST_FLAVORS, Method::GET, "/v2/{project_id}/flavors", || {
            endpoint(catalog::list_flavors)
        }),
        entry(&operation::LIST_ZONES, Method::GET, "/v2/available-zones", || {
            endpoint_of_all(catalog::list_zones)
        }),
        entry(&operation::LIST_WINDOWS, Method::GET, V2_WINDOWS, || endpoint_of_all(catalog::list_windows)),
        entry(&operation::SHOW_QUOTA, Method::GET, "/v2/{project_id}/quota", || {
            endpoint(catalog::show_quota)
        }),
    ]
}

fn stub_entry(row: &'static Row) -> RouteEntry {
    entry(&row.operation, row.method.clone(), row.path, || endpoint(stubs::serve))
}

fn stub_routes() -> Vec<RouteEntry> {
    const MONITORED: &str = "/v2/{project_id}/dims/monitored-objects";
    const MONITORED_PARTS: &str = "/v2/{project_id}/dims/monitored-objects/{instance_id}";
    let mut routes: Vec<RouteEntry> = stubs::rows().map(stub_entry).collect();
    routes.push(entry(&operation::LIST_MONITORED, Method::GET, MONITORED, || {
        endpoint(stubs::monitored::list_instances)
    }));
    routes.push(entry(&operation::LIST_MONITORED_PARTS, Method::GET, MONITORED_PARTS, || {
        endpoint(stubs::monitored::list_parts)
    }));
    routes
}
