//! Accounts of instances: who may log in to an instance beside its default account, and with which rights.
//!
//! The default account follows from the instance, and its password is the instance's.
//!
//! ```text
//! CREATING ──> AVAILABLE <──> UPDATING      DELETING ──> gone
//!     └──> CREATEFAILED           └──> ERROR    └──> DELETEFAILED
//! ```
//!
//! Source: docs/contract/dcs-v2-operations.md, section 1.

use serde::{Deserialize, Serialize};

use crate::domain::id::AccountId;
use crate::domain::identity::Secret;
use crate::domain::instance::password::{PasswordTries, is_strong};
use crate::domain::instance::{CacheMode, InstanceAction, OperationalState};
use crate::domain::refusal::Refusal;

/// How many accounts an instance has at most, the default one not counted.
pub const MAX_ACCOUNTS: usize = 18;
/// The name of the default account.
pub const DEFAULT_ACCOUNT: &str = "default";
/// The most characters of a name.
const MAX_NAME_LENGTH: usize = 64;
/// The most characters of a description.
const MAX_DESCRIPTION_LENGTH: usize = 1024;
/// The fewest and the most characters of a password.
const PASSWORD_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountRole {
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

impl AccountRole {
    /// Reads the word that the API uses.
    ///
    /// # Errors
    /// `InvalidAccount` for another one.
    pub fn parse(word: &str) -> Result<Self, Refusal> {
        [Self::Read, Self::Write]
            .into_iter()
            .find(|role| role.as_str() == word)
            .ok_or(Refusal::InvalidAccount)
    }

    /// Returns the word that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Where an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountStatus {
    /// It is being made.
    Creating,
    /// It can be used.
    Available,
    /// Its role or its password is being changed.
    Updating,
    /// It is being removed.
    Deleting,
    /// It could not be made.
    CreateFailed,
    /// It could not be removed.
    DeleteFailed,
    /// A change of it failed.
    Error,
}

impl AccountStatus {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Available => "AVAILABLE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::CreateFailed => "CREATEFAILED",
            Self::DeleteFailed => "DELETEFAILED",
            Self::Error => "ERROR",
        }
    }

    /// Returns whether something is being done to the account.
    pub fn is_busy(self) -> bool {
        matches!(self, Self::Creating | Self::Updating | Self::Deleting)
    }
}

/// An account that is asked for.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: AccountRole,
    /// Its password.
    pub password: Secret,
    /// A description, if one is given.
    pub description: Option<String>,
}

impl NewAccount {
    /// Decides whether there can be such an account.
    ///
    /// # Errors
    /// `InvalidAccount`.
    pub fn check(self) -> Result<Self, Refusal> {
        if !is_account_name(&self.name) {
            return Err(Refusal::InvalidAccount);
        }
        require_password(&self.name, &self.password)?;
        require_description(self.description.as_deref())?;
        Ok(self)
    }
}

/// Returns whether an account can be named so: a letter, then letters, digits, `-` and `_`, at most 64 in all, and not as the default one.
pub fn is_account_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '_'))
        && name.len() <= MAX_NAME_LENGTH
        && name != DEFAULT_ACCOUNT
}

/// Decides whether an account can have a password.
///
/// # Errors
/// `InvalidAccount` unless it has 8 to 64 characters of at least three of the four kinds, no colon, and is not the name, in either
/// direction.
pub fn require_password(name: &str, password: &Secret) -> Result<(), Refusal> {
    let text = password.expose();
    let is_permitted = is_strong(text, &PASSWORD_LENGTHS)
        && !text.contains(':')
        && text != name
        && !text.chars().eq(name.chars().rev());
    if is_permitted { Ok(()) } else { Err(Refusal::InvalidAccount) }
}

/// Decides whether an account can have a description.
///
/// # Errors
/// `InvalidAccount` for one of more than 1024 characters.
pub fn require_description(description: Option<&str>) -> Result<(), Refusal> {
    let length = description.unwrap_or_default().chars().count();
    if length <= MAX_DESCRIPTION_LENGTH { Ok(()) } else { Err(Refusal::InvalidAccount) }
}

/// Decides whether accounts of an instance can be changed now.
///
/// # Errors
/// `InvalidAccount` for the first generation, which has none; the refusal of the instance's state unless it runs and is idle.
pub fn permit_accounts(is_first_generation: bool, state: OperationalState) -> Result<(), Refusal> {
    if is_first_generation { Err(Refusal::InvalidAccount) } else { state.permit(InstanceAction::Occupy) }
}

/// Decides whether an instance can have accounts beside the default one, whose password may have a colon.
///
/// # Errors
/// `InvalidAccount` for a single node or a master with a standby if it has: a colon stands between the name of an account and its password.
pub fn permit_more_accounts(cache_mode: CacheMode, password_has_colon: bool) -> Result<(), Refusal> {
    match cache_mode {
        CacheMode::Single | CacheMode::Ha if password_has_colon => Err(Refusal::InvalidAccount),
        CacheMode::Single | CacheMode::Ha | CacheMode::HaRwSplit | CacheMode::Cluster | CacheMode::Proxy => {
            Ok(())
        }
    }
}

/// An account, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: AccountRole,
    /// A description, if it has one.
    pub description: Option<String>,
    /// Where it is.
    pub status: AccountStatus,
    /// A hash of its password, as PHC text.
    #[serde(with = "kept_hash")]
    pub password_hash: Secret,
    /// How often its password was named wrongly of late.
    pub tries: PasswordTries,
    /// What changes when it has been updated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<AccountUpdate>,
}

/// A change of an account that takes time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountUpdate {
    /// It may do something else.
    Role(AccountRole),
    /// It has another password.
    Password {
        /// A hash of it, as PHC text.
        #[serde(with = "kept_hash")]
        hash: Secret,
    },
}

/// Hashes of passwords as documents have them.
mod kept_hash {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::domain::identity::Secret;

    pub(super) fn serialize<S: Serializer>(hash: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(hash.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

impl Account {
    /// Returns an account that was asked for just now; `password_hash` is one of its password.
    pub fn new(id: AccountId, new: NewAccount, password_hash: Secret) -> Self {
        let NewAccount { name, role, description, .. } = new;
        let description = description.filter(|text| !text.is_empty());
        Self {
            id,
            name,
            role,
            description,
            status: AccountStatus::Creating,
            password_hash,
            tries: PasswordTries::default(),
            update: None,
        }
    }

    /// Decides whether it can come to those that an instance has.
    ///
    /// # Errors
    /// `InvalidAccount` if one of them has its name, `TooManyAccounts`.
    pub fn permit_beside(&self, others: &[Self]) -> Result<(), Refusal> {
        if others.iter().any(|other| other.name == self.name) {
            return Err(Refusal::InvalidAccount);
        }
        if others.len() >= MAX_ACCOUNTS { Err(Refusal::TooManyAccounts) } else { Ok(()) }
    }

    /// Decides whether it can be changed.
    ///
    /// # Errors
    /// As [`Account::permit_deletion`]; `InvalidAccount` if it was never made, or half removed.
    pub fn permit_change(&self) -> Result<(), Refusal> {
        self.permit_deletion()?;
        match self.status {
            AccountStatus::CreateFailed | AccountStatus::DeleteFailed => Err(Refusal::InvalidAccount),
            _ => Ok(()),
        }
    }

    /// Decides whether it can be removed.
    ///
    /// # Errors
    /// `InstanceStateUnsupported` while it is being made, changed or removed: later it may be possible.
    pub fn permit_deletion(&self) -> Result<(), Refusal> {
        if self.status.is_busy() { Err(Refusal::InstanceStateUnsupported) } else { Ok(()) }
    }

    /// Returns whether one can log in with it.
    pub fn is_usable(&self) -> bool {
        matches!(self.status, AccountStatus::Available | AccountStatus::Updating | AccountStatus::Error)
    }

    /// Has a change of it begin.
    pub fn begin_update(&mut self, update: AccountUpdate) {
        (self.status, self.update) = (AccountStatus::Updating, Some(update));
    }

    /// Ends what is being done to it, well or badly; returns whether it is still there.
    pub fn finish(&mut self, has_failed: bool) -> bool {
        let update = self.update.take();
        self.status = match (self.status, has_failed) {
            (AccountStatus::Creating, true) => AccountStatus::CreateFailed,
            (AccountStatus::Deleting, true) => AccountStatus::DeleteFailed,
            (AccountStatus::Deleting, false) => return false,
            (_, true) => AccountStatus::Error,
            (_, false) => {
                match update {
                    Some(AccountUpdate::Role(role)) => self.role = role,
                    Some(AccountUpdate::Password { hash }) => self.password_hash = hash,
                    None => {}
                }
                AccountStatus::Available
            }
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, password: &str) -> bool {
        let password = Secret::new(password.to_owned());
        let new = NewAccount { name: name.to_owned(), role: AccountRole::Read, password, description: None };
        new.check().is_ok()
    }

    #[test]
    fn names_and_passwords_follow_the_rules() {
        let long = format!("Aa1{}", "x".repeat(61));
        for (name, password, is_good) in [
            ("a", "Secret-12", true),
            ("A_1-b", long.as_str(), true),
            (&"x".repeat(64), "Secret-12", true),
            (&"x".repeat(65), "Secret-12", false),
            ("", "Secret-12", false),
            ("1a", "Secret-12", false),
            ("a.b", "Secret-12", false),
            ("default", "Secret-12", false),
            ("a", "Secret-", false),
            ("a", "secret-x", false),
            ("a", "Secret:12", false),
            ("a", &format!("{long}x"), false),
            ("Secret-12", "Secret-12", false),
            ("b21-terceS", "Secret-12b", false),
        ] {
            assert_eq!(check(name, password), is_good, "{name} {password}");
        }
    }
}
