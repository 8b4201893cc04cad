//! Who is logged in to the web CLI of instances, and the commands that are typed there.

use async_trait::async_trait;
use futures_util::FutureExt;

use crate::domain::account::{Account, AccountRole};
use crate::domain::id::AccountId;
use crate::domain::refusal::Refusal;
use crate::domain::web_cli::{Console, LOGIN_LIFETIME, MAX_LOGINS, permit_web_cli};
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::instances::{kept_password, note, shown};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{SqliteStore, contents, documents, writer::WriterState};
use crate::store::{StoreError, WebCliLogin, WebCliUser, WebCliWrites};

#[async_trait]
impl WebCliWrites for SqliteStore {
    async fn open_web_cli(&self, login: WebCliLogin, user: WebCliUser) -> Result<bool, StoreError> {
        self.writer.change(|state| open(state, login, user).boxed()).await
    }

    async fn run_web_command(
        &self,
        login: WebCliLogin,
        database: u64,
        command: String,
    ) -> Result<String, StoreError> {
        self.writer.change(move |state| run(state, login, database, command).boxed()).await
    }

    async fn close_web_cli(&self, login: WebCliLogin) -> Result<(), StoreError> {
        self.writer.change(|state| close(state, login).boxed()).await
    }
}

/// Logs a client in. Logins that are over go, and those that would be over first, as far as there are too many.
async fn open(state: &mut WriterState, login: WebCliLogin, user: WebCliUser) -> Result<bool, StoreError> {
    let WebCliLogin { instance, client_hash, now, origin } = login;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    permit_web_cli(&shown(connection, known.key).await?)?;
    let (is_still_right, account_id) = match user {
        WebCliUser::Default(compared_with) => {
            let (no_password, kept) = kept_password(&mut *connection, known.key).await?;
            (kept.hash.filter(|_| !no_password) == compared_with, None)
        }
        WebCliUser::Account(id, compared_with) => {
            let account = documents::get::<Account>(&mut *connection, known.key, id).await?;
            let is_right = |account: &Account| account.is_usable() && account.password_hash == compared_with;
            (account.as_ref().is_some_and(is_right), Some(id))
        }
    };
    if !is_still_right {
        return Ok(false);
    }
    sql("forget logins that are over", "DELETE FROM web_cli_logins WHERE expires_at <= ?")
        .bind(now)
        .execute(&mut *connection)
        .await?;
    let forget = sql(
        "forget logins that are too many",
        "DELETE FROM web_cli_logins WHERE client_hash IN
             (SELECT client_hash FROM web_cli_logins WHERE instance_key = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
    );
    forget.bind(known.key).bind(MAX_LOGINS - 1).execute(&mut *connection).await?;
    let keep = sql("keep a login", "INSERT INTO web_cli_logins VALUES (?, ?, ?, ?)");
    keep.bind(client_hash.to_vec())
        .bind(known.key)
        .bind(account_id)
        .bind(now.saturating_add(LOGIN_LIFETIME))
        .execute(&mut *connection)
        .await?;
    note(connection, known.key, known.state.status, "web CLI opened", audit).await?;
    Ok(true)
}

/// Carries out a command; the login lives on from now.
async fn run(
    state: &mut WriterState,
    login: WebCliLogin,
    database: u64,
    command: String,
) -> Result<String, StoreError> {
    let WebCliLogin { instance, client_hash, now, origin } = login;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let instance = shown(connection, known.key).await?;
    permit_web_cli(&instance)?;
    let database = u32::try_from(database).ok().filter(|number| *number < instance.topology().db_number);
    let database = database.ok_or(Refusal::InvalidParameter { name: "database" })?;
    let renew = sql(
        "renew a login",
        "UPDATE web_cli_logins SET expires_at = ? WHERE client_hash = ? AND instance_key = ? AND expires_at > ?
         RETURNING account_id",
    );
    let renew =
        renew.bind(now.saturating_add(LOGIN_LIFETIME)).bind(client_hash.to_vec()).bind(known.key).bind(now);
    let found = renew.optional::<(Option<AccountId>,)>(&mut *connection).await?;
    let (account_id,) = found.ok_or(Refusal::InvalidParameter { name: "client_id" })?;
    let role = match account_id {
        Some(id) => {
            let account = documents::get::<Account>(&mut *connection, known.key, id).await?;
            account.ok_or(Refusal::InvalidParameter { name: "client_id" })?.role
        }
        None => AccountRole::Write,
    };
    let mut held = contents::read(&mut *connection, known.key, None).await?;
    let reply = Console { instance: &instance, database, role, now }.run(&command, &mut held);
    if let Some(name) = reply.changed_by {
        contents::write(connection, known.key, &held).await?;
        let text = format!("contents changed by {name}");
        note(connection, known.key, known.state.status, &text, audit).await?;
    }
    Ok(reply.text)
}

/// Logs a client out.
async fn close(state: &mut WriterState, login: WebCliLogin) -> Result<(), StoreError> {
    let WebCliLogin { instance, client_hash, now, origin } = login;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let forget =
        sql("forget a login", "DELETE FROM web_cli_logins WHERE client_hash = ? AND instance_key = ?");
    let forgotten = forget.bind(client_hash.to_vec()).bind(known.key).execute(&mut *connection).await?;
    if forgotten == 0 {
        return Ok(());
    }
    note(connection, known.key, known.state.status, "web CLI closed", audit).await
}
