//! The catalogue: which products there are, and what follows from being one.
//!
//! `table` says all of it; here its rows become products, one a code, and products are found. Begin with [`products`],
//! [`offer`] (for a create) and [`Product::may_become`] (for a resize).
//!
//! Source: docs/contract/dcs-v2.md, sections 2.13, 4.2 and 4.3; docs/contract/dcs-v1.0.md, sections 2.7, 2.8 and 2.26.

mod family;
mod offers;
mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use family::{Cpu, Edition, Family, Shards, Size, Storage, UnknownProductWord};
pub use offers::{Offers, UnknownOffer};

use crate::domain::instance::{CacheMode, Capacity, Engine, EngineVersion};

/// What has one code and is sold under it.
#[derive(Debug, PartialEq)]
pub struct Product {
    /// The code, such as `redis.ha.xu1.large.r2.4`.
    pub spec_code: String,
    /// What it shares with others.
    pub family: &'static Family,
    /// Copies of each shard, the master included.
    pub copies: u32,
    /// The sizes that the code stands for, smallest first: one, but for families with one code for all.
    pub sizes: &'static [Size],
}

/// Why nothing is sold as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSold {
    /// There is no such product.
    #[error("there is no such product")]
    Product,
    /// The product is of another cache engine.
    #[error("the product is of another engine")]
    Engine,
    /// The product is not offered in the version.
    #[error("the product is not offered in that version")]
    Version,
    /// The product is not sold in the size.
    #[error("the product is not sold in that size")]
    Capacity,
}

/// The catalogue, made of its table when it is first needed.
struct Catalogue {
    products: Vec<Product>,
    /// Positions in `products` by code, older spellings included.
    by_code: HashMap<String, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::from_table);

impl Catalogue {
    fn from_table() -> Self {
        let mut products: Vec<Product> = table::FAMILIES.iter().flat_map(products_of).collect();
        // Those of today first, generic ones before others, and those with the fewest copies: clients take the first of what they find.
        products.sort_by_key(|product| {
            let family = product.family;
            (family.is_first_generation(), family.edition == Edition::Enterprise, product.copies)
        });
        let mut by_code = HashMap::new();
        for (position, product) in products.iter().enumerate() {
            by_code.insert(product.spec_code.clone(), position);
            if let Some(form) = product.family.older_code.filter(|_| product.copies == 2) {
                by_code.insert(Family::written(form, product.copies, &product.sizes[0]), position);
            }
        }
        Self { products, by_code }
    }
}

/// Returns the products of a family: one, or one for each number of copies and size.
fn products_of(family: &'static Family) -> Vec<Product> {
    let sizes: Vec<&'static [Size]> =
        if family.is_tiered() { vec![family.sizes] } else { family.sizes.chunks(1).collect() };
    let product = |copies: u32, sizes: &'static [Size]| Product {
        spec_code: Family::written(family.code, copies, &sizes[0]),
        family,
        copies,
        sizes,
    };
    family.copies.iter().flat_map(|copies| sizes.iter().map(|sizes| product(*copies, sizes))).collect()
}

/// Returns every product: the first generation last, generic ones first, then by copies, then in the order of the table.
pub fn products() -> &'static [Product] {
    &CATALOGUE.products
}

/// Returns the product with a code, which may be spelled the older way.
pub fn product(spec_code: &str) -> Option<&'static Product> {
    CATALOGUE.by_code.get(spec_code).map(|position| &CATALOGUE.products[*position])
}

/// What the id of a product ends with: how it is paid for, by the hour, the month or the year. The code stands before that.
const CHARGES: [&str; 3] = ["-h", "-m", "-y"];
/// Names that stand for the usual product of a mode, whatever the engine, the version and the size.
const MODE_ALIASES: [(&str, CacheMode); 3] =
    [("OTC_DCS_SINGLE", CacheMode::Single), ("OTC_DCS_MS", CacheMode::Ha), ("OTC_DCS_CL", CacheMode::Proxy)];

/// Returns the id under which the product with a code is sold by the hour, the only way in which products are shown.
pub fn hourly_id(spec_code: &str) -> String {
    format!("{spec_code}{}", CHARGES[0])
}

/// Returns the code in a name, which may also be the id of a product; none in an alias.
pub fn code_in(name: &str) -> Option<&str> {
    let code = CHARGES.iter().find_map(|charge| name.strip_suffix(charge)).unwrap_or(name);
    product(code).map(|_| code)
}

/// Returns the product that is sold under a name in a version and a size.
///
/// The name is a code, the id of a product, or an alias that stands for a mode: clients mix all three.
///
/// # Errors
/// [`NotSold`], what is named first being looked at first: product, engine, version, size.
pub fn offer(
    name: &str,
    engine: Engine,
    version: &EngineVersion,
    capacity: Capacity,
) -> Result<&'static Product, NotSold> {
    if let Some((_, mode)) = MODE_ALIASES.iter().find(|(alias, _)| *alias == name) {
        return usual(engine, version, *mode, capacity);
    }
    let code = CHARGES.iter().find_map(|charge| name.strip_suffix(charge)).unwrap_or(name);
    let product = product(code).ok_or(NotSold::Product)?;
    if product.family.engine != engine {
        return Err(NotSold::Engine);
    }
    if !product.family.offers(version) {
        return Err(NotSold::Version);
    }
    product.size(capacity).map(|_| product).ok_or(NotSold::Capacity)
}

/// Returns the usual product of a mode, the first there is.
///
/// # Errors
/// `Version` if none of the mode is offered in the version, `Capacity` if none is sold in the size.
pub fn usual(
    engine: Engine,
    version: &EngineVersion,
    mode: CacheMode,
    capacity: Capacity,
) -> Result<&'static Product, NotSold> {
    let mut offered = products()
        .iter()
        .filter(|product| product.family.engine == engine && product.family.mode == mode)
        .filter(|product| product.family.offers(version) && product.copies == default_copies(mode))
        .peekable();
    offered.peek().ok_or(NotSold::Version)?;
    offered.find(|product| product.size(capacity).is_some()).ok_or(NotSold::Capacity)
}

/// Returns how many copies the usual product of a mode has.
fn default_copies(mode: CacheMode) -> u32 {
    match mode {
        CacheMode::Single => 1,
        CacheMode::Ha | CacheMode::HaRwSplit | CacheMode::Cluster | CacheMode::Proxy => 2,
    }
}

/// Returns the product that comes nearest to what a seed describes, which need not be sold: of the generation and the mode,
/// and of the smallest size that is large enough, else the largest.
pub fn nearest(
    engine: Engine,
    version: &EngineVersion,
    mode: CacheMode,
    capacity: Capacity,
) -> &'static Product {
    let distance = |product: &Product| {
        let family = product.family;
        let size = product.nearest_size(capacity).capacity;
        let is_cluster = |mode| matches!(mode, CacheMode::Cluster | CacheMode::Proxy);
        (
            family.engine != engine,
            family.is_first_generation() != version.is_first_generation(),
            is_cluster(family.mode) != is_cluster(mode),
            family.mode != mode,
            !family.offers(version),
            product.copies.abs_diff(default_copies(mode)),
            size < capacity,
            size.as_megabytes().abs_diff(capacity.as_megabytes()),
        )
    };
    products().iter().min_by_key(|product| distance(product)).unwrap_or(&products()[0])
}

/// Returns the capacity that an instance gets when none is asked for: the smallest that is sold, of at least 2 GB.
pub fn default_capacity(engine: Engine, version: &EngineVersion, mode: CacheMode) -> Capacity {
    nearest(engine, version, mode, Capacity::TWO_GB).nearest_size(Capacity::TWO_GB).capacity
}

/// Returns whether any product is offered in a version of an engine, as a caller wrote it.
pub fn is_offered(engine: Engine, version: &str) -> bool {
    table::FAMILIES.iter().any(|family| family.engine == engine && family.offers_text(version))
}

impl Product {
    /// Returns its size of a capacity, if it is sold in that.
    pub fn size(&self, capacity: Capacity) -> Option<&'static Size> {
        self.sizes.iter().find(|size| size.capacity == capacity)
    }

    /// Returns its smallest size that is large enough for a capacity, else its largest.
    pub fn nearest_size(&self, capacity: Capacity) -> &'static Size {
        let enough = self.sizes.iter().find(|size| size.capacity >= capacity);
        enough.unwrap_or(&self.sizes[self.sizes.len() - 1])
    }

    /// Returns the product of the same family with as many copies that is sold in another size.
    pub fn of_size(&self, capacity: Capacity) -> Option<&'static Product> {
        let alike = |other: &&Product| std::ptr::eq(other.family, self.family) && other.copies == self.copies;
        products().iter().filter(alike).find(|other| other.size(capacity).is_some())
    }

    /// Returns whether an instance of it, in a version of its engine, can be changed to another product.
    ///
    /// From version 4.0 on it can be changed to everything that is offered in the version; before, a single node can only
    /// get a standby, and an instance with a standby can only become a cluster.
    ///
    /// Source: docs/contract/dcs-v2.md, section 2.5.
    pub fn may_become(&self, other: &Product, version: &EngineVersion) -> bool {
        if self.family.engine != other.family.engine || !other.family.offers(version) {
            return false;
        }
        let (from, to) = (self.family.mode, other.family.mode);
        let grows =
            matches!((from, to), (CacheMode::Single, CacheMode::Ha) | (CacheMode::Ha, CacheMode::Proxy));
        !version.is_first_generation() || from == to || grows
    }

    /// Returns how many databases its instances have.
    pub fn databases(&self) -> u32 {
        match self.family.mode {
            CacheMode::Cluster => 1,
            CacheMode::Single | CacheMode::Ha | CacheMode::HaRwSplit | CacheMode::Proxy => 256,
        }
    }

    /// Returns how many addresses an instance of a size takes: one for each node, or one in front of proxies.
    pub fn addresses(&self, size: &Size) -> u32 {
        match self.family.mode {
            CacheMode::Proxy => 1,
            CacheMode::Single | CacheMode::Ha | CacheMode::HaRwSplit | CacheMode::Cluster => {
                size.shards.count * self.copies
            }
        }
    }

    /// Returns how many of its addresses an instance of a size shows: a cluster all, others the one in front.
    pub fn shown_addresses(&self, size: &Size) -> u32 {
        match self.family.mode {
            CacheMode::Cluster => self.addresses(size),
            CacheMode::Single | CacheMode::Ha | CacheMode::HaRwSplit | CacheMode::Proxy => 1,
        }
    }

    /// Returns how often the figures of a size are there: once, but where every copy takes reads.
    fn factor(&self) -> u32 {
        if self.family.mode == CacheMode::HaRwSplit { self.copies } else { 1 }
    }

    /// Returns how many connections an instance of a size takes: as set at first, and at most.
    pub fn connections(&self, size: &Size) -> (u32, u32) {
        (size.connections.0 * self.factor(), size.connections.1 * self.factor())
    }

    /// Returns the bandwidth of an instance of a size, in Mbit/s: assured, and at most.
    pub fn bandwidth(&self, size: &Size) -> (u32, u32) {
        (size.bandwidth.0 * self.factor(), size.bandwidth.1 * self.factor())
    }
}

#[cfg(test)]
mod tests;
