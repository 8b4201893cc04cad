//! What is stored, and the promise made about it. SQL is spoken here, and nowhere else.
//!
//! [`Store`] is the contract, in words of the domain: one method is one step that happens wholly or not at all, and what a
//! method has returned is on disk. [`sqlite`] keeps it.

mod command;
mod error;
mod identity;
mod instance_command;
mod metrics;
mod migrate;
mod row;
mod schedule;
mod seed;
mod side;
mod snapshot;
pub mod sqlite;

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use command::{
    BackupChange, ChangedRecord, Counts, CreateBackup, CreateRestore, DeleteBackup, DueChange,
    InstanceChange, InstanceFilter, InstancePageStart, InstanceRef, MadeChange, OpenRecord, ResetPlan,
    RestoreChange, StatusCount,
};
pub use error::{OpenError, StoreError};
pub use identity::{IdentityStore, LoginProof, NewToken, ProjectFilter, UserKey};
pub use instance_command::{
    ChangeInstance, ChangePassword, CreateInstances, InstanceCommand, KeptPassword, NewInstanceIdentity,
    PasswordAnswer, PasswordChange,
};
pub use metrics::StoreMetrics;
pub use schedule::{ScheduleOutcome, ScheduleStep, ScheduledRun};
pub use seed::{
    BeforeCommit, DomainSeed, InstanceSeed, ProjectSeed, SeedPlan, SeedReport, StatePart, UserSeed,
};
pub use side::{
    ChangeSideSettings, ChangeTemplate, CreateTemplate, ParameterHistoryEntry, SideStore, TagValues,
};
pub use snapshot::{
    RestorePlan, Snapshot, SnapshotError, SnapshotFile, SnapshotLabel, SnapshotStore, SnapshotUpload,
};

use crate::domain::backup::Backup;
use crate::domain::id::{BackupId, InstanceId, ProjectId};
use crate::domain::instance::Instance;
use crate::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use crate::domain::quota::{Quota, Usage};
use crate::domain::restore::Restore;
use crate::domain::time::Timestamp;

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
    /// `Refused` as `InstanceState::begin_backup`, or with `InstanceNotFound`.
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

    /// Records a restore of an instance from one of its backups; while it is open the instance is RESTORING.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `InstanceState::permit_backup_work`, with `InvalidParameter` (`backup_id`) if
    /// the instance has no such backup, or as `InstanceState::begin_restore`; in this order.
    async fn create_restore(&self, command: CreateRestore) -> Result<Restore, StoreError>;

    /// Returns a page of an instance's restores, newest first, or `None` if there is no such instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn list_restores(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Restore>>, StoreError>;

    /// Returns a backup of an instance, and whether a restore from it is open; `None` if there is no such instance or backup.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn get_backup(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
    ) -> Result<Option<(Backup, bool)>, StoreError>;

    /// Returns an instance, or `None` if it is not there, is deleted, or belongs to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn get_instance(&self, instance: InstanceRef) -> Result<Option<Instance>, StoreError>;

    /// Makes instances, all or none; the project is made if it is not there.
    ///
    /// # Errors
    /// `Refused` with `InstanceNameTaken`, as `Quota::permit`, with `IdTaken`, or with `InvalidParameter` (`private_ip`) if another
    /// instance of the subnet has the address; in this order.
    async fn create_instances(&self, command: CreateInstances) -> Result<(), StoreError>;

    /// Changes an instance.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `InstanceState::permit`, or as the command's own rules have it; in this order.
    async fn change_instance(&self, command: ChangeInstance) -> Result<(), StoreError>;

    /// Returns what is kept of the password of an instance; `None` if there is no such instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn instance_password(&self, instance: InstanceRef) -> Result<Option<KeptPassword>, StoreError>;

    /// Changes the password of an instance, or counts the try.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `PasswordFree` (of a change, not of a reset), or as `InstanceState::permit`; in this
    /// order.
    async fn change_password(&self, command: ChangePassword) -> Result<PasswordAnswer, StoreError>;

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

    /// Returns all of a project's instances that a filter lets through, as they are at one moment: newest first, ties by id.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn all_instances(
        &self,
        project_id: ProjectId,
        filter: InstanceFilter,
    ) -> Result<Vec<Instance>, StoreError>;

    /// Returns how many instances of each engine are in each state, as far as there are any.
    ///
    /// The cost does not depend on how many instances there are.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn status_counts(&self, project_id: ProjectId) -> Result<Vec<StatusCount>, StoreError>;

    /// Returns the ids of a project's instances, those that were deleted among them.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn instances_of(&self, project_id: ProjectId) -> Result<HashSet<InstanceId>, StoreError>;

    /// Returns how much a project may have, and how much it has.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn quota(&self, project_id: ProjectId) -> Result<(Quota, Usage), StoreError>;

    /// Returns when the next planned change is due, of whatever kind, from memory.
    fn next_due_at(&self) -> Option<Timestamp>;

    /// Returns when the next run of a policy is due, the days of a backup made by one are over, or a change that waits is due, from
    /// memory.
    fn next_scheduled_at(&self) -> Option<Timestamp>;

    /// Returns instances whose policies have a run due at `now` or before, in the order in which the runs are due, at most
    /// `limit`.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn due_runs(&self, now: Timestamp, limit: u16) -> Result<Vec<InstanceRef>, StoreError>;

    /// Returns instances with a change that waits for the window of maintenance and is due at `now` or before, in the order in which they
    /// are due, at most `limit`.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn due_changes(&self, now: Timestamp, limit: u16) -> Result<Vec<InstanceRef>, StoreError>;

    /// Does what is due at one time: begins changes that have waited; makes the backups of those policies whose runs still are due,
    /// and plans the next ones; lets backups expire whose days are over.
    ///
    /// # Errors
    /// `Failed`.
    async fn apply_schedule(&self, step: ScheduleStep) -> Result<ScheduleOutcome, StoreError>;

    /// Returns records with a step due at `now` or before, in the order in which the steps are due, at most `limit`.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn due_records(&self, now: Timestamp, limit: u16) -> Result<Vec<OpenRecord>, StoreError>;

    /// Returns records that are waiting or running: of an instance, of a project, or all.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn open_records(
        &self,
        project: Option<ProjectId>,
        instance: Option<InstanceId>,
    ) -> Result<Vec<OpenRecord>, StoreError>;

    /// Makes those changes whose `from` still holds, in order; the others are skipped. Of each instance whose backup
    /// succeeds by that, all but the `keep` newest usable backups expire. Returns what was made, in order: each expiry follows
    /// the change that caused it.
    ///
    /// # Errors
    /// `Failed`.
    async fn apply_changes(
        &self,
        changes: Vec<DueChange>,
        keep: Option<u32>,
    ) -> Result<Vec<MadeChange>, StoreError>;

    /// Creates what a seed wants and is not there; what is there stays as it is, or is replaced if the plan says so.
    ///
    /// # Errors
    /// `Refused` with `InstanceNameTaken` or `IdTaken`; `Unstorable`; `Failed`.
    async fn seed(&self, plan: SeedPlan, now: Timestamp) -> Result<SeedReport, StoreError>;

    /// Begins to read the whole state, or that of a project, and returns where its parts come out, in the order of a document
    /// and [`StatePart::End`] last. All of them show the same moment, whatever is written meanwhile.
    ///
    /// Nothing more comes after an error, or when nobody has taken anything for half a minute.
    fn export(&self, project: Option<ProjectId>) -> mpsc::Receiver<Result<StatePart, StoreError>>;

    /// Empties and fills again, as one step. The audit of what is emptied goes too.
    ///
    /// # Errors
    /// `Failed`; then nothing has changed.
    async fn reset(&self, plan: ResetPlan) -> Result<SeedReport, StoreError>;

    /// Keeps a setting, a JSON document, or forgets it.
    ///
    /// # Errors
    /// `Failed`.
    async fn keep_setting(&self, name: &'static str, value: Option<String>) -> Result<(), StoreError>;

    /// Keeps the setting that ids go by, and with it the key that signs links, if that changes, as one step.
    ///
    /// # Errors
    /// `Failed`.
    async fn keep_ids(
        &self,
        name: &'static str,
        value: String,
        link_key: Option<[u8; 32]>,
    ) -> Result<(), StoreError>;

    /// Returns the settings that are kept, by name.
    ///
    /// # Errors
    /// `Failed`.
    async fn kept_settings(&self) -> Result<BTreeMap<String, String>, StoreError>;

    /// Returns whether an instance, a record, a job, or anything else with an id of its own has this one.
    ///
    /// # Errors
    /// `Failed`.
    async fn is_taken(&self, id: [u8; 16]) -> Result<bool, StoreError>;

    /// Returns how much is kept.
    ///
    /// # Errors
    /// `Failed`.
    async fn counts(&self) -> Result<Counts, StoreError>;

    /// Returns once the store has shown that it can write: a transaction of the writer was begun and committed.
    ///
    /// # Errors
    /// `Failed`, `Busy`.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Finishes what is queued, brings everything into the main file and closes it.
    async fn close(&self);
}
