//! The network that a project has around its instances: VPCs, subnets, security groups, public addresses and load balancers, as far as a
//! configuration that makes an instance names them.
//!
//! All of a project's are one value, so that a rule that looks at several of them is one function. Source: docs/contract/networks.md.

mod group;
mod load_balancer;
mod public_ip;
pub mod refusal;
mod subnet;
mod vpc;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::id::NetworkId;
use crate::domain::instance::Listener;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

pub use group::{Ports, Protocol, Remote, RuleRequest, SecurityGroup, SecurityRule, Traffic};
pub use load_balancer::{LoadBalancer, LoadBalancerRequest, LoadBalancerSettings};
pub use public_ip::{Bandwidth, BandwidthRequest, Binding, ChargeMode, PublicIp, PublicIpRequest};
pub use refusal::{NetworkKind, NetworkRefusal};
pub use subnet::{DhcpOption, Subnet, SubnetRequest};
pub use vpc::{Vpc, VpcRequest};

/// How many things the network of a project has at most, all kinds together.
pub const MAX_RESOURCES: usize = 2000;
/// How many rules the security groups of a project have at most, all together.
pub const MAX_RULES: usize = 5000;
/// How many tags a thing has at most.
const MAX_TAGS: usize = 20;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkTag {
    /// Its key.
    pub key: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
}

/// Something in the network of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NetworkResource {
    /// A virtual private cloud.
    Vpc(Vpc),
    /// A subnet of one.
    Subnet(Subnet),
    /// A security group with its rules.
    SecurityGroup(SecurityGroup),
    /// A public address with its bandwidth.
    PublicIp(PublicIp),
    /// A load balancer.
    LoadBalancer(LoadBalancer),
}

impl NetworkResource {
    /// Returns its id.
    pub fn id(&self) -> NetworkId {
        match self {
            Self::Vpc(vpc) => vpc.id,
            Self::Subnet(subnet) => subnet.id,
            Self::SecurityGroup(group) => group.id,
            Self::PublicIp(ip) => ip.id,
            Self::LoadBalancer(load_balancer) => load_balancer.id,
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Vpc(vpc) => &vpc.name,
            Self::Subnet(subnet) => &subnet.name,
            Self::SecurityGroup(group) => &group.name,
            Self::PublicIp(ip) => &ip.alias,
            Self::LoadBalancer(load_balancer) => &load_balancer.name,
        }
    }

    /// Returns what it is.
    pub fn kind(&self) -> NetworkKind {
        match self {
            Self::Vpc(_) => NetworkKind::Vpc,
            Self::Subnet(_) => NetworkKind::Subnet,
            Self::SecurityGroup(_) => NetworkKind::SecurityGroup,
            Self::PublicIp(_) => NetworkKind::PublicIp,
            Self::LoadBalancer(_) => NetworkKind::LoadBalancer,
        }
    }

    /// Returns its tags.
    pub fn tags(&self) -> &[NetworkTag] {
        match self {
            Self::Vpc(vpc) => &vpc.tags,
            Self::Subnet(subnet) => &subnet.tags,
            Self::SecurityGroup(group) => &group.tags,
            Self::PublicIp(ip) => &ip.tags,
            Self::LoadBalancer(load_balancer) => &load_balancer.tags,
        }
    }

    /// Returns its enterprise project, if it has one of its own.
    pub fn enterprise_project_id(&self) -> Option<&str> {
        match self {
            Self::Vpc(vpc) => Some(&vpc.enterprise_project_id),
            Self::SecurityGroup(group) => Some(&group.enterprise_project_id),
            Self::PublicIp(ip) => Some(&ip.enterprise_project_id),
            Self::LoadBalancer(load_balancer) => Some(&load_balancer.enterprise_project_id),
            Self::Subnet(_) => None,
        }
    }

    fn enterprise_project_id_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Vpc(vpc) => Some(&mut vpc.enterprise_project_id),
            Self::SecurityGroup(group) => Some(&mut group.enterprise_project_id),
            Self::PublicIp(ip) => Some(&mut ip.enterprise_project_id),
            Self::LoadBalancer(load_balancer) => Some(&mut load_balancer.enterprise_project_id),
            Self::Subnet(_) => None,
        }
    }

    fn tags_mut(&mut self) -> &mut Vec<NetworkTag> {
        match self {
            Self::Vpc(vpc) => &mut vpc.tags,
            Self::Subnet(subnet) => &mut subnet.tags,
            Self::SecurityGroup(group) => &mut group.tags,
            Self::PublicIp(ip) => &mut ip.tags,
            Self::LoadBalancer(load_balancer) => &mut load_balancer.tags,
        }
    }
}

/// What the instances of a project use of its network, as texts: an instance may name what there is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkUsers {
    /// Subnets, those that instances are about to move to included.
    pub subnets: BTreeSet<String>,
    /// Security groups, of instances of the first generation.
    pub groups: BTreeSet<String>,
    /// Private addresses, each after its subnet.
    pub addresses: BTreeSet<(String, String)>,
    /// Public addresses that lead to instances without a load balancer, each with the id of the instance.
    pub public_ips: BTreeMap<String, String>,
    /// Load balancers, with the ports that lead to instances.
    pub listeners: BTreeMap<String, Vec<Listener>>,
}

/// What a change of a network has from outside.
pub struct NetworkChange<'c> {
    /// When it happens.
    pub now: Timestamp,
    /// Where ids come from.
    pub new_id: &'c dyn Fn() -> NetworkId,
}

/// The whole network of a project, in the order of its creation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectNetwork {
    resources: Vec<NetworkResource>,
    users: NetworkUsers,
}

impl ProjectNetwork {
    /// Returns the network that a project has at first: `vpc-default`, `subnet-default` and the group `default`.
    pub fn at_first() -> Self {
        Self {
            resources: vec![
                NetworkResource::Vpc(Vpc::default_of_projects()),
                NetworkResource::Subnet(Subnet::default_of_projects()),
                NetworkResource::SecurityGroup(SecurityGroup::default_of_projects()),
            ],
            users: NetworkUsers::default(),
        }
    }

    /// Takes what is stored of a project; of one of which nothing is, what it has at first.
    pub fn of_stored(resources: Vec<NetworkResource>, users: NetworkUsers) -> Self {
        let resources = if resources.is_empty() { Self::at_first().resources } else { resources };
        Self { resources, users }
    }

    /// Makes sure that things can be in one network; what they refer to may be in `around` as well.
    ///
    /// # Errors
    /// The place of the first that cannot, and why: as making it would be refused.
    pub fn seeded(resources: &[NetworkResource], around: &Self) -> Result<(), (usize, NetworkRefusal)> {
        let mut network = Self::default();
        let mut in_turn: Vec<(usize, &NetworkResource)> = resources.iter().enumerate().collect();
        // What others refer to comes first.
        in_turn.sort_by_key(|(_, resource)| match resource.kind() {
            NetworkKind::Vpc => 0,
            NetworkKind::PublicIp => 2,
            _ => 1,
        });
        for (at, resource) in in_turn {
            let taken = network.resources.iter().any(|other| other.id() == resource.id());
            let vpc = |network: &Self, id| network.vpc(id).or_else(|_| around.vpc(id)).cloned();
            let found = match resource {
                _ if taken => Err(NetworkRefusal::IdTaken),
                NetworkResource::Vpc(vpc) => vpc.check().and_then(|()| network.require_free_name(vpc)),
                NetworkResource::Subnet(subnet) => subnet
                    .check()
                    .and_then(|()| network.require_free_range(&vpc(&network, subnet.vpc_id)?, subnet.cidr)),
                NetworkResource::SecurityGroup(group) => {
                    group.check().and_then(|()| network.require_room_for_rules(group.rules.len()))
                }
                NetworkResource::LoadBalancer(load_balancer) => {
                    load_balancer.check().and_then(|()| vpc(&network, load_balancer.vpc_id).map(drop))
                }
                NetworkResource::PublicIp(ip) => {
                    ip.check().and_then(|()| network.require_bindable(ip, around))
                }
            };
            let tags = changed_tags(resource.kind(), &[], resource.tags(), false);
            found
                .and(tags.map(drop))
                .and_then(|()| network.add(resource.clone()).map(drop))
                .map_err(|refusal| (at, refusal))?;
        }
        Ok(())
    }

    /// Returns what a seed adds to in a project that has nothing stored: what every project begins with, unless the seed is of a whole
    /// network, which always has the default group.
    pub fn seeded_into(wanted: &[NetworkResource]) -> Vec<NetworkResource> {
        let at_first = Self::at_first();
        let is_whole = at_first.groups().any(|group| wanted.iter().any(|other| other.id() == group.id));
        if is_whole { Vec::new() } else { at_first.resources }
    }

    /// Returns everything, in the order of its creation.
    pub fn resources(&self) -> &[NetworkResource] {
        &self.resources
    }

    /// Returns something by its id, if it is of a kind.
    ///
    /// # Errors
    /// `Missing`.
    pub fn find(&self, kind: NetworkKind, id: NetworkId) -> Result<&NetworkResource, NetworkRefusal> {
        let found = self.resources.iter().find(|resource| resource.id() == id && resource.kind() == kind);
        found.ok_or(NetworkRefusal::Missing(kind))
    }

    /// Sets or removes tags of something; a tag is removed by its key.
    ///
    /// # Errors
    /// `Missing`; `Invalid` (`tags`), then nothing has changed.
    pub fn change_tags(
        &mut self,
        kind: NetworkKind,
        id: NetworkId,
        tags: &[NetworkTag],
        is_removal: bool,
    ) -> Result<(), NetworkRefusal> {
        let found = self.resources.iter_mut().find(|resource| resource.id() == id && resource.kind() == kind);
        let found = found.ok_or(NetworkRefusal::Missing(kind))?;
        *found.tags_mut() = changed_tags(kind, found.tags(), tags, is_removal)?;
        Ok(())
    }

    /// Returns what is in an enterprise project, of a kind.
    pub fn of_enterprise_project<'n>(
        &'n self,
        kind: NetworkKind,
        id: &'n str,
    ) -> impl Iterator<Item = &'n NetworkResource> {
        let is_in = move |own: &str| own.eq_ignore_ascii_case(id);
        let of_kind = self.resources.iter().filter(move |resource| resource.kind() == kind);
        of_kind.filter(move |resource| resource.enterprise_project_id().is_some_and(is_in))
    }

    /// Moves something to an enterprise project.
    ///
    /// # Errors
    /// `Missing`, also for what has no enterprise project of its own.
    pub fn move_to_enterprise_project(
        &mut self,
        kind: NetworkKind,
        id: NetworkId,
        target: String,
    ) -> Result<(), NetworkRefusal> {
        let found = self.resources.iter_mut().find(|resource| resource.id() == id && resource.kind() == kind);
        let place = found.and_then(NetworkResource::enterprise_project_id_mut);
        *place.ok_or(NetworkRefusal::Missing(kind))? = target;
        Ok(())
    }

    /// Decides whether an instance can be where it is to be; returns its subnet, if the project has it. `is_strict`: it can be in nothing
    /// else than the project has.
    ///
    /// # Errors
    /// `SubnetOfOtherVpc`, `SubnetWithoutDhcp`; if it is strict `InvalidVpc`, `InvalidSubnet`, `SecurityGroupNotFound`.
    pub fn place(
        &self,
        vpc_id: &str,
        subnet_id: &str,
        security_group_id: Option<&str>,
        is_strict: bool,
    ) -> Result<Option<&Subnet>, Refusal> {
        let vpc = vpc_id.parse().ok().and_then(|id| self.vpc(id).ok());
        let subnet = subnet_id.parse().ok().and_then(|id| self.subnet(id).ok());
        if is_strict {
            vpc.ok_or(Refusal::InvalidVpc)?;
            subnet.ok_or(Refusal::InvalidSubnet)?;
            if let Some(id) = security_group_id {
                let group = id.parse().ok().and_then(|id| self.group(id).ok());
                group.ok_or(Refusal::SecurityGroupNotFound)?;
            }
        }
        if let (Some(vpc), Some(subnet)) = (vpc, subnet)
            && subnet.vpc_id != vpc.id
        {
            return Err(Refusal::SubnetOfOtherVpc);
        }
        if subnet.is_some_and(|subnet| !subnet.dhcp_enable) {
            return Err(Refusal::SubnetWithoutDhcp);
        }
        Ok(subnet)
    }

    /// Returns an id that nothing in the network has.
    fn unused_id(&self, change: &NetworkChange<'_>) -> NetworkId {
        loop {
            let id = (change.new_id)();
            let is_rule = self.rules().any(|(_, rule)| rule.id == id);
            if !is_rule && self.resources.iter().all(|resource| resource.id() != id) {
                return id;
            }
        }
    }

    fn add(&mut self, resource: NetworkResource) -> Result<NetworkId, NetworkRefusal> {
        if self.resources.len() >= MAX_RESOURCES {
            return Err(NetworkRefusal::TooMany(resource.kind()));
        }
        let id = resource.id();
        self.resources.push(resource);
        Ok(id)
    }

    fn remove(&mut self, id: NetworkId) {
        self.resources.retain(|resource| resource.id() != id);
    }
}

/// Returns tags with some of them set or removed.
fn changed_tags(
    kind: NetworkKind,
    before: &[NetworkTag],
    tags: &[NetworkTag],
    is_removal: bool,
) -> Result<Vec<NetworkTag>, NetworkRefusal> {
    /// How long a key and a value are at most, in characters.
    const MAX_KEY: usize = 128;
    const MAX_VALUE: usize = 255;
    let invalid = NetworkRefusal::Invalid { kind, name: "tags" };
    let mut after = before.to_vec();
    for tag in tags {
        let (key, value) = (tag.key.chars().count(), tag.value.chars().count());
        if !(1..=MAX_KEY).contains(&key) || value > MAX_VALUE {
            return Err(invalid);
        }
        let found = after.iter().position(|other| other.key == tag.key);
        match (found, is_removal) {
            (Some(at), true) => drop(after.remove(at)),
            (Some(at), false) => after[at].value.clone_from(&tag.value),
            (None, true) => {}
            (None, false) => after.push(tag.clone()),
        }
    }
    if after.len() > MAX_TAGS { Err(invalid) } else { Ok(after) }
}

/// Makes sure that a name is one: letters, digits, `_`, `-` and `.`, at most 64.
fn checked_name(kind: NetworkKind, name: String, may_be_empty: bool) -> Result<String, NetworkRefusal> {
    const MAX_NAME: usize = 64;
    let is_one = name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter));
    let length = usize::from(!may_be_empty)..=MAX_NAME;
    if is_one && length.contains(&name.chars().count()) {
        Ok(name)
    } else {
        Err(NetworkRefusal::Invalid { kind, name: "name" })
    }
}

/// Makes sure that a text that is kept as given is not long: at most 255 bytes.
fn checked_text(kind: NetworkKind, name: &'static str, text: String) -> Result<String, NetworkRefusal> {
    const MAX_TEXT: usize = 255;
    if text.len() <= MAX_TEXT { Ok(text) } else { Err(NetworkRefusal::Invalid { kind, name }) }
}

/// Makes sure that a description is one: at most 255 characters, without `<` and `>`.
fn checked_description(kind: NetworkKind, text: String) -> Result<String, NetworkRefusal> {
    const MAX_DESCRIPTION: usize = 255;
    if text.chars().count() <= MAX_DESCRIPTION && !text.contains(['<', '>']) {
        Ok(text)
    } else {
        Err(NetworkRefusal::Invalid { kind, name: "description" })
    }
}
