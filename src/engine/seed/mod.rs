//! Seeds: documents that say which projects, instances, records, users and settings are to be there. An export is one, and both
//! have one form: what a seed reads, an export writes.
//!
//! A seed is checked whole before anything is done with it. Applying it creates what is not there and touches nothing
//! that is, so that a server can be started with it again and again.

mod account;
mod applying;
mod configuration;
mod credentials;
mod document;
mod error;
mod export;
mod instance;
mod nodes;
mod order;
mod reader;
mod records;
mod settings;
pub(super) mod text;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::domain::enterprise_project::EnterpriseProject;
use crate::domain::id::{InstanceId, ProjectId, UserId};
use crate::domain::identity::{Role, RoleScope, Secret};
use crate::domain::networks::NetworkResource;
use crate::domain::quota::Quota;
use crate::domain::time::Timestamp;
use crate::store::{AgencySeed, DomainSeed};
pub(super) use applying::{Applying, KnownUsers};
use configuration::TemplateEntry;
pub use credentials::Credentials;
pub use error::SeedError;
pub use export::Export;
use instance::InstanceEntry;
use order::OrderEntry;
pub use reader::SeedReader;
pub(super) use settings::SeededSettings;

/// The seed that `--demo` applies: one project with a master/standby, a single-node and a cluster instance.
pub const DEMO: &str = include_str!("demo.yaml");

/// The notation of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// YAML, of which JSON is a part.
    Yaml,
    /// JSON.
    Json,
}

impl Notation {
    /// Returns the notation that a file's name promises: JSON for `.json`, else YAML.
    pub fn of_file(name: &str) -> Self {
        let is_json =
            std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if is_json { Self::Json } else { Self::Yaml }
    }
}

/// Checked seeds, ready to be applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seed {
    domain: Option<DomainSeed>,
    projects: Vec<SeededProject>,
    users: Vec<SeededUser>,
    agencies: Vec<AgencySeed>,
    enterprise_projects: Vec<EnterpriseProject>,
    pub(super) settings: SeededSettings,
}

/// A project of a seed. Its entries are checked; what they leave out may follow from when they are seeded.
#[derive(Clone, Debug, PartialEq)]
struct SeededProject {
    id: ProjectId,
    name: String,
    created_at: Option<Timestamp>,
    is_built_in: bool,
    quota: Quota,
    templates: Vec<TemplateEntry>,
    networks: Vec<NetworkResource>,
    orders: Vec<OrderEntry>,
    instances: Vec<InstanceEntry>,
}

/// A user that a seed wants.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SeededUser {
    id: UserId,
    name: String,
    password: SeededPassword,
    is_built_in: bool,
    access_keys: Vec<(String, Secret)>,
    roles: BTreeMap<RoleScope, Role>,
    denied: BTreeSet<String>,
}

/// How a user that a seed wants can log in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SeededPassword {
    /// By no password.
    None,
    /// By this one, which is not hashed yet.
    Plain(Secret),
    /// By the one with this hash.
    Hash(Secret),
}

impl Seed {
    /// Returns the part of it that is about a project.
    pub(super) fn only(mut self, project: ProjectId) -> Self {
        self.projects.retain(|seeded| seeded.id == project);
        let entries = self.projects.iter().flat_map(|project| &project.instances);
        let instances: HashSet<InstanceId> = entries.map(|entry| entry.id.0).collect();
        self.settings.retain_within(project, &instances);
        let (users, agencies, enterprise_projects) = (Vec::new(), Vec::new(), Vec::new());
        Self { domain: None, users, agencies, enterprise_projects, ..self }
    }

    /// Returns whether it says which key signs links.
    pub(super) fn names_link_key(&self) -> bool {
        self.domain.as_ref().is_some_and(|domain| domain.link_key.is_some())
    }
}
