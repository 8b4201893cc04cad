//! VPCs, in the first version of the service and, as far as clients read it, in the third.

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{
    change, id_of, is_of_enterprise_project, json as answer, network, nothing, page, page_v3, plain, refused,
    request_id, zoned,
};
use crate::domain::id::NetworkId;
use crate::domain::networks::{NetworkKind, NetworkTag, ProjectNetwork, Vpc, VpcRequest};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::Response;
use crate::http::extract::mandatory_object;
use crate::http::flexible::Texts;
use crate::http::networks::context::filtered;

const KIND: NetworkKind = NetworkKind::Vpc;
const VPC_ID: &str = "vpc_id";

#[derive(Deserialize)]
struct Body {
    vpc: VpcBody,
}

#[derive(Default, Deserialize)]
struct VpcBody {
    name: Option<String>,
    description: Option<String>,
    cidr: Option<String>,
    enterprise_project_id: Option<Texts>,
    enable_shared_snat: Option<bool>,
    enhanced_local_route: Option<bool>,
    tags: Option<Vec<NetworkTag>>,
    extend_cidrs: Option<Vec<String>>,
}

impl From<VpcBody> for VpcRequest {
    fn from(body: VpcBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            cidr: body.cidr,
            enterprise_project_id: body.enterprise_project_id.map(|id| id.0).filter(|id| !id.is_empty()),
            enable_shared_snat: body.enable_shared_snat,
            enhanced_local_route: body.enhanced_local_route,
        }
    }
}

fn body(call: &ProjectContext) -> Result<VpcBody, Refusal> {
    mandatory_object::<Body>(&call.context.body).map(|body| body.vpc)
}

fn view(call: &ProjectContext, vpc: &Vpc) -> Value {
    json!({
        "id": vpc.id,
        "name": vpc.name,
        "description": vpc.description,
        "cidr": vpc.cidr.map(|cidr| cidr.to_string()).unwrap_or_default(),
        "status": "OK",
        "enterprise_project_id": vpc.enterprise_project_id,
        "routes": [],
        "enable_shared_snat": vpc.enable_shared_snat,
        "enhanced_local_route": vpc.enhanced_local_route,
        "tenant_id": call.project_id,
        "created_at": plain(vpc.created_at),
        "updated_at": plain(vpc.updated_at),
    })
}

fn view_v3(call: &ProjectContext, network: &ProjectNetwork, vpc: &Vpc) -> Value {
    let subnets = network.subnets().filter(|subnet| subnet.vpc_id == vpc.id).count();
    json!({
        "id": vpc.id,
        "name": vpc.name,
        "description": vpc.description,
        "cidr": vpc.cidr.map(|cidr| cidr.to_string()).unwrap_or_default(),
        "extend_cidrs": vpc.extend_cidrs,
        "enterprise_project_id": vpc.enterprise_project_id,
        "tags": vpc.tags,
        "cloud_resources": [
            {"resource_type": "routetable", "resource_count": 1},
            {"resource_type": "virsubnet", "resource_count": subnets},
        ],
        "status": "ACTIVE",
        "project_id": call.project_id,
        "created_at": zoned(vpc.created_at),
        "updated_at": zoned(vpc.updated_at),
    })
}

fn shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Response {
    Ok(answer(&json!({ "vpc": view(call, network.vpc(id).map_err(refused)?) })))
}

fn shown_v3((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Response {
    let vpc = view_v3(call, &network, network.vpc(id).map_err(refused)?);
    Ok(answer(&json!({ "request_id": request_id(call), "vpc": vpc })))
}

/// `POST /v1/{project_id}/vpcs`.
pub(super) async fn create(engine: Engine, call: ProjectContext) -> Response {
    let mut body = body(&call)?;
    let tags = body.tags.take().unwrap_or_default();
    shown(
        change(&engine, &call, move |network, change| network.create_vpc(body.into(), &tags, change)).await?,
        &call,
    )
}

/// `GET /v1/{project_id}/vpcs`.
pub(super) async fn list(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let is_asked_for = |vpc: &&Vpc| is_of_enterprise_project(query, &vpc.enterprise_project_id);
    let rows = network.vpcs().filter(is_asked_for).map(|vpc| view(&call, vpc)).collect();
    let rows = filtered(query, &["id", "name", "cidr"], rows);
    Ok(answer(&json!({ "vpcs": page(query, rows)? })))
}

/// `GET /v3/{project_id}/vpc/vpcs`.
pub(super) async fn list_v3(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let rows = network.vpcs().map(|vpc| view_v3(&call, &network, vpc)).collect();
    let rows = filtered(query, &["id", "name", "description", "cidr"], rows);
    Ok(answer(&page_v3(query, &request_id(&call), "vpcs", rows)?))
}

/// `GET /v1/{project_id}/vpcs/{vpc_id}`.
pub(super) async fn show(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, VPC_ID, KIND)?;
    shown((id, network(&engine, &call).await?), &call)
}

/// `GET /v3/{project_id}/vpc/vpcs/{vpc_id}`.
pub(super) async fn show_v3(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, VPC_ID, KIND)?;
    shown_v3((id, network(&engine, &call).await?), &call)
}

/// `PUT /v1/{project_id}/vpcs/{vpc_id}`.
pub(super) async fn update(engine: Engine, call: ProjectContext) -> Response {
    let (id, body) = (id_of(&call, VPC_ID, KIND)?, body(&call)?);
    let work = change(&engine, &call, move |network, change| {
        network.update_vpc(id, body.into(), change).map(|()| id)
    });
    shown(work.await?, &call)
}

/// `PUT …/add-extend-cidr`.
pub(super) async fn add_ranges(engine: Engine, call: ProjectContext) -> Response {
    change_ranges(engine, call, false).await
}

/// `PUT …/remove-extend-cidr`.
pub(super) async fn remove_ranges(engine: Engine, call: ProjectContext) -> Response {
    change_ranges(engine, call, true).await
}

async fn change_ranges(engine: Engine, call: ProjectContext, is_removal: bool) -> Response {
    let (id, body) = (id_of(&call, VPC_ID, KIND)?, body(&call)?);
    let ranges = body.extend_cidrs.unwrap_or_default();
    let work = change(&engine, &call, move |network, change| {
        let changed = network.change_secondary_ranges(id, &ranges, is_removal, change.now);
        changed.map(|()| id)
    });
    shown_v3(work.await?, &call)
}

/// `DELETE /v1/{project_id}/vpcs/{vpc_id}`.
pub(super) async fn delete(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, VPC_ID, KIND)?;
    change(&engine, &call, move |network, _| network.delete_vpc(id).map(|()| id)).await?;
    Ok(nothing())
}
