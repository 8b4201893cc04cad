//! Accounts of instances.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;

use crate::domain::account::{Account, AccountStatus, AccountUpdate, permit_accounts, permit_more_accounts};
use crate::domain::background_work::{Effect, Step};
use crate::domain::id::AccountId;
use crate::domain::instance::password::PasswordVerdict;
use crate::domain::refusal::Refusal;
use crate::domain::task::{NewTask, TaskSubject};
use crate::domain::work::WorkOptions;
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::documents::{self, Document};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, SubjectOwner};
use crate::store::sqlite::instances::password_has_colon;
use crate::store::sqlite::{SqliteStore, instance_cache::CachedInstance, logins, writer::WriterState};
use crate::store::{
    AccountCommand, AccountPasswordChange, AccountReads, AccountWrites, ChangeAccount, ChangeAccountPassword,
    InstanceRef, PasswordAnswer, StoreError, WorkStep,
};

impl Document for Account {
    type Id = AccountId;
    const TABLE: &'static str = "accounts";

    fn id(&self) -> AccountId {
        self.id
    }
}

#[async_trait]
impl AccountReads for SqliteStore {
    async fn accounts(&self, instance: InstanceRef) -> Result<Option<Vec<Account>>, StoreError> {
        let pool = self.reader.pool();
        let Some(key) = change::key_of(pool, instance).await? else { return Ok(None) };
        documents::all(pool, key).await.map(Some)
    }
}

#[async_trait]
impl AccountWrites for SqliteStore {
    async fn change_account(&self, command: ChangeAccount) -> Result<(), StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }

    async fn change_account_password(
        &self,
        command: ChangeAccountPassword,
    ) -> Result<PasswordAnswer, StoreError> {
        self.writer.change(|state| change_password(state, command).boxed()).await
    }
}

async fn change(state: &mut WriterState, command: ChangeAccount) -> Result<(), StoreError> {
    let ChangeAccount { instance, command, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    permit_accounts(known.state.is_first_generation, known.state.state())?;
    match command {
        AccountCommand::Create { account, work, task } => {
            let has_colon = password_has_colon(connection, known.key).await?;
            permit_more_accounts(known.state.cache_mode, has_colon)?;
            account.permit_beside(&documents::all(&mut *connection, known.key).await?)?;
            documents::insert(connection, known.key, &*account).await?;
            begin(connection, &known, &account, (work, &task), audit).await?;
            record(connection, &known, &account, (None, Some(account.status)), None, audit).await
        }
        AccountCommand::Describe { id, description } => {
            let mut account = get(connection, &known, id).await?;
            account.permit_change()?;
            account.description = description;
            documents::update(connection, &account).await?;
            let status = Some(account.status);
            record(connection, &known, &account, (status, status), Some("described"), audit).await
        }
        AccountCommand::SetRole { id, role, work, task } => {
            let account = get(connection, &known, id).await?;
            update(connection, &known, account, AccountUpdate::Role(role), (work, &task), audit).await
        }
        AccountCommand::Delete { id, work, task } => {
            let mut account = get(connection, &known, id).await?;
            account.permit_deletion()?;
            let from = account.status;
            account.status = AccountStatus::Deleting;
            documents::update(connection, &account).await?;
            begin(connection, &known, &account, (work, &task), audit).await?;
            record(connection, &known, &account, (Some(from), Some(account.status)), None, audit).await
        }
    }
}

async fn change_password(
    state: &mut WriterState,
    command: ChangeAccountPassword,
) -> Result<PasswordAnswer, StoreError> {
    let ChangeAccountPassword { instance, id, change, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    permit_accounts(known.state.is_first_generation, known.state.state())?;
    let mut account = get(connection, &known, id).await?;
    account.permit_change()?;
    let before = account.tries;
    let (compared_with, new_hash) = match change {
        AccountPasswordChange::Change { compared_with, new_hash } => (compared_with, new_hash),
        AccountPasswordChange::Reset { new_hash, work, task } => {
            let verdict = account.tries.judge(true, now);
            if verdict == PasswordVerdict::Right {
                let change = AccountUpdate::Password { hash: new_hash };
                update(connection, &known, account, change, (work, &task), audit).await?;
            }
            return Ok(PasswordAnswer::Judged(verdict));
        }
    };
    match compared_with {
        Some(hash) if hash != account.password_hash => return Ok(PasswordAnswer::Outdated),
        None if !before.are_locked(now) => return Ok(PasswordAnswer::Outdated),
        Some(_) | None => {}
    }
    let verdict = account.tries.judge(new_hash.is_some(), now);
    let text = match verdict {
        // Who tries while nobody may changes nothing.
        PasswordVerdict::Locked { .. } if account.tries == before => {
            return Ok(PasswordAnswer::Judged(verdict));
        }
        PasswordVerdict::Locked { .. } => "wrong password: locked",
        PasswordVerdict::Wrong { .. } => "wrong password",
        PasswordVerdict::Right => "password changed",
    };
    if let (PasswordVerdict::Right, Some(hash)) = (verdict, new_hash) {
        account.password_hash = hash;
        logins::end(connection, known.key, Some(id)).await?;
    }
    documents::update(connection, &account).await?;
    let status = Some(account.status);
    record(connection, &known, &account, (status, status), Some(text), audit).await?;
    Ok(PasswordAnswer::Judged(verdict))
}

async fn get(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    id: AccountId,
) -> Result<Account, StoreError> {
    let found = documents::get::<Account>(&mut *connection, known.key, id).await?;
    Ok(found.ok_or(Refusal::InvalidAccount)?)
}

/// Begins a change of an account that takes time.
async fn update(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    mut account: Account,
    update: AccountUpdate,
    work: (WorkOptions, &NewTask),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    account.permit_change()?;
    let from = account.status;
    account.begin_update(update);
    documents::update(connection, &account).await?;
    begin(connection, known, &account, work, audit).await?;
    record(connection, known, &account, (Some(from), Some(account.status)), None, audit).await
}

async fn begin(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    account: &Account,
    (work, task): (WorkOptions, &NewTask),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let subject = TaskSubject { account_name: Some(account.name.clone()), ..TaskSubject::default() };
    let effect = Effect::Account { id: account.id };
    let new = NewWork { effect, work, occupation: None, task: Some((task, subject.into())) };
    background_work::begin(connection, known, new, audit.at).await
}

/// Ends what is being done to an account.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    id: AccountId,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start {
        return Ok(());
    }
    let Some(mut account) = documents::get::<Account>(&mut *connection, known.key, id).await? else {
        return Ok(());
    };
    let (from, hash) = (account.status, account.password_hash.clone());
    let is_there = account.finish(step.work.plan.failure.is_some());
    if is_there {
        documents::update(connection, &account).await?;
    } else {
        documents::remove::<Account>(connection, known.key, id).await?;
    }
    if !is_there || account.password_hash != hash {
        logins::end(connection, known.key, Some(id)).await?;
    }
    let to = is_there.then_some(account.status);
    record(connection, known, &account, (Some(from), to), None, audit).await
}

async fn record(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    account: &Account,
    (from, to): (Option<AccountStatus>, Option<AccountStatus>),
    remark: Option<&str>,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let subject = NamedSubject {
        owner: SubjectOwner::Instance(known.key),
        kind: "account",
        id: account.id.as_bytes(),
        name: &account.name,
    };
    let statuses = (from.map(AccountStatus::as_str), to.map(AccountStatus::as_str));
    events::append_named(connection, subject, statuses, remark, audit).await
}
