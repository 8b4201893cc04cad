//! Users, agencies, keys, tokens and projects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{SqliteConnection, SqliteExecutor};

use crate::domain::id::{DomainId, ProjectId, UserId};
use crate::domain::identity::{
    AccessKey, Assumer, Domain, Project, Role, RoleScope, Session, Token, TokenScope, User,
};
use crate::domain::time::Timestamp;
use crate::store::identity::{AgencyName, NewTemporaryKey, ProjectFilter, UserKey};
use crate::store::row::Json;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::reader::Reader;
use crate::store::sqlite::sql::{Statement, sql};
use crate::store::{IdentityStore, LoginProof, NewToken, StoreError};

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn save_token(&self, token: NewToken) -> Result<bool, StoreError> {
        self.writer.change(|state| save_token(&mut state.connection, token).boxed()).await
    }

    async fn save_temporary_key(&self, key: NewTemporaryKey) -> Result<bool, StoreError> {
        self.writer.change(|state| save_temporary_key(&mut state.connection, key).boxed()).await
    }

    async fn save_agency(&self, id: UserId, name: AgencyName) -> Result<(), StoreError> {
        self.writer.change(move |state| save_agency(&mut state.connection, id, name).boxed()).await
    }

    async fn remove_unseeded_agencies(&self) -> Result<(), StoreError> {
        self.writer.change(|state| remove_users(&mut state.connection, UNSEEDED_AGENCIES).boxed()).await
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
        // Only agencies have a name that has to be looked for.
        let find = sql(
            "find a user",
            "SELECT user_key, password_hash FROM users WHERE user_id = ?1
             UNION ALL
             SELECT user_key, password_hash FROM users WHERE name = ?2 AND agency IS NULL
             UNION ALL
             SELECT user_key, password_hash FROM identities WHERE instr(?2, '/') > 0 AND name = ?2 AND agency IS NOT NULL LIMIT 1",
        );
        let found = find.bind(id).bind(name).optional(self.reader.pool()).await?;
        let Some((key, hash)) = found else { return Ok(None) };
        Ok(Some((self.reader.user(key).await?, hash)))
    }

    async fn find_agency(&self, name: AgencyName, is_seeded: bool) -> Result<Option<User>, StoreError> {
        let find = sql(
            "find an agency",
            "SELECT user_key FROM users WHERE name = ? AND agency IS NOT NULL AND (built_in = 0 OR NOT ?)",
        );
        let key = find.bind(name.among_users()).bind(is_seeded).optional_value(self.reader.pool()).await?;
        match key {
            Some(key) => self.reader.user(key).await.map(Some),
            None => Ok(None),
        }
    }

    async fn find_access_key(&self, access: &str) -> Result<Option<AccessKey>, StoreError> {
        let find = sql(
            "find an access key",
            "SELECT user_key, secret, NULL, NULL FROM access_keys WHERE access = ?1
             UNION ALL
             SELECT user_key, secret, token_hash, expires_at FROM temporary_keys WHERE access = ?1 LIMIT 1",
        );
        let found = find.bind(access).optional(self.reader.pool()).await?;
        let Some((key, secret, token_hash, expires_at)) = found else { return Ok(None) };
        let (token_hash, expires_at): (Option<Vec<u8>>, Option<Timestamp>) = (token_hash, expires_at);
        let session = match (token_hash, expires_at) {
            (Some(bytes), Some(expires_at)) => {
                let unlike = |_| StoreError::Inconsistent { what: "the hash of a security token" };
                Some(Session { token_hash: bytes.try_into().map_err(unlike)?, expires_at })
            }
            _ => None,
        };
        let owner = self.reader.user(key).await?;
        Ok(Some(AccessKey { access: access.to_owned(), secret, owner, session }))
    }

    async fn find_token(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        let find = sql(
            "find a token",
            "SELECT user_key, t.project_id, p.name, method, issued_at, expires_at, assumed_by_id, assumed_by_name
             FROM tokens t LEFT JOIN projects p ON p.project_id = t.project_id WHERE token_hash = ?",
        );
        let found = find.bind(&hash[..]).optional(self.reader.pool()).await?;
        let Some((key, project_id, project_name, method, issued_at, expires_at, assumer_id, assumer_name)) =
            found
        else {
            return Ok(None);
        };
        let (project_id, project_name): (Option<ProjectId>, Option<String>) = (project_id, project_name);
        let assumer: Option<(UserId, String)> = Option::zip(assumer_id, assumer_name);
        // A project that nobody has named is named by its id.
        let named = |id: ProjectId| project_name.unwrap_or_else(|| id.to_string());
        let project = |id| TokenScope::Project(Project { id, name: named(id) });
        let scope = project_id.map_or(TokenScope::Domain, project);
        Ok(Some(Token {
            hash,
            user: self.reader.user(key).await?,
            scope,
            method,
            assumed_by: assumer.map(|(id, name)| Assumer { id, name }),
            issued_at,
            expires_at,
        }))
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
    /// Returns a user or an agency with its roles.
    async fn user(&self, key: i64) -> Result<User, StoreError> {
        let read = sql(
            "read a user",
            "SELECT user_id, name, denied, account_id, account_name FROM identities WHERE user_key = ?",
        );
        let (id, name, Json(denied), account_id, account_name) = read.bind(key).one(self.pool()).await?;
        let (denied, account): (BTreeSet<String>, Option<(DomainId, String)>) =
            (denied, Option::zip(account_id, account_name));
        let account = account.map(|(id, name)| Domain { id, name });
        Ok(User { id, name, account, roles: roles(self.pool(), key).await?, denied })
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

/// How long an expired token or temporary key is still known, so that its owner is told "expired" and not "unknown".
const EXPIRED_STAY: Duration = Duration::from_hours(30 * 24);

/// How many agencies there may be that no seed has named.
const MAX_AGENCIES: i64 = 1_000;

/// Keeps an agency that no seed has named, unless it is there or there are too many of them.
async fn save_agency(
    connection: &mut SqliteConnection,
    id: UserId,
    agency: AgencyName,
) -> Result<(), StoreError> {
    let keep = sql(
        "keep an agency",
        "INSERT INTO users (user_id, name, built_in, agency, account_id, account_name)
         SELECT ?, ?, 1, ?, ?, ?
         WHERE (SELECT count(*) FROM users WHERE agency IS NOT NULL AND built_in = 1) < ?
         ON CONFLICT DO NOTHING RETURNING user_key",
    );
    let name = agency.among_users();
    let (account_id, account_name) = agency.account.map(|account| (account.id, account.name)).unzip();
    let keep = keep.bind(id).bind(name).bind(agency.name).bind(account_id).bind(account_name);
    let key: Option<i64> = keep.bind(MAX_AGENCIES).optional_value(&mut *connection).await?;
    let Some(key) = key else { return Ok(()) };
    let give =
        sql("keep an agency", "INSERT INTO user_roles (user_key, project_id, role) VALUES (?, NULL, ?)");
    give.bind(key).bind(Role::Admin.as_str()).execute(connection).await.map(drop)
}

/// The built-in user, which is there only while no seed names one, as a condition of [`remove_users`].
pub(super) const BUILT_IN_USER: &str = "built_in = 1 AND agency IS NULL";
/// The agencies that no seed has named, likewise.
const UNSEEDED_AGENCIES: &str = "built_in = 1 AND agency IS NOT NULL";

/// Removes users or agencies with all that hangs on them, and with what was given to agencies that they have assumed.
pub(super) async fn remove_users(
    connection: &mut SqliteConnection,
    which: &'static str,
) -> Result<(), StoreError> {
    for (table, column, of) in [
        ("tokens", "assumed_by_id", "user_id"),
        ("temporary_keys", "asked_by", "user_id"),
        ("tokens", "user_key", "user_key"),
        ("temporary_keys", "user_key", "user_key"),
        ("user_roles", "user_key", "user_key"),
        ("access_keys", "user_key", "user_key"),
        ("users", "user_key", "user_key"),
    ] {
        let remove = format!("DELETE FROM {table} WHERE {column} IN (SELECT {of} FROM users WHERE {which})");
        sql("remove users", remove).execute(&mut *connection).await?;
    }
    Ok(())
}

/// How many temporary keys are kept.
const MAX_TEMPORARY_KEYS: i64 = 10_000;

/// Keeps a temporary key if what was shown for it still holds, and returns whether it does. Forgets those that expired long ago, and of too
/// many those that end first.
async fn save_temporary_key(
    connection: &mut SqliteConnection,
    key: NewTemporaryKey,
) -> Result<bool, StoreError> {
    let forget = sql(
        "forget temporary keys",
        "DELETE FROM temporary_keys WHERE expires_at < ? OR access IN
             (SELECT access FROM temporary_keys ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
    );
    let forget = forget.bind(forgotten_before(key.issued_at)).bind(MAX_TEMPORARY_KEYS - 1);
    forget.execute(&mut *connection).await?;
    let keep = format!(
        "INSERT INTO temporary_keys (access, secret, token_hash, user_key, asked_by, expires_at)
         SELECT ?4, ?5, ?6, u.user_key, ?8, ?7 FROM users u JOIN users b ON b.user_id = ?8 WHERE u.user_id = ?9 AND {PROOF_HOLDS}"
    );
    let keep = bind_proof(sql("keep a temporary key", keep), &key.proof);
    let keep = keep.bind(&key.access).bind(&key.secret).bind(&key.session.token_hash[..]);
    let keep = keep.bind(key.session.expires_at).bind(key.asked_by).bind(key.user_id);
    Ok(keep.execute(connection).await? == 1)
}

/// Says whether what the user `b` has shown still holds: the values are those of [`bind_proof`].
const PROOF_HOLDS: &str = "(coalesce(?1, ?2, ?3) IS NULL OR b.password_hash = ?1
     OR EXISTS (SELECT 1 FROM tokens t WHERE t.token_hash = ?2 AND t.user_key = b.user_key)
     OR EXISTS (SELECT 1 FROM access_keys k WHERE k.access = ?3 AND k.user_key = b.user_key)
     OR EXISTS (SELECT 1 FROM temporary_keys k WHERE k.access = ?3 AND k.user_key = b.user_key))";

/// Gives the first three values of a statement with [`PROOF_HOLDS`].
fn bind_proof(statement: Statement, proof: &LoginProof) -> Statement {
    let (password_hash, token_hash, access) = match proof {
        LoginProof::Password { hash, .. } => (Some(hash.expose()), None, None),
        LoginProof::Token { hash } => (None, Some(&hash[..]), None),
        LoginProof::Key { access } => (None, None, Some(access.as_str())),
        LoginProof::Unchecked => (None, None, None),
    };
    statement.bind(password_hash).bind(token_hash).bind(access)
}

/// Returns the time before which what has expired is forgotten, in milliseconds.
fn forgotten_before(now: Timestamp) -> i64 {
    now.as_millis() - i64::try_from(EXPIRED_STAY.as_millis()).unwrap_or(i64::MAX)
}

/// Keeps a token if what the login has shown still holds, and returns whether it does; forgets tokens that expired long ago.
pub(super) async fn save_token(
    connection: &mut SqliteConnection,
    token: NewToken,
) -> Result<bool, StoreError> {
    let forget = sql("forget expired tokens", "DELETE FROM tokens WHERE expires_at < ?");
    forget.bind(forgotten_before(token.issued_at)).execute(&mut *connection).await?;
    let keep = format!(
        "INSERT INTO tokens (token_hash, user_key, project_id, method, issued_at, expires_at, assumed_by_id, assumed_by_name)
         SELECT ?4, u.user_key, ?5, ?6, ?7, ?8, ?9, ?10 FROM users u JOIN users b ON b.user_id = coalesce(?9, ?11)
         WHERE u.user_id = ?11 AND {PROOF_HOLDS}"
    );
    let keep = bind_proof(sql("keep a token", keep), &token.proof);
    let keep = keep.bind(&token.hash[..]).bind(token.project_id).bind(token.method).bind(token.issued_at);
    let (assumer_id, assumer_name) = token.assumed_by.map(|assumer| (assumer.id, assumer.name)).unzip();
    let keep = keep.bind(token.expires_at).bind(assumer_id).bind(assumer_name).bind(token.user_id);
    let is_kept = keep.execute(&mut *connection).await? == 1;
    if let (LoginProof::Password { rehash: Some(rehash), .. }, true) = (token.proof, is_kept) {
        let keep =
            sql("keep a new hash of a password", "UPDATE users SET password_hash = ? WHERE user_id = ?");
        keep.bind(rehash.expose()).bind(token.user_id).execute(&mut *connection).await?;
    }
    Ok(is_kept)
}
