//! Answers that follow from instances, and which of them can be monitored.
//!
//! Source: docs/contract/dcs-v2.md, section 3.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::domain::instance::{Engine as CacheEngine, Instance, Node};
use crate::domain::refusal::Refusal;
use crate::engine::{Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::api::nodes::view::{
    INSTANCE_DIMENSION, PROXY_DIMENSION, SERVER_DIMENSION, dimension_of, hex, replications,
};
use crate::http::api::stubs::row::Asked;
use crate::http::context::{InstanceContext, ProjectContext};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{Query, bounded_limit, offset};
use crate::http::time::rfc3339;

/// The sessions of clients: there are none, as there is no Redis behind an instance.
pub(super) fn sessions(asked: &Asked) -> Value {
    json!({ "time": rfc3339(asked.now), "count": 0, "clients": [] })
}

/// The nodes of a shard; of one that is not there, none.
pub(super) fn nodes_of_group(asked: &Asked) -> Value {
    let groups = asked.instance.node_groups();
    let group = groups.iter().find(|group| group.id.to_string() == asked.context.path_part("group_id"));
    json!(group.map_or_else(Vec::new, |group| replications(asked.instance, group)))
}

/// The replicas that can be removed: those whose shard keeps another one.
pub(super) fn deletable_replicas(asked: &Asked) -> Value {
    let groups = asked.instance.node_groups();
    let with_several = groups.iter().filter(|group| group.nodes.len() > 2);
    let replicas = with_several.flat_map(|group| group.nodes[1..].iter().map(move |node| (group, node)));
    let replicas: Vec<Value> = replicas
        .map(|(group, node)| {
            json!({
                "replication_id": node.replication_id, "node_id": hex(node.id), "replication_ip": node.ip,
                "group_id": group.id, "group_name": group.name, "available_zone": node.zone_code,
            })
        })
        .collect();
    let zone = replicas.first().map_or_else(|| json!(""), |first| first["available_zone"].clone());
    json!({ "check_result": !replicas.is_empty(), "available_zone": zone, "replication_list": replicas })
}

/// A kind of instance that can be monitored.
struct Dimension {
    name: &'static str,
    engine: CacheEngine,
    /// What of an instance can be monitored by itself.
    parts: &'static [&'static str],
}

const DIMENSIONS: [Dimension; 2] = [
    Dimension {
        name: INSTANCE_DIMENSION,
        engine: CacheEngine::Redis,
        parts: &[SERVER_DIMENSION, PROXY_DIMENSION, "dcs_cluster_proxy2_node"],
    },
    Dimension { name: "dcs_memcached_instance_id", engine: CacheEngine::Memcached, parts: &[] },
];

/// The status of what is monitored: nothing of it ever fails.
const STATUS: &str = "normal";

impl Dimension {
    /// Reads the dimension that is asked for; `None` if there is none of the name.
    fn read(query: &Query) -> Result<Option<&'static Self>, ApiError> {
        let name = query.get("dim_name").ok_or(ApiError::MissingQuery { name: "dim_name" })?;
        Ok(DIMENSIONS.iter().find(|dimension| dimension.name == name))
    }

    fn children(&self) -> Vec<Value> {
        let child = |part: &&str| json!({ "dim_name": part, "dim_route": format!("{},{part}", self.name) });
        self.parts.iter().map(child).collect()
    }

    fn row(&self, instance: &Instance) -> Value {
        json!({ (self.name): instance.id.to_string(), "name": instance.name.as_str(), "status": STATUS })
    }
}

/// `GET …/dims/monitored-objects`: the instances that can be monitored.
pub(super) async fn list_instances(
    engine: Engine,
    ProjectContext { context, project_id }: ProjectContext,
) -> Response {
    let (skip, limit) = (offset(&context.query)?, bounded_limit(&context.query)?);
    let Some(dimension) = Dimension::read(&context.query)? else { return Err(unknown_dimension()) };
    let filter = InstanceFilter { engine: Some(dimension.engine), ..InstanceFilter::default() };
    let query = InstancesQuery { filter, start: InstancePageStart::Skip(skip), limit };
    let (page, _) = engine.list_instances(project_id, query).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let instances: Vec<Value> = page.items.iter().map(|instance| dimension.row(instance)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "router": [dimension.name], "children": dimension.children(), "instances": instances, "total": page.total,
    })))
}

/// `GET …/dims/monitored-objects/{instance_id}`: what of an instance can be monitored: its servers and its proxies.
pub(super) async fn list_parts(
    engine: Engine,
    InstanceContext { context, instance }: InstanceContext,
) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let dimension = Dimension::read(&context.query)?;
    let dimension =
        dimension.filter(|dimension| dimension.engine == instance.engine).ok_or_else(unknown_dimension)?;
    let mut view = json!({
        "router": [dimension.name], "children": dimension.children(), "instances": [dimension.row(&instance)], "total": 1,
    });
    let nodes: Vec<Node> = instance.node_groups().into_iter().flat_map(|group| group.nodes).collect();
    let nodes = [nodes, instance.proxies()].concat();
    for part in dimension.parts {
        let rows = nodes.iter().filter(|node| dimension_of(node.role) == *part).map(|node| {
            json!({
                (dimension.name): instance.id.to_string(), "name": node.ip, (*part): hex(node.monitored_id),
                "status": STATUS,
            })
        });
        view[part] = rows.collect();
    }
    Ok(HttpResponse::Ok().json(view))
}

fn unknown_dimension() -> ApiError {
    Refusal::InvalidQuery { name: "dim_name" }.into()
}
