//! Accounts of instances: list, make, describe, give another role or password, remove.
//!
//! Passwords are hashed and compared between a read and a write that checks again, as those of instances are; the password of the default
//! account is one.

use crate::domain::account::{
    Account, AccountRole, NewAccount, permit_accounts, require_description, require_password,
};
use crate::domain::id::{AccountId, JobId};
use crate::domain::identity::Secret;
use crate::domain::instance::Instance;
use crate::domain::instance::password::{PasswordReset, PasswordVerdict};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::task::{NewTask, TaskKind};
use crate::domain::time::Timestamp;
use crate::domain::work::{FailureCode, WorkModel, WorkOptions};
use crate::engine::{Engine, EngineError};
use crate::store::{
    AccountCommand, AccountPasswordChange, ChangeAccount, ChangeAccountPassword, InstanceRef, PasswordAnswer,
};

impl Engine {
    /// Returns an instance and its accounts but for the default one, oldest first.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or with `AccountsUnsupported` for the first generation.
    pub async fn accounts(&self, instance: InstanceRef) -> Result<(Instance, Vec<Account>), EngineError> {
        let read = self.read().await;
        let found = read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        if found.engine_version.is_first_generation() {
            return Err(Refusal::AccountsUnsupported.into());
        }
        Ok((found, read.accounts(instance).await?.unwrap_or_default()))
    }

    /// Makes an account; returns the job that does.
    ///
    /// # Errors
    /// `Refused` as [`NewAccount::check`], with `InstanceNotFound`, as `permit_accounts`, or as [`Account::permit_beside`].
    pub async fn create_account(
        &self,
        instance: InstanceRef,
        new: NewAccount,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<JobId, EngineError> {
        let new = new.check()?;
        let password_hash = self.hashed_password(new.password.clone()).await?;
        let write = self.write().await?;
        let now = write.now;
        let account = Box::new(Account::new(self.new_id(now).await?, new, password_hash));
        let (work, task) =
            self.account_work(instance, TaskKind::CreateAccount, (failure, &origin), now).await?;
        let (job_id, command) = (task.job_id, AccountCommand::Create { account, work, task });
        write.change_account(ChangeAccount { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Describes an account; without characters it has no description.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `permit_accounts`, with `InvalidAccount`, or as [`Account::permit_change`].
    pub async fn describe_account(
        &self,
        instance: InstanceRef,
        id: AccountId,
        description: Option<String>,
        origin: Origin,
    ) -> Result<(), EngineError> {
        require_description(description.as_deref())?;
        let write = self.write().await?;
        let description = description.filter(|text| !text.is_empty());
        let command = AccountCommand::Describe { id, description };
        Ok(write.change_account(ChangeAccount { instance, command, now: write.now, origin }).await?)
    }

    /// Lets an account do something else; returns the job that does.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `permit_accounts`, with `InvalidAccount`, or as [`Account::permit_change`].
    pub async fn set_account_role(
        &self,
        instance: InstanceRef,
        id: AccountId,
        role: AccountRole,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let (work, task) =
            self.account_work(instance, TaskKind::SetAccountRole, (failure, &origin), now).await?;
        let (job_id, command) = (task.job_id, AccountCommand::SetRole { id, role, work, task });
        write.change_account(ChangeAccount { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Removes an account.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `permit_accounts`, with `InvalidAccount`, or as [`Account::permit_deletion`].
    pub async fn delete_account(
        &self,
        instance: InstanceRef,
        id: AccountId,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let (work, task) =
            self.account_work(instance, TaskKind::DeleteAccount, (failure, &origin), now).await?;
        let command = AccountCommand::Delete { id, work, task };
        Ok(write.change_account(ChangeAccount { instance, command, now, origin }).await?)
    }

    /// Changes the password of an account, if the old one is right and not too many were wrong before.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `permit_accounts`, with `InvalidAccount`, or as [`Account::permit_change`]; of the default
    /// account as [`Engine::change_password`].
    pub async fn change_account_password(
        &self,
        instance: InstanceRef,
        id: AccountId,
        (old, new): (Secret, Secret),
        origin: Origin,
    ) -> Result<PasswordVerdict, EngineError> {
        loop {
            let Some((account, now)) = self.account_to_change(instance, id).await? else {
                return self.change_password(instance, old, new, origin).await;
            };
            require_password(&account.name, &new)?;
            if old == new {
                return Err(Refusal::InvalidAccount.into());
            }
            let (mut compared_with, mut new_hash) = (None, None);
            if !account.tries.are_locked(now) {
                if self.passwords.matches(old.clone(), account.password_hash.clone()).await? {
                    new_hash = Some(self.hashed_password(new.clone()).await?);
                }
                compared_with = Some(account.password_hash);
            }
            let change = AccountPasswordChange::Change { compared_with, new_hash };
            let write = self.write().await?;
            let command =
                ChangeAccountPassword { instance, id, change, now: write.now, origin: origin.clone() };
            // Somebody may have changed it while it was compared: then that one is asked for.
            if let PasswordAnswer::Judged(verdict) = write.change_account_password(command).await? {
                return Ok(verdict);
            }
        }
    }

    /// Gives an account another password, whatever the old one is.
    ///
    /// # Errors
    /// As [`Engine::change_account_password`]; of the default account as [`Engine::reset_password`].
    pub async fn reset_account_password(
        &self,
        instance: InstanceRef,
        id: AccountId,
        new: Secret,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<PasswordVerdict, EngineError> {
        let Some((account, _)) = self.account_to_change(instance, id).await? else {
            let reset = PasswordReset { password: Some(new), no_password: Some(false) };
            return self.reset_password(instance, reset, origin).await;
        };
        require_password(&account.name, &new)?;
        let new_hash = self.hashed_password(new).await?;
        loop {
            let write = self.write().await?;
            let now = write.now;
            let kind = TaskKind::ResetAccountPassword;
            let (work, task) = self.account_work(instance, kind, (failure, &origin), now).await?;
            let change = AccountPasswordChange::Reset { new_hash: new_hash.clone(), work, task };
            let command = ChangeAccountPassword { instance, id, change, now, origin: origin.clone() };
            if let PasswordAnswer::Judged(verdict) = write.change_account_password(command).await? {
                return Ok(verdict);
            }
        }
    }

    /// Returns an account that can be changed, and the present; none for the default account.
    async fn account_to_change(
        &self,
        instance: InstanceRef,
        id: AccountId,
    ) -> Result<Option<(Account, Timestamp)>, EngineError> {
        let read = self.read().await;
        let found = read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        permit_accounts(found.engine_version.is_first_generation(), found.state())?;
        if id == found.default_account_id() {
            return Ok(None);
        }
        let accounts = read.accounts(instance).await?.unwrap_or_default();
        let account = accounts.into_iter().find(|account| account.id == id).ok_or(Refusal::InvalidAccount)?;
        account.permit_change()?;
        Ok(Some((account, read.now)))
    }

    async fn account_work(
        &self,
        instance: InstanceRef,
        kind: TaskKind,
        (failure, origin): (Option<FailureCode>, &Origin),
        now: Timestamp,
    ) -> Result<(WorkOptions, NewTask), EngineError> {
        let task = self.new_task(kind, &origin.actor, now).await?;
        Ok((self.work_options(WorkModel::Account, instance, failure), task))
    }
}
