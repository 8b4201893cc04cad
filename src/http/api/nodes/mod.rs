//! The nodes of instances: groups, logical nodes, and the whole of them by kind; start and stop.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.20; docs/contract/dcs-v2.md, sections 2.4 and 2.18.

pub(crate) mod view;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::instance::{CacheMode, Node, NodeGroup, NodeSwitch};
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::api::nodes::view::{
    EndpointView, GroupView, GroupsView, LogicalNodeView, LogicalNodesView, NodesOfInstanceView,
    NodesOfInstancesView, TopologyNodeView, TopologyView,
};
use crate::http::api::versions;
use crate::http::context::{InstanceContext, ProjectContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{bounded_limit, mandatory_object, offset};
use crate::http::route::{GET, PUT, RouteEntry, Tag, reading, writing};

/// Returns the routes.
pub(crate) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Nodes", about: "What instances are made of." };
    TAG.routes([
        reading("list_group_replication_info", "dcs:instance:get")
            .summary("Shows the shards of an instance")
            .both(GET, "/instance/{instance_id}/groups", endpoint(list_groups))
            .answers::<GroupsView>(),
        reading("show_nodes_information", "dcs:instance:get")
            .summary("Shows every node of an instance")
            .v2(GET, "/instances/{instance_id}/logical-nodes", endpoint(list_logical_nodes))
            .answers::<LogicalNodesView>(),
        reading("batch_show_nodes_information", "dcs:instance:list")
            .summary("Shows every node of a page of instances")
            .v2(GET, "/instances-logical-nodes", endpoint(list_nodes_of_instances))
            .query(&[versions::PAGE_QUERY[0], versions::PAGE_QUERY[1].up_to(MAX_INSTANCES)])
            .answers::<NodesOfInstancesView>(),
        reading("show_instance_topology", "dcs:instance:get")
            .summary("Shows the nodes of an instance by their kind")
            .v2(GET, "/instances/{instance_id}/nodes", endpoint(show_topology))
            .answers::<TopologyView>(),
        writing("change_nodes_start_stop_status", "dcs:instance:modifyStatus")
            .summary("Starts or stops nodes of an instance; without ids, all")
            .v2(PUT, "/instances/{instance_id}/nodes/status", endpoint(switch_nodes))
            .takes::<SwitchBody>()
            .answers_any(200, "text/plain"),
    ])
}

/// `GET …/groups`: shows the shards of an instance.
async fn list_groups(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let instance = shown(engine.get_instance(instance).await)?;
    // v1.0 knows groups of what has several nodes to choose from, and of nothing else.
    let has_groups =
        matches!(instance.cache_mode, CacheMode::HaRwSplit | CacheMode::Cluster | CacheMode::Proxy);
    let groups = match context.api {
        ApiVersion::V1 if !has_groups => Vec::new(),
        ApiVersion::V1 | ApiVersion::V2 => instance.node_groups(),
    };
    Ok(HttpResponse::Ok().json(GroupsView {
        group_list: groups.iter().map(|group| GroupView::new(&instance, group)).collect(),
        group_count: groups.len(),
    }))
}

/// `GET …/logical-nodes`: shows every node of an instance.
async fn list_logical_nodes(engine: Engine, InstanceContext { instance, .. }: InstanceContext) -> Response {
    let instance = shown(engine.get_instance(instance).await)?;
    let nodes = LogicalNodeView::all(&instance);
    Ok(HttpResponse::Ok().json(LogicalNodesView {
        instance_id: instance.id.to_string(),
        total: nodes.len(),
        nodes,
    }))
}

/// Of how many instances a page has the nodes at most.
const MAX_INSTANCES: u16 = 100;

/// `GET …/instances-logical-nodes`: shows every node of a page of instances.
async fn list_nodes_of_instances(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let query = InstancesQuery {
        filter: InstanceFilter::default(),
        start: InstancePageStart::Skip(offset(&context.query)?),
        limit: bounded_limit(&context.query)?
            .at_most(MAX_INSTANCES)
            .ok_or(Refusal::InvalidQuery { name: "limit" })?,
    };
    let page = shown(engine.list_instances(project_id, query).await)?;
    let instances = page.items.iter().map(|instance| {
        let nodes = LogicalNodeView::all(instance);
        NodesOfInstanceView { instance_id: instance.id.to_string(), node_count: nodes.len(), nodes }
    });
    let instances = instances.collect();
    Ok(HttpResponse::Ok().json(NodesOfInstancesView { count: page.total, instances }))
}

/// `GET …/nodes`: shows the nodes of an instance by their kind.
async fn show_topology(engine: Engine, InstanceContext { instance, .. }: InstanceContext) -> Response {
    let instance = shown(engine.get_instance(instance).await)?;
    let groups = instance.node_groups();
    let servers = groups
        .iter()
        .flat_map(|group| group.nodes.iter().map(move |node| (node, Some(group))))
        .collect::<Vec<_>>();
    let proxies = instance.proxies();
    let view = |(node, group): (&Node, Option<&NodeGroup>)| TopologyNodeView::new(&instance, node, group);
    Ok(HttpResponse::Ok().json(TopologyView {
        redis_server: servers.into_iter().map(view).collect(),
        cluster_proxy: proxies.iter().map(|proxy| view((proxy, None))).collect(),
        vpcendpoint: EndpointView::all(&instance),
        elb: EndpointView::load_balancer(&instance).into_iter().collect(),
        ..TopologyView::default()
    }))
}

fn shown<T, U>(found: Result<(T, U), crate::engine::EngineError>) -> Result<T, ApiError> {
    found.map(|(found, _)| found).or_fail(&codes::INSTANCE_QUERY_FAILED)
}

/// `PUT …/nodes/status`: starts or stops nodes.
///
/// Known quirk: the answer is a text, `job_id:` and the id.
async fn switch_nodes(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let body: SwitchBody = mandatory_object(&context.body)?;
    let switch =
        NodeSwitch::new(body.action.as_deref().unwrap_or_default(), &body.node_ids.unwrap_or_default())?;
    let job_id =
        engine.switch_nodes(instance, switch, context.origin).await.or_fail(&codes::INSTANCE_SAVE_FAILED)?;
    Ok(HttpResponse::Ok().insert_header(ContentType::plaintext()).body(format!("job_id:{job_id}")))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NodeSwitch)]
pub(super) struct SwitchBody {
    /// `start` or `stop`.
    #[schema(required)]
    action: Option<String>,
    node_ids: Option<Vec<String>>,
}
