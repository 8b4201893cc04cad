//! Subnets, as the first version of the service has them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{change, filtered, id_of, json as answer, network, nothing, page, plain, refused};
use crate::domain::id::NetworkId;
use crate::domain::networks::{DhcpOption, NetworkKind, ProjectNetwork, Subnet, SubnetRequest};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::Response;
use crate::http::extract::mandatory_object;

const KIND: NetworkKind = NetworkKind::Subnet;
const SUBNET_ID: &str = "subnet_id";

#[derive(Deserialize)]
struct Body {
    subnet: SubnetBody,
}

#[derive(Deserialize)]
struct SubnetBody {
    name: Option<String>,
    description: Option<String>,
    cidr: Option<String>,
    gateway_ip: Option<String>,
    vpc_id: Option<String>,
    dhcp_enable: Option<bool>,
    ipv6_enable: Option<bool>,
    primary_dns: Option<String>,
    secondary_dns: Option<String>,
    #[serde(rename = "dnsList")]
    name_servers: Option<Vec<String>>,
    availability_zone: Option<String>,
    extra_dhcp_opts: Option<Vec<DhcpOption>>,
}

impl From<SubnetBody> for SubnetRequest {
    fn from(body: SubnetBody) -> Self {
        Self {
            name: body.name,
            description: body.description,
            cidr: body.cidr,
            gateway_ip: body.gateway_ip,
            vpc_id: body.vpc_id,
            dhcp_enable: body.dhcp_enable,
            ipv6_enable: body.ipv6_enable,
            primary_dns: body.primary_dns,
            secondary_dns: body.secondary_dns,
            name_servers: body.name_servers,
            availability_zone: body.availability_zone,
            extra_dhcp_opts: body.extra_dhcp_opts.unwrap_or_default(),
        }
    }
}

fn body(call: &ProjectContext) -> Result<SubnetRequest, Refusal> {
    mandatory_object::<Body>(&call.context.body).map(|body| body.subnet.into())
}

fn view(call: &ProjectContext, subnet: &Subnet) -> Value {
    let server = |at: usize| subnet.name_servers.get(at).cloned().unwrap_or_default();
    let mut view = json!({
        "id": subnet.id,
        "name": subnet.name,
        "description": subnet.description,
        "cidr": subnet.cidr,
        "dnsList": subnet.name_servers,
        "status": "ACTIVE",
        "vpc_id": subnet.vpc_id,
        "gateway_ip": subnet.gateway_ip,
        "ipv6_enable": subnet.ipv6_enable,
        "dhcp_enable": subnet.dhcp_enable,
        "primary_dns": server(0),
        "secondary_dns": server(1),
        "availability_zone": subnet.availability_zone,
        "neutron_network_id": subnet.id,
        "neutron_subnet_id": subnet.neutron_subnet_id,
        "extra_dhcp_opts": subnet.extra_dhcp_opts,
        "scope": "center",
        "tenant_id": call.project_id,
        "created_at": plain(subnet.created_at),
        "updated_at": plain(subnet.updated_at),
    });
    if let (Some(prefix), Some(members)) = (subnet.ipv6_prefix(), view.as_object_mut()) {
        members.insert("cidr_v6".to_owned(), format!("{prefix}/64").into());
        members.insert("neutron_subnet_id_v6".to_owned(), json!(subnet.neutron_subnet_id_v6()));
        members.insert("gateway_ip_v6".to_owned(), format!("{prefix}1").into());
    }
    view
}

fn shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Response {
    Ok(answer(&json!({ "subnet": view(call, network.subnet(id).map_err(refused)?) })))
}

/// `POST /v1/{project_id}/subnets`.
pub(super) async fn create(engine: Engine, call: ProjectContext) -> Response {
    let request = body(&call)?;
    shown(change(&engine, &call, move |network, change| network.create_subnet(request, change)).await?, &call)
}

/// `GET /v1/{project_id}/subnets`.
pub(super) async fn list(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let rows = network(&engine, &call).await?.subnets().map(|subnet| view(&call, subnet)).collect();
    let rows = filtered(query, &["vpc_id", "id", "name", "cidr"], rows);
    Ok(answer(&json!({ "subnets": page(query, rows)? })))
}

/// `GET /v1/{project_id}/subnets/{subnet_id}`.
pub(super) async fn show(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, SUBNET_ID, KIND)?;
    shown((id, network(&engine, &call).await?), &call)
}

/// `PUT /v1/{project_id}/vpcs/{vpc_id}/subnets/{subnet_id}`.
pub(super) async fn update(engine: Engine, call: ProjectContext) -> Response {
    let (vpc, id) = (id_of(&call, "vpc_id", NetworkKind::Vpc)?, id_of(&call, SUBNET_ID, KIND)?);
    let request = body(&call)?;
    let work = change(&engine, &call, move |network, change| {
        network.update_subnet(vpc, id, request, change).map(|()| id)
    });
    shown(work.await?, &call)
}

/// `DELETE /v1/{project_id}/vpcs/{vpc_id}/subnets/{subnet_id}`.
pub(super) async fn delete(engine: Engine, call: ProjectContext) -> Response {
    let (vpc, id) = (id_of(&call, "vpc_id", NetworkKind::Vpc)?, id_of(&call, SUBNET_ID, KIND)?);
    let work = change(&engine, &call, move |network, _| network.delete_subnet(vpc, id).map(|()| id));
    work.await?;
    Ok(nothing())
}
