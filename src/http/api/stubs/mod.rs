//! Stubs: operations that answer an empty or derived result, or are refused. They are rows of a table, served by one handler.
//!
//! What only reads answers truthfully: that there is nothing of the kind, or what follows from the instance. What would change
//! a thing that is not there is refused, and says so. Adding one is adding a row; emulating one is removing it there
//! and adding it like any other (see `ARCHITECTURE.md`).
//!
//! An answer is the text of a JSON document; `{instance_id}` in it is the instance that is asked about.
//!
//! Source: docs/contract/dcs-v2.md, section 3.

mod derived;
mod row;

use crate::http::api::stubs::derived::{
    deletable_replicas, list_instances, list_parts, nodes_of_group, sessions,
};
use crate::http::api::stubs::row::{Reply, Row};
use crate::http::api::versions;
use crate::http::context::endpoint;
use crate::http::error::codes::MIGRATION_NOT_FOUND;
use crate::http::route::{DELETE, Emulation, GET, POST, PUT, QueryParameter, RouteEntry, Tag, reading, text};

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag =
        Tag { name: "Stubs", about: "What clients may ask for although it is beside what is emulated." };
    const DIMENSION: QueryParameter = text("dim_name", "What is monitored: `dcs_instance_id`.").required();
    let monitored = [
        reading("list_monitored_objects", "dcs:instance:list")
            .emulated(Emulation::ReadOnly)
            .summary("Lists the instances that can be monitored")
            .v2(GET, "/dims/monitored-objects", endpoint(list_instances))
            .query(&[DIMENSION])
            .query(versions::PAGE_QUERY)
            .answers_any(200, "application/json"),
        reading("list_monitored_objects_of_instance", "dcs:instance:get")
            .emulated(Emulation::ReadOnly)
            .summary("Lists what of an instance can be monitored")
            .v2(GET, "/dims/monitored-objects/{instance_id}", endpoint(list_parts))
            .query(&[DIMENSION])
            .answers_any(200, "application/json"),
    ];
    TAG.routes(TABLE.iter().map(Row::endpoint).chain(monitored))
}

/// Writes the path of something in an instance.
macro_rules! i {
    ($rest:literal) => {
        concat!("/instances/{instance_id}", $rest)
    };
}

/// Writes the path of something in a shard of an instance, below the other word for instances.
macro_rules! g {
    ($rest:literal) => {
        concat!("/instance/{instance_id}/groups/{group_id}", $rest)
    };
}

/// The rows: one an operation.
#[rustfmt::skip]
static TABLE: &[Row] = &[
    // Switchover, replicas, nodes
    Row::refused("change_master_standby", POST, i!("/swap"), "Swap master and standby"),
    Row::refused("change_master_standby_async", PUT, i!("/async-swap"), "Swap master and standby, as a job"),
    Row::refused("execute_cluster_switchover", POST, g!("/replications/{node_id}/async-switchover"), "Promote a replica"),
    Row::refused("update_slave_priority", POST, i!("/groups/{group_id}/replications/{node_id}/slave-priority"),
                 "Weigh a replica for promotion"),
    Row::refused("delete_ip_from_domain_name", DELETE, i!("/groups/{group_id}/replications/{node_id}/remove-ip"),
                 "Take a replica out of the domain for reading"),
    Row::reads("show_replication_states", GET, g!("/group-nodes-state"), "Show the replicas of a shard",
               Reply::OfInstance(nodes_of_group)),
    Row::reads("validate_deletable_replica", GET, i!("/deletable-replication"), "Tell whether a replica can be removed",
               Reply::OfInstance(deletable_replicas)),
    // Accounts
    Row::refused("create_acl_account", POST, i!("/accounts"), "Create an account"),
    Row::reads("list_acl_accounts", GET, i!("/accounts"), "List accounts", Reply::Always(r#"{"accounts": []}"#)),
    Row::refused("delete_acl_account", DELETE, i!("/accounts/{account_id}"), "Delete an account"),
    Row::refused("update_acl_account_remark", PUT, i!("/accounts/{account_id}"), "Describe an account"),
    Row::refused("update_acl_account", PUT, i!("/accounts/{account_id}/role"), "Change the role of an account"),
    Row::refused("update_acl_account_pass_word", PUT, i!("/accounts/{account_id}/password/modify"),
                 "Change the password of an account"),
    Row::refused("reset_acl_account_pass_word", PUT, i!("/accounts/{account_id}/password/reset"),
                 "Reset the password of an account"),
    // Sessions and the console
    Row::reads("scan_clients", POST, i!("/clients"), "Look for sessions", Reply::Always("{}")),
    Row::reads("list_clients", GET, i!("/clients"), "List sessions", Reply::OfInstance(sessions)),
    Row::refused("hang_up_clients", POST, i!("/clients/kill"), "End sessions"),
    Row::refused("hang_up_kill_all_clients", POST, i!("/clients/kill-all"), "End all sessions"),
    Row::refused("login_web_cli", POST, i!("/webcli/auth"), "Open a console"),
    Row::refused("execute_command_mobilization", POST, i!("/webcli/command"), "Run a command"),
    Row::refused("logoff_web_cli", POST, i!("/webcli/logout"), "Close a console"),
    // Migration
    Row::refused("create_migration_task", POST, "/migration-task", "Import data"),
    Row::refused("batch_stop_migration_tasks", POST, "/migration-task/batch-stop", "Stop migrations"),
    Row::reads("show_migration_task", GET, "/migration-task/{task_id}", "Show a migration",
               Reply::Unknown(&MIGRATION_NOT_FOUND)),
    Row::reads("list_migration_task", GET, "/migration-tasks", "List migrations",
               Reply::Always(r#"{"count": 0, "migration_tasks": []}"#)),
    Row::refused("stop_migration_task", POST, "/migration-task/{task_id}/stop", "Stop a migration"),
    Row::refused("stop_migration_task_sync", POST, "/migration-task/{task_id}/sync-stop", "Stop a migration and wait"),
    Row::refused("batch_restart_online_migration_tasks", POST, "/migration-tasks/batch-restart", "Restart migrations"),
    Row::refused("delete_migration_task", DELETE, "/migration-tasks/delete", "Delete migrations"),
    Row::refused("create_online_migration_task", POST, "/migration/instance", "Create an online migration"),
    Row::refused("set_online_migration_task", POST, "/migration/{task_id}/task", "Start an online migration"),
    Row::refused("update_migration_task", PUT, "/migration-task/{task_id}", "Change a migration"),
    Row::reads("show_migration_task_stats", GET, "/migration-task/{task_id}/stats", "Show the progress of a migration",
               Reply::Unknown(&MIGRATION_NOT_FOUND)),
    Row::reads("list_migration_task_logs", GET, "/migration-task/{task_id}/logs", "List the logs of a migration",
               Reply::Unknown(&MIGRATION_NOT_FOUND)),
    Row::refused("exchange_instance_ip", POST, "/migration-task/{task_id}/exchange-ip", "Swap the addresses of a migration"),
    Row::refused("rollback_exchange_instance_ip", POST, "/migration-task/{task_id}/rollback-ip",
                 "Swap the addresses of a migration back"),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_row_is_whole() {
        for row in TABLE {
            let name = row.operation.name;
            match row.reply {
                Reply::Always(document) => {
                    assert!(serde_json::from_str::<Value>(document).is_ok(), "{name}");
                    let knows_instance = row.path.contains("{instance_id}");
                    assert!(knows_instance || !document.contains("{instance_id}"), "{name}");
                }
                Reply::OfInstance(_) => assert!(row.path.contains("{instance_id}"), "{name}"),
                Reply::Unknown(code) => assert_eq!(code.status, 400, "{name}"),
                Reply::NotEmulated => assert!(row.needs.is_empty(), "{name}"),
            }
            let refused = matches!(row.reply, Reply::NotEmulated);
            assert_eq!(refused, row.operation.emulation == Emulation::None, "{name}");
        }
    }
}
