//! Dedicated load balancers, as far as instances are opened to the public by them.
//!
//! Source: docs/contract/networks.md, section 5.3.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::vpc::{at_first, default_enterprise_project};
use super::{
    Binding, NetworkChange, NetworkKind, NetworkRefusal, NetworkResource, NetworkTag, ProjectNetwork,
    PublicIpRequest, Subnet, changed_tags, checked_description, checked_text,
};
use crate::domain::id::NetworkId;
use crate::domain::instance::Listener;
use crate::domain::time::Timestamp;

const KIND: NetworkKind = NetworkKind::LoadBalancer;
/// How many zones, and how many subnets of backends, one has at most.
const MAX_PLACES: usize = 10;

/// A load balancer. The names are those of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// Its id.
    pub id: NetworkId,
    /// Its name; several may have the same.
    pub name: String,
    /// A description.
    #[serde(default)]
    pub description: String,
    /// The VPC.
    pub vpc_id: NetworkId,
    /// The subnet that its private address is from, by the id within the network service below.
    #[serde(default)]
    pub vip_subnet_cidr_id: Option<NetworkId>,
    /// Its private address.
    #[serde(default)]
    pub vip_address: Option<Ipv4Addr>,
    /// The port of its addresses.
    pub vip_port_id: NetworkId,
    /// The subnets of its backends.
    #[serde(default)]
    pub elb_virsubnet_ids: Vec<NetworkId>,
    /// Its zones.
    #[serde(default)]
    pub availability_zone_list: Vec<String>,
    /// Whether backends may lie outside of its VPC.
    #[serde(default)]
    pub ip_target_enable: bool,
    /// The flavor of its listeners of TCP.
    #[serde(default)]
    pub l4_flavor_id: Option<String>,
    /// The flavor of its listeners of HTTP.
    #[serde(default)]
    pub l7_flavor_id: Option<String>,
    /// Its enterprise project.
    #[serde(default = "default_enterprise_project")]
    pub enterprise_project_id: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<NetworkTag>,
    /// When it was made.
    #[serde(default = "at_first")]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[serde(default = "at_first")]
    pub updated_at: Timestamp,
}

/// What a caller wants a load balancer to be like.
#[derive(Clone, Debug, Default)]
pub struct LoadBalancerRequest {
    /// What can be changed later, too.
    pub settings: LoadBalancerSettings,
    /// The VPC; unset: that of the subnet.
    pub vpc_id: Option<String>,
    /// The subnet of its private address, by the id within the network service below.
    pub vip_subnet_cidr_id: Option<String>,
    /// The private address that it is to have.
    pub vip_address: Option<String>,
    /// The subnets of its backends; unset: that of its address.
    pub elb_virsubnet_ids: Vec<String>,
    /// Its zones.
    pub availability_zone_list: Vec<String>,
    /// Its enterprise project.
    pub enterprise_project_id: Option<String>,
    /// The public addresses that are to lead to it: at most one.
    pub publicip_ids: Vec<String>,
    /// A public address that is made for it.
    pub publicip: Option<PublicIpRequest>,
    /// Its tags.
    pub tags: Vec<NetworkTag>,
}

/// What can be changed of a load balancer; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct LoadBalancerSettings {
    /// Its name.
    pub name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Whether backends may lie outside of its VPC.
    pub ip_target_enable: Option<bool>,
    /// The flavor of its listeners of TCP.
    pub l4_flavor_id: Option<String>,
    /// The flavor of its listeners of HTTP.
    pub l7_flavor_id: Option<String>,
}

fn invalid(name: &'static str) -> NetworkRefusal {
    NetworkRefusal::Invalid { kind: KIND, name }
}

impl LoadBalancer {
    /// Makes sure that it is one that a request could have made.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<(), NetworkRefusal> {
        let texts = [Some(&self.name), self.l4_flavor_id.as_ref(), self.l7_flavor_id.as_ref()];
        for text in texts.into_iter().flatten().chain(&self.availability_zone_list) {
            checked_text(KIND, "name", text.clone())?;
        }
        checked_text(KIND, "enterprise_project_id", self.enterprise_project_id.clone())?;
        checked_description(KIND, self.description.clone())?;
        let are_few = |count: usize| count <= MAX_PLACES;
        if !are_few(self.elb_virsubnet_ids.len()) {
            return Err(invalid("elb_virsubnet_ids"));
        }
        if are_few(self.availability_zone_list.len()) {
            Ok(())
        } else {
            Err(invalid("availability_zone_list"))
        }
    }

    /// Returns it with other settings.
    fn changed(self, settings: LoadBalancerSettings, now: Timestamp) -> Result<Self, NetworkRefusal> {
        let changed = Self {
            name: settings.name.unwrap_or(self.name),
            description: settings.description.unwrap_or(self.description),
            ip_target_enable: settings.ip_target_enable.unwrap_or(self.ip_target_enable),
            l4_flavor_id: settings.l4_flavor_id.or(self.l4_flavor_id),
            l7_flavor_id: settings.l7_flavor_id.or(self.l7_flavor_id),
            updated_at: now,
            ..self
        };
        changed.check()?;
        Ok(changed)
    }
}

impl ProjectNetwork {
    /// Returns the load balancers.
    pub fn load_balancers(&self) -> impl Iterator<Item = &LoadBalancer> {
        self.resources.iter().filter_map(|resource| match resource {
            NetworkResource::LoadBalancer(load_balancer) => Some(load_balancer),
            _ => None,
        })
    }

    /// Returns a load balancer.
    ///
    /// # Errors
    /// `Missing`.
    pub fn load_balancer(&self, id: NetworkId) -> Result<&LoadBalancer, NetworkRefusal> {
        self.load_balancers().find(|other| other.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    /// Returns the ports by which instances are reached through a load balancer.
    pub fn listeners(&self, id: NetworkId) -> &[Listener] {
        self.users.listeners.get(&id.to_string()).map(Vec::as_slice).unwrap_or_default()
    }

    /// Makes a load balancer, with the public address that is to lead to it.
    ///
    /// # Errors
    /// `Invalid`, `TooMany`; as making or binding the public address.
    pub fn create_load_balancer(
        &mut self,
        request: LoadBalancerRequest,
        change: &NetworkChange<'_>,
    ) -> Result<NetworkId, NetworkRefusal> {
        let subnet = match &request.vip_subnet_cidr_id {
            None => None,
            Some(id) => {
                let found = self.subnets().find(|subnet| subnet.neutron_subnet_id.to_string() == *id);
                Some(found.ok_or(invalid("vip_subnet_cidr_id"))?)
            }
        };
        let network_ids = request.elb_virsubnet_ids.iter().map(|id| {
            let found = id.parse().ok().and_then(|id| self.subnet(id).ok());
            found.map(|subnet| subnet.id).ok_or(invalid("elb_virsubnet_ids"))
        });
        let mut network_ids = network_ids.collect::<Result<Vec<_>, _>>()?;
        if let (Some(subnet), true) = (subnet, network_ids.is_empty()) {
            network_ids.push(subnet.id);
        }
        let around = subnet.or_else(|| network_ids.first().and_then(|id| self.subnet(*id).ok()));
        let vpc_id = match &request.vpc_id {
            Some(id) => id.parse().ok().and_then(|id| self.vpc(id).ok()).map(|vpc| vpc.id),
            None => around.map(|subnet| subnet.vpc_id),
        };
        let vpc_id = vpc_id.ok_or(invalid("vpc_id"))?;
        if around.is_some_and(|subnet| subnet.vpc_id != vpc_id) {
            return Err(invalid("vip_subnet_cidr_id"));
        }
        let vip_address = match subnet {
            None => None,
            Some(subnet) => Some(self.address_of_load_balancer(subnet, request.vip_address.as_deref())?),
        };
        let load_balancer = LoadBalancer {
            id: self.unused_id(change),
            name: String::new(),
            description: String::new(),
            vpc_id,
            vip_subnet_cidr_id: subnet.map(|subnet| subnet.neutron_subnet_id),
            vip_address,
            vip_port_id: self.unused_id(change),
            elb_virsubnet_ids: network_ids,
            availability_zone_list: request.availability_zone_list,
            ip_target_enable: false,
            l4_flavor_id: None,
            l7_flavor_id: None,
            enterprise_project_id: request.enterprise_project_id.unwrap_or_else(default_enterprise_project),
            tags: changed_tags(KIND, &[], &request.tags, false)?,
            created_at: change.now,
            updated_at: change.now,
        };
        let id =
            self.add(NetworkResource::LoadBalancer(load_balancer.changed(request.settings, change.now)?))?;
        let wanted = match (request.publicip_ids.as_slice(), request.publicip) {
            ([], None) => return Ok(id),
            ([], Some(new)) => self.create_public_ip(new, change)?,
            ([one], None) => one.parse().map_err(|_| invalid("publicip_ids"))?,
            _ => return Err(invalid("publicip_ids")),
        };
        self.bind_public_ip(wanted, Binding::LoadBalancer(id), change.now)?;
        Ok(id)
    }

    /// Returns the private address of a new load balancer: the one it is to have, or the last that is free.
    fn address_of_load_balancer(
        &self,
        subnet: &Subnet,
        wanted: Option<&str>,
    ) -> Result<Ipv4Addr, NetworkRefusal> {
        let is_free = |address: &Ipv4Addr| {
            let is_of_instance = self.users.addresses.contains(&(subnet.id.to_string(), address.to_string()));
            let mut others = self.load_balancers();
            !is_of_instance
                && !others.any(|other| {
                    other.vip_subnet_cidr_id == Some(subnet.neutron_subnet_id)
                        && other.vip_address == Some(*address)
                })
        };
        let found = match wanted {
            Some(text) => subnet.require(text).ok().and_then(|()| text.parse().ok()).filter(is_free),
            None => subnet.addresses().rev().find(is_free),
        };
        found.ok_or(invalid("vip_address"))
    }

    /// Changes a load balancer.
    ///
    /// # Errors
    /// `Missing`, `Invalid`.
    pub fn update_load_balancer(
        &mut self,
        id: NetworkId,
        settings: LoadBalancerSettings,
        now: Timestamp,
    ) -> Result<(), NetworkRefusal> {
        let changed = self.load_balancer(id)?.clone().changed(settings, now)?;
        let mut all = self.resources.iter_mut();
        if let Some(found) = all.find(|resource| resource.id() == id) {
            *found = NetworkResource::LoadBalancer(changed);
        }
        Ok(())
    }

    /// Removes a load balancer; the public address that led to it stays. `with_listeners`: even if instances are reached through it.
    ///
    /// # Errors
    /// `Missing`; `InUse` while it has listeners.
    pub fn delete_load_balancer(
        &mut self,
        id: NetworkId,
        with_listeners: bool,
        now: Timestamp,
    ) -> Result<(), NetworkRefusal> {
        self.load_balancer(id)?;
        if !with_listeners && !self.listeners(id).is_empty() {
            return Err(NetworkRefusal::InUse { kind: KIND, id });
        }
        self.unbind_load_balancer(id, now);
        self.remove(id);
        Ok(())
    }

    /// Returns the private addresses that load balancers have of a subnet.
    pub fn addresses_of_load_balancers(&self, subnet: &Subnet) -> impl Iterator<Item = Ipv4Addr> {
        let below = Some(subnet.neutron_subnet_id);
        self.load_balancers()
            .filter(move |other| other.vip_subnet_cidr_id == below)
            .filter_map(|other| other.vip_address)
    }
}
