//! Logins: what somebody shows of himself is judged, and a token is given for it.
//!
//! Comparing a password takes long, and nothing waits for it. So the writer looks again whether what was shown still holds when it keeps
//! the token: a login is of before a reset, or a new password, or of after it.

use std::time::Duration;

use crate::domain::identity::{Secret, Token, TokenScope, User};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::EngineError;
use crate::engine::identity::{Identity, LoginMethod, WantedScope, hash_of};
use crate::store::{LoginProof, NewToken};

impl Identity {
    /// Logs somebody in and returns a new token with its text.
    ///
    /// # Errors
    /// `Refused` with `InvalidCredentials` for an unknown user, a wrong password, another domain, or a scope in which the
    /// user has no role: the answer does not tell which. `CredentialsExpired` for a token that was good once.
    pub async fn login(
        &self,
        method: LoginMethod,
        scope: WantedScope,
    ) -> Result<(Secret, Token), EngineError> {
        match method {
            LoginMethod::Password { user, domain, password } => loop {
                let found = self.user_by_password(user.clone(), domain.clone(), password.clone()).await?;
                let (user, proof) = found;
                let given = self.give_token(user, (proof, "password"), scope.clone(), Timestamp::MAX).await?;
                // None if there is another password by now: then it is compared with that one.
                if let Some(given) = given {
                    return Ok(given);
                }
            },
            LoginMethod::Token(text) => {
                let token = self.token(&text).await?;
                let proof = LoginProof::Token { hash: hash_of(text.expose()) };
                // A token got by a token lives no longer than that one, or a stolen one could live for ever.
                let given =
                    self.give_token(token.user.clone(), (proof, "token"), scope, token.expires_at).await?;
                Ok(given.ok_or(Refusal::InvalidCredentials)?)
            }
        }
    }

    /// Gives a user a token; none if the proof does not hold any more.
    async fn give_token(
        &self,
        user: User,
        (proof, method): (LoginProof, &'static str),
        scope: WantedScope,
        no_longer_than: Timestamp,
    ) -> Result<Option<(Secret, Token)>, EngineError> {
        let scope = self.scope(&user, scope).await?;
        let text = hex::encode(self.ids.key());
        let issued_at = self.real_clock.now();
        let life = Duration::from_hours(Token::LIFE_HOURS);
        let expires_at = issued_at.saturating_add(life).min(no_longer_than);
        let project_id = match &scope {
            TokenScope::Project(project) => Some(project.id),
            TokenScope::Domain => None,
        };
        let (hash, user_id) = (hash_of(&text), user.id);
        let new = NewToken { hash, user_id, proof, project_id, method, issued_at, expires_at };
        let is_kept = self.store.save_token(new).await?;
        let token = Token { user, scope, method: method.to_owned(), issued_at, expires_at };
        Ok(is_kept.then(|| (Secret::new(text), token)))
    }
}
