//! The nodes of instances: groups, logical nodes, and the whole of them by kind.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.20; docs/contract/dcs-v2.md, section 2.18.

pub(in crate::http) mod switch;

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::instance::{CacheMode, Instance, Node, NodeGroup, NodeRole};
use crate::engine::{ApiVersion, Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::api::v2;
use crate::http::context::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::extract::{bounded_limit, offset};
use crate::http::openapi::describe::{Family, describe};
use crate::http::operation;

/// Describes the operations.
pub(in crate::http) fn family() -> Family {
    Family {
        name: "Nodes",
        about: "What instances are made of.",
        operations: vec![
            describe(&operation::LIST_GROUPS, "Shows the shards of an instance").answers::<GroupsView>(),
            describe(&operation::LIST_LOGICAL_NODES, "Shows every node of an instance")
                .answers::<LogicalNodesView>(),
            describe(&operation::LIST_NODES_OF_INSTANCES, "Shows every node of a page of instances")
                .query(v2::PAGE_QUERY)
                .answers::<NodesOfInstancesView>(),
            describe(&operation::SHOW_TOPOLOGY, "Shows the nodes of an instance by their kind")
                .answers::<TopologyView>(),
            switch::described(),
        ],
    }
}

/// The dimension by which monitoring names an instance.
pub(in crate::http) const INSTANCE_DIMENSION: &str = "dcs_instance_id";
/// The dimension by which monitoring names a server of an instance.
pub(in crate::http) const SERVER_DIMENSION: &str = "dcs_cluster_redis_node";
/// The dimension by which monitoring names a proxy of an instance.
pub(in crate::http) const PROXY_DIMENSION: &str = "dcs_cluster_proxy_node";

/// `GET …/groups`: shows the shards of an instance.
pub(in crate::http) async fn list_groups(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let instance = shown(engine.get_instance(instance).await)?;
    // v1.0 knows groups of what has several nodes to choose from, and of nothing else.
    let has_groups =
        matches!(instance.cache_mode, CacheMode::HaRwSplit | CacheMode::Cluster | CacheMode::Proxy);
    let groups = match call.api {
        ApiVersion::V1 if !has_groups => Vec::new(),
        ApiVersion::V1 | ApiVersion::V2 => instance.node_groups(),
    };
    Ok(HttpResponse::Ok().json(GroupsView {
        group_list: groups.iter().map(|group| GroupView::new(&instance, group)).collect(),
        group_count: groups.len(),
    }))
}

/// `GET …/logical-nodes`: shows every node of an instance.
pub(in crate::http) async fn list_logical_nodes(
    engine: Engine,
    InstanceCall { instance, .. }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let instance = shown(engine.get_instance(instance).await)?;
    let nodes = LogicalNodeView::all(&instance);
    Ok(HttpResponse::Ok().json(LogicalNodesView {
        instance_id: instance.id.to_string(),
        total: nodes.len(),
        nodes,
    }))
}

/// `GET …/instances-logical-nodes`: shows every node of a page of instances.
pub(in crate::http) async fn list_nodes_of_instances(
    engine: Engine,
    ProjectCall { call, project_id }: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    let query = InstancesQuery {
        filter: InstanceFilter::default(),
        start: InstancePageStart::Skip(offset(&call.query)?),
        limit: bounded_limit(&call.query)?,
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
pub(in crate::http) async fn show_topology(
    engine: Engine,
    InstanceCall { instance, .. }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
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
        ..TopologyView::default()
    }))
}

fn shown<T, U>(found: Result<(T, U), crate::engine::EngineError>) -> Result<T, ApiError> {
    found.map(|(found, _)| found).map_err(ApiError::failing_with(&codes::INSTANCE_QUERY_FAILED))
}

/// The shards of an instance.
#[derive(Serialize, ToSchema)]
struct GroupsView {
    group_list: Vec<GroupView>,
    group_count: usize,
}

/// A shard.
#[derive(Serialize, ToSchema)]
struct GroupView {
    group_id: Uuid,
    group_name: String,
    replication_list: Vec<ReplicationView>,
}

impl GroupView {
    fn new(instance: &Instance, group: &NodeGroup) -> Self {
        Self {
            group_id: group.id,
            group_name: group.name.clone(),
            replication_list: replications(instance, group),
        }
    }
}

/// Shows the nodes of a shard.
pub(in crate::http) fn replications(instance: &Instance, group: &NodeGroup) -> Vec<ReplicationView> {
    group.nodes.iter().map(|node| ReplicationView::new(instance, node)).collect()
}

/// A node of a shard.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct ReplicationView {
    replication_id: Uuid,
    node_id: String,
    replication_role: &'static str,
    replication_ip: String,
    is_replication: bool,
    status: &'static str,
    az_code: String,
    dimensions: Vec<DimensionView>,
}

impl ReplicationView {
    fn new(instance: &Instance, node: &Node) -> Self {
        Self {
            replication_id: node.replication_id,
            node_id: hex(node.id),
            replication_role: role_word(node.role),
            replication_ip: node.ip.clone(),
            is_replication: false,
            status: status_word(node),
            az_code: node.zone_code.clone(),
            dimensions: dimensions(instance, node),
        }
    }
}

/// Returns what the API says of a node: whether it works.
fn status_word(node: &Node) -> &'static str {
    if node.is_stopped { "Inactive" } else { "Active" }
}

/// How likely a replica is to become master, until something else is asked for.
const PRIORITY: u32 = 100;

/// By what monitoring names a thing.
#[derive(Serialize, ToSchema)]
struct DimensionView {
    name: &'static str,
    value: String,
}

/// Returns the dimension by which monitoring names a node of a role.
pub(in crate::http) fn dimension_of(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Master | NodeRole::Replica => SERVER_DIMENSION,
        NodeRole::Proxy => PROXY_DIMENSION,
    }
}

fn dimensions(instance: &Instance, node: &Node) -> Vec<DimensionView> {
    let name = dimension_of(node.role);
    vec![
        DimensionView { name: INSTANCE_DIMENSION, value: instance.id.to_string() },
        DimensionView { name, value: hex(node.monitored_id) },
    ]
}

/// The nodes of an instance.
#[derive(Serialize, ToSchema)]
struct LogicalNodesView {
    instance_id: String,
    total: usize,
    nodes: Vec<LogicalNodeView>,
}

/// The nodes of a page of instances.
#[derive(Serialize, ToSchema)]
struct NodesOfInstancesView {
    count: u64,
    instances: Vec<NodesOfInstanceView>,
}

#[derive(Serialize, ToSchema)]
struct NodesOfInstanceView {
    instance_id: String,
    node_count: usize,
    nodes: Vec<LogicalNodeView>,
}

/// A node of an instance.
#[derive(Serialize, ToSchema)]
struct LogicalNodeView {
    logical_node_id: String,
    name: String,
    status: &'static str,
    az_code: String,
    node_role: &'static str,
    node_type: &'static str,
    node_ip: String,
    /// A text, as the page has it.
    node_port: String,
    node_id: String,
    priority_weight: u32,
    is_access: bool,
    group_id: Option<Uuid>,
    group_name: Option<String>,
    is_remove_ip: bool,
    replication_id: Option<Uuid>,
    dimensions: Vec<DimensionView>,
}

impl LogicalNodeView {
    fn all(instance: &Instance) -> Vec<Self> {
        let groups = instance.node_groups();
        let servers = groups
            .iter()
            .flat_map(|group| group.nodes.iter().map(|node| Self::new(instance, node, Some(group))));
        let proxies = instance.proxies();
        servers.chain(proxies.iter().map(|proxy| Self::new(instance, proxy, None))).collect()
    }

    fn new(instance: &Instance, node: &Node, group: Option<&NodeGroup>) -> Self {
        let kind = kind_word(node.role);
        Self {
            logical_node_id: hex(node.logical_id),
            name: format!("{kind}-{}", node.number),
            status: status_word(node),
            az_code: node.zone_code.clone(),
            node_role: kind,
            node_type: role_word(node.role),
            node_ip: node.ip.clone(),
            node_port: instance.port.to_string(),
            node_id: hex(node.id),
            priority_weight: PRIORITY,
            is_access: true,
            group_id: group.map(|group| group.id),
            group_name: group.map(|group| group.name.clone()),
            is_remove_ip: false,
            replication_id: group.map(|_| node.replication_id),
            dimensions: dimensions(instance, node),
        }
    }
}

/// The nodes of an instance by their kind; every kind is there, most are empty.
#[derive(Default, Serialize, ToSchema)]
struct TopologyView {
    redis_server: Vec<TopologyNodeView>,
    cluster_proxy: Vec<TopologyNodeView>,
    cluster_lvs: Vec<TopologyNodeView>,
    cluster_admin: Vec<TopologyNodeView>,
    master: Vec<TopologyNodeView>,
    vpcendpoint: Vec<TopologyNodeView>,
    elb: Vec<TopologyNodeView>,
}

/// A node; every scalar is a text, as clients expect here.
#[derive(Serialize, ToSchema)]
struct TopologyNodeView {
    node_id: String,
    node_name: String,
    ip: String,
    port: String,
    node_type: &'static str,
    max_memory: String,
    used_memory: &'static str,
    qps: &'static str,
    db_num: String,
    relation_ip: &'static str,
    relation_port: &'static str,
    group_id: Option<Uuid>,
    status: &'static str,
    bandwidth: BandwidthView,
    dbs: DatabaseView,
    dims: MonitoredView,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NodeBandwidth)]
struct BandwidthView {
    input: &'static str,
    output: &'static str,
}

#[derive(Serialize, ToSchema)]
struct DatabaseView {
    db_idx: &'static str,
    keys: &'static str,
    expires: &'static str,
    avg_ttl: &'static str,
}

#[derive(Serialize, ToSchema)]
struct MonitoredView {
    dim_k: &'static str,
    dim_v: String,
}

impl TopologyNodeView {
    fn new(instance: &Instance, node: &Node, group: Option<&NodeGroup>) -> Self {
        let topology = instance.topology();
        Self {
            node_id: hex(node.id),
            node_name: format!("{}-{}", kind_word(node.role), node.number),
            ip: node.ip.clone(),
            port: instance.port.to_string(),
            node_type: role_word(node.role),
            max_memory: (instance.max_memory_mb() / topology.sharding_count.max(1)).to_string(),
            // No cache runs behind an emulated instance.
            used_memory: "0",
            qps: "0",
            db_num: topology.db_number.to_string(),
            relation_ip: "",
            relation_port: "",
            group_id: group.map(|group| group.id),
            status: status_word(node),
            bandwidth: BandwidthView { input: "0", output: "0" },
            dbs: DatabaseView { db_idx: "0", keys: "0", expires: "0", avg_ttl: "0" },
            dims: MonitoredView { dim_k: dimension_of(node.role), dim_v: hex(node.monitored_id) },
        }
    }
}

fn role_word(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Master => "master",
        NodeRole::Replica => "slave",
        NodeRole::Proxy => "proxy",
    }
}

fn kind_word(role: NodeRole) -> &'static str {
    match role {
        NodeRole::Master | NodeRole::Replica => "redis-server",
        NodeRole::Proxy => "redis-proxy",
    }
}

/// Writes an id as 32 hexadecimal digits.
pub(in crate::http) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}
