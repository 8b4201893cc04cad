//! The form of a seed document, in YAML or JSON. Entries are written in the form in which they are read.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::catalogue;
use crate::domain::id::{DomainId, InstanceId, ProjectId, UserId};
use crate::domain::identity::{Role, RoleScope, Secret};
use crate::domain::instance::{CacheMode, Capacity, Engine, EngineVersion, InstanceName, InstanceStatus};
use crate::domain::time::Timestamp;
use crate::engine::seed::events::EventEntry;
use crate::engine::seed::records::{BackupEntry, RestoreEntry};
use crate::engine::seed::settings::SettingsEntry;
use crate::engine::seed::text::{Nullable, Short, Text};
use crate::engine::seed::{Notation, SeedError};
use crate::store::{TableRow, TableRows};

/// A seed document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) domain: Option<DomainEntry>,
    #[serde(default)]
    pub(super) users: Vec<UserEntry>,
    #[serde(default)]
    pub(super) projects: Vec<ProjectEntry>,
    /// What else belongs to projects, there or not, as the tables have it; for exports.
    #[serde(default)]
    pub(super) rows: TableRows,
    pub(super) settings: Option<SettingsEntry>,
    /// The whole history of the instances in the document; where it is left out, that begins with the seeding.
    pub(super) events: Option<Vec<EventEntry>>,
}

/// The domain in a seed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DomainEntry {
    pub(super) id: Option<Text<DomainId>>,
    pub(super) name: Option<Short>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link_key: Option<LinkKey>,
}

/// The key that signs download links: 64 hexadecimal digits.
#[derive(Clone, Copy)]
pub(super) struct LinkKey(pub(super) [u8; 32]);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LinkKey(***)")
    }
}

impl Serialize for LinkKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for LinkKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = String::deserialize(deserializer).ok().and_then(|text| hex::decode(text).ok());
        let key = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| D::Error::custom("must be 64 hexadecimal digits"))
    }
}

/// A user in a seed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserEntry {
    pub(super) name: Short,
    /// Follows from the name when left out.
    pub(super) id: Option<Text<UserId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<SecretText>,
    /// In place of the password: its hash, as PHC text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password_hash: Option<SecretText>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) built_in: bool,
    #[serde(default)]
    pub(super) access_keys: Vec<AccessKeyEntry>,
    /// Everything everywhere when left out; nothing anywhere when empty.
    #[serde(default, deserialize_with = "read_roles", serialize_with = "write_roles")]
    pub(super) roles: Option<BTreeMap<RoleScope, Role>>,
    #[serde(default)]
    pub(super) deny: BTreeSet<Short>,
}

/// An access key in a seed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessKeyEntry {
    pub(super) access: Short,
    pub(super) secret: SecretText,
}

/// A secret: what is wrong with it does not show it.
#[derive(Clone, Debug)]
pub(super) struct SecretText(pub(super) Secret);

/// The most characters of a secret.
const MOST_SECRET_CHARACTERS: usize = 512;

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The usual error would show what it did not like.
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("must be a text"))?;
        if text.chars().count() > MOST_SECRET_CHARACTERS {
            return Err(D::Error::custom(format!("must have at most {MOST_SECRET_CHARACTERS} characters")));
        }
        Ok(Self(Secret::new(text)))
    }
}

/// A project in a seed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectEntry {
    pub(super) id: Text<ProjectId>,
    pub(super) name: Option<Short>,
    pub(super) created_at: Option<Text<Timestamp>>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) built_in: bool,
    #[serde(default, skip_serializing_if = "QuotasEntry::is_empty")]
    pub(super) quotas: QuotasEntry,
    /// What else belongs to it, as the tables have it; for exports.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) rows: TableRows,
    /// Written one by one, behind the rest.
    #[serde(default, skip_serializing)]
    pub(super) instances: Vec<InstanceEntry>,
}

/// How much a project may have, in a seed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotasEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instances: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_gb: Option<u32>,
}

impl QuotasEntry {
    fn is_empty(&self) -> bool {
        self.instances.is_none() && self.memory_gb.is_none()
    }
}

/// An instance in a seed, with every field that depends on another one resolved.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawInstanceEntry")]
pub(super) struct InstanceEntry {
    pub(super) raw: RawInstanceEntry,
    pub(super) engine_version: EngineVersion,
    pub(super) capacity: Capacity,
}

/// An instance as it stands in the document.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInstanceEntry {
    pub(super) id: Text<InstanceId>,
    pub(super) cache_mode: Text<CacheMode>,
    pub(super) name: Option<Text<InstanceName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<Short<1024>>,
    #[serde(default = "default_engine")]
    pub(super) engine: Text<Engine>,
    pub(super) engine_version: Option<String>,
    #[serde(default, deserialize_with = "read_capacity", serialize_with = "write_capacity")]
    pub(super) capacity: Option<Capacity>,
    pub(super) spec_code: Option<Short<128>>,
    /// RUNNING when left out; RESTORING while one of its restores is open.
    pub(super) status: Option<Text<InstanceStatus>>,
    pub(super) ip: Option<Short>,
    pub(super) port: Option<std::num::NonZeroU16>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) no_password_access: bool,
    pub(super) zones: Option<Vec<Short>>,
    pub(super) vpc_id: Option<Short>,
    pub(super) subnet_id: Option<Short>,
    #[serde(default)]
    pub(super) security_group_id: Nullable<Short>,
    pub(super) user_id: Option<Short>,
    pub(super) user_name: Option<Short>,
    pub(super) created_at: Option<Text<Timestamp>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deleted_at: Option<Text<Timestamp>>,
    /// What else is said of it, as its table has it; for exports.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) columns: TableRow,
    /// What else belongs to it, as the tables have it; for exports.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) rows: TableRows,
    /// Written one by one, behind the rest.
    #[serde(default, skip_serializing)]
    pub(super) backups: Vec<BackupEntry>,
    /// Written one by one, behind the rest.
    #[serde(default, skip_serializing)]
    pub(super) restores: Vec<RestoreEntry>,
}

impl TryFrom<RawInstanceEntry> for InstanceEntry {
    type Error = String;

    fn try_from(mut raw: RawInstanceEntry) -> Result<Self, String> {
        let engine_version = match raw.engine_version.take() {
            Some(text) => {
                EngineVersion::new(raw.engine.0, text).map_err(|error| format!("engine_version {error}"))?
            }
            None => EngineVersion::default_of(raw.engine.0),
        };
        let zones = raw.zones.iter().flatten();
        if raw.zones.as_ref().is_some_and(Vec::is_empty) || zones.clone().any(|code| code.0.contains(',')) {
            return Err("zones must name one zone at least, and none with a comma".to_owned());
        }
        if let (Some(created_at), Some(deleted_at)) = (raw.created_at, raw.deleted_at)
            && deleted_at.0 < created_at.0
        {
            return Err("deleted_at must not be before created_at".to_owned());
        }
        let default_capacity =
            || catalogue::default_capacity(raw.engine.0, &engine_version, raw.cache_mode.0);
        let capacity = raw.capacity.unwrap_or_else(default_capacity);
        Ok(Self { raw, engine_version, capacity })
    }
}

impl Document {
    /// Reads a document; `source` names it in errors.
    pub(super) fn parse(source: &str, notation: Notation, text: &str) -> Result<Self, SeedError> {
        // JSON is a part of YAML, and much faster to read as what it is.
        let is_json =
            text.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        match notation {
            Notation::Yaml if !is_json => parse_yaml(source, text),
            Notation::Yaml | Notation::Json => parse_json(source, text),
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
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let suffix = format!(" at line {line} column {column}");
        SeedError::Invalid {
            source_name: source.to_owned(),
            line: u64::try_from(line).unwrap_or(0),
            column: u64::try_from(column).unwrap_or(0),
            field: if error.is_data() { wrong_member::<T>(text) } else { None }
                .unwrap_or_else(|| ".".to_owned()),
            problem: message.strip_suffix(&suffix).unwrap_or(&message).to_owned(),
        }
    })
}

/// Returns the path to the member because of which JSON is no seed. It is read once more for that, as YAML, which knows.
fn wrong_member<T: DeserializeOwned>(text: &str) -> Option<String> {
    match parse_yaml::<T>("", text) {
        Err(SeedError::Invalid { field, .. }) => Some(field),
        _ => None,
    }
}

fn default_engine() -> Text<Engine> {
    Text(Engine::Redis)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

fn read_capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Capacity>, D::Error> {
    Option::<f64>::deserialize(deserializer)?
        .map(Capacity::from_gigabytes)
        .transpose()
        .map_err(D::Error::custom)
}

#[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "serde calls it so")]
fn write_capacity<S: Serializer>(capacity: &Option<Capacity>, serializer: S) -> Result<S::Ok, S::Error> {
    capacity.map(Capacity::as_gigabytes).serialize(serializer)
}

/// Reads roles: `"*"` or a project id, and the role there.
fn read_roles<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<RoleScope, Role>>, D::Error> {
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

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn write_roles<S: Serializer>(
    roles: &Option<BTreeMap<RoleScope, Role>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let written = roles.iter().flatten().map(|(scope, role)| match scope {
        RoleScope::EveryProject => ("*".to_owned(), role.as_str()),
        RoleScope::Project(project) => (project.to_string(), role.as_str()),
    });
    serializer.collect_map(written)
}
