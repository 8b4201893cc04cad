//! Instances: delete, one or many.

use futures_util::future::join_all;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::InstanceStatus;
use crate::domain::origin::Origin;
use crate::domain::page::PageLimit;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceFilter, InstancePageStart, InstanceRef};

impl Engine {
    /// Deletes an instance with its records: from the moment this returns nobody but the audit knows them.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `InstancePrepaid`, or the refusal of its state.
    pub async fn delete_instance(&self, instance: InstanceRef, origin: Origin) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let command = InstanceCommand::Delete;
        Ok(write.change_instance(ChangeInstance { instance, command, now, origin }).await?)
    }

    /// Deletes instances of a project and returns, in the order of `ids`, what became of each.
    pub async fn delete_instances(
        &self,
        project_id: ProjectId,
        ids: &[InstanceId],
        origin: &Origin,
    ) -> Vec<Result<(), EngineError>> {
        // All at once: the writer takes them in this order, and commits many together.
        let delete = |id: &InstanceId| {
            self.delete_instance(InstanceRef { project_id, instance_id: *id }, origin.clone())
        };
        join_all(ids.iter().map(delete)).await
    }

    /// Deletes the instances of a project whose creation failed; returns which. Once some are deleted that is said, whatever happens then.
    ///
    /// # Errors
    /// `Internal`, `Unavailable`.
    pub async fn delete_failed_instances(
        &self,
        project_id: ProjectId,
        origin: &Origin,
    ) -> Result<Vec<InstanceId>, EngineError> {
        let filter =
            InstanceFilter { status: Some(InstanceStatus::CreateFailed), ..InstanceFilter::default() };
        let mut deleted = Vec::new();
        loop {
            let start = InstancePageStart::Skip(0);
            let page =
                self.read().await.list_instances(project_id, filter.clone(), start, PageLimit::ALL).await;
            let page = match page {
                Err(error) if !deleted.is_empty() => {
                    tracing::warn!(error = %error, "could not see whether there are more instances to delete");
                    return Ok(deleted);
                }
                page => page?,
            };
            let ids: Vec<InstanceId> = page.items.iter().map(|instance| instance.id).collect();
            let results = self.delete_instances(project_id, &ids, origin).await;
            let mut gone: Vec<InstanceId> = ids
                .into_iter()
                .zip(&results)
                .filter(|(_, result)| result.is_ok())
                .map(|(id, _)| id)
                .collect();
            // Those that are left would be found again, for ever.
            if gone.is_empty() {
                return Ok(deleted);
            }
            deleted.append(&mut gone);
        }
    }
}
