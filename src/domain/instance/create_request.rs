//! A request to create instances, and its validated form.
//!
//! Source: docs/contract/dcs-v1.0.md, section 2.7; docs/contract/dcs-v2.md, section 2.3.

use std::collections::BTreeMap;

use crate::domain::builtin;
use crate::domain::catalogue::{self, NotSold, Offers, Product, Size};
use crate::domain::id::InstanceId;
use crate::domain::identity::Secret;
use crate::domain::instance::password::require_strong;
use crate::domain::instance::policy::{BackupPolicy, PolicyRequest};
use crate::domain::instance::{
    Access, CacheMode, Capacity, Engine, EngineVersion, InstanceName, Network, NetworkNames, RenameCommands,
};
use crate::domain::instance_config::{Tag, Tags};
use crate::domain::maintenance::MaintenanceWindow;
use crate::domain::order::Prepayment;
use crate::domain::refusal::Refusal;
use crate::domain::time::UtcOffset;

/// A request to create instances. Empty texts have become absent.
#[derive(Clone, Debug, Default)]
pub struct CreateInstancesRequest {
    /// The id that the instance is to have; a new one when absent.
    pub id: Option<InstanceId>,
    /// The name, or with several instances what their names begin with.
    pub name: Option<String>,
    /// How many instances.
    pub count: Option<u64>,
    /// A description.
    pub description: Option<String>,
    /// The cache engine.
    pub engine: Option<String>,
    /// Its version.
    pub engine_version: Option<String>,
    /// The memory, in GB.
    pub capacity_gb: Option<f64>,
    /// The code of a product, or its id, or an alias.
    pub product: Option<String>,
    /// The id of the product, where it was written as that.
    pub product_id: Option<String>,
    /// Whether clients need no password.
    pub no_password: Option<bool>,
    /// The password.
    pub password: Option<Secret>,
    /// The user beside it.
    pub access_user: Option<String>,
    /// The private cloud.
    pub vpc_id: Option<String>,
    /// The subnet.
    pub subnet_id: Option<String>,
    /// The security group.
    pub security_group_id: Option<String>,
    /// Availability zones, by code or id.
    pub zones: Vec<String>,
    /// When it is to be backed up by itself.
    pub policy: PolicyRequest,
    /// When the window of maintenance begins and ends.
    pub maintenance: (Option<String>, Option<String>),
    /// Whether connections are encrypted.
    pub ssl: bool,
    /// Whether there is a public address.
    pub public_ip: bool,
    /// Which one.
    pub public_ip_id: Option<String>,
    /// The enterprise project.
    pub enterprise_project_id: Option<String>,
    /// The address, or with clusters addresses separated by commas.
    pub private_ip: Option<String>,
    /// The port.
    pub port: Option<u64>,
    /// New names of commands.
    pub rename_commands: BTreeMap<String, String>,
    /// Keys and values of tags.
    pub tags: Vec<(String, String)>,
    /// How it is to be paid for.
    pub billing: BillingRequest,
    /// What its product is to be like.
    pub expected: ExpectedProduct,
}

/// What a caller says of the product beside its name, as far as anything is said.
#[derive(Clone, Debug, Default)]
pub struct ExpectedProduct {
    /// How many shards it has.
    pub shards: Option<u64>,
    /// How many copies of each, the master included.
    pub copies: Option<u64>,
    /// How it keeps its data.
    pub mode: Option<String>,
}

impl ExpectedProduct {
    /// Decides whether a product is like that.
    ///
    /// # Errors
    /// `InvalidParameter` (`spec_param`).
    fn permit(&self, product: &Product, size: &Size) -> Result<(), Refusal> {
        let same = |said: Option<u64>, is: u32| said.is_none_or(|said| said == u64::from(is));
        let mode = product.family.mode.as_str();
        let fits = same(self.shards, size.shards.count)
            && same(self.copies, product.copies)
            && self.mode.as_deref().is_none_or(|said| said == mode);
        if fits { Ok(()) } else { Err(Refusal::InvalidParameter { name: "spec_param" }) }
    }
}

/// How a caller wants to pay.
#[derive(Clone, Debug, Default)]
pub struct BillingRequest {
    /// `prePaid` or `postPaid`.
    pub charging_mode: Option<String>,
    /// `month` or `year`.
    pub period_type: Option<String>,
    /// How many of them.
    pub period_num: Option<u64>,
    /// Whether it is paid at once; so it is unless something else is said.
    pub is_auto_pay: Option<bool>,
    /// Whether the time is renewed by itself.
    pub is_auto_renew: Option<bool>,
}

/// What checks depend on beside the order itself.
#[derive(Clone, Copy, Debug)]
pub struct CreateRules<'r> {
    /// The region, whose zones there are.
    pub region: &'r str,
    /// What is sold.
    pub offers: Offers,
    /// The zone of time in which plans are, unless they say.
    pub default_offset: UtcOffset,
    /// Whether availability zones must be named; else the first is taken.
    pub needs_zones: bool,
    /// Whether instances of the first generation must be in a security group.
    pub needs_security_group: bool,
}

/// An instance to be made, checked; everything but who makes it, when, and what it is called.
#[derive(Clone, Debug)]
pub struct NewInstance {
    /// A description.
    pub description: Option<String>,
    /// The cache engine.
    pub engine: Engine,
    /// The cache engine as it was written, if that differs.
    pub engine_as_sent: Option<String>,
    /// Its version.
    pub engine_version: EngineVersion,
    /// How it keeps its data.
    pub cache_mode: CacheMode,
    /// Its memory.
    pub capacity: Capacity,
    /// The code of its product.
    pub spec_code: String,
    /// The id of its product as it was written, if it was.
    pub product_id: Option<String>,
    /// How it is paid for in advance; none: it is not.
    pub prepayment: Option<Prepayment>,
    /// How its clients get in.
    pub access: Access,
    /// The password they need.
    pub password: Option<Secret>,
    /// The codes of its availability zones, in the order given.
    pub zone_codes: Vec<String>,
    /// The network it is in.
    pub network: Network,
    /// The address that was asked for.
    pub private_ip: Option<String>,
    /// How many addresses it shows.
    pub addresses: u32,
    /// The port its clients use.
    pub port: u16,
    /// When it may be maintained.
    pub maintenance: MaintenanceWindow,
    /// The enterprise project it is counted in.
    pub enterprise_project_id: String,
    /// New names of commands.
    pub rename_commands: RenameCommands,
    /// Its tags.
    pub tags: Tags,
    /// When it is backed up by itself.
    pub backup_policy: Option<BackupPolicy>,
}

/// The most instances that one order makes.
const MAX_INSTANCES: u64 = 100;
/// The most characters of a name that a number is appended to.
const MAX_CHARACTERS_OF_SEVERAL: usize = 56;
/// The most characters of a description.
const MAX_CHARACTERS_OF_DESCRIPTION: usize = 1024;

/// Takes a description.
///
/// # Errors
/// `DescriptionTooLong`.
pub(super) fn description(text: String) -> Result<String, Refusal> {
    let fits = text.chars().count() <= MAX_CHARACTERS_OF_DESCRIPTION;
    if fits { Ok(text) } else { Err(Refusal::DescriptionTooLong) }
}

impl CreateInstancesRequest {
    /// Checks the order: the names of the instances, and what they are. The order of the checks is the contract's table.
    ///
    /// # Errors
    /// The refusal of the first member that is wrong.
    pub fn check(self, rules: CreateRules<'_>) -> Result<(Vec<InstanceName>, NewInstance), Refusal> {
        let names = names(self.name, self.count)?;
        let description = self.description.map(description).transpose()?;
        let engine_word = self.engine.unwrap_or_default();
        let engine: Engine = engine_word.parse().map_err(|_| Refusal::InvalidEngine)?;
        let engine_version = EngineVersion::new(engine, self.engine_version.unwrap_or_default())
            .map_err(|_| Refusal::InvalidEngineVersion)?;
        let capacity = self.capacity_gb.and_then(|gigabytes| Capacity::from_gigabytes(gigabytes).ok());
        let capacity = capacity.ok_or(Refusal::InvalidCapacity)?;
        let no_password = self.no_password.unwrap_or(false);
        let password = self.password;
        if no_password == password.is_some() {
            return Err(Refusal::MissingPassword);
        }
        let password = password.map(require_strong).transpose()?;
        let is_first_generation = engine_version.is_first_generation();
        if self.access_user.is_some() && (engine == Engine::Redis || no_password) {
            return Err(Refusal::InvalidAccessUser);
        }
        let network = Network {
            vpc_id: self.vpc_id.ok_or(Refusal::InvalidVpc)?,
            subnet_id: self.subnet_id.ok_or(Refusal::InvalidSubnet)?,
            names: NetworkNames::default(),
            security_group_id: self.security_group_id,
        };
        if rules.needs_security_group && is_first_generation && network.security_group_id.is_none() {
            return Err(Refusal::InvalidSecurityGroup);
        }
        let zone_codes = zones(&self.zones, rules)?;
        let name = self.product.ok_or(Refusal::UnknownProduct)?;
        let (product, size) = product(&name, engine, &engine_version, capacity)?;
        if !rules.offers.has(product.family) {
            return Err(unknown_product(&name));
        }
        self.expected.permit(product, size)?;
        let cache_mode = product.family.mode;
        if cache_mode == CacheMode::Single && zone_codes.len() > 1 {
            return Err(Refusal::OneZoneOnly);
        }
        let backup_policy = BackupPolicy::new(self.policy, rules.default_offset)?;
        if backup_policy.is_some() && cache_mode == CacheMode::Single {
            return Err(Refusal::CacheModeUnsupported);
        }
        Ok((
            names,
            NewInstance {
                description,
                engine,
                engine_as_sent: Some(engine_word).filter(|word| word != engine.as_str()),
                cache_mode,
                capacity,
                spec_code: catalogue::code_in(&name).map_or_else(|| product.spec_code.clone(), str::to_owned),
                product_id: self.product_id,
                prepayment: self.billing.prepayment()?,
                access: Access {
                    no_password,
                    user: self.access_user,
                    ssl: self.ssl,
                    public_ip: self.public_ip,
                    public_ip_id: self.public_ip_id,
                    elb_id: None,
                },
                password,
                zone_codes,
                network,
                private_ip: self.private_ip,
                addresses: product.shown_addresses(size),
                port: port(self.port, engine, is_first_generation)?,
                maintenance: maintenance(&self.maintenance)?.unwrap_or(MaintenanceWindow::DEFAULT),
                enterprise_project_id: self.enterprise_project_id.unwrap_or_else(|| "0".to_owned()),
                rename_commands: rename_commands(self.rename_commands, is_first_generation)?,
                tags: tags(self.tags)?,
                backup_policy,
                engine_version,
            },
        ))
    }
}

/// Makes the names of so many instances: the name itself, or with a number behind it.
fn names(name: Option<String>, count: Option<u64>) -> Result<Vec<InstanceName>, Refusal> {
    let count = count.unwrap_or(1);
    let name = name.ok_or(Refusal::InvalidInstanceName)?;
    let named = |text: String| InstanceName::try_from(text).map_err(|_| Refusal::InvalidInstanceName);
    match count {
        1 => Ok(vec![named(name)?]),
        2..=MAX_INSTANCES if name.len() > MAX_CHARACTERS_OF_SEVERAL => Err(Refusal::InvalidInstanceName),
        2..=MAX_INSTANCES => {
            named(name.clone())?;
            (0..count).map(|number| named(format!("{name}-{number:03}"))).collect()
        }
        _ => Err(Refusal::InvalidParameter { name: "instance_num" }),
    }
}

/// Finds zones by code or id, in the order given; the first, if none is named and none needs to be.
fn zones(named: &[String], rules: CreateRules<'_>) -> Result<Vec<String>, Refusal> {
    if named.is_empty() && !rules.needs_zones {
        let [first, ..] = builtin::zones(rules.region);
        return Ok(vec![first.code]);
    }
    zone_codes(named, rules.region)
}

/// Finds zones by code or id, in the order given.
///
/// # Errors
/// `UnknownZone` if none is named, or one that there is not.
pub(super) fn zone_codes(named: &[String], region: &str) -> Result<Vec<String>, Refusal> {
    let offered = builtin::zones(region);
    let find = |name: &String| {
        let mut zones = offered.iter();
        zones
            .find(|zone| zone.code == *name || zone.id.eq_ignore_ascii_case(name))
            .map(|zone| zone.code.clone())
    };
    let codes: Option<Vec<String>> = named.iter().map(find).collect();
    codes.filter(|codes| !codes.is_empty()).ok_or(Refusal::UnknownZone)
}

/// What the codes of products of Redis 4.0 and later begin with.
const CODE_OF_REDIS: &str = "redis.";

/// Finds the product that is sold under a name, and its size.
///
/// # Errors
/// `UnknownSpecCode` or `UnknownProduct`, `ProductOfOtherEngine`, `ProductOfOtherVersion`, `InvalidCapacity`.
pub(super) fn product(
    name: &str,
    engine: Engine,
    version: &EngineVersion,
    capacity: Capacity,
) -> Result<(&'static Product, &'static Size), Refusal> {
    let product = catalogue::offer(name, engine, version, capacity).map_err(|not_sold| match not_sold {
        NotSold::Product => unknown_product(name),
        NotSold::Engine => Refusal::ProductOfOtherEngine,
        NotSold::Version => Refusal::ProductOfOtherVersion,
        NotSold::Capacity => Refusal::InvalidCapacity,
    })?;
    Ok((product, product.size(capacity).ok_or(Refusal::InvalidCapacity)?))
}

fn unknown_product(name: &str) -> Refusal {
    if name.starts_with(CODE_OF_REDIS) { Refusal::UnknownSpecCode } else { Refusal::UnknownProduct }
}

/// Takes a port. Those of the first generation cannot be chosen, but may be named.
///
/// # Errors
/// `InvalidParameter` (`port`).
pub(super) fn port(port: Option<u64>, engine: Engine, is_first_generation: bool) -> Result<u16, Refusal> {
    let usual = engine.default_port();
    let Some(port) = port else { return Ok(usual) };
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    port.filter(|port| !is_first_generation || *port == usual)
        .ok_or(Refusal::InvalidParameter { name: "port" })
}

/// Takes a window of maintenance; none if neither end is named.
///
/// # Errors
/// `InvalidMaintenance` if one end is named, or both and they are not of a window that is offered.
pub(super) fn maintenance(
    window: &(Option<String>, Option<String>),
) -> Result<Option<MaintenanceWindow>, Refusal> {
    match window {
        (None, None) => Ok(None),
        (Some(begin), Some(end)) => {
            MaintenanceWindow::between(begin, end).map(Some).ok_or(Refusal::InvalidMaintenance)
        }
        _ => Err(Refusal::InvalidMaintenance),
    }
}

/// Takes new names of commands.
///
/// # Errors
/// `InvalidParameter` (`rename_commands`) for any of the first generation, or as `RenameCommands::new`.
pub(super) fn rename_commands(
    names: BTreeMap<String, String>,
    is_first_generation: bool,
) -> Result<RenameCommands, Refusal> {
    if is_first_generation && !names.is_empty() {
        return Err(Refusal::InvalidParameter { name: "rename_commands" });
    }
    RenameCommands::new(names)
}

fn tags(sent: Vec<(String, String)>) -> Result<Tags, Refusal> {
    let tag = |(key, value): (String, String)| {
        let (key, value) = (key.try_into().ok()?, value.try_into().ok()?);
        Some(Tag { key, value })
    };
    let tags: Option<Vec<Tag>> = sent.into_iter().map(tag).collect();
    let tags = tags.ok_or(Refusal::InvalidParameter { name: "tags" })?;
    let repeated =
        tags.iter().enumerate().any(|(number, tag)| tags[..number].iter().any(|other| other.key == tag.key));
    if repeated { Err(Refusal::InvalidParameter { name: "tags" }) } else { Tags::new(tags) }
}

impl BillingRequest {
    /// Decides how it is paid for in advance, if it is.
    ///
    /// # Errors
    /// `InvalidParameter` with the name of the member that is wrong.
    fn prepayment(&self) -> Result<Option<Prepayment>, Refusal> {
        match self.charging_mode.as_deref() {
            None | Some("postPaid") => return Ok(None),
            Some("prePaid") => {}
            Some(_) => return Err(Refusal::InvalidParameter { name: "charging_mode" }),
        }
        let (most, months) = match self.period_type.as_deref() {
            Some("month") => (9, 1),
            Some("year") => (3, 12),
            _ => return Err(Refusal::InvalidParameter { name: "period_type" }),
        };
        let periods = self.period_num.and_then(|number| u32::try_from(number).ok());
        let periods = periods.filter(|periods| (1..=most).contains(periods));
        let periods = periods.ok_or(Refusal::InvalidParameter { name: "period_num" })?;
        Ok(Some(Prepayment {
            months: periods * months,
            renews: self.is_auto_renew.unwrap_or(false),
            pays: self.is_auto_pay.unwrap_or(true),
        }))
    }
}
