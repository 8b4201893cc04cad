//! A state as it is written down: what a seed wants to be there, and what an export finds.
//!
//! The parts are the same both ways, so that what is exported can be seeded again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::domain::backup::{Backup, BackupStatusKind, RecordNumber};
use crate::domain::id::{InstanceId, ProjectId, RequestId, UserId};
use crate::domain::identity::{Domain, Project, Role, RoleScope, Secret};
use crate::domain::instance::{
    CacheMode, Capacity, Creator, Engine, EngineVersion, InstanceName, InstanceStatus, Network,
};
use crate::domain::origin::Actor;
use crate::domain::quota::Quota;
use crate::domain::remark::Remark;
use crate::domain::restore::{Restore, RestoreStatusKind};
use crate::domain::time::Timestamp;

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

/// A row of a table: values by the names of its columns; what is null is left out, what is binary is in hexadecimal.
pub type TableRow = BTreeMap<String, Value>;

/// Rows, by table.
pub type TableRows = BTreeMap<String, Vec<TableRow>>;

/// What belongs to an instance and has no form of its own in a seed, as the tables have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DependentRows {
    /// Columns of the instance.
    pub columns: TableRow,
    /// Rows, by table.
    pub rows: TableRows,
}

/// A project and the instances in it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// What belongs to it and to no instance, as the tables have it.
    pub rows: TableRows,
    /// Its instances.
    pub instances: Vec<InstanceSeed>,
}

/// An instance with its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSeed {
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: InstanceName,
    /// A description.
    pub description: Option<String>,
    /// Its cache engine.
    pub engine: Engine,
    /// The version of the engine.
    pub engine_version: EngineVersion,
    /// How it keeps its data.
    pub cache_mode: CacheMode,
    /// Its memory.
    pub capacity: Capacity,
    /// The code of its product.
    pub spec_code: String,
    /// The state it is in.
    pub status: InstanceStatus,
    /// Its address; the next one of its project if absent.
    pub ip: Option<String>,
    /// Its port.
    pub port: u16,
    /// Whether its clients need no password.
    pub no_password_access: bool,
    /// The codes of its availability zones.
    pub zone_codes: Vec<String>,
    /// The network it is in.
    pub network: Network,
    /// The user that counts as its creator.
    pub creator: Creator,
    /// When it was created; at the seeding if absent.
    pub created_at: Option<Timestamp>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Timestamp>,
    /// What else belongs to it.
    pub dependent_rows: DependentRows,
    /// Its backups, by number.
    pub backups: Vec<Backup>,
    /// Its restores, by number.
    pub restores: Vec<Restore>,
    /// Whether its history is among the events of the seed. If not, it gets one that begins with the seeding.
    pub has_history: bool,
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

/// An event of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSeed {
    /// When it happened.
    pub at: Timestamp,
    /// Who was behind it.
    pub actor: Actor,
    /// The instance it happened to, or whose record it happened to.
    pub instance_id: InstanceId,
    /// What changed.
    pub change: EventChange,
    /// The request behind it, if there was one.
    pub request_id: Option<RequestId>,
    /// A note of the event's own.
    pub remark: Option<Remark>,
}

/// A status before and after an event: without the first something came into being, without the second it went out of sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventChange {
    /// Of the instance.
    Instance {
        /// Before.
        from: Option<InstanceStatus>,
        /// After.
        to: Option<InstanceStatus>,
    },
    /// Of a backup.
    Backup {
        /// Its number within the instance.
        number: RecordNumber,
        /// Before.
        from: Option<BackupStatusKind>,
        /// After.
        to: Option<BackupStatusKind>,
    },
    /// Of a restore.
    Restore {
        /// Its number within the instance.
        number: RecordNumber,
        /// Before.
        from: Option<RestoreStatusKind>,
        /// After.
        to: Option<RestoreStatusKind>,
    },
}

/// Everything that is to be there, checked and complete. Not to be shown: it holds a key.
#[derive(Clone)]
pub struct SeedPlan {
    /// The domain, if the seed names one.
    pub domain: Option<DomainSeed>,
    /// Projects and their instances.
    pub projects: Vec<ProjectSeed>,
    /// Users.
    pub users: Vec<UserSeed>,
    /// What happened to those instances that have a history, in order.
    pub events: Vec<EventSeed>,
    /// Rows that name a project by its id, as the tables have them.
    pub rows: TableRows,
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
    /// How many instances were there already and were replaced, their records and history included.
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

/// A part of the state that is written down. They come in the order in which a document has them: each instance after its
/// project and before its records.
#[derive(Clone)]
pub enum StatePart {
    /// The domain.
    Domain(DomainSeed),
    /// A user.
    User(UserSeed),
    /// A project, without its instances.
    Project(ProjectSeed),
    /// An instance of the project before it, without its records.
    Instance(Box<InstanceSeed>),
    /// Backups of the instance before them, by number.
    Backups(Vec<Backup>),
    /// Restores of the instance before them, by number.
    Restores(Vec<Restore>),
    /// Rows that name a project by its id.
    Rows(TableRows),
    /// The settings that are kept, by name.
    Settings(BTreeMap<String, String>),
    /// Events, in order.
    Events(Vec<EventSeed>),
    /// Nothing more: without it the state was not read to its end.
    End,
}
