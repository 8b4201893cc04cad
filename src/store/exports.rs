//! Exports of the list of a project's instances.

use async_trait::async_trait;

use crate::domain::export::InstanceExport;
use crate::domain::id::{JobId, ProjectId};
use crate::domain::origin::Origin;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::StoreError;

/// Begins an export.
#[derive(Clone, Debug)]
pub struct BeginExport {
    /// The project.
    pub project_id: ProjectId,
    /// The export.
    pub export: InstanceExport,
    /// How long it takes.
    pub work: WorkOptions,
    /// Its background task and job.
    pub task: NewTask,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of exports.
#[async_trait]
pub trait ExportReads: Send + Sync {
    /// Returns an export of a project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn instance_export(
        &self,
        project_id: ProjectId,
        id: JobId,
    ) -> Result<Option<InstanceExport>, StoreError>;
}

/// Changes of exports.
#[async_trait]
pub trait ExportWrites: Send + Sync {
    /// Begins an export; the project is made if it is not there.
    ///
    /// # Errors
    /// `Failed`.
    async fn begin_export(&self, command: BeginExport) -> Result<(), StoreError>;
}
