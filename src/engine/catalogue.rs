//! What is sold, where, and how much of it a project may have: use cases that only read.

use crate::domain::builtin::{self, Zone};
use crate::domain::catalogue::{self, Product};
use crate::domain::id::ProjectId;
use crate::domain::identity::Domain;
use crate::domain::instance::{Capacity, Engine as CacheEngine};
use crate::domain::quota::{Quota, Usage};
use crate::engine::{Engine, EngineError};
use crate::store::InstanceRef;

/// Which products a caller wants to see. What is absent does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductsQuery {
    /// The instance that can be changed to them.
    pub instance: Option<InstanceRef>,
    /// The code is this, which may be spelled the older way.
    pub spec_code: Option<String>,
    /// The word for the mode is this.
    pub mode: Option<String>,
    /// The engine is this.
    pub engine: Option<CacheEngine>,
    /// They are offered in this version of the engine, or in all of these, which `;` separates.
    pub version: Option<String>,
    /// The word for the processors is this.
    pub cpu: Option<String>,
    /// They are sold in this size.
    pub capacity: Option<Capacity>,
}

impl ProductsQuery {
    fn matches(&self, product: &Product) -> bool {
        let family = product.family;
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|word| word == found);
        let named = |code: &str| catalogue::product(code).is_some_and(|named| std::ptr::eq(named, product));
        let offers = |versions: &str| versions.split(';').all(|version| family.versions.contains(&version));
        self.spec_code.as_deref().is_none_or(named)
            && same(&self.mode, family.mode.as_str())
            && same(&self.cpu, family.cpu.as_str())
            && self.engine.is_none_or(|engine| engine == family.engine)
            && self.version.as_deref().is_none_or(offers)
            && self.capacity.is_none_or(|capacity| product.size(capacity).is_some())
    }
}

impl Engine {
    /// Returns the availability zones.
    pub fn zones(&self) -> [Zone; builtin::ZONE_IDS.len()] {
        builtin::zones(&self.settings.region)
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    /// Returns the products that a query lets through, in the order of the catalogue; none for an instance that is not there.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn list_products(&self, query: &ProductsQuery) -> Result<Vec<&'static Product>, EngineError> {
        let read = self.read().await;
        let current = match query.instance {
            None => None,
            Some(instance) => match read.get_instance(instance).await? {
                Some(instance) => Some(instance),
                None => return Ok(Vec::new()),
            },
        };
        let within_reach = |product: &Product| {
            current
                .as_ref()
                .is_none_or(|instance| instance.product().may_become(product, &instance.engine_version))
        };
        let all = catalogue::products().iter();
        let is_sold = |product: &Product| self.settings.offers.has(product.family);
        let is_listed = |product: &Product| query.matches(product) && within_reach(product);
        Ok(all.filter(|product| is_sold(product) && is_listed(product)).collect())
    }

    /// Returns how much a project may have and how much it has. A project nobody has heard of has nothing.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn quota(&self, project_id: ProjectId) -> Result<(Quota, Usage), EngineError> {
        let read = self.read().await;
        Ok(read.quota(project_id).await?)
    }

    /// Returns the domain that every project belongs to.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn domain(&self) -> Result<Domain, EngineError> {
        Ok(self.identity.domain().await?)
    }
}
