//! What is due: steps of open work, runs of policies, changes that wait for a window of maintenance.

use async_trait::async_trait;

use crate::domain::background_work::{BackgroundWork, Step};
use crate::domain::backup::{Backup, BackupKind, BackupStatus, BackupStatusKind, RecordNumber};
use crate::domain::contents::Contents;
use crate::domain::id::{BackupId, InstanceId, ProjectId, RestoreId};
use crate::domain::instance::{BackupRules, InstanceStatus, ResizeRules, StatusTransition};
use crate::domain::restore::{Restore, RestoreStatus, RestoreStatusKind};
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::{FailureCode, WorkModel, WorkOptions};
use crate::store::{InstanceRef, NewKeyAnalysis, StoreError};

/// A record that is waiting or running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenRecord {
    /// An instance on its way to another state.
    Instance(StatusTransition),
    /// A backup.
    Backup(Backup),
    /// A restore.
    Restore(Restore),
    /// Background work.
    Work(BackgroundWork),
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
    /// Of background work.
    Work(Box<WorkStep>),
}

impl DueChange {
    /// Returns the instance, if it is of one.
    pub fn instance_id(&self) -> Option<InstanceId> {
        match self {
            Self::Instance(change) => Some(change.instance_id),
            Self::Backup(change) => Some(change.instance_id),
            Self::Restore(change) => Some(change.instance_id),
            Self::Work(step) => step.work.instance_id,
        }
    }

    /// Returns when the change was due.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Instance(change) => change.at,
            Self::Backup(change) => change.at,
            Self::Restore(change) => change.at,
            Self::Work(step) => step.at,
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

/// A step of background work that came due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkStep {
    /// The work, as it is before.
    pub work: BackgroundWork,
    /// Which step.
    pub step: Step,
    /// What its instance holds then, if the step depends on it.
    pub contents: Option<Contents>,
    /// The analysis that a schedule begins, if the step is one's.
    pub scan: Option<Box<ScheduledScan>>,
    /// When the step was due, which is when it counts as made.
    pub at: Timestamp,
}

/// An analysis of keys that a schedule begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledScan {
    /// The analysis.
    pub new: NewKeyAnalysis,
    /// A setting that is kept together with it, if it is begun.
    pub setting_if_begun: Option<(&'static str, String)>,
    /// The present: of runs that were missed the oldest are left out.
    pub now: Timestamp,
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedChange {
    /// The record, and between which states it went.
    pub record: ChangedRecord,
    /// Its instance, if it has one.
    pub instance_id: Option<InstanceId>,
    /// When it counts as made.
    pub at: Timestamp,
}

/// A record that changed, and between which states it went.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Background work.
    Work {
        /// What moved it on.
        model: WorkModel,
        /// The id of what it is about.
        id: String,
        /// The state it was in; none if it has come into being.
        from: Option<&'static str>,
        /// The state it is in.
        to: &'static str,
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

/// What is to be done at one time: changes that wait for a window of maintenance, runs of policies, and the end of the days of
/// backups.
#[derive(Clone, Debug)]
pub struct ScheduleStep {
    /// The time at which it is due.
    pub at: Timestamp,
    /// The present: runs that were missed too long before it are left out.
    pub now: Timestamp,
    /// The instances with a change that waits and is due, each with how long it is EXTENDING.
    pub waiting: Vec<(InstanceRef, WorkOptions)>,
    /// The region, whose zones there are.
    pub region: String,
    /// Whether clusters can be given another size.
    pub clusters_extend: bool,
    /// The backups to be made by the policies that have a run due.
    pub runs: Vec<ScheduledRun>,
    /// A setting that is kept together with the backups, if any of them is begun.
    pub setting_if_begun: Option<(&'static str, String)>,
    /// Which instances may be backed up.
    pub rules: BackupRules,
    /// How many usable backups of an instance stay; older ones expire. None: all.
    pub keep: Option<u32>,
    /// The zone of the names of records.
    pub name_offset: UtcOffset,
}

impl ScheduleStep {
    /// Returns the rules by which a change of size that has waited is judged. Only v2 knows such.
    pub fn resize_rules(&self) -> ResizeRules<'_> {
        let (region, clusters) = (self.region.as_str(), self.clusters_extend);
        ResizeRules { region, needs_product: true, must_grow: false, clusters }
    }
}

/// The backup that a run is to make.
#[derive(Clone, Copy, Debug)]
pub struct ScheduledRun {
    /// The instance.
    pub instance: InstanceRef,
    /// The id of the record to be.
    pub id: BackupId,
    /// How its work is to go.
    pub work: WorkOptions,
}

/// What was done at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleOutcome {
    /// The changes that were made, in order: each backup is followed by those that expire because of it.
    pub changes: Vec<AppliedChange>,
    /// How many runs have begun the backup that they are for: they were neither skipped nor left out.
    pub begun: usize,
    /// How many changes, policies and backups have nothing due at that time any more.
    pub done: usize,
}

/// Reads of what is due.
#[async_trait]
pub trait ScheduleReads: Send + Sync {
    /// Returns when the next planned change is due, of whatever kind, from memory.
    fn next_due_at(&self) -> Option<Timestamp>;

    /// Returns when the next run of a policy is due, the days of a backup made by one are over, or a change that waits is due, from
    /// memory.
    fn next_scheduled_at(&self) -> Option<Timestamp>;

    /// Returns records with a step due at `now` or before, in the order in which the steps are due, at most `limit`.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn due_records(&self, now: Timestamp, limit: u16) -> Result<Vec<OpenRecord>, StoreError>;

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

    /// Returns records that are waiting or running: of an instance, of a project, or all.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn open_records(
        &self,
        project: Option<ProjectId>,
        instance: Option<InstanceId>,
    ) -> Result<Vec<OpenRecord>, StoreError>;
}

/// Changes of what is due.
#[async_trait]
pub trait ScheduleWrites: Send + Sync {
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
    ) -> Result<Vec<AppliedChange>, StoreError>;

    /// Does what is due at one time: begins changes that have waited; makes the backups of those policies whose runs still are due,
    /// and plans the next ones; lets backups expire whose days are over.
    ///
    /// # Errors
    /// `Failed`.
    async fn apply_schedule(&self, step: ScheduleStep) -> Result<ScheduleOutcome, StoreError>;
}
