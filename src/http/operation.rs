//! The operations of the API by stable names, and what each asks of its caller.

use crate::domain::identity::Action;
use crate::engine::ApiVersion;

/// Something a client can ask for, whichever version of the API it speaks.
///
/// The name is stable: metrics and logs use it.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// The name.
    pub name: &'static str,
    /// The action that its caller must be permitted in the project; none for what is not about a project.
    pub action: Option<Action>,
    /// How much of it is emulated.
    pub emulation: Emulation,
}

/// How much of an operation is emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulation {
    /// All of it.
    Full,
    /// It answers truthfully, but nothing can be done that would change the answer.
    ReadOnly,
    /// Nothing: it is refused, and says so.
    None,
}

impl Emulation {
    /// Returns the words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read-only",
            Self::None => "not emulated",
        }
    }
}

impl Operation {
    /// Returns an operation that answers truthfully, while nothing can be done that would change the answer.
    pub(super) const fn read_only(name: &'static str, action: &'static str) -> Self {
        Self { emulation: Emulation::ReadOnly, ..reading(name, action) }
    }

    /// Returns an operation that is refused because it is not emulated.
    pub(super) const fn not_emulated(name: &'static str, action: &'static str) -> Self {
        Self { emulation: Emulation::None, ..writing(name, action) }
    }
}

/// What the route of a request says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteName {
    /// What is asked for.
    pub(super) operation: &'static Operation,
    /// The version of the API that is spoken; none for what belongs to no version.
    pub(super) api: Option<ApiVersion>,
    /// Whether it is a route of the control API.
    pub(super) is_control: bool,
}

const fn reading(name: &'static str, action: &'static str) -> Operation {
    Operation { name, action: Some(Action { name: action, writes: false }), emulation: Emulation::Full }
}

const fn writing(name: &'static str, action: &'static str) -> Operation {
    Operation { name, action: Some(Action { name: action, writes: true }), emulation: Emulation::Full }
}

const fn open(name: &'static str) -> Operation {
    Operation { name, action: None, emulation: Emulation::Full }
}

/// Record a backup.
pub(super) const CREATE_BACKUP: Operation = writing("create_backup", "dcs:instance:backupData");
/// List the backups of an instance.
pub(super) const LIST_BACKUPS: Operation = reading("list_backups", "dcs:instance:getDataBackupLog");
/// Delete a backup.
pub(super) const DELETE_BACKUP: Operation = writing("delete_backup", "dcs:instance:deleteDataBackupFile");
/// Make links to the file of a backup. It changes nothing: who may read may download.
pub(super) const CREATE_LINKS: Operation = reading("create_backup_links", "dcs:instance:downloadBackupData");
/// Restore an instance from a backup.
pub(super) const CREATE_RESTORE: Operation = writing("create_restore", "dcs:instance:restoreData");
/// List the restores of an instance.
pub(super) const LIST_RESTORES: Operation = reading("list_restores", "dcs:instance:getDataRestoreLog");
/// Show an instance.
pub(super) const GET_INSTANCE: Operation = reading("get_instance", "dcs:instance:get");
/// List the instances of a project.
pub(super) const LIST_INSTANCES: Operation = reading("list_instances", "dcs:instance:list");
/// Make instances.
pub(super) const CREATE_INSTANCES: Operation = writing("create_instances", "dcs:instance:create");
/// Change what of an instance takes no time.
pub(super) const UPDATE_INSTANCE: Operation = writing("update_instance", "dcs:instance:modify");
/// Delete an instance.
pub(super) const DELETE_INSTANCE: Operation = writing("delete_instance", "dcs:instance:delete");
/// Delete several instances.
pub(super) const DELETE_INSTANCES: Operation = writing("delete_instances", "dcs:instance:delete");
/// Restart, empty, start or stop instances.
pub(super) const CHANGE_STATUSES: Operation =
    writing("change_instance_statuses", "dcs:instance:modifyStatus");
/// Count the instances of a project by their state.
pub(super) const COUNT_STATUSES: Operation =
    reading("list_number_of_instances_in_different_status", "dcs:instance:list");
/// Show what the instances in service do.
pub(super) const LIST_STATISTICS: Operation =
    reading("list_statistics_of_running_instances", "dcs:instance:list");
/// Start or stop nodes of an instance.
pub(super) const SWITCH_NODES: Operation =
    writing("change_nodes_start_stop_status", "dcs:instance:modifyStatus");
/// Give an instance another size.
pub(super) const RESIZE_INSTANCE: Operation = writing("resize_instance", "dcs:instance:scale");
/// List what runs in the background of an instance, or has.
pub(super) const LIST_TASKS: Operation = reading("list_background_task", "dcs:instance:getBackgroundTask");
/// Remove a background task that has ended from the list.
pub(super) const DELETE_TASK: Operation =
    writing("delete_background_task", "dcs:instance:deleteBackgroundTask");
/// Show how far a background task is.
pub(super) const SHOW_TASK_PROGRESS: Operation =
    reading("show_background_task_progress", "dcs:instance:getBackgroundTask");
/// List what runs in the background of a project's instances, or has.
pub(super) const LIST_PROJECT_TASKS: Operation =
    reading("list_center_task", "dcs:instance:getBackgroundTask");
/// Remove a background task of a project that has ended from the lists.
pub(super) const DELETE_PROJECT_TASK: Operation =
    writing("delete_center_task", "dcs:instance:deleteBackgroundTask");
/// Show a job that an answer named.
pub(super) const SHOW_JOB: Operation = reading("show_job_info", "dcs:instance:getBackgroundTask");
/// Change the password of an instance.
pub(super) const CHANGE_PASSWORD: Operation = writing("update_password", "dcs:instance:modifyAuthInfo");
/// Set another password of an instance, or none.
pub(super) const RESET_PASSWORD: Operation = writing("reset_password", "dcs:instance:modifyAuthInfo");
/// List what is sold.
pub(super) const LIST_PRODUCTS: Operation = open("list_products");
/// List what is sold, filtered.
pub(super) const LIST_FLAVORS: Operation = reading("list_flavors", "dcs:instance:list");
/// List the availability zones.
pub(super) const LIST_ZONES: Operation = open("list_available_zones");
/// List the windows of maintenance.
pub(super) const LIST_WINDOWS: Operation = open("list_maintenance_windows");
/// Show how much a project may have and has.
pub(super) const SHOW_QUOTA: Operation = reading("show_quota", "dcs:instance:list");
/// List what can be had for nothing.
pub(super) const LIST_TRIALS: Operation = open("list_trials");
/// List the instances that can be monitored.
pub(super) const LIST_MONITORED: Operation =
    Operation::read_only("list_monitored_objects", "dcs:instance:list");
/// List what of an instance can be monitored.
pub(super) const LIST_MONITORED_PARTS: Operation =
    Operation::read_only("list_monitored_objects_of_instance", "dcs:instance:get");
/// Show the configuration parameters of an instance.
pub(super) const LIST_CONFIGS: Operation = reading("list_configurations", "dcs:instance:getConfiguration");
/// Change configuration parameters.
pub(super) const CHANGE_CONFIGS: Operation =
    writing("update_configurations", "dcs:instance:modifyConfigureation");
/// Change configuration parameters, as a job.
pub(super) const CHANGE_CONFIGS_BY_JOB: Operation =
    writing("update_instance_config", "dcs:instance:modifyConfigureation");
/// List the times at which configuration parameters changed.
pub(super) const LIST_CONFIG_HISTORIES: Operation =
    reading("list_config_histories", "dcs:instance:getConfiguration");
/// Show what of the configuration parameters changed at one time.
pub(super) const SHOW_CONFIG_HISTORY: Operation =
    reading("show_config_history_detail", "dcs:instance:getConfiguration");
/// Set or remove tags of an instance.
pub(super) const CHANGE_TAGS: Operation = writing("batch_create_or_delete_tags", "dcs:instance:modify");
/// List the tags of an instance.
pub(super) const LIST_TAGS: Operation = reading("show_tags", "dcs:instance:get");
/// List the tags of all instances of a project.
pub(super) const LIST_PROJECT_TAGS: Operation = reading("list_tags_of_tenant", "dcs:instance:list");
/// Show which addresses may connect to an instance.
pub(super) const SHOW_WHITELIST: Operation = reading("show_ip_whitelist", "dcs:instance:get");
/// Set which addresses may connect to an instance.
pub(super) const CHANGE_WHITELIST: Operation = writing("update_ip_whitelist", "dcs:instance:modify");
/// Set which addresses may connect to an instance, as a job.
pub(super) const CHANGE_WHITELIST_BY_JOB: Operation =
    writing("update_ip_whitelist_async", "dcs:instance:modify");
/// Show whether connections to an instance are encrypted.
pub(super) const SHOW_ENCRYPTION: Operation = reading("show_instance_ssl_detail", "dcs:instance:get");
/// Have connections to an instance encrypted, or no longer.
pub(super) const SWITCH_ENCRYPTION: Operation = writing("update_ssl_switch", "dcs:instance:modify");
/// Tell where the certificate of an instance can be fetched. It changes nothing: who may read may download.
pub(super) const LINK_CERTIFICATE: Operation = reading("download_ssl_cert", "dcs:instance:get");
/// Have an instance see the addresses of its clients, or no longer.
pub(super) const SWITCH_CLIENT_IPS: Operation =
    writing("update_client_ip_transparent_transmission", "dcs:instance:modify");
/// Take an instance to other zones.
pub(super) const MIGRATE_ZONES: Operation = writing("migrate_az", "dcs:instance:modify");
/// Take an instance to another network.
pub(super) const SWITCH_SUBNET: Operation = writing("switch_subnet", "dcs:instance:modify");
/// Add a replica to a shard.
pub(super) const ADD_REPLICA: Operation = writing("add_replica", "dcs:instance:modify");
/// Remove a replica from a shard.
pub(super) const REMOVE_REPLICA: Operation = writing("remove_replica", "dcs:instance:modify");
/// List the commands of an instance that have another name.
pub(super) const LIST_RENAMED_COMMANDS: Operation = reading("list_rename_commands", "dcs:instance:get");
/// Show when big keys are looked for.
pub(super) const SHOW_BIG_KEY_SCAN: Operation = reading("show_bigkey_autoscan_config", "dcs:instance:get");
/// Set when big keys are looked for.
pub(super) const CHANGE_BIG_KEY_SCAN: Operation =
    writing("update_bigkey_autoscan_config", "dcs:instance:modify");
/// Show when hot keys are looked for.
pub(super) const SHOW_HOT_KEY_SCAN: Operation = reading("show_hotkey_autoscan_config", "dcs:instance:get");
/// Set when hot keys are looked for.
pub(super) const CHANGE_HOT_KEY_SCAN: Operation =
    writing("update_hotkey_auto_scan_config", "dcs:instance:modify");
/// Show when expired keys are looked for.
pub(super) const SHOW_EXPIRED_KEY_SCAN: Operation =
    reading("show_expire_auto_scan_config", "dcs:instance:get");
/// Set when expired keys are looked for.
pub(super) const CHANGE_EXPIRED_KEY_SCAN: Operation =
    writing("update_expire_auto_scan_config", "dcs:instance:modify");
/// Show how bandwidth follows its use.
pub(super) const SHOW_BANDWIDTH_POLICY: Operation =
    reading("show_instance_bandwidth_auto_scaling_policy", "dcs:instance:get");
/// Set how bandwidth follows its use.
pub(super) const CHANGE_BANDWIDTH_POLICY: Operation =
    writing("update_instance_bandwidth_auto_scaling_policy", "dcs:instance:modify");
/// Let bandwidth stay as it is.
pub(super) const DELETE_BANDWIDTH_POLICY: Operation =
    writing("delete_instance_bandwidth_auto_scaling_policy", "dcs:instance:modify");
/// List templates of configuration parameters.
pub(super) const LIST_TEMPLATES: Operation =
    reading("list_config_templates", "dcs:instance:getConfiguration");
/// Show a template of configuration parameters.
pub(super) const SHOW_TEMPLATE: Operation = reading("show_config_template", "dcs:instance:getConfiguration");
/// Make a template of configuration parameters.
pub(super) const CREATE_TEMPLATE: Operation =
    writing("create_custom_template", "dcs:instance:modifyConfigureation");
/// Change a template of configuration parameters.
pub(super) const CHANGE_TEMPLATE: Operation =
    writing("update_config_template", "dcs:instance:modifyConfigureation");
/// Remove a template of configuration parameters.
pub(super) const DELETE_TEMPLATE: Operation =
    writing("delete_config_template", "dcs:instance:modifyConfigureation");
/// Show the shards of an instance.
pub(super) const LIST_GROUPS: Operation = reading("list_group_replication_info", "dcs:instance:get");
/// Show every node of an instance.
pub(super) const LIST_LOGICAL_NODES: Operation = reading("show_nodes_information", "dcs:instance:get");
/// Show every node of a page of instances.
pub(super) const LIST_NODES_OF_INSTANCES: Operation =
    reading("batch_show_nodes_information", "dcs:instance:list");
/// Show the nodes of an instance by their kind.
pub(super) const SHOW_TOPOLOGY: Operation = reading("show_instance_topology", "dcs:instance:get");
/// Show the versions of the service.
pub(super) const SHOW_VERSION: Operation = open("show_version");
/// Download the file of a backup by its link.
pub(super) const DOWNLOAD_BACKUP: Operation = open("download_backup");
/// Download the certificate of encrypted instances.
pub(super) const DOWNLOAD_CERTIFICATE: Operation = open("download_certificate");
/// Show the versions of the identity service.
pub(super) const SHOW_IDENTITY_VERSION: Operation = open("show_identity_version");
/// Log in.
pub(super) const CREATE_TOKEN: Operation = open("create_token");
/// Show a token.
pub(super) const SHOW_TOKEN: Operation = open("show_token");
/// Show the catalogue of services.
pub(super) const SHOW_CATALOG: Operation = open("show_catalog");
/// List projects.
pub(super) const LIST_PROJECTS: Operation = open("list_projects");
/// Show a project.
pub(super) const SHOW_PROJECT: Operation = open("show_project");
/// List domains.
pub(super) const LIST_DOMAINS: Operation = open("list_domains");
/// List users.
pub(super) const LIST_USERS: Operation = open("list_users");
/// Tell that the process is alive.
pub(super) const LIVEZ: Operation = open("livez");
/// Tell whether requests can be served.
pub(super) const READYZ: Operation = open("readyz");
/// Show the measurements.
pub(super) const METRICS: Operation = open("metrics");

/// The operations of the control API.
pub(super) mod control {
    use super::{Operation, open};

    pub(in crate::http) const HEALTH: Operation = open("emulator_health");
    pub(in crate::http) const INFO: Operation = open("emulator_info");
    pub(in crate::http) const CONFIG: Operation = open("emulator_config");
    pub(in crate::http) const OPERATIONS: Operation = open("emulator_operations");
    pub(in crate::http) const RESET: Operation = open("emulator_reset");
    pub(in crate::http) const SEED: Operation = open("emulator_seed");
    pub(in crate::http) const EXPORT: Operation = open("emulator_export");
    pub(in crate::http) const CLOCK: Operation = open("emulator_clock");
    pub(in crate::http) const TRANSITIONS: Operation = open("emulator_transitions");
    pub(in crate::http) const FAULTS: Operation = open("emulator_faults");
    pub(in crate::http) const SNAPSHOTS: Operation = open("emulator_snapshots");
    pub(in crate::http) const IDS: Operation = open("emulator_ids");
    pub(in crate::http) const REQUESTS: Operation = open("emulator_requests");
    pub(in crate::http) const OPENAPI: Operation = open("emulator_openapi");
    pub(in crate::http) const DOCS: Operation = open("emulator_docs");
}
