//! Enterprise projects: by them an account groups what its projects have. All of an account's are one value, so that a rule that
//! looks at several of them is one function.
//!
//! Source: docs/contract/networks.md, section 6.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::builtin;
use crate::domain::id::{EnterpriseProjectId, InvalidId};
use crate::domain::networks::refusal::NetworkKind;
use crate::domain::time::Timestamp;

/// The id of the one that every account has: the enterprise project of what names none.
pub const DEFAULT_ENTERPRISE_PROJECT: &str = "0";
/// How many an account makes at most.
pub const MAX_ENTERPRISE_PROJECTS: usize = 100;
/// The name of the one that every account has. No other has it in its name.
const DEFAULT_NAME: &str = "default";

/// Why the enterprise projects of an account do not do what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnterpriseProjectRefusal {
    /// The account has none of the id.
    #[error("there is no such enterprise project")]
    Missing,
    /// A name has other characters or more than it may, or is a form of `default`.
    #[error("invalid name of an enterprise project")]
    InvalidName,
    /// A description is too long.
    #[error("invalid description of an enterprise project")]
    InvalidDescription,
    /// Another one of the account has the name.
    #[error("another enterprise project has the name")]
    NameTaken,
    /// Another one has the id, of this account or of another.
    #[error("another enterprise project has the id")]
    IdTaken,
    /// The account has as many as it may have.
    #[error("too many enterprise projects")]
    TooMany,
    /// The default one stays as it is.
    #[error("the default enterprise project cannot be changed")]
    DefaultStays,
    /// The default one is always enabled, and always there.
    #[error("the default enterprise project is always there and enabled")]
    DefaultIsThere,
    /// A disabled one cannot be changed.
    #[error("the enterprise project is disabled")]
    Disabled,
    /// Only a disabled one can be deleted.
    #[error("the enterprise project is enabled")]
    Enabled,
    /// Something is in it that keeps it from being deleted.
    #[error("there are resources in the enterprise project")]
    InUse,
    /// There is no such resource in the project, or it is of a kind that enterprise projects do not have.
    #[error("there is no such resource")]
    ResourceMissing,
    /// Nothing can be moved to a disabled one.
    #[error("the enterprise project that it is to be moved to is disabled")]
    TargetDisabled,
}

/// How an enterprise project is named in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum EnterpriseProjectRef {
    /// The one that every account has.
    Default,
    /// The id of one that was made.
    Own(EnterpriseProjectId),
}

impl FromStr for EnterpriseProjectRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == DEFAULT_ENTERPRISE_PROJECT { Ok(Self::Default) } else { text.parse().map(Self::Own) }
    }
}

impl fmt::Display for EnterpriseProjectRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str(DEFAULT_ENTERPRISE_PROJECT),
            Self::Own(id) => id.fmt(formatter),
        }
    }
}

impl TryFrom<String> for EnterpriseProjectRef {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<EnterpriseProjectRef> for String {
    fn from(id: EnterpriseProjectRef) -> Self {
        id.to_string()
    }
}

/// What an enterprise project is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnterpriseProjectKind {
    /// Production.
    #[default]
    Prod,
    /// Trials.
    Poc,
}

impl EnterpriseProjectKind {
    /// Returns its word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Poc => "poc",
        }
    }

    /// Returns the kind that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Prod, Self::Poc].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Whether an enterprise project is enabled; a number on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum EnterpriseProjectStatus {
    /// It is enabled.
    #[default]
    Enabled,
    /// It is disabled.
    Disabled,
}

impl From<EnterpriseProjectStatus> for u8 {
    fn from(status: EnterpriseProjectStatus) -> Self {
        match status {
            EnterpriseProjectStatus::Enabled => 1,
            EnterpriseProjectStatus::Disabled => 2,
        }
    }
}

impl TryFrom<u8> for EnterpriseProjectStatus {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, &'static str> {
        let found = [Self::Enabled, Self::Disabled].into_iter().find(|status| u8::from(*status) == number);
        found.ok_or("must be 1 (enabled) or 2 (disabled)")
    }
}

/// An enterprise project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnterpriseProject {
    /// Its id.
    pub id: EnterpriseProjectRef,
    /// Its name, which no other of the account has.
    pub name: String,
    /// A description.
    #[serde(default)]
    pub description: String,
    /// What it is for.
    #[serde(default, rename = "type")]
    pub kind: EnterpriseProjectKind,
    /// Whether it is enabled.
    #[serde(default)]
    pub status: EnterpriseProjectStatus,
    /// When it was made.
    #[serde(default = "at_first")]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[serde(default = "at_first")]
    pub updated_at: Timestamp,
}

/// The time of what has always been there.
fn at_first() -> Timestamp {
    builtin::CREATED_AT
}

/// What a caller wants an enterprise project to be like; what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnterpriseProjectRequest {
    /// Its name.
    pub name: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// What it is for.
    pub kind: Option<EnterpriseProjectKind>,
}

impl EnterpriseProject {
    /// Returns the one that every account has.
    fn default_of_accounts() -> Self {
        Self {
            id: EnterpriseProjectRef::Default,
            name: DEFAULT_NAME.to_owned(),
            description: String::new(),
            kind: EnterpriseProjectKind::Prod,
            status: EnterpriseProjectStatus::Enabled,
            created_at: at_first(),
            updated_at: at_first(),
        }
    }

    /// Returns whether it is enabled.
    pub fn is_enabled(&self) -> bool {
        self.status == EnterpriseProjectStatus::Enabled
    }

    /// Makes sure that it is one that a request could have made.
    fn check(&self) -> Result<(), EnterpriseProjectRefusal> {
        const MAX_NAME: usize = 255;
        const MAX_DESCRIPTION: usize = 512;
        let has_letters = self.name.chars().all(|letter| letter.is_alphanumeric() || "_-".contains(letter));
        let has_length = (1..=MAX_NAME).contains(&self.name.chars().count());
        if !has_letters || !has_length || self.name.to_lowercase().contains(DEFAULT_NAME) {
            return Err(EnterpriseProjectRefusal::InvalidName);
        }
        if self.description.chars().count() > MAX_DESCRIPTION {
            return Err(EnterpriseProjectRefusal::InvalidDescription);
        }
        Ok(())
    }
}

/// A change of the enterprise projects of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterpriseProjectChange {
    /// One is made.
    Create(EnterpriseProjectId, EnterpriseProjectRequest),
    /// One is changed.
    Update(EnterpriseProjectRef, EnterpriseProjectRequest),
    /// One is enabled or disabled.
    Switch(EnterpriseProjectRef, EnterpriseProjectStatus),
    /// One is deleted.
    Delete(EnterpriseProjectRef),
}

/// The enterprise projects of an account, the default one first, the others in the order of their creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseProjects {
    all: Vec<EnterpriseProject>,
}

impl EnterpriseProjects {
    /// Takes those that an account has made.
    pub fn of_stored(own: Vec<EnterpriseProject>) -> Self {
        Self { all: std::iter::once(EnterpriseProject::default_of_accounts()).chain(own).collect() }
    }

    /// Makes sure that an account can have made all of them.
    ///
    /// # Errors
    /// The place of the first that it cannot, and why: as making it would be refused.
    pub fn seeded(own: &[EnterpriseProject]) -> Result<(), (usize, EnterpriseProjectRefusal)> {
        let mut projects = Self::of_stored(Vec::new());
        own.iter().enumerate().try_for_each(|(at, project)| {
            let is_taken = projects.find(project.id).is_ok();
            let free = if is_taken { Err(EnterpriseProjectRefusal::IdTaken) } else { Ok(()) };
            free.and_then(|()| projects.add(project.clone())).map_err(|refusal| (at, refusal))
        })
    }

    /// Returns all of them.
    pub fn all(&self) -> &[EnterpriseProject] {
        &self.all
    }

    /// Returns one.
    ///
    /// # Errors
    /// `Missing`.
    pub fn find(&self, id: EnterpriseProjectRef) -> Result<&EnterpriseProject, EnterpriseProjectRefusal> {
        self.all.iter().find(|project| project.id == id).ok_or(EnterpriseProjectRefusal::Missing)
    }

    /// Changes them; returns the one that the change is about, as it is then; a deleted one as it was. `is_used`: something is in it.
    ///
    /// # Errors
    /// `Missing`, `InvalidName`, `InvalidDescription`, `NameTaken`, `TooMany`; `DefaultStays`, `DefaultIsThere`, `Disabled`, `Enabled`,
    /// `InUse`. Then nothing has changed.
    pub fn change(
        &mut self,
        change: EnterpriseProjectChange,
        is_used: bool,
        now: Timestamp,
    ) -> Result<EnterpriseProject, EnterpriseProjectRefusal> {
        match change {
            EnterpriseProjectChange::Create(id, request) => {
                let id = EnterpriseProjectRef::Own(id);
                let project = EnterpriseProject {
                    id,
                    name: request.name.unwrap_or_default(),
                    description: request.description.unwrap_or_default(),
                    kind: request.kind.unwrap_or_default(),
                    created_at: now,
                    updated_at: now,
                    ..EnterpriseProject::default_of_accounts()
                };
                self.add(project.clone()).map(|()| project)
            }
            EnterpriseProjectChange::Update(id, request) => {
                let before = self.find(id)?.clone();
                if id == EnterpriseProjectRef::Default {
                    return Err(EnterpriseProjectRefusal::DefaultStays);
                }
                if !before.is_enabled() {
                    return Err(EnterpriseProjectRefusal::Disabled);
                }
                let after = EnterpriseProject {
                    name: request.name.unwrap_or(before.name),
                    description: request.description.unwrap_or(before.description),
                    kind: request.kind.unwrap_or(before.kind),
                    updated_at: now,
                    ..before
                };
                after.check()?;
                self.require_free_name(&after)?;
                Ok(self.replace(after))
            }
            EnterpriseProjectChange::Switch(id, status) => {
                let before = self.find(id)?.clone();
                if id == EnterpriseProjectRef::Default {
                    return Err(EnterpriseProjectRefusal::DefaultIsThere);
                }
                let updated_at = if status == before.status { before.updated_at } else { now };
                Ok(self.replace(EnterpriseProject { status, updated_at, ..before }))
            }
            EnterpriseProjectChange::Delete(id) => {
                let project = self.find(id)?.clone();
                if id == EnterpriseProjectRef::Default {
                    return Err(EnterpriseProjectRefusal::DefaultIsThere);
                }
                if project.is_enabled() {
                    return Err(EnterpriseProjectRefusal::Enabled);
                }
                if is_used {
                    return Err(EnterpriseProjectRefusal::InUse);
                }
                self.all.retain(|other| other.id != id);
                Ok(project)
            }
        }
    }

    /// Makes sure that resources can be moved to one.
    ///
    /// # Errors
    /// `Missing`, `TargetDisabled`.
    pub fn require_target(&self, id: EnterpriseProjectRef) -> Result<(), EnterpriseProjectRefusal> {
        if self.find(id)?.is_enabled() { Ok(()) } else { Err(EnterpriseProjectRefusal::TargetDisabled) }
    }

    fn add(&mut self, project: EnterpriseProject) -> Result<(), EnterpriseProjectRefusal> {
        project.check()?;
        self.require_free_name(&project)?;
        if self.all.len() > MAX_ENTERPRISE_PROJECTS {
            return Err(EnterpriseProjectRefusal::TooMany);
        }
        self.all.push(project);
        Ok(())
    }

    fn replace(&mut self, after: EnterpriseProject) -> EnterpriseProject {
        for project in self.all.iter_mut().filter(|project| project.id == after.id) {
            project.clone_from(&after);
        }
        after
    }

    fn require_free_name(&self, project: &EnterpriseProject) -> Result<(), EnterpriseProjectRefusal> {
        let is_taken = self.all.iter().any(|other| other.id != project.id && other.name == project.name);
        if is_taken { Err(EnterpriseProjectRefusal::NameTaken) } else { Ok(()) }
    }
}

/// A kind of thing that is in an enterprise project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// An instance of the cache service.
    Instance,
    /// Something in the network of a project.
    Network(NetworkKind),
}

impl ResourceKind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 5] = [
        Self::Instance,
        Self::Network(NetworkKind::Vpc),
        Self::Network(NetworkKind::SecurityGroup),
        Self::Network(NetworkKind::PublicIp),
        Self::Network(NetworkKind::LoadBalancer),
    ];

    /// Returns its word on the wire; none for what is in no enterprise project of its own.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Instance => Some("dcs"),
            Self::Network(NetworkKind::Vpc) => Some("vpcs"),
            Self::Network(NetworkKind::SecurityGroup) => Some("security-groups"),
            Self::Network(NetworkKind::PublicIp) => Some("eip"),
            Self::Network(NetworkKind::LoadBalancer) => Some("loadbalancers"),
            Self::Network(_) => None,
        }
    }

    /// Returns the kind that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == Some(word))
    }
}

/// A resource that is in an enterprise project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnterpriseResource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> EnterpriseProjectId {
        EnterpriseProjectId::from_bytes([number; 16])
    }

    fn named(name: &str) -> EnterpriseProjectRequest {
        EnterpriseProjectRequest { name: Some(name.to_owned()), ..EnterpriseProjectRequest::default() }
    }

    fn create(
        projects: &mut EnterpriseProjects,
        number: u8,
        name: &str,
    ) -> Result<(), EnterpriseProjectRefusal> {
        let change = EnterpriseProjectChange::Create(id(number), named(name));
        projects.change(change, false, Timestamp::MIN).map(drop)
    }

    #[test]
    fn names_are_unique_short_and_no_form_of_default() {
        let mut projects = EnterpriseProjects::of_stored(Vec::new());
        for name in ["", "a b", "a.b", "Default", "my_deFAult-1", &"a".repeat(256)] {
            let refused = create(&mut projects, 1, name);
            assert_eq!(refused, Err(EnterpriseProjectRefusal::InvalidName), "{name}");
        }
        for (number, name) in [(1, "ep-1"), (2, "Größe_2"), (3, "a".repeat(255).as_str())] {
            assert_eq!(create(&mut projects, number, name), Ok(()), "{name}");
        }
        assert_eq!(create(&mut projects, 4, "ep-1"), Err(EnterpriseProjectRefusal::NameTaken));
        let rename = EnterpriseProjectChange::Update(EnterpriseProjectRef::Own(id(2)), named("ep-1"));
        let before = projects.clone();
        let refused = projects.change(rename, false, Timestamp::MIN);
        assert_eq!((refused, projects), (Err(EnterpriseProjectRefusal::NameTaken), before));
    }

    #[test]
    fn an_account_has_the_default_one_and_a_hundred_others() {
        let mut projects = EnterpriseProjects::of_stored(Vec::new());
        for number in 1..=100 {
            create(&mut projects, number, &format!("ep-{number}")).unwrap();
        }
        assert_eq!(create(&mut projects, 101, "ep-101"), Err(EnterpriseProjectRefusal::TooMany));
        assert_eq!(projects.all()[0].id.to_string(), "0");
        assert_eq!(EnterpriseProjects::seeded(&projects.all()[1..]), Ok(()));
        let again = EnterpriseProjects::seeded(projects.all());
        assert_eq!(again, Err((0, EnterpriseProjectRefusal::IdTaken)));
    }

    #[test]
    fn every_kind_of_resource_has_a_word_of_its_own() {
        for kind in ResourceKind::ALL {
            assert_eq!(ResourceKind::parse(kind.word().unwrap()), Some(kind));
        }
        assert_eq!(ResourceKind::parse("ecs"), None);
    }
}
