//! The password of an instance: changed by those who know it, reset by those who may, locked after too many tries.

use sqlx::{Row, SqliteConnection};

use crate::domain::identity::Secret;
use crate::domain::instance::InstanceAction;
use crate::domain::instance::password::{PasswordTries, PasswordVerdict};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::row;
use crate::store::sqlite::instances::{Audit, note};
use crate::store::sqlite::writer::WriterState;
use crate::store::{ChangePassword, PasswordAnswer, PasswordWish, StoreError};

/// What is kept of how clients get in.
struct Kept {
    no_password: bool,
    hash: Option<String>,
    tries: PasswordTries,
}

/// Changes a password, or counts the try.
pub(in crate::store::sqlite) async fn change_password(
    state: &mut WriterState,
    command: ChangePassword,
) -> Result<PasswordAnswer, StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    let ChangePassword { instance, wish, now, origin } = command;
    instances.load(connection, std::iter::once(instance.instance_id)).await?;
    let known = instances.get_mut(instance.project_id, instance.instance_id)?.clone();
    let mut kept = read(connection, known.key).await?;
    if kept.no_password && matches!(wish, PasswordWish::Change { .. }) {
        return Err(Refusal::PasswordFree.into());
    }
    known.facts.permit(InstanceAction::ChangePassword)?;
    let before = kept.tries;
    let verdict = match &wish {
        PasswordWish::Change { compared_with, .. } if exposed(compared_with.as_ref()) != kept.hash => {
            return Ok(PasswordAnswer::Outdated);
        }
        PasswordWish::Change { new_hash, .. } => kept.tries.judge(new_hash.is_some(), now),
        PasswordWish::Reset { .. } => kept.tries.judge(true, now),
    };
    let text = match (verdict, &wish) {
        // Who tries while nobody may changes nothing.
        (PasswordVerdict::Locked { .. }, _) if kept.tries == before => {
            return Ok(PasswordAnswer::Judged(verdict));
        }
        (PasswordVerdict::Locked { .. }, _) => "wrong password: locked",
        (PasswordVerdict::Wrong { .. }, _) => "wrong password",
        (PasswordVerdict::Right, PasswordWish::Change { .. }) => "password changed",
        (PasswordVerdict::Right, PasswordWish::Reset { new_hash: Some(_) }) => "password reset",
        (PasswordVerdict::Right, PasswordWish::Reset { new_hash: None }) => "password removed",
    };
    if verdict == PasswordVerdict::Right {
        let (PasswordWish::Change { new_hash, .. } | PasswordWish::Reset { new_hash }) = wish;
        kept.no_password = new_hash.is_none();
        kept.hash = exposed(new_hash.as_ref());
    }
    let actor_key = actors
        .key(connection, &origin.actor)
        .await
        .map_err(StoreError::during("record who changes a password"))?;
    write(connection, known.key, &kept, now, verdict == PasswordVerdict::Right).await?;
    note(connection, known.key, known.facts.status, text, Audit { at: now, origin: &origin, actor_key })
        .await?;
    Ok(PasswordAnswer::Judged(verdict))
}

fn exposed(hash: Option<&Secret>) -> Option<String> {
    hash.map(|hash| hash.expose().to_owned())
}

async fn read(connection: &mut SqliteConnection, instance_key: i64) -> Result<Kept, StoreError> {
    let row = sqlx::query(
        "SELECT no_password_access, password_hash, wrong_passwords, locked_until FROM instances WHERE instance_key = ?",
    )
    .bind(instance_key)
    .fetch_one(connection)
    .await
    .map_err(StoreError::during("read the password of an instance"))?;
    let column = StoreError::during("read a column");
    let wrong: i64 = row.try_get("wrong_passwords").map_err(&column)?;
    let locked_until: Option<i64> = row.try_get("locked_until").map_err(&column)?;
    Ok(Kept {
        no_password: row.try_get("no_password_access").map_err(&column)?,
        hash: row.try_get("password_hash").map_err(&column)?,
        tries: PasswordTries {
            wrong: u8::try_from(wrong).map_err(|_| StoreError::Inconsistent {
                what: "instances.wrong_passwords is out of range",
            })?,
            locked_until: locked_until.map(row::to_timestamp).transpose()?,
        },
    })
}

async fn write(
    connection: &mut SqliteConnection,
    instance_key: i64,
    kept: &Kept,
    now: Timestamp,
    is_changed: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE instances
         SET no_password_access = ?, password_hash = ?, wrong_passwords = ?, locked_until = ?,
             updated_at = iif(?, max(?, created_at), updated_at)
         WHERE instance_key = ?",
    )
    .bind(kept.no_password)
    .bind(&kept.hash)
    .bind(i64::from(kept.tries.wrong))
    .bind(kept.tries.locked_until.map(Timestamp::as_millis))
    .bind(is_changed)
    .bind(now.as_millis())
    .bind(instance_key)
    .execute(connection)
    .await
    .map(|_| ())
    .map_err(StoreError::during("change the password of an instance"))
}
