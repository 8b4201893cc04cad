//! Logins: what somebody shows of himself is judged, and a token is given for it.
//!
//! Comparing a password takes long, and nothing waits for it. So the writer looks again whether what was shown still holds when it keeps
//! the token: a login is of before a reset, or a new password, or of after it.

use std::time::Duration;

use crate::domain::identity::{Assumer, Secret, Token, TokenScope};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::EngineError;
use crate::engine::identity::{AgencyKey, AuthMode, Identity, LoginMethod, Principal, WantedScope, hash_of};
use crate::store::{LoginProof, NewToken};

impl Identity {
    /// Logs somebody in and returns a new token with its text.
    ///
    /// # Errors
    /// `Refused` with `InvalidCredentials` for an unknown user, a wrong password, another domain, or a scope in which the
    /// user has no role: the answer does not tell which. `CredentialsExpired` for a token that was good once; `AgencyNotFound`.
    pub async fn login(
        &self,
        method: LoginMethod,
        scope: WantedScope,
    ) -> Result<(Secret, Token), EngineError> {
        let (holder, method, assumed_by) = match method {
            LoginMethod::Password { user, domain, password } => loop {
                let found = self.user_by_password(user.clone(), domain.clone(), password.clone()).await?;
                let (user, proof) = found;
                let holder = Principal { user, proof, until: Timestamp::MAX };
                // None if there is another password by now: then it is compared with that one.
                if let Some(given) = self.issue_token(holder, "password", None, scope.clone()).await? {
                    return Ok(given);
                }
            },
            LoginMethod::Token(text) => (Principal::of_token(&*self.token(&text).await?), "token", None),
            // Nobody here knows what a provider signs with.
            LoginMethod::IdToken { .. } if self.mode() == AuthMode::Strict => {
                return Err(Refusal::InvalidCredentials.into());
            }
            LoginMethod::IdToken { provider } => {
                let user = self.assume(AgencyKey { name: provider, account: None }).await?;
                (Principal { user, proof: LoginProof::Unchecked, until: Timestamp::MAX }, "mapped", None)
            }
            LoginMethod::Agency { holder, agency } => {
                let assumer = Assumer { id: holder.user.id, name: holder.user.name };
                let user = self.assume(agency).await?;
                (Principal { user, ..holder }, "assume_role", Some(assumer))
            }
        };
        let given = self.issue_token(holder, method, assumed_by, scope).await?;
        Ok(given.ok_or(Refusal::InvalidCredentials)?)
    }

    /// Gives the user of a holder a token; none if the proof does not hold any more, which is that of who assumes it, if anybody does.
    async fn issue_token(
        &self,
        Principal { user, proof, until }: Principal,
        method: &'static str,
        assumed_by: Option<Assumer>,
        scope: WantedScope,
    ) -> Result<Option<(Secret, Token)>, EngineError> {
        let scope = self.scope(&user, scope).await?;
        let text = hex::encode(self.ids.key());
        let issued_at = self.now();
        let life = Duration::from_hours(Token::LIFETIME_HOURS);
        let expires_at = issued_at.saturating_add(life).min(until);
        let project_id = match &scope {
            TokenScope::Project(project) => Some(project.id),
            TokenScope::Domain => None,
        };
        let hash = hash_of(&text);
        let new = NewToken {
            hash,
            user_id: user.id,
            proof,
            project_id,
            method,
            assumed_by: assumed_by.clone(),
            issued_at,
            expires_at,
        };
        let is_kept = self.store.save_token(new).await?;
        let method = method.to_owned();
        let token = Token { hash, user, scope, method, assumed_by, issued_at, expires_at };
        Ok(is_kept.then(|| (Secret::new(text), token)))
    }
}
