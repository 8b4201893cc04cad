//! What can be monitored: instances, and the nodes of each.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 11.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::domain::instance::{Engine as CacheEngine, Instance};
use crate::engine::{Engine, InstanceFilter, InstancePageStart, InstancesQuery};
use crate::http::api::nodes::view::{
    INSTANCE_DIMENSION, NEW_PROXY_DIMENSION, PROXY_DIMENSION, SERVER_DIMENSION, dimension_of, hex,
    name_by_role,
};
use crate::http::api::versions;
use crate::http::context::{InstanceContext, ProjectContext, endpoint};
use crate::http::error::{ApiError, OrFail, Response, codes};
use crate::http::extract::{Query, bounded_limit, offset};
use crate::http::route::{GET, QueryParameter, RouteEntry, Tag, reading, text};

/// Returns the routes.
pub(super) fn routes() -> Vec<RouteEntry> {
    const TAG: Tag = Tag { name: "Monitored objects", about: "What of instances can be monitored." };
    const DIMENSION: QueryParameter = text("dim_name", "What is monitored: `dcs_instance_id`.").required();
    TAG.routes([
        reading("list_monitored_objects", "dcs:instance:list")
            .summary("Lists the instances that can be monitored")
            .v2(GET, "/dims/monitored-objects", endpoint(list_instances))
            .query(&[DIMENSION])
            .query(versions::PAGE_QUERY)
            .answers_any(200, "application/json"),
        reading("list_monitored_objects_of_instance", "dcs:instance:get")
            .summary("Lists what of an instance can be monitored")
            .v2(GET, "/dims/monitored-objects/{instance_id}", endpoint(list_parts))
            .query(&[DIMENSION])
            .answers_any(200, "application/json"),
    ])
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
        parts: &[SERVER_DIMENSION, PROXY_DIMENSION, NEW_PROXY_DIMENSION],
    },
    Dimension { name: "dcs_memcached_instance_id", engine: CacheEngine::Memcached, parts: &[] },
];

impl Dimension {
    /// Reads the dimension that is asked for; `None` if there is none of the name.
    fn read(query: &Query) -> Result<Option<&'static Self>, ApiError> {
        let name = query.get("dim_name").ok_or_else(unknown_dimension)?;
        Ok(DIMENSIONS.iter().find(|dimension| dimension.name == name))
    }

    fn child(&self, part: &str) -> Value {
        json!({ "dim_name": part, "dim_route": format!("{},{part}", self.name) })
    }

    fn row(&self, instance: &Instance) -> Value {
        let (id, name) = (instance.id.to_string(), instance.name.as_str());
        json!({ (self.name): id, "name": name, "status": instance.status.as_str() })
    }
}

/// `GET …/dims/monitored-objects`: the instances that can be monitored.
async fn list_instances(engine: Engine, ProjectContext { context, project_id }: ProjectContext) -> Response {
    let (skip, limit) = (offset(&context.query)?, bounded_limit(&context.query)?);
    let Some(dimension) = Dimension::read(&context.query)? else { return Err(unknown_dimension()) };
    let filter = InstanceFilter { engine: Some(dimension.engine), ..InstanceFilter::default() };
    let query = InstancesQuery { filter, start: InstancePageStart::Skip(skip), limit };
    let (page, _) = engine.list_instances(project_id, query).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let instances: Vec<Value> = page.items.iter().map(|instance| dimension.row(instance)).collect();
    let children: Vec<Value> = dimension.parts.iter().map(|part| dimension.child(part)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "router": [dimension.name], "children": children, "instances": instances, "total": page.total,
    })))
}

/// `GET …/dims/monitored-objects/{instance_id}`: what of an instance can be monitored: its servers and its proxies.
async fn list_parts(engine: Engine, InstanceContext { context, instance }: InstanceContext) -> Response {
    let (instance, _) = engine.get_instance(instance).await.or_fail(&codes::INSTANCE_QUERY_FAILED)?;
    let dimension = Dimension::read(&context.query)?;
    let dimension =
        dimension.filter(|dimension| dimension.engine == instance.engine).ok_or_else(unknown_dimension)?;
    let nodes = instance.nodes();
    let (mut view, mut children) = (json!({}), Vec::new());
    for part in dimension.parts {
        let rows = nodes.iter().filter(|node| dimension_of(&instance, node) == *part).map(|node| {
            json!({
                (dimension.name): instance.id.to_string(), "name": name_by_role(node), (*part): hex(node.monitored_id),
                "status": if node.is_stopped { "ERROR" } else { "RUNNING" },
            })
        });
        let rows: Vec<Value> = rows.collect();
        children.extend((!rows.is_empty()).then(|| dimension.child(part)));
        view[part] = json!(rows);
    }
    view["router"] = json!([dimension.name]);
    view["children"] = json!(children);
    view["instances"] = json!([dimension.row(&instance)]);
    view["total"] = json!(1);
    Ok(HttpResponse::Ok().json(view))
}

/// A name of no dimension is refused as none is.
fn unknown_dimension() -> ApiError {
    ApiError::MissingQuery { name: "dim_name" }
}
