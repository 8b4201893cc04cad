//! Dedicated load balancers.

use actix_web::HttpResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{
    change, filtered, id_of, is_of_enterprise_project, json as answer, network, nothing, page_v3, refused,
    request_id, zoned,
};
use super::public_ips::BandwidthBody;
use crate::domain::id::NetworkId;
use crate::domain::networks::{
    LoadBalancer, LoadBalancerRequest, LoadBalancerSettings, NetworkKind, NetworkTag, ProjectNetwork,
    PublicIpRequest,
};
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::{ApiError, Response};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Texts, text};

const KIND: NetworkKind = NetworkKind::LoadBalancer;
const ID: &str = "loadbalancer_id";

#[derive(Deserialize)]
struct Body {
    loadbalancer: LoadBalancerBody,
}

#[derive(Deserialize)]
struct LoadBalancerBody {
    name: Option<String>,
    description: Option<String>,
    vpc_id: Option<String>,
    vip_subnet_cidr_id: Option<String>,
    vip_address: Option<String>,
    elb_virsubnet_ids: Option<Vec<String>>,
    availability_zone_list: Option<Vec<String>>,
    ip_target_enable: Option<bool>,
    l4_flavor_id: Option<String>,
    l7_flavor_id: Option<String>,
    enterprise_project_id: Option<Texts>,
    publicip_ids: Option<Vec<String>>,
    publicip: Option<PublicIpBody>,
    tags: Option<Vec<NetworkTag>>,
}

#[derive(Deserialize)]
struct PublicIpBody {
    network_type: Option<String>,
    description: Option<String>,
    bandwidth: Option<BandwidthBody>,
}

impl PublicIpBody {
    fn request(self) -> PublicIpRequest {
        let (share_type, bandwidth) = self.bandwidth.unwrap_or_default().request();
        PublicIpRequest {
            pool: text(self.network_type),
            description: self.description,
            share_type,
            bandwidth,
            ..PublicIpRequest::default()
        }
    }
}

impl From<LoadBalancerBody> for LoadBalancerRequest {
    fn from(body: LoadBalancerBody) -> Self {
        Self {
            settings: LoadBalancerSettings {
                name: body.name,
                description: body.description,
                ip_target_enable: body.ip_target_enable,
                l4_flavor_id: text(body.l4_flavor_id),
                l7_flavor_id: text(body.l7_flavor_id),
            },
            vpc_id: text(body.vpc_id),
            vip_subnet_cidr_id: text(body.vip_subnet_cidr_id),
            vip_address: text(body.vip_address),
            elb_virsubnet_ids: body.elb_virsubnet_ids.unwrap_or_default(),
            availability_zone_list: body.availability_zone_list.unwrap_or_default(),
            enterprise_project_id: body.enterprise_project_id.and_then(|id| text(Some(id.0))),
            publicip_ids: body.publicip_ids.unwrap_or_default(),
            publicip: body.publicip.map(PublicIpBody::request),
            tags: body.tags.unwrap_or_default(),
        }
    }
}

fn body(call: &ProjectContext) -> Result<LoadBalancerRequest, ApiError> {
    Ok(mandatory_object::<Body>(&call.context.body)?.loadbalancer.into())
}

fn view(call: &ProjectContext, network: &ProjectNetwork, load_balancer: &LoadBalancer) -> Value {
    let ip = network.public_ip_of_load_balancer(load_balancer.id);
    let publicips: Vec<Value> = (ip.iter())
        .map(|ip| json!({"publicip_id": ip.id, "publicip_address": ip.address, "ip_version": 4}))
        .collect();
    let eips: Vec<Value> =
        (ip.iter()).map(|ip| json!({"eip_id": ip.id, "eip_address": ip.address, "ip_version": 4})).collect();
    let listeners = network.listeners(load_balancer.id).iter();
    json!({
        "id": load_balancer.id,
        "project_id": call.project_id,
        "name": load_balancer.name,
        "description": load_balancer.description,
        "vip_port_id": load_balancer.vip_port_id,
        "vip_address": load_balancer.vip_address,
        "vip_subnet_cidr_id": load_balancer.vip_subnet_cidr_id,
        "vpc_id": load_balancer.vpc_id,
        "admin_state_up": true,
        "provisioning_status": "ACTIVE",
        "operating_status": "ONLINE",
        "listeners": listeners.map(|listener| json!({"id": listener.id})).collect::<Vec<_>>(),
        "pools": [],
        "tags": load_balancer.tags,
        "provider": "vlb",
        "availability_zone_list": load_balancer.availability_zone_list,
        "elb_virsubnet_ids": load_balancer.elb_virsubnet_ids,
        "elb_virsubnet_type": "dualstack",
        "eips": eips,
        "publicips": publicips,
        "ip_target_enable": load_balancer.ip_target_enable,
        "guaranteed": true,
        "deletion_protection_enable": false,
        "l4_flavor_id": load_balancer.l4_flavor_id,
        "l7_flavor_id": load_balancer.l7_flavor_id,
        "l4_scale_flavor_id": null,
        "l7_scale_flavor_id": null,
        "ipv6_vip_address": null,
        "ipv6_vip_virsubnet_id": null,
        "ipv6_vip_port_id": null,
        "frozen_scene": null,
        "billing_info": null,
        "enterprise_project_id": load_balancer.enterprise_project_id,
        "public_border_group": "center",
        "waf_failure_action": "forward",
        "protection_status": "nonProtection",
        "protection_reason": "",
        "charge_mode": "flavor",
        "created_at": zoned(load_balancer.created_at),
        "updated_at": zoned(load_balancer.updated_at),
    })
}

fn shown((id, network): &(NetworkId, ProjectNetwork), call: &ProjectContext) -> Result<Value, ApiError> {
    let view = view(call, network, network.load_balancer(*id).map_err(refused)?);
    Ok(json!({ "request_id": request_id(call), "loadbalancer": view }))
}

/// `POST /v3/{project_id}/elb/loadbalancers`.
pub(super) async fn create(engine: Engine, call: ProjectContext) -> Response {
    let request = body(&call)?;
    let work = change(&engine, &call, move |network, change| network.create_load_balancer(request, change));
    Ok(HttpResponse::Created().json(shown(&work.await?, &call)?))
}

/// `GET /v3/{project_id}/elb/loadbalancers`.
pub(super) async fn list(engine: Engine, call: ProjectContext) -> Response {
    const FILTERS: [&str; 6] = ["id", "name", "description", "vpc_id", "vip_address", "vip_subnet_cidr_id"];
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let is_asked_for = |one: &&LoadBalancer| is_of_enterprise_project(query, &one.enterprise_project_id);
    let rows = network.load_balancers().filter(is_asked_for).map(|one| view(&call, &network, one)).collect();
    Ok(answer(&page_v3(query, &request_id(&call), "loadbalancers", filtered(query, &FILTERS, rows))?))
}

/// `GET /v3/{project_id}/elb/loadbalancers/{loadbalancer_id}`.
pub(super) async fn show(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, ID, KIND)?;
    Ok(answer(&shown(&(id, network(&engine, &call).await?), &call)?))
}

/// `PUT /v3/{project_id}/elb/loadbalancers/{loadbalancer_id}`.
pub(super) async fn update(engine: Engine, call: ProjectContext) -> Response {
    let (id, settings) = (id_of(&call, ID, KIND)?, body(&call)?.settings);
    let work = change(&engine, &call, move |network, change| {
        network.update_load_balancer(id, settings, change.now).map(|()| id)
    });
    Ok(answer(&shown(&work.await?, &call)?))
}

/// `DELETE /v3/{project_id}/elb/loadbalancers/{loadbalancer_id}`, and `…/force-elb`, which goes with its listeners.
pub(super) async fn delete(engine: Engine, call: ProjectContext, with_listeners: bool) -> Response {
    let id = id_of(&call, ID, KIND)?;
    let work = change(&engine, &call, move |network, change| {
        network.delete_load_balancer(id, with_listeners, change.now).map(|()| id)
    });
    work.await?;
    Ok(nothing())
}

/// `GET /v3/{project_id}/elb/listeners`: those by which instances are reached.
pub(super) async fn list_listeners(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let wanted = query.get("loadbalancer_id");
    let all = network.load_balancers().filter(|one| wanted.is_none_or(|id| one.id.to_string() == id));
    let rows = all.flat_map(|one| {
        network.listeners(one.id).iter().map(|listener| {
            json!({
                "id": listener.id,
                "name": listener.name,
                "protocol": "TCP",
                "protocol_port": listener.port,
                "loadbalancers": [{"id": one.id}],
            })
        })
    });
    let rows = filtered(query, &["id", "name", "protocol_port"], rows.collect());
    Ok(answer(&page_v3(query, &request_id(&call), "listeners", rows)?))
}
