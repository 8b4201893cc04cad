//! Nodes as both versions of the API show them.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::instance::{Engine, Instance, Node, NodeGroup, NodeRole};

/// The dimension by which monitoring names an instance.
pub(crate) const INSTANCE_DIMENSION: &str = "dcs_instance_id";
/// The dimension by which monitoring names a server of an instance.
pub(crate) const SERVER_DIMENSION: &str = "dcs_cluster_redis_node";
/// The dimension by which monitoring names a proxy of an instance of the first generation.
pub(crate) const PROXY_DIMENSION: &str = "dcs_cluster_proxy_node";
/// The dimension by which monitoring names a proxy of any other instance.
pub(crate) const NEW_PROXY_DIMENSION: &str = "dcs_cluster_proxy2_node";

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
    group.nodes.iter().map(|node| ReplicationView::new(instance, group, node)).collect()
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
    relation_ip: String,
    relation_port: String,
    dimensions: Vec<DimensionView>,
}

/// Returns address and port of the node that a node is related to; nothing where there is none.
fn relation(instance: &Instance, group: Option<&NodeGroup>, node: &Node) -> (String, String) {
    let related = group.and_then(|group| group.relation_of(node));
    related.map(|related| (related.ip.clone(), instance.port.to_string())).unwrap_or_default()
}

impl ReplicationView {
    fn new(instance: &Instance, group: &NodeGroup, node: &Node) -> Self {
        let (relation_ip, relation_port) = relation(instance, Some(group), node);
        Self {
            replication_id: node.replication_id,
            node_id: hex(node.id),
            replication_role: role_word(node.role),
            replication_ip: node.ip.clone(),
            is_replication: false,
            status: status_word(node),
            az_code: node.zone_code.clone(),
            relation_ip,
            relation_port,
            dimensions: dimensions(instance, node),
        }
    }
}

/// Returns what the API says of a node: whether it works.
fn status_word(node: &Node) -> &'static str {
    if node.is_stopped { "Inactive" } else { "Active" }
}

/// By what monitoring names a thing.
#[derive(Serialize, ToSchema)]
struct DimensionView {
    name: &'static str,
    value: String,
}

/// Returns the dimension by which monitoring names a node of an instance.
pub(crate) fn dimension_of(instance: &Instance, node: &Node) -> &'static str {
    match node.role {
        NodeRole::Master | NodeRole::Replica => SERVER_DIMENSION,
        NodeRole::Proxy if instance.engine_version.is_first_generation() => PROXY_DIMENSION,
        NodeRole::Proxy => NEW_PROXY_DIMENSION,
    }
}

/// Returns the name of a node that tells its role.
pub(crate) fn name_by_role(node: &Node) -> String {
    match node.role {
        NodeRole::Master => format!("(master){}", node.ip),
        NodeRole::Replica => format!("(replica){}", node.ip),
        NodeRole::Proxy => node.name(),
    }
}

fn dimensions(instance: &Instance, node: &Node) -> Vec<DimensionView> {
    vec![
        DimensionView { name: INSTANCE_DIMENSION, value: instance.id.to_string() },
        DimensionView { name: dimension_of(instance, node), value: hex(node.monitored_id) },
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
    priority_weight: u8,
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
        Self {
            logical_node_id: hex(node.monitored_id),
            name: name_by_role(node),
            status: status_word(node),
            az_code: node.zone_code.clone(),
            node_role: node.role.kind(),
            node_type: role_word(node.role),
            node_ip: node.ip.clone(),
            node_port: instance.port.to_string(),
            node_id: hex(node.id),
            priority_weight: node.weight,
            is_access: true,
            group_id: group.map(|group| group.id),
            group_name: group.map(|group| group.name.clone()),
            is_remove_ip: node.is_address_removed,
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
    pub(super) vpcendpoint: Vec<EndpointView>,
    pub(super) elb: Vec<EndpointView>,
}

/// A point at which an instance is entered.
#[derive(Serialize, ToSchema)]
#[schema(as = NodeEndpoint)]
pub(super) struct EndpointView {
    node_id: String,
    ip: String,
    port: String,
    node_type: &'static str,
    status: &'static str,
}

impl EndpointView {
    /// Returns the load balancer by which an instance is open to the public, if it is.
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

    /// Returns those in the network of an instance: the first generation has none.
    pub(super) fn all(instance: &Instance) -> Vec<Self> {
        if instance.engine != Engine::Redis || instance.engine_version.is_first_generation() {
            return Vec::new();
        }
        vec![Self {
            node_id: hex(instance.endpoint_id()),
            ip: instance.ip.split(',').next().unwrap_or_default().to_owned(),
            port: instance.port.to_string(),
            node_type: "vpcendpoint",
            status: "Active",
        }]
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
    relation_ip: String,
    relation_port: String,
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
        let (relation_ip, relation_port) = relation(instance, group, node);
        Self {
            node_id: hex(node.id),
            node_name: node.name(),
            ip: node.ip.clone(),
            port: instance.port.to_string(),
            node_type: role_word(node.role),
            max_memory: (instance.max_memory_mb() / topology.sharding_count.max(1)).to_string(),
            // No cache runs behind an emulated instance.
            used_memory: "0",
            qps: "0",
            db_num: topology.db_number.to_string(),
            relation_ip,
            relation_port,
            group_id: group.map(|group| group.id),
            status: status_word(node),
            bandwidth: BandwidthView { input: "0", output: "0" },
            dbs: DatabaseView { db_idx: "0", keys: "0", expires: "0", avg_ttl: "0" },
            dims: MonitoredView { dim_k: dimension_of(instance, node), dim_v: hex(node.monitored_id) },
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

/// Writes an id as 32 hexadecimal digits.
pub(crate) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}
