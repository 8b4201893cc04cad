//! Run logs of instances.

use async_trait::async_trait;

use crate::domain::origin::Origin;
use crate::domain::run_log::{CollectedDays, RunLog, RunLogIds, RunLogStatus};
use crate::domain::time::Timestamp;
use crate::store::{InstanceRef, StoreError};

/// Collects files of the run log of an instance.
#[derive(Clone, Debug)]
pub struct CollectRunLogs {
    /// The instance.
    pub instance: InstanceRef,
    /// The replica that they are collected from.
    pub replication_id: Option<String>,
    /// The days.
    pub days: CollectedDays,
    /// The ids of the files to be, one a day.
    pub ids: Vec<RunLogIds>,
    /// Whether they can be collected.
    pub status: RunLogStatus,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of run logs.
#[async_trait]
pub trait RunLogReads: Send + Sync {
    /// Returns the files of an instance, oldest first; `None` if it is not there, is deleted, or belongs to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn run_logs(&self, instance: InstanceRef) -> Result<Option<Vec<RunLog>>, StoreError>;
}

/// Changes of run logs.
#[async_trait]
pub trait RunLogWrites: Send + Sync {
    /// Collects files, each in place of the one of the same day and replica; those that are too old go.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`crate::domain::instance::Instance::logging_replica`], or the refusal of its state.
    async fn collect_run_logs(&self, command: CollectRunLogs) -> Result<(), StoreError>;
}
