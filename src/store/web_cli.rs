//! The web CLI of instances.

use async_trait::async_trait;

use crate::domain::id::AccountId;
use crate::domain::identity::Secret;
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::store::{InstanceRef, StoreError};

/// A login of a client.
#[derive(Clone, Debug)]
pub struct WebCliLogin {
    /// The instance.
    pub instance: InstanceRef,
    /// A hash of what the client shows.
    pub client_hash: [u8; 32],
    /// When it does so.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// As whom a client logs in, with what its password has been compared with.
#[derive(Clone, Debug)]
pub enum WebCliUser {
    /// As the default account; without a hash every password is the right one.
    Default(Option<Secret>),
    /// As another account.
    Account(AccountId, Secret),
}

/// Changes of logins, and of what instances hold.
#[async_trait]
pub trait WebCliWrites: Send + Sync {
    /// Logs a client in whose password was right; returns whether it still is.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as `permit_web_cli`.
    async fn open_web_cli(&self, login: WebCliLogin, user: WebCliUser) -> Result<bool, StoreError>;

    /// Carries out a command on what an instance holds in a database; returns what is shown of it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `permit_web_cli`, or with `InvalidParameter` (`client_id` of one that is not logged in,
    /// `database`).
    async fn run_web_command(
        &self,
        login: WebCliLogin,
        database: u64,
        command: String,
    ) -> Result<String, StoreError>;

    /// Logs a client out, if it is logged in.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    async fn close_web_cli(&self, login: WebCliLogin) -> Result<(), StoreError>;
}
