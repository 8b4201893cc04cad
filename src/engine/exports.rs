//! Exports of the list of a project's instances.

use crate::domain::export::{ExportFilter, InstanceExport, export_name};
use crate::domain::id::{JobId, ProjectId};
use crate::domain::link::LinkLifetime;
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::task::{Job, TaskKind};
use crate::domain::work::{FailureCode, WorkModel};
use crate::engine::{DownloadLink, Engine, EngineError, LinkTarget, LinkedFile};
use crate::store::BeginExport;

impl Engine {
    /// Begins an export of the instances of a project; returns its job.
    ///
    /// # Errors
    /// `Refused` as [`export_name`] or [`ExportFilter::check`].
    pub async fn export_instances(
        &self,
        project_id: ProjectId,
        (region, filter): (&str, ExportFilter),
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let (file_name, filter) = (export_name(region, now)?, filter.check()?);
        let task = self.new_task(TaskKind::ExportInstances, &origin.actor, now).await?;
        let id = task.job_id;
        let export = InstanceExport { id, file_name, filter, table: None };
        let work = self.project_work_options(WorkModel::Task, project_id, failure);
        write.begin_export(BeginExport { project_id, export, work, task, now, origin }).await?;
        Ok(id)
    }

    /// Returns the job of an export, and a link to its file, which is good for a day, once there is one.
    ///
    /// # Errors
    /// `Refused` with `InvalidParameter` (`job_id`) if there is no such export.
    pub async fn instance_export(
        &self,
        project_id: ProjectId,
        id: Option<JobId>,
    ) -> Result<(Job, Option<DownloadLink>), EngineError> {
        let unknown = Refusal::InvalidParameter { name: "job_id" };
        let id = id.ok_or_else(|| unknown.clone())?;
        let read = self.read().await;
        let export = read.instance_export(project_id, id).await?.ok_or_else(|| unknown.clone())?;
        let job = read.job(project_id, id).await?.ok_or(unknown)?;
        if export.table.is_none() {
            return Ok((job, None));
        }
        let target = LinkTarget { project_id, file: LinkedFile::Export(id), file_name: export.file_name };
        Ok((job, Some(self.link(target, read.now, LinkLifetime::DAY).await?)))
    }
}
