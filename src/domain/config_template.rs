//! Templates of configuration parameters: those the service ships, one for each version, mode and edition, and those of a project.
//!
//! Source: docs/contract/dcs-v2.md, section 2.19.

use std::collections::BTreeMap;
use std::fmt;

use crate::domain::catalogue::{self, Edition, Storage};
use crate::domain::id::TemplateId;
use crate::domain::instance::{CacheMode, Engine, EngineVersion, InstanceName};
use crate::domain::instance_config::{ParameterChange, Parameters};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// The kind of instance that a template is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateKind {
    /// The version of Redis; templates of other engines there are none.
    pub engine_version: EngineVersion,
    /// How instances of the kind keep their data.
    pub cache_mode: CacheMode,
    /// The edition.
    pub edition: Edition,
    /// What data is kept in.
    pub storage: Storage,
}

impl TemplateKind {
    /// The versions that have templates. 3.0.7 is 3.0 by another name.
    const VERSIONS: [&'static str; 5] = ["3.0", "4.0", "5.0", "6.0", "7.0"];

    /// Returns every kind, in the order of the shipped templates' numbers: one of the generic edition a version and mode, then those
    /// of other editions that are sold.
    pub fn all() -> impl Iterator<Item = Self> {
        let generic = Self::VERSIONS.into_iter().flat_map(|version| {
            CacheMode::ALL.into_iter().filter_map(move |mode| Self::generic(version, mode))
        });
        let others = catalogue::products().iter().map(|product| product.family);
        let others = others.filter(|family| family.edition != Edition::Generic).flat_map(|family| {
            family.versions.iter().filter_map(move |version| {
                let (edition, storage) = (family.edition, family.storage);
                Some(Self { edition, storage, ..Self::generic(version, family.mode)? })
            })
        });
        let mut kinds: Vec<Self> = generic.collect();
        for kind in others {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds.into_iter()
    }

    fn generic(version: &str, cache_mode: CacheMode) -> Option<Self> {
        let engine_version = EngineVersion::new(Engine::Redis, version.to_owned()).ok()?;
        let (edition, storage) = (Edition::Generic, Storage::Dram);
        Some(Self { engine_version, cache_mode, edition, storage }).filter(Self::is_offered)
    }

    /// Redis 3.0 is a single node, a pair, or a cluster behind proxies, and nothing else.
    fn is_offered(&self) -> bool {
        let is_old = self.engine_version.is_first_generation();
        !(is_old && matches!(self.cache_mode, CacheMode::HaRwSplit | CacheMode::Cluster))
    }

    /// Returns the parameters that instances of the kind have; of a size, those of the usual one.
    pub fn parameters(&self) -> Parameters {
        let usual = catalogue::default_capacity(Engine::Redis, &self.engine_version, self.cache_mode);
        let usable_mb = usual.as_megabytes();
        Parameters::of(Engine::Redis, &self.engine_version, self.cache_mode, usable_mb)
    }
}

/// The number of a shipped template, or the id of one of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateRef {
    /// The number of a shipped template, from 1.
    Shipped(u32),
    /// The id of a project's own.
    Own(TemplateId),
}

impl TemplateRef {
    /// Reads what a path or a body names; what can name none is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Shipped).or_else(|_| text.parse().map(Self::Own)).ok()
    }
}

impl fmt::Display for TemplateRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped(number) => number.fmt(formatter),
            Self::Own(id) => id.fmt(formatter),
        }
    }
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigTemplate {
    /// How it is named in requests.
    pub id: TemplateRef,
    /// Its name.
    pub name: String,
    /// A description, if one was given.
    pub description: Option<String>,
    /// The kind of instance that it is for.
    pub kind: TemplateKind,
    /// The values that are not the parameters' defaults, by the parameters' ids.
    pub values: BTreeMap<u8, String>,
    /// When it was made; those that are shipped have always been there.
    pub created_at: Option<Timestamp>,
}

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 1024;

/// What a caller says of a template; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateAttributes {
    /// The name.
    pub name: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// Values by the names of parameters.
    pub values: Option<BTreeMap<String, String>>,
}

impl ConfigTemplate {
    /// Returns the shipped templates, in the order of their numbers.
    pub fn shipped() -> impl Iterator<Item = Self> {
        (1..).zip(TemplateKind::all()).map(|(number, kind)| Self {
            id: TemplateRef::Shipped(number),
            name: format!(
                "Default-Redis-{}-{}-{}-{}",
                kind.engine_version.as_str(),
                kind.cache_mode,
                kind.edition,
                kind.storage
            ),
            description: None,
            kind,
            values: BTreeMap::new(),
            created_at: None,
        })
    }

    /// Makes a project's own template from another one.
    ///
    /// # Errors
    /// As [`ConfigTemplate::reworded`].
    pub fn derived(self, id: TemplateId, words: TemplateAttributes, now: Timestamp) -> Result<Self, Refusal> {
        let words = TemplateAttributes { name: Some(words.name.unwrap_or_default()), ..words };
        Self { id: TemplateRef::Own(id), created_at: Some(now), description: None, ..self }.reworded(words)
    }

    /// Changes what is said.
    ///
    /// # Errors
    /// `InvalidParameter` (`name`, `description`); `InvalidConfiguration` if a value is none.
    pub fn reworded(self, words: TemplateAttributes) -> Result<Self, Refusal> {
        let mut changed = self;
        if let Some(name) = words.name {
            // The rule of instances' names.
            let name =
                InstanceName::try_from(name).map_err(|_| Refusal::InvalidParameter { name: "name" })?;
            name.as_str().clone_into(&mut changed.name);
        }
        if let Some(description) = words.description {
            if description.chars().count() > MAX_DESCRIPTION {
                return Err(Refusal::InvalidParameter { name: "description" });
            }
            changed.description = Some(description);
        }
        let change = |(name, value)| ParameterChange { id: String::new(), name, value };
        let values: Vec<_> = words.values.into_iter().flatten().map(change).collect();
        changed.values.extend(changed.kind.parameters().read(&values)?);
        Ok(changed)
    }

    /// Returns the audit's note of how the template differs from what it was before, if it does.
    pub fn note_of_changes(&self, before: &Self) -> Option<String> {
        let differences = [
            ("name", self.name != before.name),
            ("description", self.description != before.description),
            ("parameters", self.values != before.values),
        ];
        let names: Vec<_> =
            differences.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
        (!names.is_empty()).then(|| format!("changed {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(words: TemplateAttributes) -> Result<ConfigTemplate, Refusal> {
        let source = ConfigTemplate::shipped().find(|one| one.kind.engine_version.as_str() == "5.0").unwrap();
        source.derived(TemplateId::from_bytes([7; 16]), words, Timestamp::MIN)
    }

    fn named(name: &str) -> TemplateAttributes {
        TemplateAttributes { name: Some(name.to_owned()), ..TemplateAttributes::default() }
    }

    #[test]
    fn there_is_one_shipped_template_a_version_mode_and_edition() {
        let names: Vec<_> = ConfigTemplate::shipped().map(|template| template.name).collect();
        assert_eq!(names.len(), 3 + 4 * 5 + 2);
        assert_eq!(
            names[23..],
            ["Default-Redis-6.0-ha-enterprise-DRAM", "Default-Redis-6.0-ha-enterprise-SSD"]
        );
        for product in catalogue::products().iter().filter(|product| product.family.engine == Engine::Redis) {
            let family = product.family;
            for version in family.versions.iter().filter(|version| **version != "3.0.7") {
                let name =
                    format!("Default-Redis-{version}-{}-{}-{}", family.mode, family.edition, family.storage);
                assert!(names.contains(&name), "{name}");
            }
        }
        assert_eq!(names[0], "Default-Redis-3.0-single-generic-DRAM");
        assert!(names.contains(&"Default-Redis-6.0-ha_rw_split-generic-DRAM".to_owned()));
        assert!(!names.contains(&"Default-Redis-3.0-cluster-generic-DRAM".to_owned()));
    }

    #[test]
    fn numbers_and_ids_name_templates() {
        assert_eq!(TemplateRef::parse("11"), Some(TemplateRef::Shipped(11)));
        let id = TemplateId::from_bytes([7; 16]);
        assert_eq!(TemplateRef::parse(&id.to_string()), Some(TemplateRef::Own(id)));
        assert_eq!(TemplateRef::parse("eleven"), None);
    }

    #[test]
    fn a_template_takes_the_values_its_kind_has() {
        let with = |name: &str, value: &str| TemplateAttributes {
            values: Some(BTreeMap::from([(name.to_owned(), value.to_owned())])),
            ..named("mine")
        };
        assert_eq!(own(with("timeout", "100")).unwrap().values, BTreeMap::from([(1, "100".to_owned())]));
        for (name, value) in [("timeout", "7201"), ("reserved-memory", "1"), ("nothing", "1")] {
            assert_eq!(own(with(name, value)), Err(Refusal::InvalidConfiguration { name: name.to_owned() }));
        }
    }

    #[test]
    fn what_is_not_said_stays() {
        let template = own(named("mine")).unwrap();
        let described =
            TemplateAttributes { description: Some("words".to_owned()), ..TemplateAttributes::default() };
        let changed = template.reworded(described).unwrap();
        assert_eq!((changed.name.as_str(), changed.description.as_deref()), ("mine", Some("words")));
        assert_eq!(changed.clone().reworded(TemplateAttributes::default()), Ok(changed));
        assert_eq!(own(named("1st")), Err(Refusal::InvalidParameter { name: "name" }));
        assert_eq!(own(TemplateAttributes::default()), Err(Refusal::InvalidParameter { name: "name" }));
    }
}
