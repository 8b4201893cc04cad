//! Nodes as both versions of the API show them.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::instance::{Instance, Node, NodeGroup, NodeRole};

/// The dimension by which monitoring names an instance.
pub(crate) const INSTANCE_DIMENSION: &str = "dcs_instance_id";
/// The dimension by which monitoring names a server of an instance.
pub(crate) const SERVER_DIMENSION: &str = "dcs_cluster_redis_node";
/// The dimension by which monitoring names a proxy of an instance.
pub(crate) const PROXY_DIMENSION: &str = "dcs_cluster_proxy_node";

/// The shards of an instance.
#[derive(Serialize, ToSchema)]
pub(super) struct GroupsView {
    pub(super) group_list: Vec<GroupView>,
    pub(super) group_count: usize,
}

/// A shard.
#[derive(Serialize, ToSchema)]
pub(super) struct GroupView {
    group_id: Uuid,
    group_name: String,
    replication_list: Vec<ReplicationView>,
}

impl GroupView {
    pub(super) fn new(instance: &Instance, group: &NodeGroup) -> Self {
        Self {
            group_id: group.id,
            group_name: group.name.clone(),
            replication_list: replications(instance, group),
        }
    }
}

/// Shows the nodes of a shard.
pub(crate) fn replications(instance: &Instance, group: &NodeGroup) -> Vec<ReplicationView> {
    group.nodes.iter().map(|node| ReplicationView::new(instance, node)).collect()
}

/// A node of a shard.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplicationView {
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
    pub(super) fn new(instance: &Instance, node: &Node) -> Self {
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
pub(crate) fn dimension_of(role: NodeRole) -> &'static str {
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
pub(super) struct LogicalNodesView {
    pub(super) instance_id: String,
    pub(super) total: usize,
    pub(super) nodes: Vec<LogicalNodeView>,
}

/// The nodes of a page of instances.
#[derive(Serialize, ToSchema)]
pub(super) struct NodesOfInstancesView {
    pub(super) count: u64,
    pub(super) instances: Vec<NodesOfInstanceView>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct NodesOfInstanceView {
    pub(super) instance_id: String,
    pub(super) node_count: usize,
    pub(super) nodes: Vec<LogicalNodeView>,
}

/// A node of an instance.
#[derive(Serialize, ToSchema)]
pub(super) struct LogicalNodeView {
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
    pub(super) fn all(instance: &Instance) -> Vec<Self> {
        let groups = instance.node_groups();
        let servers = groups
            .iter()
            .flat_map(|group| group.nodes.iter().map(|node| Self::new(instance, node, Some(group))));
        let proxies = instance.proxies();
        servers.chain(proxies.iter().map(|proxy| Self::new(instance, proxy, None))).collect()
    }

    pub(super) fn new(instance: &Instance, node: &Node, group: Option<&NodeGroup>) -> Self {
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
pub(super) struct TopologyView {
    pub(super) redis_server: Vec<TopologyNodeView>,
    pub(super) cluster_proxy: Vec<TopologyNodeView>,
    pub(super) cluster_lvs: Vec<TopologyNodeView>,
    pub(super) cluster_admin: Vec<TopologyNodeView>,
    pub(super) master: Vec<TopologyNodeView>,
    pub(super) vpcendpoint: Vec<TopologyNodeView>,
    pub(super) elb: Vec<EndpointView>,
}

/// What stands before an instance.
#[derive(Serialize, ToSchema)]
#[schema(as = TopologyEndpoint)]
pub(super) struct EndpointView {
    node_id: String,
    ip: String,
    port: String,
    node_type: &'static str,
    status: &'static str,
}

impl EndpointView {
    /// Shows the load balancer by which an instance is open to the public, if it is.
    pub(super) fn load_balancer(instance: &Instance) -> Option<Self> {
        let access = instance.public_access()?;
        Some(Self {
            node_id: hex(instance.load_balancer_id()),
            ip: access.address.to_string(),
            port: instance.port.to_string(),
            node_type: "elb",
            status: "Active",
        })
    }
}

/// A node; every scalar is a text, as clients expect here.
#[derive(Serialize, ToSchema)]
pub(super) struct TopologyNodeView {
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
    pub(super) fn new(instance: &Instance, node: &Node, group: Option<&NodeGroup>) -> Self {
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
pub(crate) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}
