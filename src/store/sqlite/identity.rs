//! Users, keys, tokens and projects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::domain::id::{DomainId, ProjectId, UserId};
use crate::domain::identity::{Domain, Project, Role, RoleScope, Secret, Token, TokenScope, User};
use crate::store::identity::{ProjectFilter, UserKey};
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::reader::Reader;
use crate::store::{IdentityStore, LoginProof, NewToken, StoreError, row};

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn save_token(&self, token: NewToken) -> Result<bool, StoreError> {
        self.writer.change(|state| save_token(&mut state.connection, token).boxed()).await
    }

    async fn domain(&self) -> Result<Domain, StoreError> {
        let row = self.reader.domain_row().await?;
        Ok(Domain {
            id: DomainId::from_bytes(row::bytes16(&row, "domain_id")?),
            name: row::column(&row, "name")?,
        })
    }

    async fn link_key(&self) -> Result<[u8; 32], StoreError> {
        let row = self.reader.domain_row().await?;
        let key: &[u8] = row::column(&row, "link_key")?;
        key.try_into()
            .map_err(|_| StoreError::Inconsistent { what: "domain.link_key does not have 32 bytes" })
    }

    async fn find_user(&self, key: UserKey) -> Result<Option<(User, Option<String>)>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT u.* FROM users u WHERE ");
        match key {
            UserKey::Id(id) => query.push("u.user_id = ").push_bind(id.as_bytes().to_vec()),
            UserKey::Name(name) => query.push("u.name = ").push_bind(name),
        };
        let row = query
            .build()
            .fetch_optional(self.reader.pool())
            .await
            .map_err(StoreError::during("find a user"))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((self.reader.user(&row).await?, row::column(&row, "password_hash")?)))
    }

    async fn find_access_key(&self, access: &str) -> Result<Option<(User, Secret)>, StoreError> {
        let row = sqlx::query(
            "SELECT u.*, k.secret FROM access_keys k JOIN users u USING (user_key) WHERE k.access = ?",
        )
        .bind(access)
        .fetch_optional(self.reader.pool())
        .await
        .map_err(StoreError::during("find an access key"))?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((self.reader.user(&row).await?, Secret::new(row::column(&row, "secret")?))))
    }

    async fn find_token(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let row = sqlx::query(
            "SELECT u.*, t.project_id, p.name AS project_name, t.method, t.issued_at, t.expires_at
             FROM tokens t JOIN users u USING (user_key) LEFT JOIN projects p ON p.project_id = t.project_id
             WHERE t.token_hash = ?",
        )
        .bind(&hash[..])
        .fetch_optional(self.reader.pool())
        .await
        .map_err(StoreError::during("find a token"))?;
        let Some(row) = row else { return Ok(None) };
        let scope = if row::column::<Option<&[u8]>>(&row, "project_id")?.is_some() {
            let id = ProjectId::from_bytes(row::bytes16(&row, "project_id")?);
            // A project that nobody has named is named by its id.
            let name = row::column::<Option<String>>(&row, "project_name")?.unwrap_or_else(|| id.to_string());
            TokenScope::Project(Project { id, name })
        } else {
            TokenScope::Domain
        };
        Ok(Some(Token {
            user: self.reader.user(&row).await?,
            scope,
            method: row::column(&row, "method")?,
            issued_at: row::timestamp(&row, "issued_at")?,
            expires_at: row::timestamp(&row, "expires_at")?,
        }))
    }

    async fn projects(&self, filter: ProjectFilter) -> Result<Vec<Project>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT project_id, name FROM projects WHERE TRUE");
        if let Some(id) = filter.id {
            query.push(" AND project_id = ").push_bind(id.as_bytes().to_vec());
        }
        if let Some(name) = filter.name {
            query.push(" AND name = ").push_bind(name);
        }
        query.push(" ORDER BY project_key");
        let rows =
            query.build().fetch_all(self.reader.pool()).await.map_err(StoreError::during("list projects"))?;
        rows.iter()
            .map(|row| {
                Ok(Project {
                    id: ProjectId::from_bytes(row::bytes16(row, "project_id")?),
                    name: row::column(row, "name")?,
                })
            })
            .collect()
    }
}

impl Reader {
    async fn domain_row(&self) -> Result<SqliteRow, StoreError> {
        sqlx::query("SELECT domain_id, name, link_key FROM domain")
            .fetch_one(self.pool())
            .await
            .map_err(StoreError::during("read the domain"))
    }

    /// Reads a user from a row of `users`, with its roles.
    async fn user(&self, row: &SqliteRow) -> Result<User, StoreError> {
        let rows = sqlx::query("SELECT project_id, role FROM user_roles WHERE user_key = ?")
            .bind(row::column::<i64>(row, "user_key")?)
            .fetch_all(self.pool())
            .await
            .map_err(StoreError::during("read the roles of a user"))?;
        let mut roles = BTreeMap::new();
        for row in rows {
            let scope = match row::column::<Option<&[u8]>>(&row, "project_id")? {
                Some(_) => RoleScope::Project(ProjectId::from_bytes(row::bytes16(&row, "project_id")?)),
                None => RoleScope::EveryProject,
            };
            let role = Role::parse(row::column(&row, "role")?)
                .ok_or(StoreError::Inconsistent { what: "user_roles.role is unknown" })?;
            roles.insert(scope, role);
        }
        let denied: BTreeSet<String> = serde_json::from_str(row::column(row, "denied")?)
            .map_err(|_| StoreError::Inconsistent { what: "users.denied is no list of texts" })?;
        Ok(User {
            id: UserId::from_bytes(row::bytes16(row, "user_id")?),
            name: row::column(row, "name")?,
            roles,
            denied,
        })
    }
}

/// How long an expired token is still known, so that its owner is told "expired" and not "unknown".
const EXPIRED_STAY: Duration = Duration::from_hours(30 * 24);

/// Keeps a token if what the login has shown still holds, and returns whether it does; forgets tokens that expired long ago.
pub(super) async fn save_token(
    connection: &mut SqliteConnection,
    token: NewToken,
) -> Result<bool, StoreError> {
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
