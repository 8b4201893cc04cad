//! Instances: change and reset the password.
//!
//! Hashing and comparing take a processor and some memory. Whoever is to be refused is refused before, and nothing waits for it: it is
//! done between two turns, and the writer looks again.

use std::ops::ControlFlow;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};

use crate::domain::background::Undertaking;
use crate::domain::identity::Secret;
use crate::domain::instance::Instance;
use crate::domain::instance::password::{
    PasswordReset, PasswordVerdict, permit_change, permit_reset, require_new,
};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::engine::identity::{hash_by, verify};
use crate::engine::{Engine, EngineError};
use crate::store::{ChangePassword, InstanceRef, KeptPassword, PasswordAnswer, PasswordWish};

/// How many passwords are hashed or compared at a time: those of before could take some megabytes of memory each.
pub(super) const PASSWORDS_AT_A_TIME: usize = 4;
/// How long a caller waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a hash costs: 1 MiB of memory, gone through once.
///
/// That is little for a password, and on purpose. It opens nothing, as there is no cache behind an instance: it is hashed so that it
/// does not stand in the database. And many instances are made at the same time, by tests.
const COST: (u32, u32, u32) = (1024, 1, 1);

impl Engine {
    /// Changes the password of an instance, if the old one is right and not too many were wrong before.
    ///
    /// # Errors
    /// `Refused` with `WeakPassword`, `InstanceNotFound`, or as [`permit_change`]; in this order.
    pub async fn change_password(
        &self,
        instance: InstanceRef,
        old: Secret,
        new: Secret,
        origin: Origin,
    ) -> Result<PasswordVerdict, EngineError> {
        let new = require_new(&old, new)?;
        let permit = |instance: &Instance| permit_change(instance.access.no_password, instance.situation());
        loop {
            let kept = match self.look_at_password(instance, permit, &origin).await? {
                ControlFlow::Continue(kept) => kept,
                ControlFlow::Break(verdict) => return Ok(verdict),
            };
            let is_right = match &kept.hash {
                Some(hash) => self.is_right(old.clone(), hash).await?,
                None => true,
            };
            let new_hash = if is_right { Some(self.hashed_password(new.clone()).await?) } else { None };
            let wish = PasswordWish::Change { compared_with: kept.hash, new_hash };
            // Somebody may have changed it while it was compared: then that one is asked for.
            if let Some(verdict) = self.judge_password(instance, wish, &origin).await? {
                return Ok(verdict);
            }
        }
    }

    /// Sets how clients of an instance get in from now on, whatever the old password is.
    ///
    /// # Errors
    /// `Refused` as `PasswordReset::check`, with `InstanceNotFound`, or as [`permit_reset`]; in this order.
    pub async fn reset_password(
        &self,
        instance: InstanceRef,
        reset: PasswordReset,
        origin: Origin,
    ) -> Result<PasswordVerdict, EngineError> {
        let new = reset.check()?;
        let permit = |instance: &Instance| permit_reset(instance.situation());
        loop {
            if let ControlFlow::Break(verdict) = self.look_at_password(instance, permit, &origin).await? {
                return Ok(verdict);
            }
            let new_hash = match &new {
                Some(password) => Some(self.hashed_password(password.clone()).await?),
                None => None,
            };
            let wish = PasswordWish::Reset { new_hash };
            if let Some(verdict) = self.judge_password(instance, wish, &origin).await? {
                return Ok(verdict);
            }
        }
    }

    /// Looks whether the password of an instance can be changed now, and returns what is kept of it; or the verdict if nobody may try.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `permit`.
    async fn look_at_password(
        &self,
        instance: InstanceRef,
        permit: impl Fn(&Instance) -> Result<(), Refusal>,
        origin: &Origin,
    ) -> Result<ControlFlow<PasswordVerdict, KeptPassword>, EngineError> {
        loop {
            let present = self.settled_now().await?;
            permit(&self.store.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?)?;
            let kept = self.store.instance_password(instance).await?.ok_or(Refusal::InstanceNotFound)?;
            if !kept.tries.are_locked(present.now) {
                return Ok(ControlFlow::Continue(kept));
            }
            let (wish, origin) = (PasswordWish::WhileLocked, origin.clone());
            let change = ChangePassword { instance, wish, undertaking: None, now: present.now, origin };
            if let PasswordAnswer::Judged(verdict) = self.store.change_password(change).await? {
                return Ok(ControlFlow::Break(verdict));
            }
        }
    }

    /// Has a password changed, or the try counted; returns the verdict, or none if it is another password by now.
    async fn judge_password(
        &self,
        instance: InstanceRef,
        wish: PasswordWish,
        origin: &Origin,
    ) -> Result<Option<PasswordVerdict>, EngineError> {
        let present = self.settled_now().await?;
        let now = present.now;
        // A try with a wrong password leaves no trace but its count.
        let undertaking = if wish.may_change() {
            Some(self.new_undertaking(Undertaking::ChangePassword, &origin.actor, now).await?)
        } else {
            None
        };
        let origin = origin.clone();
        let change = ChangePassword { instance, wish, undertaking, now, origin };
        Ok(match self.store.change_password(change).await? {
            PasswordAnswer::Judged(verdict) => Some(verdict),
            PasswordAnswer::Outdated => None,
        })
    }

    /// Returns a hash of a password, as PHC text.
    ///
    /// # Errors
    /// `Unavailable` if too many are being hashed.
    pub(super) async fn hashed_password(&self, password: Secret) -> Result<Secret, EngineError> {
        let _turn = self.turn_for_a_password().await?;
        let salt = self.ids.random_bits();
        let hashed = tokio::task::spawn_blocking(move || hash_by(&way()?, &password, salt)).await;
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

/// Returns how passwords of instances are hashed. A hash says how it was made, so that those of before are compared as they were.
fn way() -> Option<Argon2<'static>> {
    let (memory_kib, passes, lanes) = COST;
    let params = Params::new(memory_kib, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
