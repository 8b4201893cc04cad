//! What is kept of identity, and the promise made about it.

use async_trait::async_trait;

use crate::domain::id::{ProjectId, UserId};
use crate::domain::identity::{AccessKey, Assumer, Domain, Project, Secret, Session, Token, User};
use crate::domain::time::Timestamp;
use crate::store::error::StoreError;

/// How a user is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserKey {
    /// By id.
    Id(UserId),
    /// By name.
    Name(String),
}

/// Which projects are asked for. What is absent does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    /// The id is this.
    pub id: Option<ProjectId>,
    /// The name is exactly this.
    pub name: Option<String>,
}

/// What a login has shown of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginProof {
    /// The password.
    Password {
        /// The hash that it was compared with, as PHC text.
        hash: Secret,
        /// Another hash of the same password, which takes its place.
        rehash: Option<Secret>,
    },
    /// A token.
    Token {
        /// SHA-256 of its text.
        hash: [u8; 32],
    },
    /// An access key, which has signed.
    Key {
        /// Its name.
        access: String,
    },
    /// What cannot be checked, and always holds.
    Unchecked,
}

/// An agency by the name of its account and its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgencyName {
    /// Its own name.
    pub name: String,
    /// The account it is in, if that is not the domain.
    pub account: Option<Domain>,
}

impl AgencyName {
    /// Returns its name among users, who have none like it: behind the account's and a slash.
    pub fn among_users(&self) -> String {
        let account = self.account.as_ref().map_or("", |account| account.name.as_str());
        format!("{account}/{}", self.name)
    }
}

/// A temporary key to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTemporaryKey {
    /// Its name.
    pub access: String,
    /// Its secret.
    pub secret: Secret,
    /// What it is limited by.
    pub session: Session,
    /// Who it is given to.
    pub user_id: UserId,
    /// Who has asked for it.
    pub asked_by: UserId,
    /// Why it is given.
    pub proof: LoginProof,
    /// When it is given.
    pub issued_at: Timestamp,
}

/// A token to be kept, by the hash of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// SHA-256 of the text.
    pub hash: [u8; 32],
    /// Who it is given to.
    pub user_id: UserId,
    /// Why it is given.
    pub proof: LoginProof,
    /// The project it is good for; the domain if none.
    pub project_id: Option<ProjectId>,
    /// How its owner had logged in: `password`, `token`, `assume_role` or `mapped`.
    pub method: &'static str,
    /// Who assumes it, if it is an agency; the proof is of that one then.
    pub assumed_by: Option<Assumer>,
    /// When it is given.
    pub issued_at: Timestamp,
    /// When it stops being good.
    pub expires_at: Timestamp,
}

/// The durable store of users, keys, tokens and projects.
///
/// Built-in users and projects are there only while a seed has named none.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Returns the domain that all users and projects belong to.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn domain(&self) -> Result<Domain, StoreError>;

    /// Returns the key that signs download links.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn link_key(&self) -> Result<[u8; 32], StoreError>;

    /// Returns a user with the hash of its password, if it has one.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn find_user(&self, key: UserKey) -> Result<Option<(User, Option<String>)>, StoreError>;

    /// Returns an access key with its owner; temporary ones, too, also expired ones as long as they are kept.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn find_access_key(&self, access: &str) -> Result<Option<AccessKey>, StoreError>;

    /// Removes the agencies that no seed has named, with their credentials.
    ///
    /// # Errors
    /// `Failed`.
    async fn remove_unseeded_agencies(&self) -> Result<(), StoreError>;

    /// Returns an agency; with `is_seeded`, only one that a seed has named.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn find_agency(&self, name: AgencyName, is_seeded: bool) -> Result<Option<User>, StoreError>;

    /// Keeps an agency that no seed has named and that may do everything, unless it is there or there are too many of them.
    ///
    /// # Errors
    /// `Failed`.
    async fn save_agency(&self, id: UserId, name: AgencyName) -> Result<(), StoreError>;

    /// Returns a token by the hash of its text, expired ones too as long as they are kept.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn find_token(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError>;

    /// Returns projects, in the order in which they were made.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn projects(&self, filter: ProjectFilter) -> Result<Vec<Project>, StoreError>;

    /// Keeps a token if what the login has shown still holds, and returns whether it does; then a new hash of the password takes the old
    /// one's place, if there is one. Forgets tokens that expired 30 days or longer ago.
    ///
    /// # Errors
    /// `Failed`.
    async fn save_token(&self, token: NewToken) -> Result<bool, StoreError>;

    /// Keeps a temporary key if what was shown for it still holds, and returns whether it does. Forgets those that expired 30 days or
    /// longer ago, and of too many those that end first.
    ///
    /// # Errors
    /// `Failed`.
    async fn save_temporary_key(&self, key: NewTemporaryKey) -> Result<bool, StoreError>;
}
