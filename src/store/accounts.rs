//! Accounts of instances.

use async_trait::async_trait;

use crate::domain::account::{Account, AccountRole};
use crate::domain::id::AccountId;
use crate::domain::identity::Secret;
use crate::domain::origin::Origin;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::{InstanceRef, PasswordAnswer, StoreError};

/// Changes the accounts of an instance.
#[derive(Clone, Debug)]
pub struct ChangeAccount {
    /// The instance.
    pub instance: InstanceRef,
    /// What is to be done.
    pub command: AccountCommand,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// What can be done to accounts.
#[derive(Clone, Debug)]
pub enum AccountCommand {
    /// Make one.
    Create {
        /// The account.
        account: Box<Account>,
        /// How long that takes.
        work: WorkOptions,
        /// Its background task.
        task: NewTask,
    },
    /// Describe one.
    Describe {
        /// The account.
        id: AccountId,
        /// The description; none: it has none.
        description: Option<String>,
    },
    /// Let one do something else.
    SetRole {
        /// The account.
        id: AccountId,
        /// What it may do.
        role: AccountRole,
        /// How long that takes.
        work: WorkOptions,
        /// Its background task.
        task: NewTask,
    },
    /// Remove one.
    Delete {
        /// The account.
        id: AccountId,
        /// How long that takes.
        work: WorkOptions,
        /// Its background task.
        task: NewTask,
    },
}

/// Changes the password of an account.
#[derive(Clone, Debug)]
pub struct ChangeAccountPassword {
    /// The instance.
    pub instance: InstanceRef,
    /// The account.
    pub id: AccountId,
    /// How it is to change.
    pub change: AccountPasswordChange,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// How the password of an account is to change. Hashes are PHC texts: the writer has no time to make or compare them.
#[derive(Clone, Debug)]
pub enum AccountPasswordChange {
    /// By somebody who named the old one.
    Change {
        /// The hash that what was named has been compared with; none if nothing was compared, because nobody may try.
        compared_with: Option<Secret>,
        /// A hash of the new password; none if the wrong old one was named.
        new_hash: Option<Secret>,
    },
    /// Whatever the old one is.
    Reset {
        /// A hash of the new password.
        new_hash: Secret,
        /// How long that takes.
        work: WorkOptions,
        /// Its background task.
        task: NewTask,
    },
}

/// Reads of accounts.
#[async_trait]
pub trait AccountReads: Send + Sync {
    /// Returns the accounts of an instance but for the default one, oldest first; `None` if it is not there, is deleted, or belongs to
    /// another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn accounts(&self, instance: InstanceRef) -> Result<Option<Vec<Account>>, StoreError>;
}

/// Changes of accounts.
#[async_trait]
pub trait AccountWrites: Send + Sync {
    /// Changes the accounts of an instance.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `permit_accounts`, with `InvalidAccount` for an unknown account, as [`Account::permit_beside`]
    /// of a new one, as [`Account::permit_change`] or [`Account::permit_deletion`] of one that is there; in this order.
    async fn change_account(&self, command: ChangeAccount) -> Result<(), StoreError>;

    /// Changes the password of an account, or counts the try.
    ///
    /// # Errors
    /// As [`AccountWrites::change_account`].
    async fn change_account_password(
        &self,
        command: ChangeAccountPassword,
    ) -> Result<PasswordAnswer, StoreError>;
}
