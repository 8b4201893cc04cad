//! Roles of nodes, replicas, and the domain name for reading.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 2.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::id::JobId;
use crate::domain::instance::{NodeChange, NodeName, NodeRole};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::api::config::change::{JobView, job_begun};
use crate::http::api::nodes::view::{ReplicationView, hex, replications};
use crate::http::context::{InstanceContext, RequestContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::mandatory_object;
use crate::http::flexible::Flexible;
use crate::http::route::{DELETE, GET, POST, PUT, RouteEntry, Tag, reading, writing};

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag =
        Tag { name: "Roles", about: "Who is master, who may become it, and whom readers are led to." };
    const READ: &str = "dcs:instance:get";
    const WRITE: &str = "dcs:instance:modify";
    TAG.routes([
        writing("change_master_standby", WRITE)
            .summary("Has master and standby change places")
            .v2(POST, "/instances/{instance_id}/swap", endpoint(swap_at_once))
            .answers_nothing(),
        writing("change_master_standby_async", WRITE)
            .summary("Has master and standby change places, as a job")
            .v2(PUT, "/instances/{instance_id}/async-swap", endpoint(swap))
            .answers::<JobView>(),
        writing("execute_cluster_switchover", WRITE)
            .summary("Has a replica become the master of its shard")
            .v2(
                POST,
                "/instance/{instance_id}/groups/{group_id}/replications/{node_id}/async-switchover",
                endpoint(promote),
            )
            .answers::<JobView>(),
        writing("update_slave_priority", WRITE)
            .summary("Weighs a replica for promotion")
            .v2(
                POST,
                "/instances/{instance_id}/groups/{group_id}/replications/{node_id}/slave-priority",
                endpoint(weigh),
            )
            .takes::<WeightBody>()
            .answers_nothing(),
        writing("delete_ip_from_domain_name", WRITE)
            .summary("Takes the address of a replica from the domain name for reading")
            .v2(
                DELETE,
                "/instances/{instance_id}/groups/{group_id}/replications/{node_id}/remove-ip",
                endpoint(remove_address),
            )
            .answers::<TwoJobsView>(),
        reading("show_replication_states", READ)
            .summary("Shows the nodes of a shard")
            .v2(GET, "/instance/{instance_id}/groups/{group_id}/group-nodes-state", endpoint(show_group))
            .answers::<Vec<ReplicationView>>(),
        reading("validate_deletable_replica", READ)
            .summary("Tells which replicas can be removed")
            .v2(GET, "/instances/{instance_id}/deletable-replication", endpoint(list_deletable))
            .answers::<DeletableView>(),
    ])
}

/// `POST …/swap`. It has taken effect when this is answered.
async fn swap_at_once(engine: Engine, context: InstanceContext) -> Response {
    Ok(answer(begin(engine, context, NodeChange::Swap { at_once: true }).await?))
}

/// `PUT …/async-swap`.
async fn swap(engine: Engine, context: InstanceContext) -> Response {
    Ok(answer(begin(engine, context, NodeChange::Swap { at_once: false }).await?))
}

/// `POST …/async-switchover`.
async fn promote(engine: Engine, context: InstanceContext) -> Response {
    let promote = NodeChange::Promote(named(&context.context));
    Ok(answer(begin(engine, context, promote).await?))
}

/// `POST …/slave-priority`. It has taken effect when this is answered.
async fn weigh(engine: Engine, context: InstanceContext) -> Response {
    let body: WeightBody = mandatory_object(&context.context.body)?;
    let weight = body.slave_priority_weight.as_ref().and_then(Flexible::given);
    let weight = weight.ok_or(Refusal::InvalidWeight)?.to_u64();
    let change = NodeChange::SetWeight(named(&context.context), weight);
    Ok(answer(begin(engine, context, change).await?))
}

/// `DELETE …/remove-ip`.
async fn remove_address(engine: Engine, context: InstanceContext) -> Response {
    let removal = NodeChange::RemoveAddress(named(&context.context));
    let job = begin(engine, context, removal).await?;
    let job_id = job.map(|id| id.to_string()).unwrap_or_default();
    Ok(HttpResponse::Ok().json(TwoJobsView { job_id_camel: job_id.clone(), job_id }))
}

/// Makes a change, or begins it; returns its job, if it has one.
async fn begin(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
    change: NodeChange,
) -> Result<Option<JobId>, ApiError> {
    let failed = match change {
        NodeChange::Swap { .. } | NodeChange::Promote(_) => &codes::SWAP_FAILED,
        NodeChange::SetWeight(..) | NodeChange::RemoveAddress(_) => &codes::INSTANCE_SAVE_FAILED,
    };
    engine.change_node(instance, change, (context.failure, context.origin)).await.or_fail(failed)
}

/// Answers with a job, or with nothing if there is none.
fn answer(job: Option<JobId>) -> HttpResponse {
    job.map_or_else(|| HttpResponse::NoContent().finish(), job_begun)
}

/// Returns the node that the path names.
fn named(context: &RequestContext) -> NodeName {
    let part = |name| context.path_part(name).to_owned();
    NodeName { group_id: part("group_id"), node_id: part("node_id") }
}

/// `GET …/group-nodes-state`: the nodes of a shard; of one that is not there, none.
async fn show_group(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let groups = instance.node_groups();
    let group = groups.iter().find(|group| group.id.to_string() == context.path_part("group_id"));
    Ok(HttpResponse::Ok().json(group.map_or_else(Vec::new, |group| replications(&instance, group))))
}

/// `GET …/deletable-replication`.
async fn list_deletable(engine: Engine, InstanceContext { instance, .. }: InstanceContext) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let groups = instance.node_groups();
    let mut replication_list = Vec::new();
    for group in &groups {
        let replicas = group.nodes.iter().filter(|node| node.role == NodeRole::Replica);
        replication_list.extend(replicas.filter(|node| group.permit_removal(node).is_ok()).map(|node| {
            DeletableReplicaView {
                replication_id: node.replication_id,
                node_id: hex(node.id),
                replication_ip: node.ip.clone(),
                group_id: group.id,
                group_name: group.name.clone(),
                available_zone: node.zone_code.clone(),
            }
        }));
    }
    Ok(HttpResponse::Ok().json(DeletableView {
        check_result: !replication_list.is_empty(),
        available_zone: replication_list.first().map(|one| one.available_zone.clone()).unwrap_or_default(),
        replication_list,
    }))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = ReplicaWeight)]
struct WeightBody {
    /// 1 most likely, 100 least, 0 never.
    #[schema(value_type = u8)]
    slave_priority_weight: Option<Flexible>,
}

/// The answer to a removal. Clients differ in how they spell it.
#[derive(Serialize, ToSchema)]
#[schema(as = AddressRemovalBegun)]
struct TwoJobsView {
    job_id: String,
    #[serde(rename = "jobId")]
    job_id_camel: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletableReplicas)]
struct DeletableView {
    check_result: bool,
    /// The zone of the first of them.
    available_zone: String,
    replication_list: Vec<DeletableReplicaView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletableReplica)]
struct DeletableReplicaView {
    replication_id: Uuid,
    node_id: String,
    replication_ip: String,
    group_id: Uuid,
    group_name: String,
    available_zone: String,
}
