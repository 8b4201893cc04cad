//! The web CLI of instances: log in, carry out commands, log out.

use sha2::{Digest, Sha256};

use crate::domain::account::{Account, DEFAULT_ACCOUNT};
use crate::domain::identity::Secret;
use crate::domain::instance::Instance;
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::web_cli::permit_web_cli;
use crate::engine::{Engine, EngineError};
use crate::store::{InstanceRef, StoredPassword, WebCliLogin, WebCliUser};

/// How many bytes what a client shows stands for.
const CLIENT_ID_BYTES: usize = 24;

impl Engine {
    /// Logs somebody in who knows the password of an instance, or `name:password` of an account; returns what the client shows from
    /// then on, and how many databases there are. An instance without a password takes any.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`permit_web_cli`], or with `WrongPassword`.
    pub async fn open_web_cli(
        &self,
        instance: InstanceRef,
        password: Option<Secret>,
        origin: Origin,
    ) -> Result<(Secret, u32), EngineError> {
        let client_id = hex::encode(&self.ids.key()[..CLIENT_ID_BYTES]);
        loop {
            let (found, kept, accounts) = self.who_may_log_in(instance).await?;
            permit_web_cli(&found)?;
            let hash = kept.hash.filter(|_| !found.access.no_password);
            let user = self.user_of(password.as_ref(), hash, &accounts).await?;
            let write = self.write().await?;
            let login = login(instance, &client_id, (write.now, origin.clone()));
            // Somebody may have changed the password while it was compared: then that one is asked for.
            if write.open_web_cli(login, user).await? {
                return Ok((Secret::new(client_id), found.topology().db_number));
            }
        }
    }

    /// Carries out a command on what an instance holds in a database; returns what is shown of it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`permit_web_cli`], or with `InvalidParameter` (`client_id`, `database`).
    pub async fn run_web_command(
        &self,
        instance: InstanceRef,
        client_id: &str,
        (database, command): (u64, String),
        origin: Origin,
    ) -> Result<String, EngineError> {
        let write = self.write().await?;
        let login = login(instance, client_id, (write.now, origin));
        Ok(write.run_web_command(login, database, command).await?)
    }

    /// Logs a client out, if it is logged in.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn close_web_cli(
        &self,
        instance: InstanceRef,
        client_id: &str,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let login = login(instance, client_id, (write.now, origin));
        Ok(write.close_web_cli(login).await?)
    }

    async fn who_may_log_in(
        &self,
        instance: InstanceRef,
    ) -> Result<(Instance, StoredPassword, Vec<Account>), EngineError> {
        let read = self.read().await;
        let found = read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let kept = read.instance_password(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let accounts = read.accounts(instance).await?.unwrap_or_default();
        Ok((found, kept, accounts))
    }

    /// Returns whose password was named: that of the default account has this hash; without one every password is right, and that
    /// account's.
    async fn user_of(
        &self,
        password: Option<&Secret>,
        default: Option<Secret>,
        accounts: &[Account],
    ) -> Result<WebCliUser, EngineError> {
        let Some(default) = default else { return Ok(WebCliUser::Default(None)) };
        let password = password.ok_or(Refusal::WrongPassword)?;
        let (name, rest) = password.expose().split_once(':').unwrap_or_default();
        let account = accounts.iter().find(|account| account.name == name && account.is_usable());
        if let Some(account) = account {
            let hash = &account.password_hash;
            if self.passwords.matches(Secret::new(rest.to_owned()), hash.clone()).await? {
                return Ok(WebCliUser::Account(account.id, hash.clone()));
            }
        }
        // A password of an instance may have a colon itself.
        let named = (name == DEFAULT_ACCOUNT).then(|| Secret::new(rest.to_owned()));
        for password in [Some(password.clone()), named].into_iter().flatten() {
            if self.passwords.matches(password, default.clone()).await? {
                return Ok(WebCliUser::Default(Some(default)));
            }
        }
        Err(Refusal::WrongPassword.into())
    }
}

fn login(
    instance: InstanceRef,
    client_id: &str,
    (now, origin): (crate::domain::time::Timestamp, Origin),
) -> WebCliLogin {
    let client_hash = Sha256::digest(client_id.as_bytes()).into();
    WebCliLogin { instance, client_hash, now, origin }
}
