//! Applies seeds: completes them with what is built in and hands them to the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::builtin;
use crate::domain::id::UserId;
use crate::domain::identity::{Domain, Project, Role, RoleScope, Secret};
use crate::domain::time::Timestamp;
use crate::engine::identity;
use crate::engine::seed::instance::Defaults;
use crate::engine::seed::{Seed, SeededPassword, SeededProject, SeededUser};
use crate::engine::{Engine, EngineError};
use crate::store::{ProjectSeed, SeedPlan, StoreError, UserKey, UserSeed};

/// What becomes of the users there are when a seed is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum KnownUsers {
    /// They stay as they are.
    AreKept,
    /// They are removed first, or replaced.
    AreGone,
}

/// How a seed is applied.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Applying {
    /// What becomes of the users there are.
    pub(in crate::engine) known: KnownUsers,
    /// Whether what is there is replaced.
    pub(in crate::engine) overwrite: bool,
    /// The settings that are kept afterwards.
    pub(in crate::engine) settings: Vec<(&'static str, String)>,
    /// When.
    pub(in crate::engine) now: Timestamp,
}

impl Engine {
    /// Completes a seed with what is built in.
    pub(in crate::engine) async fn plan(&self, seed: Seed, how: Applying) -> Result<SeedPlan, EngineError> {
        let mut users = Vec::with_capacity(seed.users.len());
        for user in seed.users {
            users.push(self.hashed(user, how.known).await?);
        }
        let settings = Arc::clone(&self.settings);
        let projects = seed.projects;
        // There may be many of them.
        let completed = tokio::task::spawn_blocking(move || {
            let defaults =
                Defaults { region: &settings.region, now: how.now, name_offset: settings.name_offset };
            projects.into_iter().map(|project| complete(project, &defaults)).collect::<Result<_, _>>()
        });
        let projects =
            completed.await.map_err(|_| StoreError::Inconsistent { what: "a seed has panicked" })?;
        Ok(SeedPlan {
            domain: seed.domain,
            projects: projects?,
            users,
            agencies: seed.agencies,
            enterprise_projects: seed.enterprise_projects,
            settings: how.settings,
            overwrite: how.overwrite,
            built_in_domain: built_in_domain(),
            built_in_project: built_in_project(&self.settings.region),
            built_in_user: built_in_user(),
            new_link_key: self.ids.key(),
            replaces_link_key: false,
            before_commit: None,
        })
    }

    /// Hashes a user's password, unless the user is there already and stays: it would be for nothing, and hashing is slow on
    /// purpose.
    async fn hashed(&self, user: SeededUser, known: KnownUsers) -> Result<UserSeed, EngineError> {
        let known = match known {
            KnownUsers::AreKept => self.identity.find_user(UserKey::Name(user.name.clone())).await?.is_some(),
            KnownUsers::AreGone => false,
        };
        let password_hash = match user.password {
            SeededPassword::Plain(password) if !known || user.name == builtin::USER_NAME => {
                Some(self.passwords.hash(password, self.ids.random_bits()).await?)
            }
            SeededPassword::Hash(hash) => Some(hash),
            SeededPassword::Plain(_) | SeededPassword::None => None,
        };
        Ok(UserSeed {
            id: user.id,
            name: user.name,
            password_hash,
            is_built_in: user.is_built_in,
            access_keys: user.access_keys,
            roles: user.roles,
            denied: user.denied,
        })
    }
}

fn complete(project: SeededProject, defaults: &Defaults<'_>) -> Result<ProjectSeed, StoreError> {
    let id = project.id;
    // They were completed once when they were read.
    let unlike = || StoreError::Inconsistent { what: "a seed that was taken once is refused" };
    let instances = project.instances.iter().map(|entry| entry.complete(id, defaults));
    let templates = project.templates.iter().map(|entry| entry.template(id, defaults.now));
    let orders = project.orders.iter().map(|entry| entry.order(defaults.now));
    Ok(ProjectSeed {
        id,
        name: project.name,
        created_at: project.created_at,
        is_built_in: project.is_built_in,
        quota: project.quota,
        templates: templates.collect::<Result<_, _>>().map_err(|_| unlike())?,
        networks: project.networks,
        orders: orders.collect::<Result<_, _>>().map_err(|_| unlike())?,
        instances: instances.collect::<Result<_, _>>().map_err(|_| unlike())?,
    })
}

pub(super) fn built_in_domain() -> Domain {
    Domain {
        id: builtin::DOMAIN_ID.parse().expect("the built-in id is an id"),
        name: builtin::DOMAIN_NAME.to_owned(),
    }
}

pub(super) fn built_in_project(region: &str) -> Project {
    Project { id: builtin::PROJECT_ID.parse().expect("the built-in id is an id"), name: region.to_owned() }
}

/// Returns the id of a seeded user that names none. It follows from its name.
pub(super) fn user_id(name: &str) -> UserId {
    if name == builtin::USER_NAME {
        return builtin::USER_ID.parse().expect("the built-in id is an id");
    }
    identity::id_of(name)
}

fn built_in_user() -> UserSeed {
    UserSeed {
        id: user_id(builtin::USER_NAME),
        name: builtin::USER_NAME.to_owned(),
        password_hash: Some(Secret::new(builtin::PASSWORD_HASH.to_owned())),
        is_built_in: true,
        access_keys: vec![(builtin::ACCESS_KEY.to_owned(), Secret::new(builtin::SECRET_KEY.to_owned()))],
        roles: BTreeMap::from([(RoleScope::EveryProject, Role::Admin)]),
        denied: BTreeSet::new(),
    }
}
