//! Identity: logins, tokens, access keys, projects.
//!
//! Tokens are opaque and random; only their hash is kept. They live by the real clock, whatever time the emulator shows,
//! because clients compare their expiry with their own.

mod login;
mod remembered;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::SaltString;
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::ambient::{Clock, IdSource};
use crate::domain::id::{DomainId, ProjectId};
use crate::domain::identity::{Domain, Project, Secret, Token, TokenScope, User};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::EngineError;
use crate::engine::identity::remembered::Remembered;
use crate::store::IdentityStore;
pub use crate::store::{ProjectFilter, UserKey};

/// How long a login waits for its password to be checked.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);
/// A hash that no password matches, verified for unknown users so that they cost as much as known ones.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$ZGNzLWVtdWxhdG9yLS0tLQ$iDMTu1fcvJCpxW8IHYO0OV4WNQB5h/7tN52Vn3z9T08";

/// Who is let in. Setting `auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// Everybody; credentials are not looked at.
    Off,
    /// Everybody but those who hold credentials of the emulator and misuse them.
    Lenient,
    /// Only those with good credentials, as the cloud does it.
    Strict,
}

/// How strict identity is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// Who is let in. Setting `auth`.
    pub mode: AuthMode,
    /// Whether every project can be worked in, or only those that somebody has named. Setting `auto_projects`.
    pub auto_projects: bool,
    /// The region. Setting `region`.
    pub region: String,
}

/// How somebody logs in.
#[derive(Clone, Debug)]
pub enum LoginMethod {
    /// By password.
    Password {
        /// The user.
        user: UserKey,
        /// The domain the user was said to belong to, if any.
        domain: Option<DomainKey>,
        /// The password.
        password: Secret,
    },
    /// By a token that is still good.
    Token(Secret),
}

/// How a domain is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainKey {
    /// By id.
    Id(DomainId),
    /// By name.
    Name(String),
}

/// What a token is to be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedScope {
    /// A project by id.
    ProjectId(ProjectId),
    /// A project by name.
    ProjectName {
        /// The name.
        name: String,
        /// The domain the project was said to belong to, if any.
        domain: Option<DomainKey>,
    },
    /// The domain.
    Domain(DomainKey),
    /// Nothing said: the first project of the user, which is what clients can use.
    Any,
}

/// Identity: its store, what it takes from its surroundings, and how strict it is.
#[derive(Clone)]
pub struct Identity {
    store: Arc<dyn IdentityStore>,
    real_clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    settings: Arc<IdentitySettings>,
    remembered: Arc<Mutex<Remembered>>,
    /// As many passwords are checked at once as there are processors: each check takes 19 MiB.
    checks: Arc<Semaphore>,
}

impl Identity {
    /// Puts identity together. `real_clock` is the time of the world outside.
    pub fn new(
        store: Arc<dyn IdentityStore>,
        real_clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        settings: IdentitySettings,
    ) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let checks = Arc::new(Semaphore::new(processors));
        Self { store, real_clock, ids, settings: Arc::new(settings), remembered: Arc::default(), checks }
    }

    /// Returns who is let in.
    pub fn mode(&self) -> AuthMode {
        self.settings.mode
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    /// Returns the time of the world outside.
    pub fn real_now(&self) -> Timestamp {
        self.real_clock.now()
    }

    /// Returns the domain that all users and projects belong to.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn domain(&self) -> Result<Domain, EngineError> {
        Ok(self.store.domain().await?)
    }

    /// Returns the projects in which a user has a role.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn projects(&self, user: &User, filter: ProjectFilter) -> Result<Vec<Project>, EngineError> {
        let mut projects = self.store.projects(filter).await?;
        projects.retain(|project| user.role_in(project.id).is_some());
        Ok(projects)
    }

    /// Returns a project in which a user has a role; where every project can be worked in, one that nobody has named is named
    /// by its id.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn project(&self, user: &User, id: ProjectId) -> Result<Option<Project>, EngineError> {
        let known = self.projects(user, ProjectFilter { id: Some(id), name: None }).await?.pop();
        let unnamed = || Project { id, name: id.to_string() };
        let may = user.role_in(id).is_some() && self.settings.auto_projects;
        Ok(known.or_else(|| may.then(unnamed)))
    }

    /// Returns whether a project can be worked in: every one can, or somebody has named it.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn has_project(&self, project: ProjectId) -> Result<bool, EngineError> {
        if self.settings.auto_projects || self.remembered().projects.contains(&project) {
            return Ok(true);
        }
        let since = self.remembered().forgotten;
        let filter = ProjectFilter { id: Some(project), name: None };
        let is_known = !self.store.projects(filter).await?.is_empty();
        if is_known {
            self.remember(since, |remembered| remembered.projects.insert(project));
        }
        Ok(is_known)
    }

    /// Returns a token that is good now.
    ///
    /// # Errors
    /// `Refused` with `InvalidCredentials` if nobody was ever given it, `CredentialsExpired` if its time is over.
    pub async fn token(&self, text: &Secret) -> Result<Arc<Token>, EngineError> {
        let token = self.known_token(text).await?.ok_or(Refusal::InvalidCredentials)?;
        token.permit_use(self.real_clock.now())?;
        Ok(token)
    }

    /// Returns a token that somebody was given, expired or not.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn known_token(&self, text: &Secret) -> Result<Option<Arc<Token>>, EngineError> {
        let hash = hash_of(text.expose());
        if let Some(token) = self.remembered().tokens.get(&hash) {
            return Ok(Some(Arc::clone(token)));
        }
        let since = self.remembered().forgotten;
        let Some(token) = self.store.find_token(hash).await?.map(Arc::new) else { return Ok(None) };
        self.remember(since, |remembered| remembered.put_token(hash, &token));
        Ok(Some(token))
    }

    /// Returns the owner and the secret of an access key.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn access_key(&self, access: &str) -> Result<Option<Arc<(User, Secret)>>, EngineError> {
        if let Some(key) = self.remembered().keys.get(access) {
            return Ok(Some(Arc::clone(key)));
        }
        let since = self.remembered().forgotten;
        let Some(key) = self.store.find_access_key(access).await?.map(Arc::new) else { return Ok(None) };
        self.remember(since, |remembered| remembered.put_key(access, &key));
        Ok(Some(key))
    }

    /// Returns a user by id or name.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn user(&self, key: UserKey) -> Result<Option<User>, EngineError> {
        Ok(self.store.find_user(key).await?.map(|(user, _)| user))
    }

    /// Forgets the tokens, keys and projects that were remembered: what is kept has been replaced.
    pub(super) fn forget(&self) {
        self.remembered().forget();
    }

    /// Remembers what was found, unless everything has been forgotten since it was looked for: it may be of before.
    fn remember<T>(&self, since: u64, found: impl FnOnce(&mut Remembered) -> T) {
        let mut remembered = self.remembered();
        if remembered.forgotten == since {
            found(&mut remembered);
        }
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the user whose password it is, and the hash that the password was compared with.
    async fn user_by_password(
        &self,
        user: UserKey,
        domain: Option<DomainKey>,
        password: Secret,
    ) -> Result<(User, String), EngineError> {
        let found = self.store.find_user(user).await?;
        let hash = found.as_ref().and_then(|(_, hash)| hash.clone());
        let Ok(Ok(_check)) = tokio::time::timeout(CHECK_PATIENCE, self.checks.acquire()).await else {
            return Err(EngineError::Unavailable);
        };
        let matches = verify(password, hash.unwrap_or_else(|| NOBODYS_HASH.to_owned())).await;
        let in_domain = match domain {
            Some(domain) => self.is_own_domain(&domain).await?,
            None => true,
        };
        match found {
            Some((user, Some(hash))) if matches && in_domain => Ok((user, hash)),
            _ => Err(Refusal::InvalidCredentials.into()),
        }
    }

    async fn is_own_domain(&self, key: &DomainKey) -> Result<bool, EngineError> {
        let own = self.store.domain().await?;
        Ok(match key {
            DomainKey::Id(id) => *id == own.id,
            DomainKey::Name(name) => *name == own.name,
        })
    }

    async fn scope(&self, user: &User, wanted: WantedScope) -> Result<TokenScope, EngineError> {
        let project = match wanted {
            WantedScope::Domain(domain) => {
                return if self.is_own_domain(&domain).await? {
                    Ok(TokenScope::Domain)
                } else {
                    Err(Refusal::InvalidCredentials.into())
                };
            }
            WantedScope::ProjectId(id) => self.project(user, id).await?,
            WantedScope::ProjectName { name, domain } => {
                if let Some(domain) = domain
                    && !self.is_own_domain(&domain).await?
                {
                    return Err(Refusal::InvalidCredentials.into());
                }
                let filter = ProjectFilter { id: None, name: Some(name) };
                self.projects(user, filter).await?.into_iter().next()
            }
            WantedScope::Any => {
                let first = self.projects(user, ProjectFilter::default()).await?.into_iter().next();
                return Ok(first.map_or(TokenScope::Domain, TokenScope::Project));
            }
        };
        Ok(TokenScope::Project(project.ok_or(Refusal::InvalidCredentials)?))
    }
}

/// Hashes the password of a user with a salt of random bits. Takes tens of milliseconds, on purpose.
pub(super) fn hash_password(password: &Secret, salt: [u8; 16]) -> Option<String> {
    hash_by(&Argon2::default(), password, salt)
}

/// Hashes a password by a way of one's own.
pub(super) fn hash_by(way: &Argon2<'_>, password: &Secret, salt: [u8; 16]) -> Option<String> {
    let salt = SaltString::encode_b64(&salt).ok()?;
    let hash = way.hash_password(password.expose().as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

/// Returns whether a text is a hash that a password can be compared with.
pub(super) fn is_password_hash(text: &Secret) -> bool {
    PasswordHash::new(text.expose()).is_ok()
}

/// Compares a password with a hash, beside the threads that serve requests.
pub(super) async fn verify(password: Secret, hash: String) -> bool {
    let verified = tokio::task::spawn_blocking(move || {
        let Ok(hash) = PasswordHash::new(&hash) else { return false };
        Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok()
    });
    verified.await.unwrap_or(false)
}

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::builtin;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let hash = hash_password(&Secret::new("right".to_owned()), [7; 16]).unwrap();
        assert!(verify(Secret::new("right".to_owned()), hash.clone()).await);
        assert!(!verify(Secret::new("wrong".to_owned()), hash).await);
    }

    #[tokio::test]
    async fn the_built_in_hashes_are_what_they_say() {
        let password = Secret::new(builtin::PASSWORD.to_owned());
        assert!(verify(password.clone(), builtin::PASSWORD_HASH.to_owned()).await);
        assert!(PasswordHash::new(NOBODYS_HASH).is_ok());
        assert!(!verify(password, NOBODYS_HASH.to_owned()).await);
    }
}
