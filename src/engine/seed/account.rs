//! Accounts of instances in a seed.

use serde::{Deserialize, Serialize};

use crate::domain::account::{Account, AccountRole, AccountStatus, is_account_name, require_description};
use crate::domain::builtin;
use crate::domain::id::AccountId;
use crate::domain::identity::Secret;
use crate::domain::instance::Instance;
use crate::domain::instance::password::PasswordTries;
use crate::engine::passwords::objection_to;
use crate::engine::seed::text::{SecretText, Short, derived_id};

/// An account of an instance in a seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountEntry {
    /// It follows from the instance and the name when left out.
    id: Option<AccountId>,
    name: Short<64>,
    #[serde(default = "writes")]
    role: AccountRole,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Short<1024>>,
    /// AVAILABLE when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<AccountStatus>,
    /// A hash of its password, as PHC text; without one the password is that of the user `emulator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<SecretText>,
}

fn writes() -> AccountRole {
    AccountRole::Write
}

impl AccountEntry {
    /// Returns the account, or a field and what is wrong with it.
    pub(super) fn account(&self, instance: &Instance) -> Result<Account, (&'static str, String)> {
        let problem = |field, problem: &str| (field, problem.to_owned());
        if instance.engine_version.is_first_generation() {
            return Err(problem("name", "belongs to an instance of a version that has no accounts"));
        }
        if !is_account_name(&self.name.0) {
            return Err(problem(
                "name",
                "must begin with a letter, have letters, digits, - and _ only, and not be default",
            ));
        }
        let description = self.description.as_ref().map(|text| text.0.clone());
        require_description(description.as_deref())
            .map_err(|_| problem("description", "must have at most 1024 characters"))?;
        let status = self.status.unwrap_or(AccountStatus::Available);
        if status.is_busy() {
            return Err(problem("status", "must be one that lasts"));
        }
        if let Some(objection) = self.password_hash.as_ref().and_then(|hash| objection_to(&hash.0)) {
            return Err(("password_hash", objection.to_owned()));
        }
        let hash = self.password_hash.as_ref().map(|hash| hash.0.clone());
        let default_id = || derived_id(&format!("account {} of {}", self.name.0, instance.id));
        Ok(Account {
            id: self.id.unwrap_or_else(|| AccountId::from_bytes(default_id())),
            name: self.name.0.clone(),
            role: self.role,
            description,
            status,
            password_hash: hash.unwrap_or_else(|| Secret::new(builtin::PASSWORD_HASH.to_owned())),
            tries: PasswordTries::default(),
            update: None,
        })
    }
}

impl From<Account> for AccountEntry {
    /// What is being made of it is not exported.
    fn from(account: Account) -> Self {
        let is_usual = account.status == AccountStatus::Available || account.status.is_busy();
        Self {
            id: Some(account.id),
            name: Short(account.name),
            role: account.role,
            description: account.description.map(Short),
            status: (!is_usual).then_some(account.status),
            password_hash: Some(SecretText(account.password_hash)),
        }
    }
}
