//! The password of an instance: changed by those who know it, reset by those who may, locked after too many tries.

use sqlx::{SqliteConnection, SqliteExecutor};

use crate::domain::instance::password::{PasswordTries, PasswordVerdict, permit_change, permit_reset};
use crate::domain::task::TaskDetails;
use crate::domain::time::Timestamp;
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::instances::record::note;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{logins, tasks};
use crate::store::{ChangePassword, PasswordAnswer, PasswordChange, StoreError, StoredPassword};

/// Changes a password, or counts the try.
pub(in crate::store::sqlite) async fn change_password(
    state: &mut WriterState,
    command: ChangePassword,
) -> Result<PasswordAnswer, StoreError> {
    let ChangePassword { instance, change, has_colon, task, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let (mut no_password, mut kept) = read(&mut *connection, known.key).await?;
    match change {
        PasswordChange::Change { .. } => permit_change(no_password, known.state.state())?,
        PasswordChange::Reset { .. } | PasswordChange::WhileLocked => permit_reset(known.state.state())?,
    }
    let before = kept.tries;
    let verdict = match &change {
        PasswordChange::Change { compared_with, .. } if *compared_with != kept.hash => {
            return Ok(PasswordAnswer::Outdated);
        }
        PasswordChange::WhileLocked if !kept.tries.are_locked(now) => return Ok(PasswordAnswer::Outdated),
        PasswordChange::Change { new_hash, .. } => kept.tries.judge(new_hash.is_some(), now),
        PasswordChange::Reset { .. } | PasswordChange::WhileLocked => kept.tries.judge(true, now),
    };
    let text = match (verdict, &change) {
        // Who tries while nobody may changes nothing.
        (PasswordVerdict::Locked { .. }, _) if kept.tries == before => {
            return Ok(PasswordAnswer::Judged(verdict));
        }
        (PasswordVerdict::Locked { .. }, _) => "wrong password: locked",
        (PasswordVerdict::Wrong { .. }, _) => "wrong password",
        (PasswordVerdict::Right, PasswordChange::Change { .. }) => "password changed",
        (PasswordVerdict::Right, PasswordChange::Reset { new_hash: Some(_) }) => "password reset",
        (PasswordVerdict::Right, PasswordChange::Reset { new_hash: None }) => "password removed",
        (PasswordVerdict::Right, PasswordChange::WhileLocked) => return Ok(PasswordAnswer::Outdated),
    };
    if let (
        PasswordVerdict::Right,
        PasswordChange::Change { new_hash, .. } | PasswordChange::Reset { new_hash },
    ) = (verdict, change)
    {
        no_password = new_hash.is_none();
        kept.hash = new_hash;
    }
    let changed_at = (verdict == PasswordVerdict::Right).then_some(now);
    write(connection, known.key, no_password, &kept, changed_at).await?;
    if changed_at.is_some() {
        set_colon(connection, known.key, has_colon).await?;
        logins::end(connection, known.key, None).await?;
    }
    if let (Some(at), Some(task)) = (changed_at, &task) {
        let span = (at, Some(at));
        tasks::begin(connection, known.key, task, &TaskDetails::default(), span).await?;
    }
    note(connection, known.key, known.state.status, text, audit).await?;
    Ok(PasswordAnswer::Judged(verdict))
}

/// Reads whether clients need no password, and what is kept of it.
pub(in crate::store::sqlite) async fn read(
    database: impl SqliteExecutor<'_>,
    instance_key: i64,
) -> Result<(bool, StoredPassword), StoreError> {
    let find = sql(
        "read the password of an instance",
        "SELECT no_password_access, password_hash, wrong_passwords, locked_until FROM instances WHERE instance_key = ?",
    );
    let (no_password, hash, wrong, locked_until) = find.bind(instance_key).one(database).await?;
    Ok((no_password, StoredPassword { hash, tries: PasswordTries { wrong, locked_until } }))
}

/// Returns whether the password of an instance has a colon.
pub(in crate::store::sqlite) async fn has_colon(
    connection: &mut SqliteConnection,
    instance_key: i64,
) -> Result<bool, StoreError> {
    let find = sql("look at a password", "SELECT password_has_colon FROM instances WHERE instance_key = ?");
    find.bind(instance_key).value(connection).await
}

/// Keeps whether the password of an instance has a colon.
pub(super) async fn set_colon(
    connection: &mut SqliteConnection,
    instance_key: i64,
    has_colon: bool,
) -> Result<(), StoreError> {
    let set = sql("look at a password", "UPDATE instances SET password_has_colon = ? WHERE instance_key = ?");
    set.bind(has_colon).bind(instance_key).execute(connection).await.map(drop)
}

/// Writes how clients get in; a change of it, unlike a try, is one of the instance.
async fn write(
    connection: &mut SqliteConnection,
    instance_key: i64,
    no_password: bool,
    kept: &StoredPassword,
    changed_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let change = sql(
        "change the password of an instance",
        "UPDATE instances
         SET no_password_access = ?, password_hash = ?, wrong_passwords = ?, locked_until = ?,
             updated_at = coalesce(max(?, created_at), updated_at)
         WHERE instance_key = ?",
    );
    let change = change.bind(no_password).bind(&kept.hash);
    let change = change.bind(kept.tries.wrong).bind(kept.tries.locked_until).bind(changed_at);
    change.bind(instance_key).execute(connection).await.map(drop)
}
