//! Security groups and their rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::vpc::{at_first, default_enterprise_project};
use super::{
    MAX_RULES, NetworkChange, NetworkKind, NetworkRefusal, NetworkResource, NetworkTag, ProjectNetwork,
    changed_tags, checked_description, checked_name, checked_text,
};
use crate::domain::builtin;
use crate::domain::id::NetworkId;
use crate::domain::time::Timestamp;

const KIND: NetworkKind = NetworkKind::SecurityGroup;
/// The name of the group that every project begins with.
const DEFAULT: &str = "default";
/// The priority of a rule that names none.
const DEFAULT_PRIORITY: u8 = 1;

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// Its id.
    pub id: NetworkId,
    /// Its name; several may have the same.
    pub name: String,
    /// A description.
    #[serde(default)]
    pub description: String,
    /// The VPC that was named for it; it belongs to none.
    #[serde(default)]
    pub vpc_id: String,
    /// Its enterprise project.
    #[serde(default = "default_enterprise_project")]
    pub enterprise_project_id: String,
    /// Its rules, in the order of their creation.
    #[serde(default)]
    pub rules: Vec<SecurityRule>,
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

/// A rule of a security group: what it lets through, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityRule {
    /// Its id.
    pub id: NetworkId,
    /// What it is about.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// A description.
    pub description: Option<String>,
    /// When it was made.
    #[serde(default = "at_first")]
    pub created_at: Timestamp,
}

/// What a rule is about: no two of a group are about the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Whether it comes in.
    pub is_ingress: bool,
    /// Whether it is IPv6.
    pub is_ipv6: bool,
    /// Its protocol; none: every one.
    pub protocol: Option<Protocol>,
    /// Its ports, or the type and code of ICMP; none: all.
    pub ports: Option<Ports>,
    /// Where it comes from or goes to.
    pub remote: Remote,
    /// Whether it is let through.
    pub is_allowed: bool,
    /// Which rule goes first, from 1 to 100; 1 is the first.
    pub priority: u8,
}

/// A protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Protocol(String);

impl TryFrom<String> for Protocol {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let text = text.to_ascii_lowercase();
        let is_number = text.parse::<u8>().is_ok();
        if is_number || matches!(text.as_str(), "tcp" | "udp" | "icmp" | "icmpv6") {
            Ok(Self(text))
        } else {
            Err("must be tcp, udp, icmp, icmpv6 or a number from 0 to 255")
        }
    }
}

impl From<Protocol> for String {
    fn from(protocol: Protocol) -> Self {
        protocol.0
    }
}

impl Protocol {
    /// Returns its name or number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn has_ports(&self) -> bool {
        matches!(self.0.as_str(), "tcp" | "udp" | "6" | "17")
    }

    fn is_icmp(&self) -> bool {
        matches!(self.0.as_str(), "icmp" | "icmpv6" | "1" | "58")
    }
}

/// Ports, or the type and the code of ICMP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ports {
    /// From one to another.
    Range(Option<u16>, Option<u16>),
    /// Several, as they were written: only one version of the service knows such.
    List(String),
}

impl Ports {
    /// Reads ports as the third version of the service writes them: `80`, `1-30` or `22,3389,8000-8010`.
    ///
    /// # Errors
    /// `Invalid` (`multiport`).
    pub fn parse(text: &str) -> Result<Self, NetworkRefusal> {
        let range = |text: &str| {
            let (least, most) = text.split_once('-').unwrap_or((text, text));
            let (least, most): (u16, u16) = (least.trim().parse().ok()?, most.trim().parse().ok()?);
            (least <= most).then_some((least, most))
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        match ranges.as_deref() {
            Some([(least, most)]) => Ok(Self::Range(Some(*least), Some(*most))),
            // One alone may be of ICMP.
            Some(ranges) if text.len() <= 255 && ranges.iter().all(|(least, _)| *least > 0) => {
                Ok(Self::List(text.to_owned()))
            }
            _ => Err(invalid("multiport")),
        }
    }

    /// Returns them as the third version of the service writes them.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::List(text) => Some(text.clone()),
            Self::Range(Some(least), Some(most)) if least == most => Some(least.to_string()),
            Self::Range(Some(least), Some(most)) => Some(format!("{least}-{most}")),
            Self::Range(Some(one), None) | Self::Range(None, Some(one)) => Some(one.to_string()),
            Self::Range(None, None) => None,
        }
    }

    /// Returns the least and the most of them, as far as there are such.
    pub fn bounds(&self) -> (Option<u16>, Option<u16>) {
        match self {
            Self::List(_) => (None, None),
            Self::Range(least, most) => (*least, *most),
        }
    }
}

/// Where traffic comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remote {
    /// Anywhere.
    Any,
    /// A range of addresses.
    Prefix(String),
    /// What is in a security group.
    Group(NetworkId),
    /// A group of addresses, which is nothing that the emulator has.
    AddressGroup(String),
}

/// What a caller wants a rule to be.
#[derive(Clone, Debug, Default)]
pub struct RuleRequest {
    /// The group.
    pub security_group_id: Option<String>,
    /// `ingress` or `egress`.
    pub direction: Option<String>,
    /// `IPv4` or `IPv6`.
    pub ethertype: Option<String>,
    /// The protocol.
    pub protocol: Option<String>,
    /// The ports.
    pub ports: Option<Ports>,
    /// A range of addresses, or one.
    pub remote_ip_prefix: Option<String>,
    /// A security group.
    pub remote_group_id: Option<String>,
    /// A group of addresses.
    pub remote_address_group_id: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// `allow` or `deny`.
    pub action: Option<String>,
    /// Which rule goes first.
    pub priority: Option<u64>,
    /// Whether the version knows actions and priorities: rules that differ in these only are the same to the others.
    pub has_priorities: bool,
}

fn invalid(name: &'static str) -> NetworkRefusal {
    NetworkRefusal::Invalid { kind: NetworkKind::SecurityRule, name }
}

impl RuleRequest {
    /// Reads what the rule is about, and of which group it is, but not whether the groups are there.
    fn traffic(&self) -> Result<Traffic, NetworkRefusal> {
        let is_ingress = match self.direction.as_deref() {
            Some("ingress") => true,
            Some("egress") => false,
            _ => return Err(invalid("direction")),
        };
        let is_ipv6 = match self.ethertype.as_deref() {
            None => false,
            Some(kind) if kind.eq_ignore_ascii_case("IPv4") => false,
            Some(kind) if kind.eq_ignore_ascii_case("IPv6") => true,
            Some(_) => return Err(invalid("ethertype")),
        };
        let protocol = match &self.protocol {
            None => None,
            Some(text) => Some(Protocol::try_from(text.clone()).map_err(|_| invalid("protocol"))?),
        };
        let ports = self.ports.clone();
        let (least, most) = ports.as_ref().map_or((None, None), Ports::bounds);
        let is_icmp = protocol.as_ref().is_some_and(Protocol::is_icmp);
        let has_ports = protocol.as_ref().is_some_and(Protocol::has_ports);
        let is_reversed = least.zip(most).is_some_and(|(least, most)| least > most);
        let is_wrong = if is_icmp {
            least.into_iter().chain(most).any(|number| number > 255)
        } else {
            is_reversed || has_ports && (least == Some(0) || most == Some(0))
        };
        if is_wrong || (ports.is_some() && protocol.is_none()) {
            return Err(invalid("port_range_min"));
        }
        let is_allowed = match self.action.as_deref() {
            None | Some("allow") => true,
            Some("deny") => false,
            Some(_) => return Err(invalid("action")),
        };
        let priority = self.priority.unwrap_or(DEFAULT_PRIORITY.into());
        let priority = u8::try_from(priority).ok().filter(|priority| (1..=100).contains(priority));
        let priority = priority.ok_or(invalid("priority"))?;
        Ok(Traffic {
            is_ingress,
            is_ipv6,
            protocol,
            ports,
            remote: self.remote(is_ipv6)?,
            is_allowed,
            priority,
        })
    }

    fn remote(&self, is_ipv6: bool) -> Result<Remote, NetworkRefusal> {
        match (&self.remote_ip_prefix, &self.remote_group_id, &self.remote_address_group_id) {
            (None, None, None) => Ok(Remote::Any),
            (Some(prefix), None, None) => {
                let range: Option<IpNet> = prefix.parse().ok();
                let one = || prefix.parse::<IpAddr>().ok().map(IpNet::from);
                let range = range.or_else(one).ok_or(invalid("remote_ip_prefix"))?;
                if matches!(range, IpNet::V6(_)) != is_ipv6 {
                    return Err(invalid("remote_ip_prefix"));
                }
                Ok(Remote::Prefix(range.to_string()))
            }
            (None, Some(group), None) => {
                group.parse().map(Remote::Group).map_err(|_| NetworkRefusal::Missing(KIND))
            }
            (None, None, Some(group)) => {
                let name = "remote_address_group_id";
                checked_text(NetworkKind::SecurityRule, name, group.clone()).map(Remote::AddressGroup)
            }
            _ => Err(invalid("remote_group_id")),
        }
    }
}

impl SecurityGroup {
    /// Returns the group that every project begins with.
    pub(super) fn default_of_projects() -> Self {
        let id = builtin::network_id(builtin::SECURITY_GROUP_ID);
        let mut rule_ids = builtin::SECURITY_RULE_IDS.into_iter().map(builtin::network_id);
        Self::new(id, DEFAULT.to_owned(), || rule_ids.next().unwrap_or(id), builtin::CREATED_AT)
    }

    /// Makes a group with the rules that every one has at first: all may go out, and members may speak with each other.
    fn new(id: NetworkId, name: String, mut rule_id: impl FnMut() -> NetworkId, now: Timestamp) -> Self {
        let mut rule = |is_ingress, is_ipv6| SecurityRule {
            id: rule_id(),
            traffic: Traffic {
                is_ingress,
                is_ipv6,
                protocol: None,
                ports: None,
                remote: if is_ingress { Remote::Group(id) } else { Remote::Any },
                is_allowed: true,
                priority: 100,
            },
            description: None,
            created_at: now,
        };
        let rules = vec![rule(false, false), rule(false, true), rule(true, false), rule(true, true)];
        Self {
            id,
            name,
            description: String::new(),
            vpc_id: String::new(),
            enterprise_project_id: default_enterprise_project(),
            rules,
            tags: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Makes sure that it is one that a request could have made.
    ///
    /// # Errors
    /// `Invalid`, `IdTaken` for rules.
    pub(super) fn check(&self) -> Result<(), NetworkRefusal> {
        if !self.is_default() {
            checked_group_name(self.name.clone(), true)?;
        }
        checked_description(KIND, self.description.clone())?;
        checked_text(KIND, "vpc_id", self.vpc_id.clone())?;
        checked_text(KIND, "enterprise_project_id", self.enterprise_project_id.clone())?;
        let mut ids = BTreeSet::new();
        for rule in &self.rules {
            if !ids.insert(rule.id) {
                return Err(NetworkRefusal::IdTaken);
            }
            if !(1..=100).contains(&rule.traffic.priority) {
                return Err(invalid("priority"));
            }
            checked_description(NetworkKind::SecurityRule, rule.description.clone().unwrap_or_default())?;
        }
        Ok(())
    }

    fn is_default(&self) -> bool {
        self.id == builtin::network_id(builtin::SECURITY_GROUP_ID)
    }
}

impl ProjectNetwork {
    /// Returns the security groups.
    pub fn groups(&self) -> impl Iterator<Item = &SecurityGroup> {
        self.resources.iter().filter_map(|resource| match resource {
            NetworkResource::SecurityGroup(group) => Some(group),
            _ => None,
        })
    }

    /// Returns a security group.
    ///
    /// # Errors
    /// `Missing`.
    pub fn group(&self, id: NetworkId) -> Result<&SecurityGroup, NetworkRefusal> {
        self.groups().find(|group| group.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    fn group_mut(&mut self, id: NetworkId) -> Result<&mut SecurityGroup, NetworkRefusal> {
        let mut groups = self.resources.iter_mut().filter_map(|resource| match resource {
            NetworkResource::SecurityGroup(group) => Some(group),
            _ => None,
        });
        groups.find(|group| group.id == id).ok_or(NetworkRefusal::Missing(KIND))
    }

    /// Returns the rules of all groups, each with its group, in the order of the groups and of their creation.
    pub fn rules(&self) -> impl Iterator<Item = (&SecurityGroup, &SecurityRule)> {
        self.groups().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)))
    }

    /// Returns a rule with its group.
    ///
    /// # Errors
    /// `Missing`.
    pub fn rule(&self, id: NetworkId) -> Result<(&SecurityGroup, &SecurityRule), NetworkRefusal> {
        let found = self.rules().find(|(_, rule)| rule.id == id);
        found.ok_or(NetworkRefusal::Missing(NetworkKind::SecurityRule))
    }

    /// Makes a security group; a name that `is_free` may be any text.
    ///
    /// # Errors
    /// `Invalid`, `TooMany`.
    pub fn create_group(
        &mut self,
        (name, is_free): (String, bool),
        description: String,
        (vpc_id, enterprise_project_id): (Option<String>, Option<String>),
        tags: &[NetworkTag],
        change: &NetworkChange<'_>,
    ) -> Result<NetworkId, NetworkRefusal> {
        let name = checked_group_name(name, is_free)?;
        let group = SecurityGroup::new(self.unused_id(change), name, || self.unused_id(change), change.now);
        let group = SecurityGroup {
            description: checked_description(KIND, description)?,
            vpc_id: checked_text(KIND, "vpc_id", vpc_id.unwrap_or_default())?,
            enterprise_project_id: enterprise_project_id.map_or(Ok(group.enterprise_project_id), |id| {
                checked_text(KIND, "enterprise_project_id", id)
            })?,
            tags: changed_tags(KIND, &[], tags, false)?,
            ..group
        };
        self.require_room_for_rules(group.rules.len())?;
        self.add(NetworkResource::SecurityGroup(group))
    }

    /// Gives a group another name or description; a name that `is_free` may be any text.
    ///
    /// # Errors
    /// `Missing`, `Invalid`.
    pub fn update_group(
        &mut self,
        id: NetworkId,
        (name, is_free): (Option<String>, bool),
        description: Option<String>,
        now: Timestamp,
    ) -> Result<(), NetworkRefusal> {
        let group = self.group_mut(id)?;
        let before = group.clone();
        // Its own name is no news, though nobody else can have it.
        let name = name.filter(|name| *name != before.name);
        *group = SecurityGroup {
            name: name.map_or(Ok(before.name), |name| checked_group_name(name, is_free))?,
            description: description
                .map_or(Ok(before.description), |text| checked_description(KIND, text))?,
            updated_at: now,
            ..before
        };
        Ok(())
    }

    /// Removes a security group with its rules.
    ///
    /// # Errors
    /// `Missing`, `DefaultGroup`; `InUse` while instances are in it or rules of other groups name it.
    pub fn delete_group(&mut self, id: NetworkId) -> Result<(), NetworkRefusal> {
        if self.group(id)?.is_default() {
            return Err(NetworkRefusal::DefaultGroup);
        }
        let names = |group: &SecurityGroup, rule: &SecurityRule| {
            group.id != id && rule.traffic.remote == Remote::Group(id)
        };
        let is_named = self.rules().any(|(group, rule)| names(group, rule));
        if is_named || self.users.groups.contains(&id.to_string()) {
            return Err(NetworkRefusal::InUse { kind: KIND, id });
        }
        self.remove(id);
        Ok(())
    }

    /// Adds a rule to a group.
    ///
    /// # Errors
    /// `Invalid`; `Missing` for a group; `RuleExists`, `TooMany`.
    pub fn create_rule(
        &mut self,
        request: RuleRequest,
        change: &NetworkChange<'_>,
    ) -> Result<NetworkId, NetworkRefusal> {
        let traffic = request.traffic()?;
        let description = match request.description {
            Some(text) => Some(checked_description(NetworkKind::SecurityRule, text)?),
            None => None,
        };
        let named = request.security_group_id.ok_or(invalid("security_group_id"))?;
        let named = named.parse().map_err(|_| NetworkRefusal::Missing(KIND))?;
        if let Remote::Group(remote) = traffic.remote {
            self.group(remote)?;
        }
        let id = self.unused_id(change);
        self.require_room_for_rules(1)?;
        let group = self.group_mut(named)?;
        let has_priorities = request.has_priorities;
        let is_same = |rule: &&SecurityRule| {
            let Traffic { is_allowed, priority, .. } = rule.traffic;
            rule.traffic == traffic
                || !has_priorities && rule.traffic == Traffic { is_allowed, priority, ..traffic.clone() }
        };
        if let Some(same) = group.rules.iter().find(is_same) {
            return Err(NetworkRefusal::RuleExists(same.id));
        }
        group.rules.push(SecurityRule { id, traffic, description, created_at: change.now });
        Ok(id)
    }

    /// Makes sure that there can be so many rules more.
    pub(super) fn require_room_for_rules(&self, count: usize) -> Result<(), NetworkRefusal> {
        if self.rules().count() + count > MAX_RULES {
            return Err(NetworkRefusal::TooMany(NetworkKind::SecurityRule));
        }
        Ok(())
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// `Missing`.
    pub fn delete_rule(&mut self, id: NetworkId) -> Result<(), NetworkRefusal> {
        let group = self.rule(id)?.0.id;
        self.group_mut(group)?.rules.retain(|rule| rule.id != id);
        Ok(())
    }
}

/// Makes sure that a name is one that a new group may have: `default` is taken. One that `is_free` may be any text.
fn checked_group_name(name: String, is_free: bool) -> Result<String, NetworkRefusal> {
    if name == DEFAULT {
        return Err(NetworkRefusal::Invalid { kind: KIND, name: "name" });
    }
    if is_free { checked_text(KIND, "name", name) } else { checked_name(KIND, name, false) }
}
