//! Users, what they may do, and the tokens they get.
//!
//! Source: docs/contract/clients-and-identity.md, section 7; docs/contract/dcs-v1.0.md, section 1.3.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::domain::id::{DomainId, ProjectId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// What a user may do in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Only read.
    Reader,
    /// Nothing: a member of the project without rights on its instances.
    None,
}

impl Role {
    /// Returns the word that seeds and tokens use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "dcs_admin",
            Self::Reader => "dcs_reader",
            Self::None => "none",
        }
    }

    /// Returns the role that [`Role::as_str`] calls `text`, if any.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Reader, Self::None].into_iter().find(|role| role.as_str() == text)
    }
}

/// Which projects a role holds in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleScope {
    /// Every project of the domain.
    EveryProject,
    /// One project.
    Project(ProjectId),
}

/// The domain that all users and projects belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Its name.
    pub name: String,
}

/// A project, as identity shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
}

/// A user with everything that decides what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: BTreeMap<RoleScope, Role>,
    /// Actions it is denied whatever its role, such as `dcs:instance:deleteDataBackupFile`.
    pub denied: BTreeSet<String>,
}

/// An action on a project, as policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name, such as `dcs:instance:backupData`.
    pub name: &'static str,
    /// Whether it changes something.
    pub writes: bool,
}

impl User {
    /// Returns the user's role in a project: the one given for it, else the one for every project.
    pub fn role_in(&self, project: ProjectId) -> Option<Role> {
        self.roles
            .get(&RoleScope::Project(project))
            .or_else(|| self.roles.get(&RoleScope::EveryProject))
            .copied()
    }

    /// Decides whether the user may carry out an action in a project.
    ///
    /// # Errors
    /// `NoRole`, `ReadOnly` or `ActionDenied`, in this order.
    pub fn permit(&self, project: ProjectId, action: Action) -> Result<(), Refusal> {
        match self.role_in(project) {
            None | Some(Role::None) => Err(Refusal::NoRole),
            Some(Role::Reader) if action.writes => Err(Refusal::ReadOnly),
            Some(Role::Reader | Role::Admin) if self.denied.contains(action.name) => {
                Err(Refusal::ActionDenied { action: action.name })
            }
            Some(Role::Reader | Role::Admin) => Ok(()),
        }
    }
}

/// A secret that must not be shown: a token, a password, a secret key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the secret, for the one who checks it or hands it out.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// One project.
    Project(Project),
    /// The domain.
    Domain,
}

/// A token, without its text: only a hash of that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who it was given to.
    pub user: User,
    /// What it is good for.
    pub scope: TokenScope,
    /// How its owner had logged in: `password` or `token`.
    pub method: String,
    /// When it was given.
    pub issued_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
}

impl Token {
    /// How long a token is good, in hours. Source: docs/contract/dcs-v1.0.md, section 1.3.
    pub const LIFE_HOURS: u64 = 24;

    /// Makes sure that the token is still good.
    ///
    /// # Errors
    /// `CredentialsExpired` from the instant of its expiry on.
    pub fn permit_use(&self, now: Timestamp) -> Result<(), Refusal> {
        if now < self.expires_at { Ok(()) } else { Err(Refusal::CredentialsExpired) }
    }

    /// Makes sure that the token is good for a project.
    ///
    /// # Errors
    /// `OtherProject`.
    pub fn permit_project(&self, project: ProjectId) -> Result<(), Refusal> {
        match &self.scope {
            TokenScope::Project(own) if own.id == project => Ok(()),
            TokenScope::Project(_) | TokenScope::Domain => Err(Refusal::OtherProject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Action = Action { name: "dcs:instance:get", writes: false };
    const WRITE: Action = Action { name: "dcs:instance:backupData", writes: true };

    fn project(byte: u8) -> ProjectId {
        ProjectId::from_bytes([byte; 16])
    }

    #[test]
    fn the_role_for_a_project_goes_before_the_one_for_every_project() {
        let user = User {
            id: UserId::from_bytes([1; 16]),
            name: "u".to_owned(),
            roles: BTreeMap::from([
                (RoleScope::EveryProject, Role::Reader),
                (RoleScope::Project(project(1)), Role::Admin),
            ]),
            denied: BTreeSet::from([READ.name.to_owned()]),
        };
        assert_eq!(user.permit(project(1), WRITE), Ok(()));
        assert_eq!(user.permit(project(2), WRITE), Err(Refusal::ReadOnly));
        assert_eq!(user.permit(project(1), READ), Err(Refusal::ActionDenied { action: READ.name }));
        let nobody = User { roles: BTreeMap::new(), ..user };
        assert_eq!(nobody.permit(project(1), READ), Err(Refusal::NoRole));
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret::new("hunter2".to_owned())).contains("hunter2"));
    }
}
