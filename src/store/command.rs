//! What the store is asked, and what it answers, in words of the domain.

use crate::domain::backup::{Backup, BackupKind, BackupStatus, BackupStatusKind, NewBackup, RecordNumber};
use crate::domain::id::{BackupId, InstanceId, ProjectId, RestoreId};
use crate::domain::instance::{BackupRules, Capacity, Engine, InstanceStatus, StatusTransition};
use crate::domain::origin::Origin;
use crate::domain::restore::{NewRestore, Restore, RestoreStatus, RestoreStatusKind};
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::store::SeedPlan;

/// An instance, named together with the project that it must belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceRef {
    /// The project.
    pub project_id: ProjectId,
    /// The instance.
    pub instance_id: InstanceId,
}

/// Records a backup.
#[derive(Clone, Debug)]
pub struct CreateBackup {
    /// The instance to back up.
    pub instance: InstanceRef,
    /// The record.
    pub new: NewBackup,
    /// Whether its caller chose its id: then it may be taken.
    pub id_is_given: bool,
    /// Which instances may be backed up.
    pub rules: BackupRules,
    /// How many usable backups of the instance stay; older ones expire. None: all.
    pub keep: Option<u32>,
    /// Who asks.
    pub origin: Origin,
}

/// Deletes a backup.
#[derive(Clone, Debug)]
pub struct DeleteBackup {
    /// The instance it belongs to.
    pub instance: InstanceRef,
    /// The record.
    pub backup_id: BackupId,
    /// Whether the service backs up at all.
    pub enabled: bool,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Restores an instance from one of its backups.
#[derive(Clone, Debug)]
pub struct CreateRestore {
    /// The instance to restore.
    pub instance: InstanceRef,
    /// The backup to restore it from.
    pub backup_id: BackupId,
    /// The record.
    pub new: NewRestore,
    /// Whether its caller chose its id: then it may be taken.
    pub id_is_given: bool,
    /// Which instances may be restored.
    pub rules: BackupRules,
    /// Who asks.
    pub origin: Origin,
}

/// A record that is waiting or running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenRecord {
    /// An instance on its way to another state.
    Instance(StatusTransition),
    /// A backup.
    Backup(Backup),
    /// A restore.
    Restore(Restore),
}

/// A change that came due, to be made if the status is still what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueChange {
    /// Of an instance.
    Instance(InstanceChange),
    /// Of a backup.
    Backup(BackupChange),
    /// Of a restore. When it ends, its instance is RUNNING again.
    Restore(RestoreChange),
}

impl DueChange {
    /// Returns the instance.
    pub fn instance_id(&self) -> InstanceId {
        match self {
            Self::Instance(change) => change.instance_id,
            Self::Backup(change) => change.instance_id,
            Self::Restore(change) => change.instance_id,
        }
    }

    /// Returns when the change was due.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Instance(change) => change.at,
            Self::Backup(change) => change.at,
            Self::Restore(change) => change.at,
        }
    }
}

/// The end of an instance's way that came due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceChange {
    /// The instance.
    pub instance_id: InstanceId,
    /// The status it must have.
    pub from: InstanceStatus,
    /// The status it gets.
    pub to: InstanceStatus,
    /// What went wrong on the way, if anything did.
    pub failure: Option<FailureCode>,
    /// When the change was due, which is when it counts as made.
    pub at: Timestamp,
}

/// A change of a restore's status that came due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreChange {
    /// The record.
    pub id: RestoreId,
    /// The instance.
    pub instance_id: InstanceId,
    /// The record's number.
    pub number: RecordNumber,
    /// The status it must have.
    pub from: RestoreStatusKind,
    /// The status it gets.
    pub to: RestoreStatus,
    /// When the change was due, which is when it counts as made.
    pub at: Timestamp,
}

/// A change of a backup's status that came due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupChange {
    /// The record.
    pub id: BackupId,
    /// The instance.
    pub instance_id: InstanceId,
    /// The record's number.
    pub number: RecordNumber,
    /// Who asked for it.
    pub kind: BackupKind,
    /// The status it must have.
    pub from: BackupStatusKind,
    /// The status it gets.
    pub to: BackupStatus,
    /// When the change was due, which is when it counts as made.
    pub at: Timestamp,
}

/// A change of a record that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeChange {
    /// The record, and between which states it went.
    pub record: ChangedRecord,
    /// Its instance.
    pub instance_id: InstanceId,
    /// When it counts as made.
    pub at: Timestamp,
}

/// A record that changed, and between which states it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedRecord {
    /// The instance itself.
    Instance {
        /// The status it had.
        from: InstanceStatus,
        /// The status it has.
        to: InstanceStatus,
    },
    /// A backup.
    Backup {
        /// The record.
        id: BackupId,
        /// The status it had; none if it has come into being.
        from: Option<BackupStatusKind>,
        /// The status it has.
        to: BackupStatusKind,
    },
    /// A restore.
    Restore {
        /// The record.
        id: RestoreId,
        /// The status it had.
        from: RestoreStatusKind,
        /// The status it has.
        to: RestoreStatusKind,
    },
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
    /// The address contains this.
    pub ip_contains: Option<String>,
    /// The cache engine is this one.
    pub engine: Option<Engine>,
    /// The memory is this much.
    pub capacity: Option<Capacity>,
    /// It has each of these tags: a key, and the value unless any will do.
    pub tags: Vec<(String, Option<String>)>,
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

/// What is emptied, and what is there afterwards.
#[derive(Clone)]
pub struct ResetPlan {
    /// The project that is emptied; everything if absent, settings included.
    pub project: Option<ProjectId>,
    /// What is created afterwards, if anything.
    pub seed: Option<SeedPlan>,
    /// The settings that are kept afterwards, each by its name and as a JSON document.
    pub settings: Vec<(&'static str, String)>,
    /// When it happens.
    pub now: Timestamp,
}

/// How many instances of a cache engine are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The cache engine.
    pub engine: Engine,
    /// The state.
    pub status: InstanceStatus,
    /// How many.
    pub instances: u64,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Projects.
    pub projects: u64,
    /// Instances that are not deleted.
    pub instances: u64,
    /// Backup records.
    pub backups: u64,
    /// Restore records.
    pub restores: u64,
    /// Events of the audit.
    pub events: u64,
    /// The version of the schema.
    pub schema_version: u64,
}
