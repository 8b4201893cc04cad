//! What a seed says is to be there, and what an export finds: the same parts both ways, so that an export is a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures_util::future::{BoxFuture, Shared};

use crate::domain::account::Account;
use crate::domain::backup::Backup;
use crate::domain::config_template::ConfigTemplate;
use crate::domain::contents::Contents;
use crate::domain::enterprise_project::EnterpriseProject;
use crate::domain::id::{ProjectId, UserId};
use crate::domain::identity::{Domain, Project, Role, RoleScope, Secret};
use crate::domain::instance::{Instance, MinorVersions};
use crate::domain::instance_config::InstanceConfig;
use crate::domain::networks::NetworkResource;
use crate::domain::order::{Order, Subscription};
use crate::domain::quota::Quota;
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkPlan;
use crate::store::StoreError;

/// The domain. Its key is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DomainSeed {
    /// Its id and name.
    pub domain: Domain,
    /// The key that signs download links, if it is named.
    pub link_key: Option<[u8; 32]>,
}

impl fmt::Debug for DomainSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DomainSeed({:?})", self.domain)
    }
}

/// A project and the instances in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectSeed {
    /// The project.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// When it was created; at the seeding if absent.
    pub created_at: Option<Timestamp>,
    /// Whether it is the one that is there only while no seed names one.
    pub is_built_in: bool,
    /// How much it may have.
    pub quota: Quota,
    /// Its own templates of configuration parameters.
    pub templates: Vec<ConfigTemplate>,
    /// What is in its network, beside or in place of what every project begins with.
    pub networks: Vec<NetworkResource>,
    /// Its orders.
    pub orders: Vec<Order>,
    /// Its instances.
    pub instances: Vec<InstanceSeed>,
}

/// An instance with its configuration and its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSeed {
    /// The instance. Without an address (`ip` is empty) it gets the next one of its project.
    pub instance: Instance,
    /// Its configuration; the tags are those of the instance.
    pub configuration: InstanceConfig,
    /// A hash of its password, as PHC text; without one any password is the right one.
    pub password_hash: Option<Secret>,
    /// Whether a colon is in its password.
    pub password_has_colon: bool,
    /// For which time it is paid in advance, if that is known.
    pub subscription: Option<Subscription>,
    /// When its backup policy runs next; if absent, as the policy has it from the seeding on.
    pub next_run_at: Option<Timestamp>,
    /// The minor versions in which it is behind.
    pub minor_versions: MinorVersions,
    /// How its status transition ends, if it is in one that ends by itself.
    pub work: Option<WorkPlan>,
    /// Its accounts, in the order of their creation. None is being changed.
    pub accounts: Vec<Account>,
    /// What it holds; its backups hold the same.
    pub contents: Contents,
    /// Its backups, by number.
    pub backups: Vec<Backup>,
    /// Its restores, by number.
    pub restores: Vec<Restore>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSeed {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// A hash of its password, as PHC text; without one it cannot log in by password.
    pub password_hash: Option<Secret>,
    /// Whether it is the one that is there only while no seed names one.
    pub is_built_in: bool,
    /// Its access keys: access and secret.
    pub access_keys: Vec<(String, Secret)>,
    /// Its roles.
    pub roles: BTreeMap<RoleScope, Role>,
    /// Actions it is denied.
    pub denied: BTreeSet<String>,
}

/// An agency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgencySeed {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: BTreeMap<RoleScope, Role>,
    /// Actions it is denied.
    pub denied: BTreeSet<String>,
}

/// What a seed waits for between its last statement and the commit. If it fails, the seed is undone.
pub type BeforeCommit = Shared<BoxFuture<'static, Result<(), StoreError>>>;

/// Everything that is to be there, checked and complete. Not to be shown: it holds a key.
#[derive(Clone)]
pub struct SeedPlan {
    /// The domain, if the seed names one.
    pub domain: Option<DomainSeed>,
    /// Projects and their instances.
    pub projects: Vec<ProjectSeed>,
    /// Users.
    pub users: Vec<UserSeed>,
    /// Agencies.
    pub agencies: Vec<AgencySeed>,
    /// Enterprise projects of the domain.
    pub enterprise_projects: Vec<EnterpriseProject>,
    /// Settings, each by its name and as a JSON document, as they are to be kept.
    pub settings: Vec<(&'static str, String)>,
    /// Whether what is there already is replaced by what the seed says of it. If not, it is left alone.
    pub overwrite: bool,
    /// The domain that is there while no seed has named one.
    pub built_in_domain: Domain,
    /// The project that is there while no seed has named one.
    pub built_in_project: Project,
    /// The user that is there while no seed has named one.
    pub built_in_user: UserSeed,
    /// The key that signs download links, should there be none yet.
    pub new_link_key: [u8; 32],
    /// Whether it takes the place of the one that there is.
    pub replaces_link_key: bool,
    /// What is waited for before the commit, if anything. Where readers wait for the writer, it is waited for first.
    pub before_commit: Option<BeforeCommit>,
}

impl SeedPlan {
    /// Returns all instances, each with its project.
    pub fn instances(&self) -> impl Iterator<Item = (ProjectId, &InstanceSeed)> {
        self.projects
            .iter()
            .flat_map(|project| project.instances.iter().map(move |instance| (project.id, instance)))
    }
}

/// What applying a seed did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedReport {
    /// How many projects were created.
    pub projects_created: u64,
    /// How many instances were created.
    pub instances_created: u64,
    /// How many instances were there already and were left as they are.
    pub instances_kept: u64,
    /// How many instances were there already and were replaced, with their records.
    pub instances_replaced: u64,
    /// How many backups were created, with their instances.
    pub backups_created: u64,
    /// How many restores were created, with their instances.
    pub restores_created: u64,
    /// How many users were created.
    pub users_created: u64,
    /// One sentence for each thing that is there but differs from the seed, or is deleted.
    pub differences: Vec<String>,
}

/// A part of an export. They come in the order in which a document has them: each instance after its project and before its
/// records.
#[derive(Clone)]
pub enum StatePart {
    /// The domain.
    Domain(DomainSeed),
    /// A user.
    User(UserSeed),
    /// An agency.
    Agency(AgencySeed),
    /// An enterprise project of the domain.
    EnterpriseProject(EnterpriseProject),
    /// A project, without its orders and instances.
    Project(ProjectSeed),
    /// Orders of the project before them, by id.
    Orders(Vec<Order>),
    /// An instance of the project before it, without its records.
    Instance(Box<InstanceSeed>),
    /// Backups of the instance before them, by number.
    Backups(Vec<Backup>),
    /// Restores of the instance before them, by number.
    Restores(Vec<Restore>),
    /// The settings that are kept, by name.
    Settings(BTreeMap<String, String>),
    /// The end: without it the state was not read whole.
    End,
}
