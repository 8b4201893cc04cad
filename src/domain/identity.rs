//! Users and agencies, what they may do, and the tokens and keys they get.
//!
//! Source: docs/contract/clients-and-identity.md, section 7; docs/contract/dcs-v1.0.md, section 1.3; docs/contract/networks.md,
//! section 7.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

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

/// A user, or an agency that users assume, with everything that decides what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Its name; that of an agency is behind its account's, as in `account/agency`.
    pub name: String,
    /// The account that an agency was assumed in, if that is not the domain.
    pub account: Option<Domain>,
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

/// A token, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of its text.
    pub hash: [u8; 32],
    /// Who it was given to.
    pub user: User,
    /// What it is good for.
    pub scope: TokenScope,
    /// How its owner had logged in: `password`, `token`, `assume_role` or `mapped`.
    pub method: String,
    /// Who has assumed its owner, if that is an agency.
    pub assumed_by: Option<Assumer>,
    /// When it was given.
    pub issued_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
}

impl Token {
    /// How long a token is good, in hours. Source: docs/contract/dcs-v1.0.md, section 1.3.
    pub const LIFETIME_HOURS: u64 = 24;

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

/// Who has assumed an agency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumer {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
}

/// A key that signs requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its name, which requests carry.
    pub access: String,
    /// Its secret.
    pub secret: Secret,
    /// Who it was given to.
    pub owner: User,
    /// What it is limited by, if it is a temporary one.
    pub session: Option<Session>,
}

/// What a temporary key is limited by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the security token, which goes with each request.
    pub token_hash: [u8; 32],
    /// When it stops being good.
    pub expires_at: Timestamp,
}

impl AccessKey {
    /// Makes sure that the key may sign a request with a security token, of which this is the SHA-256. A permanent key has none, and
    /// nobody looks at what comes with it.
    ///
    /// # Errors
    /// `InvalidCredentials` without the token of a temporary key; `CredentialsExpired` from the instant of its expiry on.
    pub fn permit_use(&self, token_hash: Option<[u8; 32]>, now: Timestamp) -> Result<(), Refusal> {
        match &self.session {
            Some(session) if token_hash != Some(session.token_hash) => Err(Refusal::InvalidCredentials),
            Some(session) if now >= session.expires_at => Err(Refusal::CredentialsExpired),
            None | Some(_) => Ok(()),
        }
    }
}

/// How long a temporary key can be good, in seconds.
///
/// Source: docs/contract/networks.md, sections 7.3 and 7.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLifetime {
    usual: u64,
    most: u64,
}

impl KeyLifetime {
    /// One that is asked for by `securitytokens`.
    pub const OF_SECURITY_TOKENS: Self = Self { usual: 900, most: 86_400 };
    /// One that is asked for by assuming an agency by its URN.
    pub const OF_ASSUMED_AGENCIES: Self = Self { usual: 3_600, most: 43_200 };
    /// The least of both.
    const LEAST: u64 = 900;

    /// Returns how long a key is to be good for which so many seconds are asked.
    ///
    /// # Errors
    /// `InvalidParameter` outside the limits.
    pub fn of(self, asked: Option<u64>) -> Result<Duration, Refusal> {
        let seconds = asked.unwrap_or(self.usual);
        if (Self::LEAST..=self.most).contains(&seconds) {
            Ok(Duration::from_secs(seconds))
        } else {
            Err(Refusal::InvalidParameter { name: "duration_seconds" })
        }
    }
}

/// Whether an agency, or the account that it is of, can have a name: 1 to 64 characters, which is our bound, and no slash.
pub fn is_agency_name(name: &str) -> bool {
    (1..=64).contains(&name.chars().count()) && !name.contains('/')
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
            account: None,
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
    fn a_temporary_key_needs_its_token_and_ends() {
        let at = |millis| Timestamp::from_millis(millis).unwrap();
        let owner = User {
            id: UserId::from_bytes([1; 16]),
            name: "u".to_owned(),
            account: None,
            roles: BTreeMap::new(),
            denied: BTreeSet::new(),
        };
        let secret = Secret::new("s".to_owned());
        let permanent = AccessKey { access: "A".to_owned(), secret, owner, session: None };
        let session = Session { token_hash: [1; 32], expires_at: at(10) };
        let key = AccessKey { session: Some(session), ..permanent.clone() };
        for (token_hash, now, expected) in [
            (Some([1; 32]), 9, Ok(())),
            (Some([1; 32]), 10, Err(Refusal::CredentialsExpired)),
            (Some([2; 32]), 9, Err(Refusal::InvalidCredentials)),
            (None, 9, Err(Refusal::InvalidCredentials)),
        ] {
            assert_eq!(key.permit_use(token_hash, at(now)), expected);
            assert_eq!(permanent.permit_use(token_hash, at(now)), Ok(()));
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret::new("hunter2".to_owned())).contains("hunter2"));
    }
}
