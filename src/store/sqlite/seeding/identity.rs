//! Creates the domain, the built-in user and project, and the users that a seed wants.

use sqlx::{Row, SqliteConnection};

use crate::domain::identity::{RoleScope, Secret};
use crate::domain::time::Timestamp;
use crate::store::error::unstorable;
use crate::store::{SeedPlan, SeedReport, StoreError, UserSeed};

/// Applies what a seed says of identity.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
    now: Timestamp,
    report: &mut SeedReport,
) -> Result<(), StoreError> {
    ensure_domain(connection, plan, report).await?;
    if plan.projects.is_empty() {
        ensure_built_in_project(connection, plan, now).await?;
    } else if plan.projects.iter().any(|project| !project.is_built_in) {
        run(connection, &REMOVE_BUILT_IN_PROJECT).await?;
    }
    if plan.users.iter().any(|user| !user.is_built_in) {
        run(connection, &REMOVE_BUILT_IN_USER).await?;
    }
    for user in &plan.users {
        if ensure_user(connection, user).await? {
            report.users_created += u64::from(!user.is_built_in);
        } else if plan.overwrite {
            replace_user(connection, user).await?;
        } else if !user.is_built_in {
            report.differences.push(format!("user {} was there already and stays as it is", user.name));
        }
    }
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&mut *connection)
        .await
        .map_err(StoreError::during("count users"))?;
    if users == 0 {
        ensure_user(connection, &plan.built_in_user).await?;
    }
    Ok(())
}

/// Statements that remove the built-in project, which is there only while no seed names one; not if it is in use.
const REMOVE_BUILT_IN_PROJECT: [&str; 2] = [
    "DELETE FROM projects WHERE built_in = 1
        AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.project_key = projects.project_key)
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.project_key = projects.project_key)",
    "UPDATE projects SET built_in = 0 WHERE built_in = 1",
];

/// Statements that remove the built-in user, which is there only while no seed names one, with all that hangs on it.
const REMOVE_BUILT_IN_USER: [&str; 4] = [
    "DELETE FROM tokens WHERE user_key IN (SELECT user_key FROM users WHERE built_in = 1)",
    "DELETE FROM user_roles WHERE user_key IN (SELECT user_key FROM users WHERE built_in = 1)",
    "DELETE FROM access_keys WHERE user_key IN (SELECT user_key FROM users WHERE built_in = 1)",
    "DELETE FROM users WHERE built_in = 1",
];

async fn run(connection: &mut SqliteConnection, statements: &[&'static str]) -> Result<(), StoreError> {
    for statement in statements {
        sqlx::query(*statement)
            .execute(&mut *connection)
            .await
            .map_err(StoreError::during("remove what is built in"))?;
    }
    Ok(())
}

async fn ensure_built_in_project(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO projects (project_id, name, created_at, built_in)
         SELECT ?, ?, ?, 1 WHERE NOT EXISTS (SELECT 1 FROM projects)",
    )
    .bind(&plan.built_in_project.id.as_bytes()[..])
    .bind(&plan.built_in_project.name)
    .bind(now.as_millis())
    .execute(connection)
    .await
    .map_err(StoreError::during("create the built-in project"))?;
    Ok(())
}

/// Nothing but what is built in is there yet: then the domain is the built-in one too, and goes when a seed names another.
const IS_BLANK: &str =
    "SELECT NOT EXISTS (SELECT 1 FROM instances) AND NOT EXISTS (SELECT 1 FROM projects WHERE built_in = 0)
                               AND NOT EXISTS (SELECT 1 FROM users WHERE built_in = 0)";

/// Makes sure that there is a domain. Before anything else is created.
async fn ensure_domain(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
    report: &mut SeedReport,
) -> Result<(), StoreError> {
    let failed = StoreError::during("create the domain");
    let named = plan.domain.as_ref();
    let domain = named.map_or(&plan.built_in_domain, |named| &named.domain);
    let link_key = named.and_then(|named| named.link_key);
    sqlx::query(
        "INSERT INTO domain (only_row, domain_id, name, link_key) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&domain.id.as_bytes()[..])
    .bind(&domain.name)
    .bind(&link_key.unwrap_or(plan.new_link_key)[..])
    .execute(&mut *connection)
    .await
    .map_err(&failed)?;
    let is_blank: bool = sqlx::query_scalar(IS_BLANK).fetch_one(&mut *connection).await.map_err(&failed)?;
    if named.is_some() && (is_blank || plan.overwrite) {
        sqlx::query("UPDATE domain SET domain_id = ?, name = ?, link_key = coalesce(?, link_key)")
            .bind(&domain.id.as_bytes()[..])
            .bind(&domain.name)
            .bind(link_key.map(|key| key.to_vec()))
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
    }
    if plan.replaces_link_key {
        sqlx::query("UPDATE domain SET link_key = ?")
            .bind(&plan.new_link_key[..])
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
    }
    let row =
        sqlx::query("SELECT domain_id, name FROM domain").fetch_one(connection).await.map_err(&failed)?;
    let id: Vec<u8> = row.try_get("domain_id").map_err(&failed)?;
    let name: String = row.try_get("name").map_err(&failed)?;
    if id != domain.id.as_bytes() || name != domain.name {
        report.differences.push(format!("the domain is {name}, the seed says {}", domain.name));
    }
    Ok(())
}

/// Creates a user with its keys and roles and returns whether it did: a user that is there is left as it is.
async fn ensure_user(connection: &mut SqliteConnection, user: &UserSeed) -> Result<bool, StoreError> {
    let failed = StoreError::during("create a user");
    let key: Option<i64> = sqlx::query_scalar(
        "INSERT INTO users (user_id, name, password_hash, denied, built_in) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING RETURNING user_key",
    )
    .bind(&user.id.as_bytes()[..])
    .bind(&user.name)
    .bind(user.password_hash.as_ref().map(Secret::expose))
    .bind(denied(user))
    .bind(user.is_built_in)
    .fetch_optional(&mut *connection)
    .await
    .map_err(&failed)?;
    let Some(key) = key else { return Ok(false) };
    give_keys_and_roles(connection, key, user).await?;
    Ok(true)
}

/// Puts what a seed says of a user in the place of what was there under its id or name. Its tokens stay good.
async fn replace_user(connection: &mut SqliteConnection, user: &UserSeed) -> Result<(), StoreError> {
    let failed = StoreError::during("replace a user");
    let key: i64 = sqlx::query_scalar(
        "UPDATE users SET user_id = ?1, name = ?2, password_hash = ?3, denied = ?4, built_in = ?5
         WHERE user_key = (SELECT user_key FROM users WHERE user_id = ?1 OR name = ?2 ORDER BY user_id = ?1 DESC LIMIT 1)
         RETURNING user_key",
    )
    .bind(&user.id.as_bytes()[..])
    .bind(&user.name)
    .bind(user.password_hash.as_ref().map(Secret::expose))
    .bind(denied(user))
    .bind(user.is_built_in)
    .fetch_one(&mut *connection)
    .await
    .map_err(unstorable)?;
    for statement in
        ["DELETE FROM access_keys WHERE user_key = ?", "DELETE FROM user_roles WHERE user_key = ?"]
    {
        sqlx::query(statement).bind(key).execute(&mut *connection).await.map_err(&failed)?;
    }
    for (access, _) in &user.access_keys {
        sqlx::query("DELETE FROM access_keys WHERE access = ?")
            .bind(access)
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
    }
    give_keys_and_roles(connection, key, user).await
}

/// Returns the actions a user is denied, as they are stored.
fn denied(user: &UserSeed) -> String {
    serde_json::to_string(&user.denied).unwrap_or_else(|_| "[]".to_owned())
}

async fn give_keys_and_roles(
    connection: &mut SqliteConnection,
    key: i64,
    user: &UserSeed,
) -> Result<(), StoreError> {
    let failed = StoreError::during("give a user its keys and roles");
    for (access, secret) in &user.access_keys {
        sqlx::query(
            "INSERT INTO access_keys (access, secret, user_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(access)
        .bind(secret.expose())
        .bind(key)
        .execute(&mut *connection)
        .await
        .map_err(&failed)?;
    }
    for (scope, role) in &user.roles {
        let project = match scope {
            RoleScope::EveryProject => None,
            RoleScope::Project(id) => Some(id.as_bytes().to_vec()),
        };
        sqlx::query("INSERT INTO user_roles (user_key, project_id, role) VALUES (?, ?, ?)")
            .bind(key)
            .bind(project)
            .bind(role.as_str())
            .execute(&mut *connection)
            .await
            .map_err(&failed)?;
    }
    Ok(())
}
