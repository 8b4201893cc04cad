//! Seeds: documents that say which projects and instances are to be there.
//!
//! A seed is checked whole before anything is done with it. Applying it creates what is not there and touches nothing
//! that is, so that a server can be started with it again and again.

mod document;
mod error;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use crate::domain::builtin;
use crate::domain::catalogue;
use crate::domain::id::{InstanceId, ProjectId, UserId};
use crate::domain::identity::{Domain, Project, Role, RoleScope, Secret};
use crate::domain::instance::{Creator, InstanceName, Network};
use crate::domain::quota::Quota;
use crate::engine::identity::hash_password;
use crate::engine::{Engine, EngineError};
use crate::store::{InstanceSeed, ProjectSeed, SeedPlan, SeedReport, UserKey, UserSeed};
use document::{Document, InstanceEntry, ProjectEntry, UserEntry};
pub use error::SeedError;

/// The seed that `--demo` applies: one project with a master/standby, a single-node and a cluster instance.
pub const DEMO: &str = include_str!("demo.yaml");

/// The notation of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// YAML, of which JSON is a part.
    Yaml,
    /// JSON.
    Json,
}

impl Notation {
    /// Returns the notation that a file's name promises: JSON for `.json`, else YAML.
    pub fn of_file(name: &str) -> Self {
        let is_json =
            std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if is_json { Self::Json } else { Self::Yaml }
    }
}

/// Checked seeds, ready to be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    domain: Option<Domain>,
    projects: Vec<ProjectSeed>,
    users: Vec<SeededUser>,
}

/// A user that a seed wants, with a password that is not hashed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SeededUser {
    name: String,
    password: Option<Secret>,
    access_keys: Vec<(String, Secret)>,
    roles: BTreeMap<RoleScope, Role>,
    denied: BTreeSet<String>,
}

impl Seed {
    /// Returns the part of it that is about a project.
    pub(super) fn only(mut self, project: ProjectId) -> Self {
        self.projects.retain(|seeded| seeded.id == project);
        Self { domain: None, projects: self.projects, users: Vec::new() }
    }
}

/// Reads seed documents one after the other and checks them against each other.
#[derive(Debug)]
pub struct SeedReader {
    region: String,
    seed: Seed,
    instance_owners: HashMap<InstanceId, ProjectId>,
}

impl SeedReader {
    /// Begins without any seed; `region` names the first project and the zones.
    pub fn new(region: &str) -> Self {
        Self { region: region.to_owned(), seed: Seed::default(), instance_owners: HashMap::new() }
    }

    /// Reads one document; `source` names it in errors.
    ///
    /// # Errors
    /// [`SeedError`] naming source, line and field.
    pub fn read(&mut self, source: &str, notation: Notation, text: &str) -> Result<(), SeedError> {
        let document = Document::parse(source, notation, text)?;
        if let Some(domain) = document.domain {
            let built_in = built_in_domain();
            self.seed.domain = Some(Domain {
                id: domain.id.unwrap_or(built_in.id),
                name: domain.name.unwrap_or(built_in.name),
            });
        }
        for (index, entry) in document.users.into_iter().enumerate() {
            self.add_user(index, entry).map_err(|conflict| conflict.at(source, text))?;
        }
        for (index, entry) in document.projects.into_iter().enumerate() {
            self.add_project(index, entry).map_err(|conflict| conflict.at(source, text))?;
        }
        Ok(())
    }

    /// Returns everything that was read.
    pub fn finish(self) -> Seed {
        self.seed
    }

    fn add_user(&mut self, index: usize, entry: UserEntry) -> Result<(), Conflict> {
        let field = |name: &str| format!("users[{index}].{name}");
        if self.seed.users.iter().any(|other| other.name == entry.name) {
            return Err(Conflict { field: field("name"), value: entry.name, problem: TWICE });
        }
        let access_keys: Vec<_> = entry.access_keys.into_iter().map(|key| (key.access, key.secret)).collect();
        for (position, (access, _)) in access_keys.iter().enumerate() {
            let mut others =
                self.seed.users.iter().flat_map(|user| &user.access_keys).chain(&access_keys[..position]);
            if others.any(|(other, _)| other == access) {
                return Err(Conflict { field: field("access_keys"), value: access.clone(), problem: TWICE });
            }
        }
        let everything = || BTreeMap::from([(RoleScope::EveryProject, Role::Admin)]);
        self.seed.users.push(SeededUser {
            name: entry.name,
            password: entry.password,
            access_keys,
            roles: entry.roles.unwrap_or_else(everything),
            denied: entry.deny,
        });
        Ok(())
    }

    fn add_project(&mut self, project: usize, entry: ProjectEntry) -> Result<(), Conflict> {
        let position = self.seed.projects.iter().position(|project| project.id == entry.id);
        let position = position.unwrap_or_else(|| {
            let name = if self.seed.projects.is_empty() { self.region.clone() } else { entry.id.to_string() };
            let project = ProjectSeed { id: entry.id, name, quota: Quota::default(), instances: Vec::new() };
            self.seed.projects.push(project);
            self.seed.projects.len() - 1
        });
        let seeded = &mut self.seed.projects[position];
        if let Some(name) = entry.name {
            seeded.name = name;
        }
        seeded.quota = Quota {
            instances: entry.quotas.instances.or(seeded.quota.instances),
            memory_gb: entry.quotas.memory_gb.or(seeded.quota.memory_gb),
        };
        for (index, instance) in entry.instances.into_iter().enumerate() {
            let field = |name: &str| format!("projects[{project}].instances[{index}].{name}");
            self.add_instance(position, field, instance)?;
        }
        Ok(())
    }

    fn add_instance(
        &mut self,
        project: usize,
        field: impl Fn(&str) -> String,
        entry: InstanceEntry,
    ) -> Result<(), Conflict> {
        let project = &mut self.seed.projects[project];
        if let Some(owner) = self.instance_owners.insert(entry.id, project.id) {
            let problem = if owner == project.id { TWICE } else { "is in another project already" };
            return Err(Conflict { field: field("id"), value: entry.id.to_string(), problem });
        }
        let instance = complete(entry, &self.region);
        if project.instances.iter().any(|other| other.name == instance.name) {
            let (value, problem) =
                (instance.name.as_str().to_owned(), "is the name of another instance of the project already");
            return Err(Conflict { field: field("name"), value, problem });
        }
        project.instances.push(instance);
        Ok(())
    }
}

/// The problem of what may be there only once.
const TWICE: &str = "is there twice";

/// Two entries that cannot both be.
struct Conflict {
    field: String,
    value: String,
    problem: &'static str,
}

impl Conflict {
    fn at(self, source: &str, text: &str) -> SeedError {
        let Self { field, value, problem } = self;
        // The later of two is the one to mend. A value that was not written, but follows from others, has no line.
        let value_in = |line: &str| line.to_ascii_lowercase().contains(&value.to_ascii_lowercase());
        let line = text.lines().enumerate().filter(|(_, line)| value_in(line)).last().map(|(at, _)| at + 1);
        SeedError::Conflict { source_name: source.to_owned(), line, field, value, problem }
    }
}

/// Gives an instance everything that its entry leaves out. Source: `decisions` no. 15.
fn complete(entry: InstanceEntry, region: &str) -> InstanceSeed {
    let id_text = entry.id.to_string();
    let first_generation = entry.engine_version.is_first_generation();
    let product = catalogue::nearest(entry.engine, &entry.engine_version, entry.cache_mode, entry.capacity);
    InstanceSeed {
        id: entry.id,
        name: entry.name.unwrap_or_else(|| default_name(&id_text)),
        engine: entry.engine,
        cache_mode: entry.cache_mode,
        capacity: entry.capacity,
        spec_code: product.spec_code.clone(),
        engine_version: entry.engine_version,
        status: entry.status,
        zone_codes: vec![builtin::zone_code(region, 1)],
        network: Network {
            vpc_id: builtin::VPC_ID.to_owned(),
            subnet_id: builtin::SUBNET_ID.to_owned(),
            security_group_id: first_generation.then(|| builtin::SECURITY_GROUP_ID.to_owned()),
        },
        creator: Creator { user_id: builtin::USER_ID.to_owned(), user_name: builtin::USER_NAME.to_owned() },
    }
}

fn default_name(id: &str) -> InstanceName {
    InstanceName::try_from(format!("dcs-{}", &id[..8])).expect("twelve letters, digits and a dash are a name")
}

fn built_in_domain() -> Domain {
    Domain {
        id: builtin::DOMAIN_ID.parse().expect("the built-in id is an id"),
        name: builtin::DOMAIN_NAME.to_owned(),
    }
}

fn built_in_project(region: &str) -> Project {
    Project { id: builtin::PROJECT_ID.parse().expect("the built-in id is an id"), name: region.to_owned() }
}

/// Returns the id of a seeded user, which follows from its name, so that it is the same in every database.
fn user_id(name: &str) -> UserId {
    if name == builtin::USER_NAME {
        return builtin::USER_ID.parse().expect("the built-in id is an id");
    }
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    UserId::from_bytes(id)
}

fn built_in_user() -> UserSeed {
    UserSeed {
        id: user_id(builtin::USER_NAME),
        name: builtin::USER_NAME.to_owned(),
        password_hash: Some(Secret::new(builtin::PASSWORD_HASH.to_owned())),
        access_keys: vec![(builtin::ACCESS_KEY.to_owned(), Secret::new(builtin::SECRET_KEY.to_owned()))],
        roles: BTreeMap::from([(RoleScope::EveryProject, Role::Admin)]),
        denied: BTreeSet::new(),
    }
}

/// What becomes of the users there are when a seed is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownUsers {
    /// They stay as they are.
    AreKept,
    /// They are removed first.
    AreGone,
}

impl Engine {
    /// Creates what a seed wants and is not there, and what is built in; touches nothing that is.
    ///
    /// # Errors
    /// `Internal`; then nothing has changed.
    pub async fn apply_seed(&self, seed: Seed) -> Result<SeedReport, EngineError> {
        let plan = self.plan(seed, KnownUsers::AreKept).await?;
        Ok(self.store.seed(plan, self.clock.now()).await?)
    }

    /// Completes a seed with what is built in.
    pub(super) async fn plan(&self, seed: Seed, known: KnownUsers) -> Result<SeedPlan, EngineError> {
        let mut users = Vec::with_capacity(seed.users.len());
        for user in seed.users {
            users.push(self.hashed(user, known).await?);
        }
        Ok(SeedPlan {
            domain: seed.domain.unwrap_or_else(built_in_domain),
            projects: seed.projects,
            users,
            built_in_project: built_in_project(&self.settings.region),
            built_in_user: built_in_user(),
            link_key: self.ids.key(),
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
            Some(password) if !known || user.name == builtin::USER_NAME => {
                let salt = self.ids.random_bits();
                tokio::task::spawn_blocking(move || hash_password(&password, salt)).await.unwrap_or(None)
            }
            _ => None,
        };
        Ok(UserSeed {
            id: user_id(&user.name),
            name: user.name,
            password_hash: password_hash.map(Secret::new),
            access_keys: user.access_keys,
            roles: user.roles,
            denied: user.denied,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Seed, String> {
        let mut reader = SeedReader::new("eu-de");
        reader.read("seed.yaml", Notation::Yaml, text).map_err(|error| error.to_string())?;
        Ok(reader.finish())
    }

    #[test]
    fn the_demo_has_one_instance_of_each_kind() {
        let seed = read(DEMO).unwrap();
        let modes: Vec<_> =
            seed.projects[0].instances.iter().map(|instance| instance.cache_mode.as_str()).collect();
        assert_eq!(modes, ["ha", "single", "cluster"]);
        assert_eq!(seed.projects[0].name, "eu-de");
    }

    #[test]
    fn what_an_entry_leaves_out_has_a_default() {
        let seed = read(
            "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n      - id: 5560df16-cebf-4473-95c4-d1b573c16e79\n        cache_mode: ha\n",
        )
        .unwrap();
        let instance = &seed.projects[0].instances[0];
        assert_eq!(instance.name.as_str(), "dcs-5560df16");
        assert_eq!(instance.spec_code, "redis.ha.xu1.large.r2.2");
        assert_eq!(instance.network.security_group_id, None);
    }

    #[test]
    fn errors_name_source_line_and_field() {
        let project = "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n";
        let instance = "      - id: 5560df16-cebf-4473-95c4-d1b573c16e79\n";
        for (text, place, problem) in [
            ("projects:\n  - id: 885\n".to_owned(), "seed.yaml:2:9: projects[0].id", "32 hexadecimal digits"),
            (
                format!("{project}{instance}        cache_mode: HA\n"),
                "seed.yaml:5:21: projects[0].instances[0].cache_mode",
                "ha_rw_split",
            ),
            (
                format!("{project}{instance}        cache_mode: ha\n        capacty: 2\n"),
                "seed.yaml:6:9:",
                "unknown field `capacty`",
            ),
            (
                format!("{project}{instance}        cache_mode: ha\n        engine_version: 9\n"),
                "seed.yaml:4",
                "engine_version",
            ),
            (
                format!("{project}{instance}        cache_mode: ha\n{instance}        cache_mode: ha\n"),
                "seed.yaml:6: projects[0].instances[1].id",
                "twice",
            ),
            ("projects: [\n".to_owned(), "seed.yaml:1", "unclosed"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.starts_with(place), "{error}");
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn an_instance_cannot_be_in_two_projects_nor_a_name_twice_in_one() {
        let two = "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances: [{id: 5560df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha}]\n  - id: 995cacf2d49d4bb6931ae668e9c07553\n    instances: [{id: 5560df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha}]\n";
        assert!(
            read(two).unwrap_err().contains("seed.yaml:5: projects[1].instances[0].id"),
            "{:?}",
            read(two)
        );
        let name = "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n    - {id: 5560df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha, name: same}\n    - {id: 6660df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha, name: same}\n";
        assert!(read(name).unwrap_err().starts_with("seed.yaml:5: projects[0].instances[1].name"));
    }
}
