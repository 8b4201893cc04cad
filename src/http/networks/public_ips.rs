//! Public addresses, in the first version of the service and, as far as clients use it, in the third; and their bandwidths.

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{
    change, filtered, id_of, is_of_enterprise_project, json as answer, network, nothing, page, page_v3,
    plain, refused, request_id, zoned,
};
use crate::domain::id::NetworkId;
use crate::domain::networks::{
    BandwidthRequest, Binding, NetworkKind, NetworkRefusal, ProjectNetwork, PublicIp, PublicIpRequest,
};
use crate::domain::refusal::Refusal;
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::{ApiError, Response};
use crate::http::extract::mandatory_object;
use crate::http::flexible::{Flexible, Texts, text};

const KIND: NetworkKind = NetworkKind::PublicIp;
const ID: &str = "publicip_id";
const BANDWIDTH_ID: &str = "bandwidth_id";

#[derive(Deserialize)]
struct CreateBody {
    publicip: PublicIpBody,
    bandwidth: BandwidthBody,
    enterprise_project_id: Option<Texts>,
}

#[derive(Deserialize)]
struct PublicIpBody {
    #[serde(rename = "type")]
    pool: Option<String>,
    ip_address: Option<String>,
    alias: Option<String>,
}

/// A bandwidth, as it is asked for.
#[derive(Default, Deserialize)]
pub(super) struct BandwidthBody {
    name: Option<String>,
    size: Option<Flexible>,
    share_type: Option<String>,
    charge_mode: Option<String>,
}

impl BandwidthBody {
    /// Reads it, and whether it is shared.
    pub(super) fn request(self) -> (Option<String>, BandwidthRequest) {
        let size = self.size.as_ref().and_then(Flexible::given).map(Flexible::to_u64);
        let charge_mode = text(self.charge_mode);
        (text(self.share_type), BandwidthRequest { name: text(self.name), size, charge_mode })
    }
}

/// Returns what kind of thing an address leads to, and its id. An instance of the first generation is its own port.
fn shown_binding(network: &ProjectNetwork, ip: &PublicIp) -> (Value, Value) {
    match ip.bound_to {
        Some(Binding::Port(id)) => (json!("PORT"), json!(id)),
        Some(Binding::LoadBalancer(id)) => (json!("ELB"), json!(id)),
        None => match network.instance_of(ip) {
            Some(id) => (json!("PORT"), json!(id)),
            None => (Value::Null, Value::Null),
        },
    }
}

/// Returns the private address that a public one leads to, as far as it is known.
fn private_address(network: &ProjectNetwork, ip: &PublicIp) -> Option<std::net::Ipv4Addr> {
    let Some(Binding::LoadBalancer(id)) = ip.bound_to else { return None };
    network.load_balancer(id).ok()?.vip_address
}

fn status(network: &ProjectNetwork, ip: &PublicIp) -> &'static str {
    if network.is_bound(ip) { "ACTIVE" } else { "DOWN" }
}

fn view(call: &ProjectContext, network: &ProjectNetwork, ip: &PublicIp) -> Value {
    let tags: Vec<String> = ip.tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
    let mut view = json!({
        "id": ip.id,
        "alias": ip.alias,
        "status": status(network, ip),
        "type": ip.pool,
        "public_ip_address": ip.address,
        "public_border_group": "center",
        "tenant_id": call.project_id,
        "ip_version": 4,
        "create_time": ip.created_at.to_utc().format("%Y-%m-%d %H:%M:%S").to_string(),
        "bandwidth_id": ip.bandwidth.id,
        "bandwidth_name": ip.bandwidth.name,
        "bandwidth_size": ip.bandwidth.size,
        "bandwidth_share_type": "PER",
        "enterprise_project_id": ip.enterprise_project_id,
        "tags": tags,
        "allow_share_bandwidth_types": [],
    });
    let (kind, id) = shown_binding(network, ip);
    if let (true, Some(members)) = (network.is_bound(ip), view.as_object_mut()) {
        // The port of a load balancer is not shown.
        members.insert("port_id".to_owned(), if kind == "PORT" { id } else { Value::Null });
        if let Some(address) = private_address(network, ip) {
            members.insert("private_ip_address".to_owned(), json!(address));
        }
    }
    view
}

fn view_v3(call: &ProjectContext, network: &ProjectNetwork, ip: &PublicIp) -> Value {
    let (kind, id) = shown_binding(network, ip);
    let vnic = match private_address(network, ip) {
        Some(address) => json!({ "private_ip_address": address }),
        None => Value::Null,
    };
    json!({
        "id": ip.id,
        "project_id": call.project_id,
        "alias": ip.alias,
        "ip_version": 4,
        "public_ip_address": ip.address,
        "public_ipv6_address": null,
        "status": status(network, ip),
        "description": ip.description,
        "enterprise_project_id": ip.enterprise_project_id,
        "billing_info": null,
        "type": "EIP",
        "publicip_pool_id": ip.pool,
        "publicip_pool_name": ip.pool,
        "public_border_group": "center",
        "vnic": vnic,
        "bandwidth": {
            "id": ip.bandwidth.id,
            "size": ip.bandwidth.size,
            "share_type": "PER",
            "charge_mode": ip.bandwidth.charge_mode,
            "name": ip.bandwidth.name,
            "billing_info": "",
        },
        "associate_instance_type": kind,
        "associate_instance_id": id,
        "lock_status": null,
        "allow_share_bandwidth_types": [],
        "tags": ip.tags,
        "created_at": zoned(ip.created_at),
        "updated_at": zoned(ip.updated_at),
    })
}

fn bandwidth_view(call: &ProjectContext, ip: &PublicIp) -> Value {
    json!({
        "id": ip.bandwidth.id,
        "name": ip.bandwidth.name,
        "size": ip.bandwidth.size,
        "share_type": "PER",
        "publicip_info": [{
            "publicip_id": ip.id, "publicip_address": ip.address, "ip_version": 4, "publicip_type": ip.pool,
        }],
        "tenant_id": call.project_id,
        "bandwidth_type": "bgp",
        "charge_mode": ip.bandwidth.charge_mode,
        "billing_info": "",
        "enterprise_project_id": ip.enterprise_project_id,
        "status": "NORMAL",
        "public_border_group": "center",
        "created_at": plain(ip.created_at),
        "updated_at": plain(ip.updated_at),
    })
}

fn shown((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Response {
    Ok(answer(&json!({ "publicip": view(call, &network, network.public_ip(id).map_err(refused)?) })))
}

fn shown_v3((id, network): (NetworkId, ProjectNetwork), call: &ProjectContext) -> Response {
    let view = view_v3(call, &network, network.public_ip(id).map_err(refused)?);
    Ok(answer(&json!({ "request_id": request_id(call), "publicip": view })))
}

/// `POST /v1/{project_id}/publicips`.
pub(super) async fn create(engine: Engine, call: ProjectContext) -> Response {
    let body: CreateBody = mandatory_object(&call.context.body)?;
    let (share_type, bandwidth) = body.bandwidth.request();
    let request = PublicIpRequest {
        pool: text(body.publicip.pool),
        address: text(body.publicip.ip_address),
        alias: body.publicip.alias,
        enterprise_project_id: body.enterprise_project_id.and_then(|id| text(Some(id.0))),
        share_type,
        bandwidth,
        ..PublicIpRequest::default()
    };
    let work = change(&engine, &call, move |network, change| network.create_public_ip(request, change));
    shown(work.await?, &call)
}

/// `GET /v1/{project_id}/publicips`.
pub(super) async fn list(engine: Engine, call: ProjectContext) -> Response {
    const FILTERS: [&str; 5] = ["id", "port_id", "public_ip_address", "private_ip_address", "ip_version"];
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let is_asked_for = |ip: &&PublicIp| is_of_enterprise_project(query, &ip.enterprise_project_id);
    let rows = network.public_ips().filter(is_asked_for).map(|ip| view(&call, &network, ip)).collect();
    Ok(answer(&json!({ "publicips": page(query, filtered(query, &FILTERS, rows))? })))
}

/// `GET /v3/{project_id}/eip/publicips`.
pub(super) async fn list_v3(engine: Engine, call: ProjectContext) -> Response {
    const FILTERS: [&str; 9] = [
        "id",
        "alias",
        "description",
        "ip_version",
        "public_ip_address",
        "publicip_pool_name",
        "status",
        "associate_instance_type",
        "associate_instance_id",
    ];
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let is_asked_for = |ip: &&PublicIp| is_of_enterprise_project(query, &ip.enterprise_project_id);
    let rows = network.public_ips().filter(is_asked_for).map(|ip| view_v3(&call, &network, ip)).collect();
    Ok(answer(&page_v3(query, &request_id(&call), "publicips", filtered(query, &FILTERS, rows))?))
}

/// `GET /v1/{project_id}/publicips/{publicip_id}`.
pub(super) async fn show(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, ID, KIND)?;
    shown((id, network(&engine, &call).await?), &call)
}

/// `GET /v3/{project_id}/eip/publicips/{publicip_id}`.
pub(super) async fn show_v3(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, ID, KIND)?;
    shown_v3((id, network(&engine, &call).await?), &call)
}

#[derive(Deserialize)]
struct UpdateBody {
    publicip: ChangeBody,
}

#[derive(Deserialize)]
struct ChangeBody {
    port_id: Option<String>,
    alias: Option<String>,
    description: Option<String>,
    associate_instance_type: Option<String>,
    associate_instance_id: Option<String>,
}

fn change_body(call: &ProjectContext) -> Result<ChangeBody, Refusal> {
    mandatory_object::<UpdateBody>(&call.context.body).map(|body| body.publicip)
}

fn invalid(name: &'static str) -> ApiError {
    refused(NetworkRefusal::Invalid { kind: KIND, name })
}

/// `PUT /v1/{project_id}/publicips/{publicip_id}`: binds it to a port; without a port and a name, unbinds it.
pub(super) async fn update(engine: Engine, call: ProjectContext) -> Response {
    let (id, body) = (id_of(&call, ID, KIND)?, change_body(&call)?);
    let port = match text(body.port_id) {
        None => None,
        Some(port) => Some(port.parse().map_err(|_| invalid("port_id"))?),
    };
    let alias = body.alias;
    let work = change(&engine, &call, move |network, change| {
        match (port, &alias) {
            (Some(port), _) => network.bind_public_ip(id, Binding::Port(port), change.now)?,
            (None, Some(_)) => {}
            // One that is not bound stays so.
            (None, None) if !network.is_bound(network.public_ip(id)?) => {}
            (None, None) => network.unbind_public_ip(id, change.now)?,
        }
        match alias {
            Some(_) => network.rename_public_ip(id, alias, None, change.now).map(|()| id),
            None => Ok(id),
        }
    });
    shown(work.await?, &call)
}

/// `PUT /v3/{project_id}/eip/publicips/{publicip_id}`.
pub(super) async fn update_v3(engine: Engine, call: ProjectContext) -> Response {
    let (id, body) = (id_of(&call, ID, KIND)?, change_body(&call)?);
    let work = change(&engine, &call, move |network, change| {
        network.rename_public_ip(id, body.alias, body.description, change.now).map(|()| id)
    });
    shown_v3(work.await?, &call)
}

/// `POST …/associate-instance`.
pub(super) async fn bind(engine: Engine, call: ProjectContext) -> Response {
    let (id, body) = (id_of(&call, ID, KIND)?, change_body(&call)?);
    let to = body.associate_instance_id.and_then(|id| id.parse().ok());
    let to = to.ok_or_else(|| invalid("associate_instance_id"))?;
    let to = match body.associate_instance_type.as_deref() {
        Some("PORT") => Binding::Port(to),
        Some("ELB") => Binding::LoadBalancer(to),
        _ => return Err(invalid("associate_instance_type")),
    };
    let work = change(&engine, &call, move |network, change| {
        network.bind_public_ip(id, to, change.now).map(|()| id)
    });
    shown_v3(work.await?, &call)
}

/// `POST …/disassociate-instance`.
pub(super) async fn unbind(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, ID, KIND)?;
    let work =
        change(&engine, &call, move |network, change| network.unbind_public_ip(id, change.now).map(|()| id));
    shown_v3(work.await?, &call)
}

/// `DELETE /v1/{project_id}/publicips/{publicip_id}`.
pub(super) async fn delete(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, ID, KIND)?;
    change(&engine, &call, move |network, _| network.delete_public_ip(id).map(|()| id)).await?;
    Ok(nothing())
}

/// `GET /v1/{project_id}/bandwidths`.
pub(super) async fn list_bandwidths(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let network = network(&engine, &call).await?;
    let is_asked_for = |ip: &&PublicIp| is_of_enterprise_project(query, &ip.enterprise_project_id);
    let rows = network.public_ips().filter(is_asked_for).map(|ip| bandwidth_view(&call, ip)).collect();
    Ok(answer(&json!({ "bandwidths": page(query, filtered(query, &["id", "name", "share_type"], rows))? })))
}

/// `GET /v1/{project_id}/bandwidths/{bandwidth_id}`.
pub(super) async fn show_bandwidth(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, BANDWIDTH_ID, NetworkKind::Bandwidth)?;
    let network = network(&engine, &call).await?;
    let ip = network.public_ip_of_bandwidth(id).map_err(refused)?;
    Ok(answer(&json!({ "bandwidth": bandwidth_view(&call, ip) })))
}

#[derive(Deserialize)]
struct BandwidthEnvelope {
    bandwidth: BandwidthBody,
}

/// `PUT /v1/{project_id}/bandwidths/{bandwidth_id}`.
pub(super) async fn update_bandwidth(engine: Engine, call: ProjectContext) -> Response {
    let id = id_of(&call, BANDWIDTH_ID, NetworkKind::Bandwidth)?;
    let body: BandwidthEnvelope = mandatory_object(&call.context.body)?;
    let (_, request) = body.bandwidth.request();
    let work =
        change(&engine, &call, move |network, change| network.update_bandwidth(id, request, change.now));
    let (of, network) = work.await?;
    let view = bandwidth_view(&call, network.public_ip(of).map_err(refused)?);
    Ok(answer(&json!({ "bandwidth": view })))
}
