//! Creates the domain, the built-in user and project, and the users and agencies that a seed wants.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use crate::domain::identity::{Role, RoleScope};
use crate::domain::time::Timestamp;
use crate::store::error::unstorable;
use crate::store::sqlite::identity;
use crate::store::sqlite::sql::sql;
use crate::store::{AgencyName, AgencySeed, SeedPlan, SeedReport, StoreError, UserSeed};

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
        identity::remove_users(connection, identity::BUILT_IN_USER).await?;
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
    let count = sql("count users", "SELECT count(*) FROM users WHERE agency IS NULL");
    let users: i64 = count.value(&mut *connection).await?;
    if users == 0 {
        ensure_user(connection, &plan.built_in_user).await?;
    }
    for agency in &plan.agencies {
        if !put_agency(connection, agency, plan.overwrite).await? {
            report.differences.push(format!("agency {} was there already and stays as it is", agency.name));
        }
    }
    Ok(())
}

/// Statements that remove the built-in project, which is there only while no seed names one; not if it is in use.
const REMOVE_BUILT_IN_PROJECT: [&str; 2] = [
    "DELETE FROM projects WHERE built_in = 1
        AND NOT EXISTS (SELECT 1 FROM instances i WHERE i.project_key = projects.project_key)
        AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.project_key = projects.project_key)
        AND NOT EXISTS (SELECT 1 FROM events e WHERE e.project_key = projects.project_key)",
    "UPDATE projects SET built_in = 0 WHERE built_in = 1",
];

async fn run(connection: &mut SqliteConnection, statements: &[&'static str]) -> Result<(), StoreError> {
    for statement in statements {
        sql("remove what is built in", *statement).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn ensure_built_in_project(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let create = sql(
        "create the built-in project",
        "INSERT INTO projects (project_id, name, created_at, built_in)
         SELECT ?, ?, ?, 1 WHERE NOT EXISTS (SELECT 1 FROM projects)",
    );
    let create = create.bind(plan.built_in_project.id).bind(&plan.built_in_project.name).bind(now);
    create.execute(connection).await?;
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
    let named = plan.domain.as_ref();
    let domain = named.map_or(&plan.built_in_domain, |named| &named.domain);
    let link_key = named.and_then(|named| named.link_key);
    let create = sql(
        "create the domain",
        "INSERT INTO domain (only_row, domain_id, name, link_key) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let create = create.bind(domain.id).bind(&domain.name).bind(&link_key.unwrap_or(plan.new_link_key)[..]);
    create.execute(&mut *connection).await?;
    let is_blank: bool = sql("create the domain", IS_BLANK).value(&mut *connection).await?;
    if named.is_some() && (is_blank || plan.overwrite) {
        let create = sql(
            "create the domain",
            "UPDATE domain SET domain_id = ?, name = ?, link_key = coalesce(?, link_key)",
        );
        let create = create.bind(domain.id).bind(&domain.name).bind(link_key.map(|key| key.to_vec()));
        create.execute(&mut *connection).await?;
    }
    if plan.replaces_link_key {
        let create = sql("create the domain", "UPDATE domain SET link_key = ?");
        create.bind(&plan.new_link_key[..]).execute(&mut *connection).await?;
    }
    let (found, _) = identity::domain(connection).await?;
    if found != *domain {
        report.differences.push(format!("the domain is {}, the seed says {}", found.name, domain.name));
    }
    Ok(())
}

/// Creates a user with its keys and roles and returns whether it did: a user that is there is left as it is.
async fn ensure_user(connection: &mut SqliteConnection, user: &UserSeed) -> Result<bool, StoreError> {
    let create = sql(
        "create a user",
        "INSERT INTO users (user_id, name, password_hash, denied, built_in) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING RETURNING user_key",
    );
    let create = create.bind(user.id).bind(&user.name).bind(&user.password_hash).bind_json(&user.denied);
    let key: Option<i64> = create.bind(user.is_built_in).optional_value(&mut *connection).await?;
    let Some(key) = key else { return Ok(false) };
    give_keys_and_roles(connection, key, user).await?;
    Ok(true)
}

/// Creates an agency with its roles, or puts it in the place of one that no seed has named; with `overwrite`, of any. Returns whether it
/// did. Its tokens and temporary keys stay good.
async fn put_agency(
    connection: &mut SqliteConnection,
    agency: &AgencySeed,
    overwrite: bool,
) -> Result<bool, StoreError> {
    let name = AgencyName { name: agency.name.clone(), account: None }.among_users();
    if overwrite {
        let rename = sql(
            "rename an agency",
            "UPDATE users SET name = ?2, agency = ?3 WHERE user_id = ?1 AND agency IS NOT NULL AND account_id IS NULL",
        );
        rename
            .bind(agency.id)
            .bind(&name)
            .bind(&agency.name)
            .execute(&mut *connection)
            .await
            .map_err(unstorable)?;
    }
    let put = sql(
        "put an agency",
        "INSERT INTO users (user_id, name, agency, denied, built_in) VALUES (?1, ?2, ?3, ?4, 0)
         ON CONFLICT (name) DO UPDATE SET user_id = excluded.user_id, denied = excluded.denied, built_in = 0
             WHERE agency IS NOT NULL AND (built_in = 1 OR ?5)
         ON CONFLICT DO NOTHING
         RETURNING user_key",
    );
    let put = put.bind(agency.id).bind(name).bind(&agency.name).bind_json(&agency.denied).bind(overwrite);
    let key: Option<i64> = put.optional_value(&mut *connection).await.map_err(unstorable)?;
    let Some(key) = key else { return Ok(false) };
    let replace = sql("put an agency", "DELETE FROM user_roles WHERE user_key = ?");
    replace.bind(key).execute(&mut *connection).await?;
    give_roles(connection, key, &agency.roles).await?;
    Ok(true)
}

/// Puts what a seed says of a user in the place of what was there under its id or name. Its tokens stay good, its keys do not.
async fn replace_user(connection: &mut SqliteConnection, user: &UserSeed) -> Result<(), StoreError> {
    let replace = sql(
        "replace a user",
        "UPDATE users SET user_id = ?1, name = ?2, password_hash = ?3, denied = ?4, built_in = ?5, agency = NULL, account_id = NULL,
                account_name = NULL
         WHERE user_key = (SELECT user_key FROM users WHERE user_id = ?1 OR name = ?2 ORDER BY user_id = ?1 DESC LIMIT 1)
         RETURNING user_key",
    );
    let replace = replace.bind(user.id).bind(&user.name).bind(&user.password_hash).bind_json(&user.denied);
    let key: i64 = replace.bind(user.is_built_in).value(&mut *connection).await.map_err(unstorable)?;
    for statement in [
        "DELETE FROM access_keys WHERE user_key = ?",
        "DELETE FROM temporary_keys WHERE user_key = ?",
        "DELETE FROM user_roles WHERE user_key = ?",
    ] {
        sql("replace a user", statement).bind(key).execute(&mut *connection).await?;
    }
    for (access, _) in &user.access_keys {
        let replace = sql("replace a user", "DELETE FROM access_keys WHERE access = ?");
        replace.bind(access).execute(&mut *connection).await?;
    }
    give_keys_and_roles(connection, key, user).await
}

async fn give_keys_and_roles(
    connection: &mut SqliteConnection,
    key: i64,
    user: &UserSeed,
) -> Result<(), StoreError> {
    for (access, secret) in &user.access_keys {
        let give = sql(
            "give a user its keys and roles",
            "INSERT INTO access_keys (access, secret, user_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        );
        give.bind(access).bind(secret.expose()).bind(key).execute(&mut *connection).await?;
    }
    give_roles(connection, key, &user.roles).await
}

async fn give_roles(
    connection: &mut SqliteConnection,
    key: i64,
    roles: &BTreeMap<RoleScope, Role>,
) -> Result<(), StoreError> {
    for (scope, role) in roles {
        let project = match scope {
            RoleScope::EveryProject => None,
            RoleScope::Project(id) => Some(*id),
        };
        let give = sql(
            "give a user its keys and roles",
            "INSERT INTO user_roles (user_key, project_id, role) VALUES (?, ?, ?)",
        );
        give.bind(key).bind(project).bind(role.as_str()).execute(&mut *connection).await?;
    }
    Ok(())
}
