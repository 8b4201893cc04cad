//! Subnets of VPCs.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::vpc::at_first;
use super::{
    NetworkChange, NetworkKind, NetworkRefusal, NetworkResource, NetworkTag, ProjectNetwork, Vpc,
    checked_description, checked_name, checked_text,
};
use crate::domain::builtin;
use crate::domain::id::NetworkId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

const KIND: NetworkKind = NetworkKind::Subnet;
/// The lengths of the prefix of a subnet: from the widest range to the narrowest.
const PREFIXES: std::ops::RangeInclusive<u8> = 8..=28;
/// How many name servers a subnet has at most.
const MAX_NAME_SERVERS: usize = 5;
/// How many options of DHCP it has at most.
const MAX_DHCP_OPTIONS: usize = 10;

/// A subnet. What is bound to it names it by its id, but load balancers, which name the id within the network service below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// Its id, which is that of its network as well.
    pub id: NetworkId,
    /// Its id within the network service below.
    pub neutron_subnet_id: NetworkId,
    /// The VPC.
    pub vpc_id: NetworkId,
    /// Its name.
    pub name: String,
    /// A description.
    #[serde(default)]
    pub description: String,
    /// Its range.
    pub cidr: Ipv4Net,
    /// The address of its gateway.
    pub gateway_ip: Ipv4Addr,
    /// Whether addresses are given out by DHCP.
    #[serde(default = "yes")]
    pub dhcp_enable: bool,
    /// Whether it has a range of IPv6.
    #[serde(default)]
    pub ipv6_enable: bool,
    /// Its name servers.
    #[serde(default)]
    pub name_servers: Vec<String>,
    /// The zone that was named for it.
    #[serde(default)]
    pub availability_zone: String,
    /// Options of DHCP.
    #[serde(default)]
    pub extra_dhcp_opts: Vec<DhcpOption>,
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

/// An option of DHCP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpOption {
    /// What it is: `ntp`, `addresstime`, `ipv6_addresstime` or `domainname`.
    pub opt_name: String,
    /// Its value; without one it is removed.
    pub opt_value: Option<String>,
}

fn yes() -> bool {
    true
}

/// What a caller wants a subnet to be like; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SubnetRequest {
    /// Its name.
    pub name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Its range.
    pub cidr: Option<String>,
    /// The address of its gateway.
    pub gateway_ip: Option<String>,
    /// The VPC.
    pub vpc_id: Option<String>,
    /// Whether addresses are given out by DHCP.
    pub dhcp_enable: Option<bool>,
    /// Whether it has a range of IPv6.
    pub ipv6_enable: Option<bool>,
    /// Its first name server.
    pub primary_dns: Option<String>,
    /// Its second one.
    pub secondary_dns: Option<String>,
    /// All of them.
    pub name_servers: Option<Vec<String>>,
    /// The zone.
    pub availability_zone: Option<String>,
    /// Options of DHCP.
    pub extra_dhcp_opts: Vec<DhcpOption>,
}

impl SubnetRequest {
    /// Returns the name servers that a subnet has with those that it names, in one way or the other.
    fn name_servers(&self, before: &[String]) -> Vec<String> {
        if let Some(all) = &self.name_servers {
            return all.clone();
        }
        let mut servers = before.to_vec();
        for (at, server) in [&self.primary_dns, &self.secondary_dns].into_iter().enumerate() {
            match server {
                None => {}
                Some(server) if server.is_empty() => servers.truncate(at),
                Some(server) if at < servers.len() => servers[at].clone_from(server),
                Some(server) => servers.push(server.clone()),
            }
        }
        servers
    }
}

impl Subnet {
    /// Returns the subnet that every project begins with.
    pub(super) fn default_of_projects() -> Self {
        Self {
            id: builtin::network_id(builtin::SUBNET_ID),
            neutron_subnet_id: builtin::network_id(builtin::NEUTRON_SUBNET_ID),
            vpc_id: builtin::network_id(builtin::VPC_ID),
            name: "subnet-default".to_owned(),
            description: String::new(),
            cidr: Ipv4Net::new_assert([192, 168, 0, 0].into(), 24),
            gateway_ip: [192, 168, 0, 1].into(),
            dhcp_enable: true,
            ipv6_enable: false,
            name_servers: Vec::new(),
            availability_zone: String::new(),
            extra_dhcp_opts: Vec::new(),
            tags: Vec::new(),
            created_at: builtin::CREATED_AT,
            updated_at: builtin::CREATED_AT,
        }
    }

    /// Makes sure that it is one that a request could have made.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<(), NetworkRefusal> {
        checked_name(KIND, self.name.clone(), false)?;
        checked_description(KIND, self.description.clone())?;
        checked_text(KIND, "availability_zone", self.availability_zone.clone())?;
        checked_name_servers(self.name_servers.clone())?;
        with_options(&[], self.extra_dhcp_opts.clone())?;
        checked_range(self.cidr).ok_or(invalid("cidr"))?;
        if self.cidr.contains(&self.gateway_ip) { Ok(()) } else { Err(invalid("gateway_ip")) }
    }

    /// Returns whether it is the one that every project begins with.
    pub fn is_of_every_project(&self) -> bool {
        self.id == builtin::network_id(builtin::SUBNET_ID)
    }

    /// Returns the addresses that it gives out, in their order: all but those of the network itself and of its gateway.
    pub fn addresses(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> {
        let gateway = self.gateway_ip;
        self.cidr.hosts().filter(move |address| *address != gateway)
    }

    /// Makes sure that it gives out some addresses, which are separated by commas.
    ///
    /// # Errors
    /// `InvalidParameter` (`private_ip`).
    pub fn require(&self, ip: &str) -> Result<(), Refusal> {
        let ends = [self.cidr.network(), self.cidr.broadcast(), self.gateway_ip];
        let gives_out = |ip: &str| {
            let address = address(ip);
            address.is_some_and(|address| self.cidr.contains(&address) && !ends.contains(&address))
        };
        if ip.split(',').all(gives_out) {
            Ok(())
        } else {
            Err(Refusal::InvalidParameter { name: "private_ip" })
        }
    }

    /// Returns the id of its range of IPv6 within the network service below.
    pub fn neutron_subnet_id_v6(&self) -> NetworkId {
        let mut id = *self.neutron_subnet_id.as_bytes();
        id[15] ^= 1;
        NetworkId::from_bytes(id)
    }

    /// Returns its range of IPv6, which follows from its id.
    pub fn ipv6_prefix(&self) -> Option<String> {
        let [.., a, b, c, d] = self.id.as_bytes();
        self.ipv6_enable.then(|| format!("2001:db8:{a:02x}{b:02x}:{c:02x}{d:02x}::"))
    }
}

fn address(text: &str) -> Option<Ipv4Addr> {
    text.parse().ok()
}

/// Returns a range if it can be that of a subnet.
fn checked_range(cidr: Ipv4Net) -> Option<Ipv4Net> {
    Some(cidr).filter(|cidr| *cidr == cidr.trunc() && PREFIXES.contains(&cidr.prefix_len()))
}

fn invalid(name: &'static str) -> NetworkRefusal {
    NetworkRefusal::Invalid { kind: KIND, name }
}

/// Makes sure that options of DHCP are such, and lets new ones take the place of those with the same name.
fn with_options(before: &[DhcpOption], new: Vec<DhcpOption>) -> Result<Vec<DhcpOption>, NetworkRefusal> {
    const NAMES: [&str; 4] = ["ntp", "addresstime", "ipv6_addresstime", "domainname"];
    const MAX_VALUE: usize = 255;
    let mut after = before.to_vec();
    for option in new {
        let length = option.opt_value.as_ref().map_or(0, String::len);
        if !NAMES.contains(&option.opt_name.as_str()) || length > MAX_VALUE {
            return Err(invalid("extra_dhcp_opts"));
        }
        after.retain(|other| other.opt_name != option.opt_name);
        if option.opt_value.is_some() {
            after.push(option);
        }
    }
    if after.len() > MAX_DHCP_OPTIONS { Err(invalid("extra_dhcp_opts")) } else { Ok(after) }
}

fn checked_name_servers(servers: Vec<String>) -> Result<Vec<String>, NetworkRefusal> {
    let is_one = |server: &String| server.parse::<std::net::IpAddr>().is_ok();
    if servers.len() <= MAX_NAME_SERVERS && servers.iter().all(is_one) {
        Ok(servers)
    } else {
        Err(invalid("dnsList"))
    }
}

impl ProjectNetwork {
    /// Returns the subnets.
    pub fn subnets(&self) -> impl Iterator<Item = &Subnet> {
        self.resources.iter().filter_map(|resource| match resource {
            NetworkResource::Subnet(subnet) => Some(subnet),
            _ => None,
        })
    }

    /// Returns a subnet.
    ///
    /// # Errors
    /// `Missing`.
    pub fn subnet(&self, id: NetworkId) -> Result<&Subnet, NetworkRefusal> {
        self.subnets().find(|subnet| subnet.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    /// Makes a subnet.
    ///
    /// # Errors
    /// `Invalid`; `Missing` for its VPC; `OutsideVpc`, `Overlapping`, `TooMany`.
    pub fn create_subnet(
        &mut self,
        request: SubnetRequest,
        change: &NetworkChange<'_>,
    ) -> Result<NetworkId, NetworkRefusal> {
        let name_servers = checked_name_servers(request.name_servers(&[]))?;
        let vpc_id = request.vpc_id.ok_or(invalid("vpc_id"))?;
        // An id of another form is of nothing that there is.
        let vpc_id = vpc_id.parse().map_err(|_| NetworkRefusal::Missing(NetworkKind::Vpc))?;
        let vpc = self.vpc(vpc_id)?;
        let name = checked_name(KIND, request.name.unwrap_or_default(), false)?;
        let cidr: Option<Ipv4Net> = request.cidr.and_then(|cidr| cidr.parse().ok());
        let cidr = cidr.and_then(checked_range).ok_or(invalid("cidr"))?;
        let gateway = request.gateway_ip.as_deref().and_then(address);
        let gateway_ip = gateway.filter(|gateway| cidr.contains(gateway)).ok_or(invalid("gateway_ip"))?;
        self.require_free_range(vpc, cidr)?;
        let subnet = Subnet {
            id: self.unused_id(change),
            neutron_subnet_id: self.unused_id(change),
            vpc_id,
            name,
            description: checked_description(KIND, request.description.unwrap_or_default())?,
            cidr,
            gateway_ip,
            dhcp_enable: request.dhcp_enable.unwrap_or(true),
            ipv6_enable: request.ipv6_enable.unwrap_or(false),
            name_servers,
            availability_zone: checked_text(
                KIND,
                "availability_zone",
                request.availability_zone.unwrap_or_default(),
            )?,
            extra_dhcp_opts: with_options(&[], request.extra_dhcp_opts)?,
            tags: Vec::new(),
            created_at: change.now,
            updated_at: change.now,
        };
        self.add(NetworkResource::Subnet(subnet))
    }

    /// Changes a subnet; its range, gateway and VPC stay.
    ///
    /// # Errors
    /// `Missing`, `OtherVpc`, `Invalid`.
    pub fn update_subnet(
        &mut self,
        vpc_id: NetworkId,
        id: NetworkId,
        request: SubnetRequest,
        change: &NetworkChange<'_>,
    ) -> Result<(), NetworkRefusal> {
        self.require_of_vpc(vpc_id, id)?;
        let mut subnets = self.resources.iter_mut().filter_map(|resource| match resource {
            NetworkResource::Subnet(subnet) => Some(subnet),
            _ => None,
        });
        let subnet = subnets.find(|subnet| subnet.id == id).ok_or(NetworkRefusal::Missing(KIND))?;
        let before = subnet.clone();
        let name_servers = checked_name_servers(request.name_servers(&before.name_servers))?;
        *subnet = Subnet {
            name: request.name.map_or(Ok(before.name), |name| checked_name(KIND, name, false))?,
            description: (request.description)
                .map_or(Ok(before.description), |text| checked_description(KIND, text))?,
            dhcp_enable: request.dhcp_enable.unwrap_or(before.dhcp_enable),
            ipv6_enable: before.ipv6_enable || request.ipv6_enable.unwrap_or(false),
            name_servers,
            extra_dhcp_opts: with_options(&before.extra_dhcp_opts, request.extra_dhcp_opts)?,
            updated_at: change.now,
            ..before
        };
        Ok(())
    }

    /// Removes a subnet.
    ///
    /// # Errors
    /// `Missing`, `OtherVpc`; `InUse` while instances or load balancers are in it.
    pub fn delete_subnet(&mut self, vpc_id: NetworkId, id: NetworkId) -> Result<(), NetworkRefusal> {
        self.require_of_vpc(vpc_id, id)?;
        let below = self.subnet(id)?.neutron_subnet_id;
        let is_of_load_balancer = self
            .load_balancers()
            .any(|other| other.vip_subnet_cidr_id == Some(below) || other.elb_virsubnet_ids.contains(&id));
        if is_of_load_balancer || self.users.subnets.contains(&id.to_string()) {
            return Err(NetworkRefusal::InUse { kind: KIND, id });
        }
        self.remove(id);
        Ok(())
    }

    /// Makes sure that a range lies in a VPC, and has no address of another subnet of it.
    pub(super) fn require_free_range(&self, vpc: &Vpc, cidr: Ipv4Net) -> Result<(), NetworkRefusal> {
        if !vpc.contains(cidr) {
            return Err(NetworkRefusal::OutsideVpc);
        }
        let overlaps = |other: &Subnet| {
            other.vpc_id == vpc.id && (other.cidr.contains(&cidr) || cidr.contains(&other.cidr))
        };
        if self.subnets().any(overlaps) { Err(NetworkRefusal::Overlapping) } else { Ok(()) }
    }

    fn require_of_vpc(&self, vpc_id: NetworkId, id: NetworkId) -> Result<(), NetworkRefusal> {
        if self.subnet(id)?.vpc_id == vpc_id { Ok(()) } else { Err(NetworkRefusal::OtherVpc) }
    }
}
