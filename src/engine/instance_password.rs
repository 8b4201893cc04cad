//! Instances: change and reset the password.

use std::time::Duration;

use crate::domain::identity::Secret;
use crate::domain::instance::password::{PasswordReset, PasswordVerdict, require_new};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::engine::identity::{hash_password, verify};
use crate::engine::{Engine, EngineError};
use crate::store::{ChangePassword, InstanceRef, PasswordAnswer, PasswordWish};

/// How many passwords are hashed or compared at a time: each takes some megabytes of memory, and a processor.
pub(super) const PASSWORDS_AT_A_TIME: usize = 4;
/// How long a caller waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

impl Engine {
    /// Changes the password of an instance, if the old one is right and not too many were wrong before.
    ///
    /// # Errors
    /// `Refused` with `WeakPassword`, `InstanceNotFound`, `PasswordFree`, or the refusal of its state; in this order.
    pub async fn change_password(
        &self,
        instance: InstanceRef,
        old: Secret,
        new: Secret,
        origin: Origin,
    ) -> Result<PasswordVerdict, EngineError> {
        let new = require_new(&old, new)?;
        let present = self.settled_now().await?;
        loop {
            let kept = self.store.instance_password(instance).await?.ok_or(Refusal::InstanceNotFound)?;
            let is_right = match &kept.hash {
                Some(hash) => self.is_right(old.clone(), hash).await?,
                None => true,
            };
            let new_hash = if is_right { Some(self.hashed_password(new.clone()).await?) } else { None };
            let wish = PasswordWish::Change { compared_with: kept.hash, new_hash };
            let change = ChangePassword { instance, wish, now: present.now, origin: origin.clone() };
            // Somebody may have changed it while it was compared: then that one is asked for.
            if let PasswordAnswer::Judged(verdict) = self.store.change_password(change).await? {
                return Ok(verdict);
            }
        }
    }

    /// Sets how clients of an instance get in from now on, whatever the old password is.
    ///
    /// # Errors
    /// `Refused` as `PasswordReset::check`, with `InstanceNotFound`, or with the refusal of its state; in this order.
    pub async fn reset_password(
        &self,
        instance: InstanceRef,
        reset: PasswordReset,
        origin: Origin,
    ) -> Result<PasswordVerdict, EngineError> {
        let new_hash = match reset.check()? {
            Some(password) => Some(self.hashed_password(password).await?),
            None => None,
        };
        let present = self.settled_now().await?;
        let wish = PasswordWish::Reset { new_hash };
        let change = ChangePassword { instance, wish, now: present.now, origin };
        match self.store.change_password(change).await? {
            PasswordAnswer::Judged(verdict) => Ok(verdict),
            // A reset compares with nothing.
            PasswordAnswer::Outdated => Err(EngineError::Unavailable),
        }
    }

    /// Returns a hash of a password, as PHC text.
    ///
    /// # Errors
    /// `Unavailable` if too many are being hashed.
    pub(super) async fn hashed_password(&self, password: Secret) -> Result<Secret, EngineError> {
        let _turn = self.turn_for_a_password().await?;
        let salt = self.ids.random_bits();
        let hashed = tokio::task::spawn_blocking(move || hash_password(&password, salt)).await;
        hashed.unwrap_or(None).map(Secret::new).ok_or(EngineError::Unavailable)
    }

    async fn is_right(&self, password: Secret, hash: &Secret) -> Result<bool, EngineError> {
        let _turn = self.turn_for_a_password().await?;
        Ok(verify(password, hash.expose().to_owned()).await)
    }

    async fn turn_for_a_password(&self) -> Result<tokio::sync::SemaphorePermit<'_>, EngineError> {
        match tokio::time::timeout(PATIENCE, self.passwords.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(EngineError::Unavailable),
        }
    }
}
