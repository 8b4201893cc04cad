//! Instances: change and reset the password.
//!
//! Hashing and comparing take a processor and some memory. Whoever is to be refused is refused before, and nothing waits for it: it is
//! done between a read and a write that checks again.

use std::ops::ControlFlow;

use crate::domain::identity::Secret;
use crate::domain::instance::Instance;
use crate::domain::instance::password::{
    PasswordReset, PasswordVerdict, permit_change, permit_reset, require_new,
};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskKind;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangePassword, InstanceRef, PasswordAnswer, PasswordChange, StoredPassword};

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
        let permit = |instance: &Instance| permit_change(instance.access.no_password, instance.state());
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
            let change = PasswordChange::Change { compared_with: kept.hash, new_hash };
            // Somebody may have changed it while it was compared: then that one is asked for.
            let has_colon = new.expose().contains(':');
            if let Some(verdict) = self.judge_password(instance, (change, has_colon), &origin).await? {
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
        let permit = |instance: &Instance| permit_reset(instance.state());
        loop {
            if let ControlFlow::Break(verdict) = self.look_at_password(instance, permit, &origin).await? {
                return Ok(verdict);
            }
            let new_hash = match &new {
                Some(password) => Some(self.hashed_password(password.clone()).await?),
                None => None,
            };
            let change = PasswordChange::Reset { new_hash };
            let has_colon = new.as_ref().is_some_and(|password| password.expose().contains(':'));
            if let Some(verdict) = self.judge_password(instance, (change, has_colon), &origin).await? {
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
    ) -> Result<ControlFlow<PasswordVerdict, StoredPassword>, EngineError> {
        loop {
            let write = self.write().await?;
            permit(&write.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?)?;
            let kept = write.instance_password(instance).await?.ok_or(Refusal::InstanceNotFound)?;
            if !kept.tries.are_locked(write.now) {
                return Ok(ControlFlow::Continue(kept));
            }
            let (change, origin) = (PasswordChange::WhileLocked, origin.clone());
            let change =
                ChangePassword { instance, change, has_colon: false, task: None, now: write.now, origin };
            if let PasswordAnswer::Judged(verdict) = write.change_password(change).await? {
                return Ok(ControlFlow::Break(verdict));
            }
        }
    }

    /// Has a password changed, or the try counted; returns the verdict, or none if it is another password by now.
    async fn judge_password(
        &self,
        instance: InstanceRef,
        (change, has_colon): (PasswordChange, bool),
        origin: &Origin,
    ) -> Result<Option<PasswordVerdict>, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        // A try with a wrong password leaves no trace but its count.
        let task = if change.may_change() {
            Some(self.new_task(TaskKind::ChangePassword, &origin.actor, now).await?)
        } else {
            None
        };
        let origin = origin.clone();
        let change = ChangePassword { instance, change, has_colon, task, now, origin };
        Ok(match write.change_password(change).await? {
            PasswordAnswer::Judged(verdict) => Some(verdict),
            PasswordAnswer::Outdated => None,
        })
    }

    /// Returns a hash of a password, as PHC text.
    ///
    /// # Errors
    /// `Unavailable` if too many are being hashed.
    pub(super) async fn hashed_password(&self, password: Secret) -> Result<Secret, EngineError> {
        self.passwords.hash(password, self.ids.random_bits()).await
    }

    pub(super) async fn is_right(&self, password: Secret, hash: &Secret) -> Result<bool, EngineError> {
        self.passwords.matches(password, hash.clone()).await
    }
}
