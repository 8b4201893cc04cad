//! What only v2 has: beside instances, and what is done to them.

use actix_web::http::Method;

use crate::http::api::config::{
    bandwidth, client_ips, parameters, renamed_commands, scans, ssl, templates, whitelist,
};
use crate::http::api::instances::password;
use crate::http::api::instances::placement;
use crate::http::api::instances::resize;
use crate::http::api::nodes;
use crate::http::api::nodes::switch;
use crate::http::api::tasks;
use crate::http::context::endpoint;
use crate::http::operation;
use crate::http::routes::{RouteEntry, entry};

pub(super) fn side_routes() -> Vec<RouteEntry> {
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
    const ASYNC_CONFIGS: &str = "/v2/{project_id}/instances/{instance_id}/async-configs";
    const ASYNC_WHITELIST: &str = "/v2/{project_id}/instance/{instance_id}/whitelist-async";
    const ENCRYPTION: &str = "/v2/{project_id}/instances/{instance_id}/ssl";
    const CERTIFICATES: &str = "/v2/{project_id}/instances/{instance_id}/ssl-certs/download";
    const CLIENT_IPS: &str = "/v2/{project_id}/{instance_id}/client-ip-transparent-transmission";
    const ZONES: &str = "/v2/{project_id}/instances/{instance_id}/available-zones";
    const SUBNET: &str = "/v2/{project_id}/instances/{instance_id}/resources/subnet";
    const REPLICA: &str = "/v2/{project_id}/instances/{instance_id}/groups/{group_id}/replications/{node_id}";
    const RENAMED: &str = "/v2/{project_id}/instances/{instance_id}/rename-commands";
    vec![
        entry(&operation::SHOW_WHITELIST, Method::GET, WHITELIST, || endpoint(whitelist::show_whitelist)),
        entry(&operation::CHANGE_WHITELIST, Method::PUT, WHITELIST, || endpoint(whitelist::change_whitelist)),
        entry(&operation::CHANGE_CONFIGS_BY_JOB, Method::PUT, ASYNC_CONFIGS, || {
            endpoint(parameters::change_configs_by_job)
        }),
        entry(&operation::CHANGE_WHITELIST_BY_JOB, Method::PUT, ASYNC_WHITELIST, || {
            endpoint(whitelist::change_whitelist_by_job)
        }),
        entry(&operation::SHOW_ENCRYPTION, Method::GET, ENCRYPTION, || endpoint(ssl::show_encryption)),
        entry(&operation::SWITCH_ENCRYPTION, Method::PUT, ENCRYPTION, || endpoint(ssl::switch_encryption)),
        entry(&operation::LINK_CERTIFICATE, Method::POST, CERTIFICATES, || endpoint(ssl::link_certificate)),
        entry(&operation::SWITCH_CLIENT_IPS, Method::PUT, CLIENT_IPS, || {
            endpoint(client_ips::switch_client_ips)
        }),
        entry(&operation::MIGRATE_ZONES, Method::PUT, ZONES, || endpoint(placement::migrate_zones)),
        entry(&operation::SWITCH_SUBNET, Method::POST, SUBNET, || endpoint(placement::switch_subnet)),
        entry(&operation::REMOVE_REPLICA, Method::DELETE, REPLICA, || endpoint(placement::remove_replica)),
        entry(&operation::LIST_RENAMED_COMMANDS, Method::GET, RENAMED, || {
            endpoint(renamed_commands::list_renamed_commands)
        }),
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
            endpoint(parameters::list_histories)
        }),
        entry(&operation::SHOW_CONFIG_HISTORY, Method::GET, HISTORY, || endpoint(parameters::show_history)),
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

/// What only v2 does to instances, and what it shows of that.
pub(super) fn command_routes() -> Vec<RouteEntry> {
    const PASSWORD_RESET: &str = "/v2/{project_id}/instances/{instance_id}/password/reset";
    const RESIZE: &str = "/v2/{project_id}/instances/{instance_id}/resize";
    const JOB: &str = "/v2/{project_id}/jobs/{job_id}";
    const NODES_STATUS: &str = "/v2/{project_id}/instances/{instance_id}/nodes/status";
    const TASK_PROGRESS: &str = "/v2/{project_id}/instances/{instance_id}/tasks/{task_id}/progress";
    const PROJECT_TASKS: &str = "/v2/{project_id}/tasks";
    const PROJECT_TASK: &str = "/v2/{project_id}/tasks/{task_id}";
    vec![
        entry(&operation::SHOW_TASK_PROGRESS, Method::GET, TASK_PROGRESS, || endpoint(tasks::show_progress)),
        entry(&operation::LIST_PROJECT_TASKS, Method::GET, PROJECT_TASKS, || {
            endpoint(tasks::list_project_tasks)
        }),
        entry(&operation::DELETE_PROJECT_TASK, Method::DELETE, PROJECT_TASK, || {
            endpoint(tasks::delete_project_task)
        }),
        entry(&operation::SWITCH_NODES, Method::PUT, NODES_STATUS, || endpoint(switch::switch_nodes)),
        entry(&operation::RESIZE_INSTANCE, Method::POST, RESIZE, || endpoint(resize::resize_instance)),
        entry(&operation::SHOW_JOB, Method::GET, JOB, || endpoint(tasks::show_job)),
        entry(&operation::RESET_PASSWORD, Method::POST, PASSWORD_RESET, || {
            endpoint(password::reset_password)
        }),
    ]
}
