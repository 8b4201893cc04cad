//! Identity: logins, tokens, access keys, agencies, projects.
//!
//! Tokens are opaque and random; only their hash is kept. They and temporary keys live by the real clock, whatever time the emulator
//! shows, because clients compare their expiry with their own; by that of the emulator if the settings say so.

mod assuming;
mod cache;
mod login;

use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::domain::id::{DomainId, ProjectId, UserId};
use crate::domain::identity::{AccessKey, Domain, Project, Secret, Token, TokenScope, User};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::EngineError;
pub use crate::engine::identity::assuming::{AgencyKey, Principal, TemporaryKey};
use crate::engine::identity::cache::IdentityCache;
use crate::engine::passwords::{Passwords, is_outdated};
use crate::ids::IdSource;
use crate::store::{IdentityStore, LoginProof};
pub use crate::store::{ProjectFilter, UserKey};

/// A hash that no password matches, verified for unknown users so that they cost as much as known ones.
pub(super) const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=2048,t=1,p=1$ZGNzLWVtdWxhdG9yLS0tLQ$iDMTu1fcvJCpxW8IHYO0OV4WNQB5h/7tN52Vn3z9T08";

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

/// By which clock tokens, temporary keys and signatures end. Setting `auth_clock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthClock {
    /// That of the world outside, by which clients go.
    Real,
    /// The emulator's, which a test moves.
    Emulator,
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
    /// By an id token of an identity provider, of which nothing can be checked.
    IdToken {
        /// The id of the provider.
        provider: String,
    },
    /// By good credentials of whatever kind, as an agency.
    Agency {
        /// Whose they are.
        holder: Principal,
        /// The agency.
        agency: AgencyKey,
    },
}

/// How a domain is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainKey {
    /// By id.
    Id(DomainId),
    /// By name.
    Name(String),
}

impl DomainKey {
    /// Returns whether it is the name or the id of a domain.
    fn names(&self, domain: &Domain) -> bool {
        match self {
            Self::Id(id) => *id == domain.id,
            Self::Name(name) => *name == domain.name,
        }
    }
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

/// Identity: its store, clock, ids, and how strict it is.
#[derive(Clone)]
pub struct Identity {
    store: Arc<dyn IdentityStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    settings: Arc<IdentitySettings>,
    cache: Arc<Mutex<IdentityCache>>,
    passwords: Passwords,
}

impl Identity {
    /// Puts identity together. Credentials end by `clock`, `passwords` are those of [`Engine::passwords`].
    ///
    /// [`Engine::passwords`]: crate::engine::Engine::passwords
    pub fn new(
        store: Arc<dyn IdentityStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        settings: IdentitySettings,
        passwords: Passwords,
    ) -> Self {
        Self { store, clock, ids, settings: Arc::new(settings), cache: Arc::default(), passwords }
    }

    /// Returns who is let in.
    pub fn mode(&self) -> AuthMode {
        self.settings.mode
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.settings.region
    }

    /// Returns the time by which credentials end.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the domain that all users and projects belong to.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn domain(&self) -> Result<Domain, EngineError> {
        Ok(self.store.domain().await?)
    }

    /// Returns the projects that somebody has named.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn named_projects(&self) -> Result<Vec<Project>, EngineError> {
        Ok(self.store.projects(ProjectFilter::default()).await?)
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
        if self.settings.auto_projects || self.cache().projects.contains(&project) {
            return Ok(true);
        }
        let since = self.cache().forgotten;
        let filter = ProjectFilter { id: Some(project), name: None };
        let is_known = !self.store.projects(filter).await?.is_empty();
        if is_known {
            self.put(since, |cache| cache.projects.insert(project));
        }
        Ok(is_known)
    }

    /// Returns a token that is good now.
    ///
    /// # Errors
    /// `Refused` with `InvalidCredentials` if nobody was ever given it, `CredentialsExpired` if its time is over.
    pub async fn token(&self, text: &Secret) -> Result<Arc<Token>, EngineError> {
        let token = self.known_token(text).await?.ok_or(Refusal::InvalidCredentials)?;
        token.permit_use(self.now())?;
        Ok(token)
    }

    /// Returns a token that somebody was given, expired or not.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn known_token(&self, text: &Secret) -> Result<Option<Arc<Token>>, EngineError> {
        let hash = hash_of(text.expose());
        if let Some(token) = self.cache().tokens.get(&hash) {
            return Ok(Some(Arc::clone(token)));
        }
        let since = self.cache().forgotten;
        let Some(token) = self.store.find_token(hash).await?.map(Arc::new) else { return Ok(None) };
        self.put(since, |cache| cache.put_token(hash, &token));
        Ok(Some(token))
    }

    /// Makes sure that a key may sign now, with the security token that came with the request.
    ///
    /// # Errors
    /// As [`AccessKey::permit_use`].
    pub fn permit_key(&self, key: &AccessKey, security_token: Option<&str>) -> Result<(), Refusal> {
        key.permit_use(security_token.map(hash_of), self.now())
    }

    /// Returns an access key, permanent or temporary, expired or not.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn access_key(&self, access: &str) -> Result<Option<Arc<AccessKey>>, EngineError> {
        if let Some(key) = self.cache().keys.get(access) {
            return Ok(Some(Arc::clone(key)));
        }
        let since = self.cache().forgotten;
        let Some(key) = self.store.find_access_key(access).await?.map(Arc::new) else { return Ok(None) };
        self.put(since, |cache| cache.put_key(access, &key));
        Ok(Some(key))
    }

    /// Returns a user by id or name.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn user(&self, key: UserKey) -> Result<Option<User>, EngineError> {
        Ok(self.store.find_user(key).await?.map(|(user, _)| user))
    }

    /// Forgets the tokens, keys and projects that were cached: what is stored has been replaced.
    pub(super) fn forget(&self) {
        self.cache().forget();
    }

    /// Remembers what was found, unless everything has been forgotten since it was looked for: it may be of before.
    fn put<T>(&self, since: u64, found: impl FnOnce(&mut IdentityCache) -> T) {
        let mut cache = self.cache();
        if cache.forgotten == since {
            found(&mut cache);
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, IdentityCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the user whose password it is, with the proof of it: the hash that it was compared with, and a new one if that costs
    /// something else than new ones do.
    async fn user_by_password(
        &self,
        user: UserKey,
        domain: Option<DomainKey>,
        password: Secret,
    ) -> Result<(User, LoginProof), EngineError> {
        let found = self.store.find_user(user).await?;
        let hash = found.as_ref().and_then(|(_, hash)| hash.clone()).map(Secret::new);
        let compared_with = hash.clone().unwrap_or_else(|| Secret::new(NOBODYS_HASH.to_owned()));
        let matches = self.passwords.matches(password.clone(), compared_with).await?;
        let in_domain = match domain {
            Some(domain) => domain.names(&self.domain().await?),
            None => true,
        };
        let (Some((user, _)), Some(hash), true) = (found, hash, matches && in_domain) else {
            return Err(Refusal::InvalidCredentials.into());
        };
        let rehash = if is_outdated(&hash) {
            Some(self.passwords.hash(password, self.ids.random_bits()).await?)
        } else {
            None
        };
        Ok((user, LoginProof::Password { hash, rehash }))
    }

    /// Returns the account of a user: the domain, or the one that an agency was assumed in.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn account(&self, user: &User) -> Result<Domain, EngineError> {
        match &user.account {
            Some(account) => Ok(account.clone()),
            None => self.domain().await,
        }
    }

    async fn scope(&self, user: &User, wanted: WantedScope) -> Result<TokenScope, EngineError> {
        let account = self.account(user).await?;
        let project = match wanted {
            WantedScope::Domain(domain) => {
                return if domain.names(&account) {
                    Ok(TokenScope::Domain)
                } else {
                    Err(Refusal::InvalidCredentials.into())
                };
            }
            WantedScope::ProjectId(id) => self.project(user, id).await?,
            WantedScope::ProjectName { name, domain } => {
                if let Some(domain) = domain
                    && !domain.names(&account)
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

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Returns the id of a user or an agency that was given none: it follows from its name.
pub(super) fn id_of(name: &str) -> UserId {
    let mut id = [0; 16];
    id.copy_from_slice(&hash_of(name)[..16]);
    UserId::from_bytes(id)
}
