//! Users, keys, tokens and projects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{SqliteConnection, SqliteExecutor};

use crate::domain::id::{ProjectId, UserId};
use crate::domain::identity::{Domain, Project, Role, RoleScope, Secret, Token, TokenScope, User};
use crate::store::identity::{ProjectFilter, UserKey};
use crate::store::row::Json;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::reader::Reader;
use crate::store::sqlite::sql::sql;
use crate::store::{IdentityStore, LoginProof, NewToken, StoreError};

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn save_token(&self, token: NewToken) -> Result<bool, StoreError> {
        self.writer.change(|state| save_token(&mut state.connection, token).boxed()).await
    }

    async fn domain(&self) -> Result<Domain, StoreError> {
        Ok(domain(self.reader.pool()).await?.0)
    }

    async fn link_key(&self) -> Result<[u8; 32], StoreError> {
        Ok(domain(self.reader.pool()).await?.1)
    }

    async fn find_user(&self, key: UserKey) -> Result<Option<(User, Option<String>)>, StoreError> {
        let (id, name) = match key {
            UserKey::Id(id) => (Some(id), None),
            UserKey::Name(name) => (None, Some(name)),
        };
        let find =
            "SELECT user_key, user_id, name, denied, password_hash FROM users WHERE user_id = ? OR name = ?";
        let found = sql("find a user", find).bind(id).bind(name).optional(self.reader.pool()).await?;
        let Some((key, id, name, denied, hash)) = found else { return Ok(None) };
        Ok(Some((self.reader.user(key, id, name, denied).await?, hash)))
    }

    async fn find_access_key(&self, access: &str) -> Result<Option<(User, Secret)>, StoreError> {
        let find = sql(
            "find an access key",
            "SELECT u.user_key, u.user_id, u.name, u.denied, k.secret
             FROM access_keys k JOIN users u USING (user_key) WHERE k.access = ?",
        );
        let found = find.bind(access).optional(self.reader.pool()).await?;
        let Some((key, id, name, denied, secret)) = found else { return Ok(None) };
        Ok(Some((self.reader.user(key, id, name, denied).await?, secret)))
    }

    async fn find_token(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let find = sql(
            "find a token",
            "SELECT u.user_key, u.user_id, u.name, u.denied, t.project_id, p.name, t.method, t.issued_at, t.expires_at
             FROM tokens t JOIN users u USING (user_key) LEFT JOIN projects p ON p.project_id = t.project_id
             WHERE t.token_hash = ?",
        );
        let found = find.bind(&hash[..]).optional(self.reader.pool()).await?;
        let Some((key, id, name, denied, project_id, project_name, method, issued_at, expires_at)) = found
        else {
            return Ok(None);
        };
        let (project_id, project_name): (Option<ProjectId>, Option<String>) = (project_id, project_name);
        // A project that nobody has named is named by its id.
        let named = |id: ProjectId| project_name.unwrap_or_else(|| id.to_string());
        let project = |id| TokenScope::Project(Project { id, name: named(id) });
        let scope = project_id.map_or(TokenScope::Domain, project);
        let user = self.reader.user(key, id, name, denied).await?;
        Ok(Some(Token { user, scope, method, issued_at, expires_at }))
    }

    async fn projects(&self, filter: ProjectFilter) -> Result<Vec<Project>, StoreError> {
        let list = sql(
            "list projects",
            "SELECT project_id, name FROM projects
             WHERE (?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR name = ?2) ORDER BY project_key",
        );
        let found = list.bind(filter.id).bind(filter.name).all(self.reader.pool()).await?;
        Ok(found.into_iter().map(|(id, name)| Project { id, name }).collect())
    }
}

impl Reader {
    /// Returns a user with its roles.
    async fn user(
        &self,
        key: i64,
        id: UserId,
        name: String,
        Json(denied): Json<BTreeSet<String>>,
    ) -> Result<User, StoreError> {
        Ok(User { id, name, roles: roles(self.pool(), key).await?, denied })
    }
}

/// Returns the domain, and the key that signs links.
pub(super) async fn domain(database: impl SqliteExecutor<'_>) -> Result<(Domain, [u8; 32]), StoreError> {
    let read = sql("read the domain", "SELECT domain_id, name, link_key FROM domain");
    let (id, name, key): (_, _, Vec<u8>) = read.one(database).await?;
    let key = key.try_into();
    let key = key.map_err(|_| StoreError::Inconsistent { what: "domain.link_key does not have 32 bytes" })?;
    Ok((Domain { id, name }, key))
}

/// Returns the roles of a user.
pub(super) async fn roles(
    database: impl SqliteExecutor<'_>,
    user_key: i64,
) -> Result<BTreeMap<RoleScope, Role>, StoreError> {
    let read = "SELECT project_id, role FROM user_roles WHERE user_key = ?";
    let found = sql("read the roles of a user", read).bind(user_key).all(database).await?;
    let scope = |project: Option<ProjectId>| project.map_or(RoleScope::EveryProject, RoleScope::Project);
    Ok(found.into_iter().map(|(project, role)| (scope(project), role)).collect())
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
    let forget = sql("forget expired tokens", "DELETE FROM tokens WHERE expires_at < ?");
    forget.bind(forgotten_before).execute(&mut *connection).await?;
    let (password_hash, rehash, token_hash) = match &token.proof {
        LoginProof::Password { hash, rehash } => (Some(hash.expose()), rehash.as_ref(), None),
        LoginProof::Token { hash } => (None, None, Some(&hash[..])),
    };
    let keep = sql(
        "keep a token",
        "INSERT INTO tokens (token_hash, user_key, project_id, method, issued_at, expires_at)
         SELECT ?, u.user_key, ?, ?, ?, ? FROM users u
         WHERE u.user_id = ?
           AND (u.password_hash = ? OR EXISTS (SELECT 1 FROM tokens t WHERE t.token_hash = ? AND t.user_key = u.user_key))",
    );
    let keep = keep.bind(&token.hash[..]).bind(token.project_id).bind(token.method).bind(token.issued_at);
    let keep = keep.bind(token.expires_at).bind(token.user_id).bind(password_hash).bind(token_hash);
    let is_kept = keep.execute(&mut *connection).await? == 1;
    if let (Some(rehash), true) = (rehash, is_kept) {
        let keep =
            sql("keep a new hash of a password", "UPDATE users SET password_hash = ? WHERE user_id = ?");
        keep.bind(rehash.expose()).bind(token.user_id).execute(&mut *connection).await?;
    }
    Ok(is_kept)
}
