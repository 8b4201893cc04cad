//! What can be monitored: instances, and what of them.
//!
//! Source: docs/contract/dcs-v2.md, section 3, "Monitoring objects".

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::domain::instance::{Engine as CacheEngine, Instance, Node};
use crate::domain::refusal::Refusal;
use crate::engine::{Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::api::nodes::{INSTANCE_DIMENSION, PROXY_DIMENSION, SERVER_DIMENSION, dimension_of, hex};
use crate::http::context::{InstanceCall, ProjectCall};
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::extract::{Query, bounded_limit, offset};

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
pub(in crate::http) async fn list_instances(
    engine: Engine,
    ProjectCall { call, project_id }: ProjectCall,
) -> Result<HttpResponse, ApiError> {
    let (skip, limit) = (offset(&call.query)?, bounded_limit(&call.query)?);
    let Some(dimension) = Dimension::read(&call.query)? else { return Err(unknown_dimension()) };
    let filter = InstanceFilter { engine: Some(dimension.engine), ..InstanceFilter::default() };
    let query = InstancesQuery { filter, start: InstancePageStart::Skip(skip), limit };
    let found = engine.list_instances(project_id, query).await;
    let (page, _) = found.map_err(ApiError::failing_with(&codes::INSTANCE_QUERY_FAILED))?;
    let instances: Vec<Value> = page.items.iter().map(|instance| dimension.row(instance)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "router": [dimension.name], "children": dimension.children(), "instances": instances, "total": page.total,
    })))
}

/// `GET …/dims/monitored-objects/{instance_id}`: what of an instance can be monitored: its servers and its proxies.
pub(in crate::http) async fn list_parts(
    engine: Engine,
    InstanceCall { call, instance }: InstanceCall,
) -> Result<HttpResponse, ApiError> {
    let found = engine.get_instance(instance).await;
    let (instance, _) = found.map_err(ApiError::failing_with(&codes::INSTANCE_QUERY_FAILED))?;
    let dimension = Dimension::read(&call.query)?;
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
