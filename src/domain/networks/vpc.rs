//! Virtual private clouds.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{
    NetworkChange, NetworkKind, NetworkRefusal, NetworkResource, NetworkTag, ProjectNetwork, Subnet,
    changed_tags, checked_description, checked_name, checked_text,
};
use crate::domain::builtin;
use crate::domain::enterprise_project::DEFAULT_ENTERPRISE_PROJECT;
use crate::domain::id::NetworkId;
use crate::domain::time::Timestamp;

const KIND: NetworkKind = NetworkKind::Vpc;
/// The ranges that those of VPCs lie in, and the narrowest of them.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
const NARROWEST: u8 = 24;
/// How many secondary ranges a VPC has at most.
const MAX_SECONDARY: usize = 5;

/// A virtual private cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// Its id.
    pub id: NetworkId,
    /// Its name, which no other of the project has unless it is empty.
    pub name: String,
    /// A description.
    #[serde(default)]
    pub description: String,
    /// Its range; none: that of its subnets is not bounded.
    pub cidr: Option<Ipv4Net>,
    /// Its secondary ranges.
    #[serde(default)]
    pub extend_cidrs: Vec<Ipv4Net>,
    /// Its enterprise project.
    #[serde(default = "default_enterprise_project")]
    pub enterprise_project_id: String,
    /// Whether its subnets share one way out.
    #[serde(default)]
    pub enable_shared_snat: bool,
    /// Whether routes within it go before all others.
    #[serde(default)]
    pub enhanced_local_route: bool,
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

/// The time of what a seed gives none: as if it had always been there.
pub(super) fn at_first() -> Timestamp {
    builtin::CREATED_AT
}

pub(super) fn default_enterprise_project() -> String {
    DEFAULT_ENTERPRISE_PROJECT.to_owned()
}

/// What a caller wants a VPC to be like; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct VpcRequest {
    /// Its name.
    pub name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Its range.
    pub cidr: Option<String>,
    /// Its enterprise project.
    pub enterprise_project_id: Option<String>,
    /// Whether its subnets share one way out.
    pub enable_shared_snat: Option<bool>,
    /// Whether routes within it go before all others.
    pub enhanced_local_route: Option<bool>,
}

impl Vpc {
    /// Returns the VPC that every project begins with.
    pub(super) fn default_of_projects() -> Self {
        Self {
            id: builtin::network_id(builtin::VPC_ID),
            name: "vpc-default".to_owned(),
            cidr: Some(Ipv4Net::new_assert([192, 168, 0, 0].into(), 16)),
            created_at: builtin::CREATED_AT,
            updated_at: builtin::CREATED_AT,
            ..Self::new(builtin::network_id(builtin::VPC_ID), builtin::CREATED_AT)
        }
    }

    fn new(id: NetworkId, now: Timestamp) -> Self {
        Self {
            id,
            name: String::new(),
            description: String::new(),
            cidr: None,
            extend_cidrs: Vec::new(),
            enterprise_project_id: default_enterprise_project(),
            enable_shared_snat: false,
            enhanced_local_route: true,
            tags: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Makes sure that it is one that a request could have made.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<(), NetworkRefusal> {
        checked_name(KIND, self.name.clone(), true)?;
        checked_description(KIND, self.description.clone())?;
        checked_text(KIND, "enterprise_project_id", self.enterprise_project_id.clone())?;
        checked_range(&self.cidr.map(|cidr| cidr.to_string()).unwrap_or_default()).map(drop)
    }

    /// Returns whether a range lies in one of its own.
    pub(super) fn contains(&self, range: Ipv4Net) -> bool {
        match self.cidr {
            None => true,
            Some(cidr) => cidr.contains(&range) || self.extend_cidrs.iter().any(|own| own.contains(&range)),
        }
    }

    /// Returns it as a request wants it to be.
    fn changed(self, request: VpcRequest, now: Timestamp) -> Result<Self, NetworkRefusal> {
        Ok(Self {
            name: request.name.map_or(Ok(self.name), |name| checked_name(KIND, name, true))?,
            description: (request.description)
                .map_or(Ok(self.description), |text| checked_description(KIND, text))?,
            cidr: request.cidr.map_or(Ok(self.cidr), |cidr| checked_range(&cidr))?,
            enterprise_project_id: request
                .enterprise_project_id
                .map_or(Ok(self.enterprise_project_id), |id| {
                    checked_text(KIND, "enterprise_project_id", id)
                })?,
            enable_shared_snat: request.enable_shared_snat.unwrap_or(self.enable_shared_snat),
            enhanced_local_route: request.enhanced_local_route.unwrap_or(self.enhanced_local_route),
            updated_at: now,
            ..self
        })
    }
}

/// Reads the range of a VPC; an empty one is none.
fn checked_range(text: &str) -> Result<Option<Ipv4Net>, NetworkRefusal> {
    let invalid = NetworkRefusal::Invalid { kind: KIND, name: "cidr" };
    if text.is_empty() {
        return Ok(None);
    }
    let range: Ipv4Net = text.parse().map_err(|_| invalid.clone())?;
    let private = PRIVATE.iter().filter_map(|private| private.parse::<Ipv4Net>().ok());
    let is_private = private.into_iter().any(|private| private.contains(&range));
    if range == range.trunc() && is_private && range.prefix_len() <= NARROWEST {
        Ok(Some(range))
    } else {
        Err(invalid)
    }
}

impl ProjectNetwork {
    /// Returns the VPCs.
    pub fn vpcs(&self) -> impl Iterator<Item = &Vpc> {
        self.resources.iter().filter_map(|resource| match resource {
            NetworkResource::Vpc(vpc) => Some(vpc),
            _ => None,
        })
    }

    /// Returns a VPC.
    ///
    /// # Errors
    /// `Missing`.
    pub fn vpc(&self, id: NetworkId) -> Result<&Vpc, NetworkRefusal> {
        self.vpcs().find(|vpc| vpc.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    fn vpc_mut(&mut self, id: NetworkId) -> Result<&mut Vpc, NetworkRefusal> {
        let mut vpcs = self.resources.iter_mut().filter_map(|resource| match resource {
            NetworkResource::Vpc(vpc) => Some(vpc),
            _ => None,
        });
        vpcs.find(|vpc| vpc.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    /// Makes a VPC.
    ///
    /// # Errors
    /// `Invalid`, `NameTaken`, `TooMany`.
    pub fn create_vpc(
        &mut self,
        request: VpcRequest,
        tags: &[NetworkTag],
        change: &NetworkChange<'_>,
    ) -> Result<NetworkId, NetworkRefusal> {
        let vpc = Vpc::new(self.unused_id(change), change.now).changed(request, change.now)?;
        self.require_free_name(&vpc)?;
        let tags = changed_tags(KIND, &[], tags, false)?;
        self.add(NetworkResource::Vpc(Vpc { tags, ..vpc }))
    }

    /// Changes a VPC.
    ///
    /// # Errors
    /// `Missing`, `Invalid`, `NameTaken`; `RangeInUse` if subnets would lie outside.
    pub fn update_vpc(
        &mut self,
        id: NetworkId,
        request: VpcRequest,
        change: &NetworkChange<'_>,
    ) -> Result<(), NetworkRefusal> {
        let changed = self.vpc(id)?.clone().changed(request, change.now)?;
        self.require_free_name(&changed)?;
        self.require_subnets_in(&changed)?;
        *self.vpc_mut(id)? = changed;
        Ok(())
    }

    /// Gives a VPC a secondary range, or takes it away.
    ///
    /// # Errors
    /// `Missing`, `Invalid` (`extend_cidrs`), `RangeTaken`, `RangeMissing`; `RangeInUse` if subnets lie in it.
    pub fn change_secondary_ranges(
        &mut self,
        id: NetworkId,
        ranges: &[String],
        is_removal: bool,
        now: Timestamp,
    ) -> Result<(), NetworkRefusal> {
        let invalid = NetworkRefusal::Invalid { kind: KIND, name: "extend_cidrs" };
        let mut changed = self.vpc(id)?.clone();
        for range in ranges {
            let range: Ipv4Net = range.parse().map_err(|_| invalid.clone())?;
            let there = changed.extend_cidrs.iter().position(|other| *other == range);
            if is_removal {
                changed.extend_cidrs.remove(there.ok_or(NetworkRefusal::RangeMissing)?);
                continue;
            }
            let mut own = changed.cidr.iter().chain(&changed.extend_cidrs);
            if own.any(|own| own.contains(&range) || range.contains(own)) {
                return Err(NetworkRefusal::RangeTaken);
            }
            if range != range.trunc() || changed.extend_cidrs.len() >= MAX_SECONDARY {
                return Err(invalid);
            }
            changed.extend_cidrs.push(range);
        }
        self.require_subnets_in(&changed)?;
        *self.vpc_mut(id)? = Vpc { updated_at: now, ..changed };
        Ok(())
    }

    /// Removes a VPC.
    ///
    /// # Errors
    /// `Missing`; `InUse` while it has subnets or load balancers.
    pub fn delete_vpc(&mut self, id: NetworkId) -> Result<(), NetworkRefusal> {
        self.vpc(id)?;
        if self.subnets().any(|subnet| subnet.vpc_id == id) {
            return Err(NetworkRefusal::InUse { kind: KIND, id });
        }
        if self.load_balancers().any(|other| other.vpc_id == id) {
            return Err(NetworkRefusal::HasLoadBalancers);
        }
        self.remove(id);
        Ok(())
    }

    pub(super) fn require_free_name(&self, vpc: &Vpc) -> Result<(), NetworkRefusal> {
        let is_taken = |other: &Vpc| other.id != vpc.id && other.name == vpc.name && !vpc.name.is_empty();
        if self.vpcs().any(is_taken) { Err(NetworkRefusal::NameTaken) } else { Ok(()) }
    }

    fn require_subnets_in(&self, vpc: &Vpc) -> Result<(), NetworkRefusal> {
        let is_outside = |subnet: &Subnet| subnet.vpc_id == vpc.id && !vpc.contains(subnet.cidr);
        if self.subnets().any(is_outside) { Err(NetworkRefusal::RangeInUse) } else { Ok(()) }
    }
}
