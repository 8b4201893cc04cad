//! Public addresses (EIPs), each with a bandwidth of its own.
//!
//! Source: docs/contract/networks.md, sections 5.1 and 5.2.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::vpc::{at_first, default_enterprise_project};
use super::{
    NetworkChange, NetworkKind, NetworkRefusal, NetworkResource, NetworkTag, ProjectNetwork, changed_tags,
    checked_description, checked_text,
};
use crate::domain::id::NetworkId;
use crate::domain::instance::public_address;
use crate::domain::network::PublicAccessRequest;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

const KIND: NetworkKind = NetworkKind::PublicIp;
/// The bandwidths that there are, in Mbit/s.
const SIZES: std::ops::RangeInclusive<u32> = 1..=1000;
/// The longest name of a bandwidth, and of an address, in characters.
const MAX_NAME: usize = 64;

/// A public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicIp {
    /// Its id.
    pub id: NetworkId,
    /// Its type, which is the pool that it comes from, such as `5_bgp`.
    pub pool: String,
    /// The address.
    pub address: Ipv4Addr,
    /// Its name.
    #[serde(default)]
    pub alias: String,
    /// A description.
    #[serde(default)]
    pub description: String,
    /// Its enterprise project.
    #[serde(default = "default_enterprise_project")]
    pub enterprise_project_id: String,
    /// Its bandwidth.
    pub bandwidth: Bandwidth,
    /// What it leads to.
    #[serde(default)]
    pub bound_to: Option<Binding>,
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

/// The bandwidth of a public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// Its id.
    pub id: NetworkId,
    /// Its name.
    pub name: String,
    /// How much it is, in Mbit/s: from 1 to 1000.
    pub size: u32,
    /// What is paid for.
    #[serde(default)]
    pub charge_mode: ChargeMode,
}

/// What is paid for of a bandwidth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeMode {
    /// What goes through it.
    #[default]
    Traffic,
    /// Its size.
    Bandwidth,
}

/// What a public address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// A port; there is no service of ports, so it may be one of nothing that is here.
    Port(NetworkId),
    /// A load balancer.
    LoadBalancer(NetworkId),
}

/// What a caller wants a bandwidth to be like; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct BandwidthRequest {
    /// Its name.
    pub name: Option<String>,
    /// How much it is, in Mbit/s.
    pub size: Option<u64>,
    /// What is paid for: `traffic` or `bandwidth`.
    pub charge_mode: Option<String>,
}

/// What a caller wants a public address to be like.
#[derive(Clone, Debug, Default)]
pub struct PublicIpRequest {
    /// Its type.
    pub pool: Option<String>,
    /// The address that it is to have.
    pub address: Option<String>,
    /// Its name.
    pub alias: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Its enterprise project.
    pub enterprise_project_id: Option<String>,
    /// Whether its bandwidth is to be its own, `PER`, or one that others share, `WHOLE`.
    pub share_type: Option<String>,
    /// Its bandwidth.
    pub bandwidth: BandwidthRequest,
    /// Its tags.
    pub tags: Vec<NetworkTag>,
}

fn invalid(name: &'static str) -> NetworkRefusal {
    NetworkRefusal::Invalid { kind: KIND, name }
}

impl Bandwidth {
    fn check(&self) -> Result<(), NetworkRefusal> {
        let length = self.name.chars().count();
        let invalid = |name| NetworkRefusal::Invalid { kind: NetworkKind::Bandwidth, name };
        if !(1..=MAX_NAME).contains(&length) {
            return Err(invalid("name"));
        }
        if SIZES.contains(&self.size) { Ok(()) } else { Err(invalid("size")) }
    }

    /// Returns it as a request wants it to be.
    fn changed(self, request: BandwidthRequest) -> Result<Self, NetworkRefusal> {
        let invalid = |name| NetworkRefusal::Invalid { kind: NetworkKind::Bandwidth, name };
        let charge_mode = match request.charge_mode.as_deref() {
            None => self.charge_mode,
            Some("traffic") => ChargeMode::Traffic,
            Some("bandwidth") => ChargeMode::Bandwidth,
            Some(_) => return Err(invalid("charge_mode")),
        };
        let size = match request.size {
            None => self.size,
            Some(size) => u32::try_from(size).map_err(|_| invalid("size"))?,
        };
        let changed = Self { name: request.name.unwrap_or(self.name), size, charge_mode, ..self };
        changed.check()?;
        Ok(changed)
    }
}

impl PublicIp {
    /// Returns what it leads to, as far as refusals tell it apart.
    fn bound_kind(&self) -> NetworkKind {
        match self.bound_to {
            Some(Binding::LoadBalancer(_)) => NetworkKind::LoadBalancer,
            _ => KIND,
        }
    }

    /// Makes sure that it is one that a request could have made.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<(), NetworkRefusal> {
        checked_pool(self.pool.clone())?;
        checked_alias(self.alias.clone())?;
        checked_description(KIND, self.description.clone())?;
        checked_text(KIND, "enterprise_project_id", self.enterprise_project_id.clone())?;
        self.bandwidth.check()
    }
}

fn checked_pool(pool: String) -> Result<String, NetworkRefusal> {
    let is_one = pool.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    if is_one && (1..=MAX_NAME).contains(&pool.len()) { Ok(pool) } else { Err(invalid("type")) }
}

fn checked_alias(alias: String) -> Result<String, NetworkRefusal> {
    if alias.chars().count() <= MAX_NAME { Ok(alias) } else { Err(invalid("alias")) }
}

impl ProjectNetwork {
    /// Returns the public addresses.
    pub fn public_ips(&self) -> impl Iterator<Item = &PublicIp> {
        self.resources.iter().filter_map(|resource| match resource {
            NetworkResource::PublicIp(ip) => Some(ip),
            _ => None,
        })
    }

    fn public_ips_mut(&mut self) -> impl Iterator<Item = &mut PublicIp> {
        self.resources.iter_mut().filter_map(|resource| match resource {
            NetworkResource::PublicIp(ip) => Some(ip),
            _ => None,
        })
    }

    /// Returns a public address.
    ///
    /// # Errors
    /// `Missing`.
    pub fn public_ip(&self, id: NetworkId) -> Result<&PublicIp, NetworkRefusal> {
        self.public_ips().find(|ip| ip.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    fn public_ip_mut(&mut self, id: NetworkId) -> Result<&mut PublicIp, NetworkRefusal> {
        self.public_ips_mut().find(|ip| ip.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    /// Returns the public address that has a bandwidth.
    ///
    /// # Errors
    /// `Missing`.
    pub fn public_ip_of_bandwidth(&self, id: NetworkId) -> Result<&PublicIp, NetworkRefusal> {
        let missing = NetworkRefusal::Missing(NetworkKind::Bandwidth);
        self.public_ips().find(|ip| ip.bandwidth.id == id).ok_or(missing)
    }

    /// Returns the public address that leads to a load balancer.
    pub fn public_ip_of_load_balancer(&self, id: NetworkId) -> Option<&PublicIp> {
        self.public_ips().find(|ip| ip.bound_to == Some(Binding::LoadBalancer(id)))
    }

    /// Returns the id of the instance that a public address leads to without a load balancer.
    pub fn instance_of(&self, ip: &PublicIp) -> Option<&str> {
        self.users.public_ips.get(&ip.id.to_string()).map(String::as_str)
    }

    /// Returns whether a public address leads to something.
    pub fn is_bound(&self, ip: &PublicIp) -> bool {
        ip.bound_to.is_some() || self.instance_of(ip).is_some()
    }

    /// Makes a public address.
    ///
    /// # Errors
    /// `Invalid`, `TooMany`; `Missing` for a bandwidth that others share: there is none.
    pub fn create_public_ip(
        &mut self,
        request: PublicIpRequest,
        change: &NetworkChange<'_>,
    ) -> Result<NetworkId, NetworkRefusal> {
        match request.share_type.as_deref() {
            Some("PER") => {}
            Some("WHOLE") => return Err(NetworkRefusal::Missing(NetworkKind::Bandwidth)),
            _ => return Err(NetworkRefusal::Invalid { kind: NetworkKind::Bandwidth, name: "share_type" }),
        }
        let wanted = match request.address.as_deref() {
            None => None,
            Some(text) => Some(text.parse::<Ipv4Addr>().map_err(|_| invalid("ip_address"))?),
        };
        if wanted.is_some_and(|wanted| self.public_ips().any(|ip| ip.address == wanted)) {
            return Err(invalid("ip_address"));
        }
        let id = self.unused_id(change);
        let bandwidth = Bandwidth {
            id: self.unused_id(change),
            name: String::new(),
            size: 0,
            charge_mode: ChargeMode::Traffic,
        };
        let ip = PublicIp {
            id,
            pool: checked_pool(request.pool.unwrap_or_default())?,
            address: wanted.unwrap_or_else(|| self.unused_public_address(id)),
            alias: checked_alias(request.alias.unwrap_or_default())?,
            description: checked_description(KIND, request.description.unwrap_or_default())?,
            enterprise_project_id: checked_text(
                KIND,
                "enterprise_project_id",
                request.enterprise_project_id.unwrap_or_else(default_enterprise_project),
            )?,
            bandwidth: bandwidth.changed(request.bandwidth)?,
            bound_to: None,
            tags: changed_tags(KIND, &[], &request.tags, false)?,
            created_at: change.now,
            updated_at: change.now,
        };
        self.add(NetworkResource::PublicIp(ip))
    }

    /// Makes sure that a public address can be there beside the others.
    pub(super) fn require_bindable(&self, ip: &PublicIp, around: &Self) -> Result<(), NetworkRefusal> {
        if self.public_ips().any(|other| other.address == ip.address) {
            return Err(invalid("address"));
        }
        if self.public_ip_of_bandwidth(ip.bandwidth.id).is_ok() {
            return Err(NetworkRefusal::IdTaken);
        }
        let Some(bound_to) = ip.bound_to else { return Ok(()) };
        if let Binding::LoadBalancer(id) = bound_to {
            self.load_balancer(id).or_else(|_| around.load_balancer(id))?;
        }
        let is_taken = self.public_ips().any(|other| other.bound_to == ip.bound_to);
        if is_taken { Err(NetworkRefusal::Bound(ip.bound_kind())) } else { Ok(()) }
    }

    /// Returns the address that follows from an id, or the next one that nothing in the project has.
    fn unused_public_address(&self, id: NetworkId) -> Ipv4Addr {
        let mut address = public_address(&id.to_string());
        while self.public_ips().any(|ip| ip.address == address) {
            address = public_address(&address.to_string());
        }
        address
    }

    /// Gives a public address another name and description.
    ///
    /// # Errors
    /// `Missing`, `Invalid`.
    pub fn rename_public_ip(
        &mut self,
        id: NetworkId,
        alias: Option<String>,
        description: Option<String>,
        now: Timestamp,
    ) -> Result<(), NetworkRefusal> {
        let ip = self.public_ip_mut(id)?;
        let alias = alias.map_or(Ok(ip.alias.clone()), checked_alias)?;
        let description = match description {
            None => ip.description.clone(),
            Some(text) => checked_description(KIND, text)?,
        };
        *ip = PublicIp { alias, description, updated_at: now, ..ip.clone() };
        Ok(())
    }

    /// Changes a bandwidth; returns the id of the public address that has it.
    ///
    /// # Errors
    /// `Missing`, `Invalid`.
    pub fn update_bandwidth(
        &mut self,
        id: NetworkId,
        request: BandwidthRequest,
        now: Timestamp,
    ) -> Result<NetworkId, NetworkRefusal> {
        let of = self.public_ip_of_bandwidth(id)?.id;
        let ip = self.public_ip_mut(of)?;
        ip.bandwidth = ip.bandwidth.clone().changed(request)?;
        ip.updated_at = now;
        Ok(of)
    }

    /// Has a public address lead to something, which may be the port of a load balancer.
    ///
    /// # Errors
    /// `Missing`; `Bound` if it leads to something else, or another one leads there.
    pub fn bind_public_ip(
        &mut self,
        id: NetworkId,
        to: Binding,
        now: Timestamp,
    ) -> Result<(), NetworkRefusal> {
        let to = match to {
            Binding::Port(port) => match self.load_balancers().find(|other| other.vip_port_id == port) {
                Some(load_balancer) => Binding::LoadBalancer(load_balancer.id),
                None => to,
            },
            Binding::LoadBalancer(load_balancer) => {
                self.load_balancer(load_balancer)?;
                to
            }
        };
        let ip = self.public_ip(id)?;
        let is_taken = self.public_ips().any(|other| other.id != id && other.bound_to == Some(to));
        if is_taken || self.is_bound(ip) && ip.bound_to != Some(to) {
            return Err(NetworkRefusal::Bound(ip.bound_kind()));
        }
        let ip = self.public_ip_mut(id)?;
        (ip.bound_to, ip.updated_at) = (Some(to), now);
        Ok(())
    }

    /// Has a public address lead nowhere.
    ///
    /// # Errors
    /// `Missing`; `NotBound`; `Bound` if an instance is reached by it.
    pub fn unbind_public_ip(&mut self, id: NetworkId, now: Timestamp) -> Result<(), NetworkRefusal> {
        let ip = self.public_ip(id)?;
        if ip.bound_to.is_none() {
            let is_bound = self.is_bound(ip);
            return Err(if is_bound { NetworkRefusal::Bound(KIND) } else { NetworkRefusal::NotBound });
        }
        let ip = self.public_ip_mut(id)?;
        (ip.bound_to, ip.updated_at) = (None, now);
        Ok(())
    }

    /// Removes a public address.
    ///
    /// # Errors
    /// `Missing`; `Bound` while it leads to something.
    pub fn delete_public_ip(&mut self, id: NetworkId) -> Result<(), NetworkRefusal> {
        let ip = self.public_ip(id)?;
        if self.is_bound(ip) {
            return Err(NetworkRefusal::Bound(ip.bound_kind()));
        }
        self.remove(id);
        Ok(())
    }

    /// Has what leads to a load balancer lead nowhere.
    pub(super) fn unbind_load_balancer(&mut self, id: NetworkId, now: Timestamp) {
        let bound = Some(Binding::LoadBalancer(id));
        for ip in self.public_ips_mut().filter(|ip| ip.bound_to == bound) {
            (ip.bound_to, ip.updated_at) = (None, now);
        }
    }

    /// Decides how an instance is opened to the public: by the address of its load balancer, or by an address of its own. `is_strict`:
    /// only by what the project has.
    ///
    /// # Errors
    /// `InvalidParameter` (`elb_id`) for a load balancer without an address, (`publicip_id`) for an address that leads to something
    /// else; if it is strict for what there is not.
    pub fn open_access(
        &self,
        request: PublicAccessRequest,
        is_strict: bool,
    ) -> Result<PublicAccessRequest, Refusal> {
        let wrong = |name| Refusal::InvalidParameter { name };
        if let Some(id) = &request.elb_id {
            let found = id.parse().ok().and_then(|id| self.load_balancer(id).ok());
            let Some(found) = found else {
                return if is_strict { Err(wrong("elb_id")) } else { Ok(request) };
            };
            let ip = self.public_ip_of_load_balancer(found.id).ok_or(wrong("elb_id"))?;
            let (public_ip_id, address) = (Some(ip.id.to_string()), Some(ip.address));
            return Ok(PublicAccessRequest { public_ip_id, address, ..request });
        }
        let Some(id) = &request.public_ip_id else { return Ok(request) };
        match id.parse().ok().and_then(|id| self.public_ip(id).ok()) {
            Some(ip) if ip.bound_to.is_some() => Err(wrong("publicip_id")),
            Some(ip) => Ok(PublicAccessRequest { address: Some(ip.address), ..request }),
            None if is_strict => Err(wrong("publicip_id")),
            None => Ok(request),
        }
    }
}
