//! Keeps tokens, and forgets those that nobody can ask about any more.

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::store::{NewToken, StoreError};

/// How long an expired token is still known, so that its owner is told "expired" and not "unknown".
const EXPIRED_STAY: Duration = Duration::from_hours(30 * 24);

/// Keeps a token; forgets those that expired long ago.
pub(super) async fn save(connection: &mut SqliteConnection, token: NewToken) -> Result<(), StoreError> {
    let forgotten_before =
        token.issued_at.as_millis() - i64::try_from(EXPIRED_STAY.as_millis()).unwrap_or(i64::MAX);
    sqlx::query("DELETE FROM tokens WHERE expires_at < ?")
        .bind(forgotten_before)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::during("forget expired tokens"))?;
    sqlx::query(
        "INSERT INTO tokens (token_hash, user_key, project_id, method, issued_at, expires_at)
         SELECT ?, user_key, ?, ?, ?, ? FROM users WHERE user_id = ?",
    )
    .bind(&token.hash[..])
    .bind(token.project_id.map(|id| id.as_bytes().to_vec()))
    .bind(token.method)
    .bind(token.issued_at.as_millis())
    .bind(token.expires_at.as_millis())
    .bind(&token.user_id.as_bytes()[..])
    .execute(connection)
    .await
    .map_err(StoreError::during("keep a token"))?;
    Ok(())
}
