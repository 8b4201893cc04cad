//! Subnets as the network service below has them: a network with one subnet each.

use serde_json::{Value, json};

use super::context::{filtered, json as answer, network, page_v2, plain, refused};
use crate::domain::builtin;
use crate::domain::networks::{NetworkKind, NetworkRefusal, Subnet};
use crate::engine::Engine;
use crate::http::context::ProjectContext;
use crate::http::error::{ApiError, Response};

/// The network through which everything is public, which clients look for by its name.
const EXTERNAL: (&str, &str) = ("0a2228f2-7f8a-45f1-8e09-9039e1d09975", "admin_external_net");

fn network_view(engine: &Engine, call: &ProjectContext, subnet: &Subnet) -> Value {
    let zones = engine.zones().map(|zone| zone.code);
    json!({
        "id": subnet.id,
        "name": subnet.name,
        "status": "ACTIVE",
        "admin_state_up": true,
        "shared": false,
        "subnets": [subnet.neutron_subnet_id],
        "tenant_id": call.project_id,
        "project_id": call.project_id,
        "availability_zone_hints": [],
        "availability_zones": zones,
        "router:external": false,
        "provider:network_type": "vxlan",
        "port_security_enabled": true,
        "created_at": plain(subnet.created_at),
        "updated_at": plain(subnet.updated_at),
    })
}

fn external(call: &ProjectContext) -> Value {
    json!({
        "id": EXTERNAL.0,
        "name": EXTERNAL.1,
        "status": "ACTIVE",
        "admin_state_up": true,
        "shared": false,
        "subnets": [],
        "tenant_id": call.project_id,
        "project_id": call.project_id,
        "availability_zone_hints": [],
        "availability_zones": [],
        "router:external": true,
        "provider:network_type": "vxlan",
        "port_security_enabled": true,
        "created_at": plain(builtin::CREATED_AT),
        "updated_at": plain(builtin::CREATED_AT),
    })
}

fn subnet_view(call: &ProjectContext, subnet: &Subnet) -> Value {
    let (first, last) = (subnet.addresses().next(), subnet.addresses().next_back());
    json!({
        "id": subnet.neutron_subnet_id,
        "name": subnet.name,
        "network_id": subnet.id,
        "cidr": subnet.cidr,
        "ip_version": 4,
        "gateway_ip": subnet.gateway_ip,
        "enable_dhcp": subnet.dhcp_enable,
        "allocation_pools": [{"start": first, "end": last}],
        "dns_nameservers": subnet.name_servers,
        "host_routes": [],
        "tenant_id": call.project_id,
        "project_id": call.project_id,
    })
}

async fn networks(engine: &Engine, call: &ProjectContext) -> Result<Vec<Value>, ApiError> {
    let network = network(engine, call).await?;
    let own = network.subnets().map(|subnet| network_view(engine, call, subnet));
    Ok(own.chain([external(call)]).collect())
}

/// `GET /v2.0/networks`.
pub(super) async fn list_networks(engine: Engine, call: ProjectContext) -> Response {
    const FILTERS: [&str; 7] =
        ["id", "name", "tenant_id", "status", "admin_state_up", "shared", "router:external"];
    let query = &call.context.query;
    let rows = filtered(query, &FILTERS, networks(&engine, &call).await?);
    Ok(answer(&page_v2(&call, "networks", rows)?))
}

/// `GET /v2.0/networks/{network_id}`.
pub(super) async fn show_network(engine: Engine, call: ProjectContext) -> Response {
    let id = call.context.path_part("network_id");
    let found = networks(&engine, &call).await?.into_iter().find(|row| row["id"] == id);
    let found = found.ok_or_else(|| refused(NetworkRefusal::Missing(NetworkKind::Subnet)))?;
    Ok(answer(&json!({ "network": found })))
}

/// `GET /v2.0/subnets`.
pub(super) async fn list_subnets(engine: Engine, call: ProjectContext) -> Response {
    let query = &call.context.query;
    let rows = network(&engine, &call).await?.subnets().map(|subnet| subnet_view(&call, subnet)).collect();
    let rows = filtered(query, &["id", "name", "network_id", "cidr", "gateway_ip", "tenant_id"], rows);
    Ok(answer(&page_v2(&call, "subnets", rows)?))
}

/// `GET /v2.0/subnets/{subnet_id}`.
pub(super) async fn show_subnet(engine: Engine, call: ProjectContext) -> Response {
    let id = call.context.path_part("subnet_id");
    let network = network(&engine, &call).await?;
    let found = network.subnets().find(|subnet| subnet.neutron_subnet_id.to_string() == id);
    let found = found.ok_or_else(|| refused(NetworkRefusal::Missing(NetworkKind::Subnet)))?;
    Ok(answer(&json!({ "subnet": subnet_view(&call, found) })))
}

/// `GET /v2.0/ports`: nothing that the emulator has is bound to one.
pub(super) async fn list_ports(_engine: Engine, _call: ProjectContext) -> Response {
    Ok(answer(&json!({ "ports": [] })))
}
