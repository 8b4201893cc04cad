//! The form of a seed document, in YAML or JSON. Entries are written in the form in which they are read.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::enterprise_project::EnterpriseProject;
use crate::domain::id::{DomainId, ProjectId, UserId};
use crate::domain::identity::{Role, RoleScope};
use crate::domain::networks::NetworkResource;
use crate::domain::time::Timestamp;
use crate::engine::seed::configuration::TemplateEntry;
use crate::engine::seed::instance::InstanceEntry;
use crate::engine::seed::order::OrderEntry;
use crate::engine::seed::settings::SettingsEntry;
use crate::engine::seed::text::{SecretText, Short, Text, is_false};
use crate::engine::seed::{Notation, SeedError};

/// A seed document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The version of the form; absent, it is this one.
    #[serde(default, rename = "version")]
    _version: Version,
    pub(super) domain: Option<DomainEntry>,
    #[serde(default)]
    pub(super) users: Vec<UserEntry>,
    #[serde(default)]
    pub(super) agencies: Vec<AgencyEntry>,
    #[serde(default)]
    pub(super) enterprise_projects: Vec<EnterpriseProject>,
    #[serde(default)]
    pub(super) projects: Vec<ProjectEntry>,
    pub(super) settings: Option<SettingsEntry>,
}

/// The version of the form.
#[derive(Debug, Default)]
pub(super) struct Version;

impl Version {
    const NUMBER: u64 = 1;
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if u64::deserialize(deserializer)? == Self::NUMBER {
            return Ok(Self);
        }
        Err(D::Error::custom("must be 1: this program reads no other version of seeds"))
    }
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

/// An agency in a seed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgencyEntry {
    pub(super) name: Short,
    /// Follows from the name when left out.
    pub(super) id: Option<Text<UserId>>,
    /// Everything everywhere when left out; nothing anywhere when empty.
    #[serde(default, deserialize_with = "read_roles", serialize_with = "write_roles")]
    pub(super) roles: Option<BTreeMap<RoleScope, Role>>,
    #[serde(default)]
    pub(super) deny: BTreeSet<Short>,
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) templates: Vec<TemplateEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) networks: Vec<NetworkResource>,
    /// Written one by one, behind the rest.
    #[serde(default, skip_serializing)]
    pub(super) orders: Vec<OrderEntry>,
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

impl Document {
    /// Reads a document; `source` names it in errors.
    pub(super) fn parse(source: &str, notation: Notation, text: &str) -> Result<Self, SeedError> {
        // JSON is a part of YAML, and much faster to read as what it is.
        let is_json =
            text.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let document = match notation {
            Notation::Yaml if !is_json => parse_yaml(source, text),
            Notation::Yaml | Notation::Json => parse_json(source, text),
        };
        document.map_err(of_version_0_1)
    }
}

/// What only exports of version 0.1 have: the audit, and rows and columns of tables.
const MARKS_OF_0_1: [&str; 4] = ["events", "rows", "columns", "deleted_at"];

/// Says of an export of version 0.1 how to go on with it.
fn of_version_0_1(error: SeedError) -> SeedError {
    let SeedError::Invalid { source_name, line, column, field, problem } = error else { return error };
    let is_mark = |mark: &&str| problem.starts_with(&format!("unknown field `{mark}`"));
    let problem = if MARKS_OF_0_1.iter().any(is_mark) {
        "this is an export of version 0.1, which held rows of tables. Start this version on the database file itself, or bring \
         the file to another server as a snapshot (dcs-emulator control snapshots save)"
            .to_owned()
    } else {
        problem
    };
    SeedError::Invalid { source_name, line, column, field, problem }
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
