//! Instances: create, get, list, count, update, resize, change status or password, delete, on both versions of the API.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.8 and 2.9; docs/contract/dcs-v2.md, section 2.3.

pub(crate) mod batch;
pub(crate) mod counts;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod password;
pub(crate) mod policy;
pub(crate) mod resize;
pub(crate) mod update;
pub(crate) mod view;

use crate::http::api::config::change::JobView;
use crate::http::api::instances::view::{InstanceView, InstancesView, WholeInstanceView, WholeInstancesView};
use crate::http::context::endpoint;
use crate::http::route::{DELETE, GET, Operation, POST, PUT, RouteEntry, Tag, flag, reading, text, writing};

/// Returns the routes.
#[expect(clippy::too_many_lines, reason = "one row an operation")]
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Instances", about: "Cache instances." };
    const COUNT_STATUSES: Operation =
        reading("list_number_of_instances_in_different_status", "dcs:instance:list");
    const GET_INSTANCE: Operation = reading("get_instance", "dcs:instance:get");
    const LIST_INSTANCES: Operation = reading("list_instances", "dcs:instance:list");
    TAG.routes([
        writing("change_instance_statuses", "dcs:instance:modifyStatus")
            .summary("Restarts, empties, starts or stops instances")
            .both(PUT, "/instances/status", endpoint(batch::change_statuses))
            .takes::<batch::StatusBody>()
            .answers::<batch::BatchView>(),
        COUNT_STATUSES
            .summary("Counts the instances of a project by their state")
            .v1(GET, "/instances/status", endpoint(counts::count_statuses))
            .query(counts::COUNTS_QUERY)
            .answers::<counts::CountsView>(),
        COUNT_STATUSES
            .summary("Counts the instances of a project by their state")
            .v2(GET, "/instances/status", endpoint(counts::count_statuses))
            .query(counts::COUNTS_QUERY)
            .answers::<counts::CountsByEngineView>(),
        reading("list_statistics_of_running_instances", "dcs:instance:list")
            .summary("Shows what the instances in service do")
            .both(GET, "/instances/statistic", endpoint(counts::list_statistics))
            .answers::<counts::StatisticsView>(),
        GET_INSTANCE
            .summary("Shows an instance")
            .v1(GET, "/instances/{instance_id}", endpoint(list::get_instance))
            .answers::<InstanceView>(),
        GET_INSTANCE
            .summary("Shows an instance")
            .v2(GET, "/instances/{instance_id}", endpoint(list::get_instance))
            .answers::<WholeInstanceView>(),
        writing("update_instance", "dcs:instance:modify")
            .summary("Changes what of an instance takes no time")
            .both(PUT, "/instances/{instance_id}", endpoint(update::update_instance))
            .takes::<update::UpdateBody>()
            .answers_nothing(),
        writing("delete_instance", "dcs:instance:delete")
            .summary("Deletes an instance with all its records")
            .both(DELETE, "/instances/{instance_id}", endpoint(batch::delete_instance))
            .answers_nothing(),
        LIST_INSTANCES
            .summary("Lists the instances of a project, newest first")
            .v1(GET, "/instances", endpoint(list::list_instances))
            .query(list::V1_INSTANCES_QUERY)
            .answers::<InstancesView>(),
        LIST_INSTANCES
            .summary("Lists the instances of a project, newest first")
            .v2(GET, "/instances", endpoint(list::list_instances))
            .query(list::V2_INSTANCES_QUERY)
            .answers::<WholeInstancesView>(),
        writing("create_instances", "dcs:instance:create")
            .summary("Makes instances")
            .both(POST, "/instances", endpoint(create::create_instances))
            .takes::<create::OrderBody>()
            .answers::<create::CreatedView>()
            .accepts_id(),
        writing("delete_instances", "dcs:instance:delete")
            .summary("Deletes several instances")
            .both(DELETE, "/instances", endpoint(batch::delete_instances))
            .query(&[flag("allFailure", "Delete all whose creation failed, whatever the body says.")])
            .takes::<batch::BatchBody>()
            .answers::<batch::BatchView>()
            .may_answer_nothing(),
        writing("update_password", "dcs:instance:modifyAuthInfo")
            .summary("Changes the password of an instance")
            .both(PUT, "/instances/{instance_id}/password", endpoint(password::change_password))
            .takes::<password::ChangeBody>()
            .answers::<password::ChangeView>(),
        writing("add_replica", "dcs:instance:modify")
            .summary("Adds a replica to a shard")
            .both(
                POST,
                "/instance/{instance_id}/groups/{group_id}/replications",
                endpoint(resize::add_replica),
            )
            .takes::<resize::ReplicaBody>()
            .answers_nothing(),
        writing("migrate_az", "dcs:instance:modify")
            .summary("Takes an instance to other zones")
            .v2(PUT, "/instances/{instance_id}/available-zones", endpoint(resize::migrate_zones))
            .takes::<resize::ZonesBody>()
            .answers::<resize::NothingView>(),
        writing("switch_subnet", "dcs:instance:modify")
            .summary("Takes an instance to another network")
            .v2(POST, "/instances/{instance_id}/resources/subnet", endpoint(resize::switch_subnet))
            .takes::<resize::SubnetBody>()
            .answers_nothing(),
        writing("remove_replica", "dcs:instance:modify")
            .summary("Removes a replica from a shard")
            .v2(
                DELETE,
                "/instances/{instance_id}/groups/{group_id}/replications/{node_id}",
                endpoint(resize::remove_replica),
            )
            .answers::<JobView>(),
        writing("resize_instance", "dcs:instance:scale")
            .summary("Gives an instance another size")
            .v1(POST, "/instances/{instance_id}/extend", endpoint(resize::resize_instance))
            .v2(POST, "/instances/{instance_id}/resize", endpoint(resize::resize_instance))
            .takes::<resize::ResizeBody>()
            .answers_nothing(),
        writing("start_instance_resize_check_job", "dcs:instance:modify")
            .summary("Checks whether an instance can get another size")
            .v2(POST, "/instances/{instance_id}/resize/check-job", endpoint(resize::check_resize))
            .takes::<resize::ResizeCheckBody>()
            .answers::<JobView>(),
        reading("list_instance_operations", "dcs:instance:get")
            .summary("Tells whether an operation is possible")
            .v2(GET, "/instances/{instance_id}/operations", endpoint(resize::list_operations))
            .query(&[text("operation", "The operation: `extend`.").required()])
            .answers::<resize::OperationsView>(),
        writing("reset_password", "dcs:instance:modifyAuthInfo")
            .summary("Sets another password of an instance, or none")
            .v2(POST, "/instances/{instance_id}/password/reset", endpoint(password::reset_password))
            .takes::<password::ResetBody>()
            .answers::<password::ResetView>(),
    ])
}
