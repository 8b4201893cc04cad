//! The form of a seed document, in YAML or JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, de::DeserializeOwned};

use crate::domain::catalogue;
use crate::domain::id::{DomainId, InstanceId, ProjectId};
use crate::domain::identity::{Role, RoleScope, Secret};
use crate::domain::instance::{CacheMode, Capacity, Engine, EngineVersion, InstanceName, InstanceStatus};
use crate::engine::seed::{Notation, SeedError};

/// A seed document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) domain: Option<DomainEntry>,
    #[serde(default)]
    pub(super) users: Vec<UserEntry>,
    #[serde(default)]
    pub(super) projects: Vec<ProjectEntry>,
}

/// The domain in a seed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DomainEntry {
    #[serde(default, deserialize_with = "optional_from_text")]
    pub(super) id: Option<DomainId>,
    #[serde(default, deserialize_with = "short_name")]
    pub(super) name: Option<String>,
}

/// A user in a seed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEntry {
    #[serde(deserialize_with = "required_short_name")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "secret")]
    pub(super) password: Option<Secret>,
    #[serde(default)]
    pub(super) access_keys: Vec<AccessKeyEntry>,
    /// Everything everywhere when left out; nothing anywhere when empty.
    #[serde(default, deserialize_with = "roles")]
    pub(super) roles: Option<BTreeMap<RoleScope, Role>>,
    #[serde(default)]
    pub(super) deny: BTreeSet<String>,
}

/// An access key in a seed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessKeyEntry {
    #[serde(deserialize_with = "required_short_name")]
    pub(super) access: String,
    #[serde(deserialize_with = "required_secret")]
    pub(super) secret: Secret,
}

/// A project in a seed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectEntry {
    #[serde(deserialize_with = "from_text")]
    pub(super) id: ProjectId,
    #[serde(default, deserialize_with = "short_name")]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) quotas: QuotasEntry,
    #[serde(default)]
    pub(super) instances: Vec<InstanceEntry>,
}

/// How much a project may have, in a seed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotasEntry {
    pub(super) instances: Option<u32>,
    pub(super) memory_gb: Option<u32>,
}

/// An instance in a seed, with every field that depends on another one resolved.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawInstanceEntry")]
pub(super) struct InstanceEntry {
    pub(super) id: InstanceId,
    pub(super) cache_mode: CacheMode,
    pub(super) name: Option<InstanceName>,
    pub(super) engine: Engine,
    pub(super) engine_version: EngineVersion,
    pub(super) capacity: Capacity,
    pub(super) status: InstanceStatus,
}

/// An instance as it stands in the document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInstanceEntry {
    #[serde(deserialize_with = "from_text")]
    id: InstanceId,
    #[serde(deserialize_with = "from_text")]
    cache_mode: CacheMode,
    #[serde(default, deserialize_with = "instance_name")]
    name: Option<InstanceName>,
    #[serde(default = "default_engine", deserialize_with = "from_text")]
    engine: Engine,
    engine_version: Option<String>,
    #[serde(default, deserialize_with = "capacity")]
    capacity: Option<Capacity>,
    #[serde(default = "default_status", deserialize_with = "from_text")]
    status: InstanceStatus,
}

impl TryFrom<RawInstanceEntry> for InstanceEntry {
    type Error = String;

    fn try_from(raw: RawInstanceEntry) -> Result<Self, String> {
        let engine_version = match raw.engine_version {
            Some(text) => {
                EngineVersion::new(raw.engine, text).map_err(|error| format!("engine_version {error}"))?
            }
            None => EngineVersion::default_of(raw.engine),
        };
        let default_capacity = || catalogue::default_capacity(raw.engine, &engine_version, raw.cache_mode);
        Ok(Self {
            id: raw.id,
            cache_mode: raw.cache_mode,
            name: raw.name,
            engine: raw.engine,
            capacity: raw.capacity.unwrap_or_else(default_capacity),
            engine_version,
            status: raw.status,
        })
    }
}

impl Document {
    /// Reads a document; `source` names it in errors.
    pub(super) fn parse(source: &str, notation: Notation, text: &str) -> Result<Self, SeedError> {
        match notation {
            Notation::Yaml => parse_yaml(source, text),
            Notation::Json => parse_json(source, text),
        }
    }
}

fn parse_yaml<T: DeserializeOwned>(source: &str, text: &str) -> Result<T, SeedError> {
    let mut field = String::new();
    serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            field = error.path().to_string();
            error.into_inner()
        })
    })
    .map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        // The first line holds the message, behind a place that is written in front of it anyway; the rest is a picture.
        let message = error.to_string();
        let problem = message.lines().next().unwrap_or_default();
        let prefix = format!("error: line {line} column {column}: ");
        SeedError::Invalid {
            source_name: source.to_owned(),
            line,
            column,
            field,
            problem: problem.strip_prefix(&prefix).unwrap_or(problem).to_owned(),
        }
    })
}

fn parse_json<T: DeserializeOwned>(source: &str, text: &str) -> Result<T, SeedError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let invalid = |field: String, error: &serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let suffix = format!(" at line {line} column {column}");
        SeedError::Invalid {
            source_name: source.to_owned(),
            line: u64::try_from(line).unwrap_or(0),
            column: u64::try_from(column).unwrap_or(0),
            field,
            problem: message.strip_suffix(&suffix).unwrap_or(&message).to_owned(),
        }
    };
    let document = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| invalid(error.path().to_string(), error.inner()))?;
    deserializer.end().map_err(|error| invalid(".".to_owned(), &error))?;
    Ok(document)
}

fn default_engine() -> Engine {
    Engine::Redis
}

fn default_status() -> InstanceStatus {
    InstanceStatus::Running
}

/// Reads a value of the domain from its text, so that its error stands at its place.
fn from_text<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: Display,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn instance_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<InstanceName>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(InstanceName::try_from)
        .transpose()
        .map_err(D::Error::custom)
}

fn capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Capacity>, D::Error> {
    Option::<f64>::deserialize(deserializer)?
        .map(Capacity::from_gigabytes)
        .transpose()
        .map_err(D::Error::custom)
}

/// The most characters of a name.
const MAX_CHARACTERS: usize = 64;

/// Reads a name: 1 to 64 characters.
fn short_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    if name.is_empty() || name.chars().count() > MAX_CHARACTERS {
        return Err(D::Error::custom(format!("must have 1 to {MAX_CHARACTERS} characters")));
    }
    Ok(Some(name))
}

fn required_short_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    short_name(deserializer)?.ok_or_else(|| D::Error::custom("must not be null"))
}

fn optional_from_text<'de, D: Deserializer<'de>, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr,
    T::Err: Display,
{
    Option::<String>::deserialize(deserializer)?
        .map(|text| text.parse())
        .transpose()
        .map_err(D::Error::custom)
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    // The usual error would show what it did not like.
    let text = Option::<String>::deserialize(deserializer).map_err(|_| D::Error::custom("must be a text"))?;
    Ok(text.map(Secret::new))
}

fn required_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    secret(deserializer)?.ok_or_else(|| D::Error::custom("must be a text"))
}

/// Reads roles: `"*"` or a project id, and the role there.
fn roles<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<RoleScope, Role>>, D::Error> {
    let Some(texts) = Option::<BTreeMap<String, String>>::deserialize(deserializer)? else { return Ok(None) };
    let read = |(scope, role): (String, String)| {
        let scope = match scope.as_str() {
            "*" => RoleScope::EveryProject,
            id => RoleScope::Project(
                id.parse().map_err(|_| D::Error::custom(format!("{id:?} must be \"*\" or a project id")))?,
            ),
        };
        let role = Role::parse(&role)
            .ok_or_else(|| D::Error::custom(format!("{role:?} must be dcs_admin, dcs_reader or none")))?;
        Ok((scope, role))
    };
    texts.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}
