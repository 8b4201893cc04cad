//! Acting as another for a while: agencies that are assumed, and temporary keys.
//!
//! What is given for credentials ends no later than they do, or stolen ones could live for ever.

use std::time::Duration;

use crate::domain::identity::{AccessKey, Domain, Secret, Session, Token, User};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::EngineError;
use crate::engine::identity::{AuthMode, DomainKey, Identity, hash_of, id_of};
use crate::store::{AgencyName, LoginProof, NewTemporaryKey};

/// Somebody who has shown good credentials, and asks for others.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Who it is.
    pub user: User,
    pub(super) proof: LoginProof,
    /// When what was shown stops being good.
    pub(super) until: Timestamp,
}

impl Principal {
    /// Returns the holder of a token.
    pub fn of_token(token: &Token) -> Self {
        let proof = LoginProof::Token { hash: token.hash };
        Self { user: token.user.clone(), proof, until: token.expires_at }
    }

    /// Returns the owner of a key, who has signed with it.
    pub fn of_key(key: &AccessKey) -> Self {
        let proof = LoginProof::Key { access: key.access.clone() };
        let until = key.session.map_or(Timestamp::MAX, |session| session.expires_at);
        Self { user: key.owner.clone(), proof, until }
    }
}

/// An agency as somebody names it who assumes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgencyKey {
    /// Its name.
    pub name: String,
    /// The account it is said to be in; the domain if none.
    pub account: Option<DomainKey>,
}

/// A temporary key as it is handed out, once.
#[derive(Clone, Debug)]
pub struct TemporaryKey {
    /// Its name.
    pub access: String,
    /// Its secret.
    pub secret: Secret,
    /// What goes with each request that it signs.
    pub security_token: Secret,
    /// When it stops being good.
    pub expires_at: Timestamp,
}

impl Identity {
    /// Returns an agency. Where unknown credentials are let in, one that no seed has named comes into being, in whatever account, and may
    /// do everything.
    ///
    /// # Errors
    /// `Refused` with `AgencyNotFound`.
    pub async fn assume(&self, agency: AgencyKey) -> Result<User, EngineError> {
        let own = self.domain().await?;
        let account = match agency.account.filter(|account| !account.names(&own)) {
            None => None,
            // An account of which only one is known is called by it, and has the other of the domain.
            Some(DomainKey::Id(id)) => Some(Domain { id, name: id.to_string() }),
            Some(DomainKey::Name(name)) => Some(Domain { id: own.id, name }),
        };
        let name = AgencyName { name: agency.name, account };
        let is_seeded = self.mode() == AuthMode::Strict;
        if let Some(found) = self.store.find_agency(name.clone(), is_seeded).await? {
            return Ok(found);
        }
        if !is_seeded {
            self.store.save_agency(id_of(&name.among_users()), name.clone()).await?;
        }
        Ok(self.store.find_agency(name, is_seeded).await?.ok_or(Refusal::AgencyNotFound)?)
    }

    /// Removes agencies that came into being where unknown credentials were let in, with their credentials, if they are not any more.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn remove_unseeded_agencies(&self) -> Result<(), EngineError> {
        if self.mode() == AuthMode::Strict {
            self.store.remove_unseeded_agencies().await?;
        }
        Ok(())
    }

    /// Gives a holder a temporary key of its own, or of the agency that it has assumed.
    ///
    /// # Errors
    /// `Refused` with `InvalidCredentials` if what was shown does not hold any more.
    pub async fn issue_temporary_key(
        &self,
        holder: Principal,
        agency: Option<&User>,
        life: Duration,
    ) -> Result<TemporaryKey, EngineError> {
        let issued_at = self.now();
        let expires_at = issued_at.saturating_add(life).min(holder.until);
        let access = loop {
            let access = format!("HST{}", &hex::encode_upper(self.ids.random_bits())[..17]);
            if self.access_key(&access).await?.is_none() {
                break access;
            }
        };
        let (secret, security_token) = (hex::encode(self.ids.key()), hex::encode(self.ids.key()));
        let secret = Secret::new(secret[..40].to_owned());
        let new = NewTemporaryKey {
            access: access.clone(),
            secret: secret.clone(),
            session: Session { token_hash: hash_of(&security_token), expires_at },
            user_id: agency.map_or(holder.user.id, |agency| agency.id),
            asked_by: holder.user.id,
            proof: holder.proof,
            issued_at,
        };
        if !self.store.save_temporary_key(new).await? {
            return Err(Refusal::InvalidCredentials.into());
        }
        Ok(TemporaryKey { access, secret, security_token: Secret::new(security_token), expires_at })
    }
}
