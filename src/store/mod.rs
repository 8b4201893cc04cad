//! What is stored, and the promise made about it. SQL is spoken here, and nowhere else.
//!
//! [`Store`] is the contract, in words of the domain: one method is one step that happens wholly or not at all, and what a
//! method has returned is on disk. [`sqlite`] keeps it.

mod error;
mod metrics;
mod migrate;
mod row;
pub mod sqlite;

use async_trait::async_trait;

pub use error::{OpenError, StoreError};
pub use metrics::StoreMetrics;

use crate::domain::backup::{Backup, BackupStatus, BackupStatusKind, NewBackup, RecordNumber};
use crate::domain::id::{BackupId, InstanceId, ProjectId};
use crate::domain::instance::{
    BackupRules, CacheMode, Capacity, Engine, EngineVersion, Instance, InstanceName, InstanceStatus, Network,
};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use crate::domain::time::Timestamp;

/// An instance, named together with the project that it must belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceRef {
    /// The project.
    pub project_id: ProjectId,
    /// The instance.
    pub instance_id: InstanceId,
}

/// The wish to have a backup recorded.
#[derive(Clone, Debug)]
pub struct CreateBackup {
    /// The instance to back up.
    pub instance: InstanceRef,
    /// The record.
    pub new: NewBackup,
    /// Which instances may be backed up.
    pub rules: BackupRules,
    /// Who asks.
    pub origin: Origin,
}

/// The wish to have a backup deleted.
#[derive(Clone, Debug)]
pub struct DeleteBackup {
    /// The instance it belongs to.
    pub instance: InstanceRef,
    /// The record.
    pub backup_id: BackupId,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// A change of a backup's status that came due, to be made if the status is still what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupChange {
    /// The instance.
    pub instance_id: InstanceId,
    /// The record's number.
    pub number: RecordNumber,
    /// The status it must have.
    pub from: BackupStatusKind,
    /// The status it gets.
    pub to: BackupStatus,
    /// When the change was due, which is when it counts as made.
    pub at: Timestamp,
}

/// Which instances a list shows. What is absent does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// The id is this one.
    pub id: Option<InstanceId>,
    /// The name contains this, case-sensitively.
    pub name_contains: Option<String>,
    /// The name is this.
    pub name_is: Option<String>,
    /// The status is this one.
    pub status: Option<InstanceStatus>,
    /// One of the addresses is this.
    pub ip: Option<String>,
    /// Whether instances whose creation failed are shown (they are when `status` asks for them).
    pub include_create_failed: bool,
}

/// Where a page of instances starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstancePageStart {
    /// After that many instances of the list.
    Skip(u64),
    /// After this instance; an id that is not in the list is followed by nothing.
    After(InstanceId),
}

/// A project and the instances that a seed wants in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSeed {
    /// The project.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its instances.
    pub instances: Vec<InstanceSeed>,
}

/// An instance that a seed wants, complete but for its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSeed {
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: InstanceName,
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
    /// The codes of its availability zones.
    pub zone_codes: Vec<String>,
    /// The network it is in.
    pub network: Network,
    /// The user that counts as its creator.
    pub creator: crate::domain::instance::Creator,
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
    /// One sentence for each thing that is there but differs from the seed, or is deleted.
    pub differences: Vec<String>,
}

/// The durable store of instances, backup records and their history.
///
/// Every method is one step: it happens wholly or not at all, also when the process is killed within it. A method that
/// changes something returns after the change has been written and synced; when it returns an error other than
/// `OutcomeUnknown`, nothing has changed.
#[async_trait]
pub trait Store: Send + Sync {
    /// Records a new backup.
    ///
    /// Afterwards the instance has at most one open job, also when two callers race.
    ///
    /// # Errors
    /// `Refused` as `InstanceFacts::begin_backup`, or with `InstanceNotFound`.
    async fn create_backup(&self, command: CreateBackup) -> Result<Backup, StoreError>;

    /// Marks a backup as deleted; one that is deleted already stays as it is.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `BackupNotFound`, or as `Backup::deleted`.
    async fn delete_backup(&self, command: DeleteBackup) -> Result<(), StoreError>;

    /// Returns a page of an instance's backups, newest first, or `None` if there is no such instance.
    ///
    /// The cost does not depend on how many backups there are nor on where the page lies.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn list_backups(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Backup>>, StoreError>;

    /// Returns an instance, or `None` if it is not there, is deleted, or belongs to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn get_instance(&self, instance: InstanceRef) -> Result<Option<Instance>, StoreError>;

    /// Returns a page of a project's instances: newest first, ties by id.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn list_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
        start: InstancePageStart,
        limit: PageLimit,
    ) -> Result<Page<Instance>, StoreError>;

    /// Returns when the next planned change is due, from memory.
    fn next_due_at(&self) -> Option<Timestamp>;

    /// Returns backups with a step due at `now` or before, in the order in which the steps are due, at most `limit`.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn due_backups(&self, now: Timestamp, limit: u16) -> Result<Vec<Backup>, StoreError>;

    /// Makes those changes whose `from` still holds, in order; the others are skipped.
    ///
    /// # Errors
    /// `Failed`.
    async fn apply_changes(&self, changes: Vec<BackupChange>) -> Result<(), StoreError>;

    /// Creates the projects and instances that are not there, and touches nothing that is.
    ///
    /// # Errors
    /// `Failed`.
    async fn seed(&self, projects: Vec<ProjectSeed>, now: Timestamp) -> Result<SeedReport, StoreError>;

    /// Returns once the store has shown that it can write: a transaction of the writer was begun and committed.
    ///
    /// # Errors
    /// `Failed`, `Busy`.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Finishes what is queued, brings everything into the main file and closes it.
    async fn close(&self);
}
