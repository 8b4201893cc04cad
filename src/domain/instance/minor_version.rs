//! Minor versions: which are the latest, and which instances are behind them.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 10.

use crate::domain::catalogue::Edition;
use crate::domain::instance::{CacheMode, Engine, Instance};
use crate::domain::refusal::Refusal;

/// The minor version of the proxies of new instances.
const LATEST_PROXY: &str = "5.0.14.0";
/// How a caller names the latest minor version, whichever that is.
const LATEST: &str = "latest";

/// The minor versions in which an instance is behind the latest ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinorVersions {
    /// That of its engine; none: the latest one.
    pub engine: Option<String>,
    /// That of its proxies; none: the latest one, if it has proxies.
    pub proxy: Option<String>,
}

/// What a caller wants to be upgraded, each to the version that is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpgradeRequest {
    /// The engine.
    pub engine: Option<String>,
    /// The proxies. Of an instance without them it is of no matter.
    pub proxy: Option<String>,
    /// Whether there must be something to upgrade. Setting `compat.upgrade_4053`.
    pub must_change: bool,
}

/// What is upgraded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Whether the engine is.
    pub engine: bool,
    /// Whether the proxies are.
    pub proxy: bool,
}

impl MinorVersions {
    /// Takes the minor versions of an instance, as far as they are written.
    ///
    /// # Errors
    /// The name of the member that is no minor version of the instance.
    pub fn of(
        instance: &Instance,
        engine: Option<String>,
        proxy: Option<String>,
    ) -> Result<Self, &'static str> {
        let latest = instance.latest_minor_version();
        let engine = behind(engine, Some(latest)).ok_or("engine_minor_version")?;
        let proxy = behind(proxy, instance.latest_proxy_version()).ok_or("proxy_minor_version")?;
        Ok(Self { engine, proxy })
    }

    /// Returns whether the instance is behind in nothing.
    pub fn are_latest(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns a version if it is behind the latest one, nothing if it is that; `None` if it cannot be.
#[expect(clippy::option_option, reason = "the outer one says whether it can be")]
fn behind(version: Option<String>, latest: Option<&str>) -> Option<Option<String>> {
    let Some(version) = version else { return Some(None) };
    let (found, latest) = (numbers(&version)?, numbers(latest?)?);
    (found <= latest).then(|| (found < latest).then_some(version))
}

/// Reads four numbers with dots between.
fn numbers(version: &str) -> Option<[u16; 4]> {
    let parts = version.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u16>>>()?;
    parts.try_into().ok()
}

impl Instance {
    /// Returns the latest minor version of its engine.
    pub fn latest_minor_version(&self) -> &'static str {
        match (self.engine, self.engine_version.as_str().split('.').next()) {
            (Engine::Memcached, _) => "1.5.22.0",
            (Engine::Redis, Some("3")) => "3.0.7.9",
            (Engine::Redis, Some("4")) => "4.0.14.0",
            (Engine::Redis, Some("6")) => "6.2.11.0",
            (Engine::Redis, Some("7")) => "7.0.15.0",
            (Engine::Redis, _) => "5.0.14.0",
        }
    }

    /// Returns the latest minor version of its proxies, if it has any.
    pub fn latest_proxy_version(&self) -> Option<&'static str> {
        matches!(self.cache_mode, CacheMode::Proxy | CacheMode::HaRwSplit).then_some(LATEST_PROXY)
    }
}

impl UpgradeRequest {
    /// Returns what of an instance is upgraded: nothing of what is the latest already.
    ///
    /// # Errors
    /// `EmptyBody` if nothing is named; `ActionUnsupported` for instances that are never upgraded; `InvalidParameter` for another version
    /// than the latest; `NothingToUpgrade` where there must be something; in this order.
    pub fn of(&self, instance: &Instance, versions: &MinorVersions) -> Result<Upgrade, Refusal> {
        if self.engine.is_none() && self.proxy.is_none() {
            return Err(Refusal::EmptyBody);
        }
        let is_enterprise = instance.product().family.edition == Edition::Enterprise;
        if is_enterprise || instance.engine_version.is_first_generation() {
            return Err(Refusal::ActionUnsupported);
        }
        let is_other =
            |named: Option<&str>, latest| named.is_some_and(|named| named != LATEST && named != latest);
        if is_other(self.engine.as_deref(), instance.latest_minor_version()) {
            return Err(Refusal::InvalidParameter { name: "engine_minor_version" });
        }
        let proxy = self.proxy.as_deref().zip(instance.latest_proxy_version());
        if proxy.is_some_and(|(named, latest)| is_other(Some(named), latest)) {
            return Err(Refusal::InvalidParameter { name: "proxy_minor_version" });
        }
        let upgrade = Upgrade {
            engine: self.engine.is_some() && versions.engine.is_some(),
            proxy: self.proxy.is_some() && versions.proxy.is_some(),
        };
        if self.must_change && upgrade.is_nothing() { Err(Refusal::NothingToUpgrade) } else { Ok(upgrade) }
    }
}

impl Upgrade {
    /// Returns whether there is nothing to do.
    pub fn is_nothing(self) -> bool {
        !self.engine && !self.proxy
    }
}
