//! What the store is asked when policies of instances are run.

use crate::domain::id::BackupId;
use crate::domain::instance::{BackupRules, ResizeRules};
use crate::domain::time::{Timestamp, UtcOffset};
use crate::domain::work::WorkOptions;
use crate::store::{InstanceRef, MadeChange};

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
    pub kept_if_begun: Option<(&'static str, String)>,
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
    pub changes: Vec<MadeChange>,
    /// How many runs have begun the backup that they are for: they were neither skipped nor left out.
    pub begun: usize,
    /// How many changes, policies and backups have nothing due at that time any more.
    pub done: usize,
}
