//! Keeps tokens, and forgets those that nobody can ask about any more.

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::store::{LoginProof, NewToken, StoreError};

/// How long an expired token is still known, so that its owner is told "expired" and not "unknown".
const EXPIRED_STAY: Duration = Duration::from_hours(30 * 24);

/// Keeps a token if what the login has shown still holds, and returns whether it does; forgets tokens that expired long ago.
pub(super) async fn save(connection: &mut SqliteConnection, token: NewToken) -> Result<bool, StoreError> {
    let forgotten_before =
        token.issued_at.as_millis() - i64::try_from(EXPIRED_STAY.as_millis()).unwrap_or(i64::MAX);
    sqlx::query("DELETE FROM tokens WHERE expires_at < ?")
        .bind(forgotten_before)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("forget expired tokens"))?;
    let (password_hash, rehash, token_hash) = match &token.proof {
        LoginProof::Password { hash, rehash } => (Some(hash.expose()), rehash.as_ref(), None),
        LoginProof::Token { hash } => (None, None, Some(&hash[..])),
    };
    let done = sqlx::query(
        "INSERT INTO tokens (token_hash, user_key, project_id, method, issued_at, expires_at)
         SELECT ?, u.user_key, ?, ?, ?, ? FROM users u
         WHERE u.user_id = ?
           AND (u.password_hash = ? OR EXISTS (SELECT 1 FROM tokens t WHERE t.token_hash = ? AND t.user_key = u.user_key))",
    )
    .bind(&token.hash[..])
    .bind(token.project_id.map(|id| id.as_bytes().to_vec()))
    .bind(token.method)
    .bind(token.issued_at.as_millis())
    .bind(token.expires_at.as_millis())
    .bind(&token.user_id.as_bytes()[..])
    .bind(password_hash)
    .bind(token_hash)
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("keep a token"))?;
    let is_kept = done.rows_affected() == 1;
    if let (Some(rehash), true) = (rehash, is_kept) {
        sqlx::query("UPDATE users SET password_hash = ? WHERE user_id = ?")
            .bind(rehash.expose())
            .bind(&token.user_id.as_bytes()[..])
            .execute(&mut *connection)
            .await
            .map_err(StoreError::during("keep a new hash of a password"))?;
    }
    Ok(is_kept)
}
