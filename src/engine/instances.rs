//! Instances: get and list.

use crate::domain::id::ProjectId;
use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::page::{Page, PageLimit};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::store::{InstanceFilter, InstancePageStart, InstanceRef, StatusCount};

/// Which instances of a project a caller wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstancesQuery {
    /// What they must be like.
    pub filter: InstanceFilter,
    /// Where the page starts.
    pub start: InstancePageStart,
    /// How many the page holds at most.
    pub limit: PageLimit,
}

impl Engine {
    /// Returns an instance, with the time at which it was looked at.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn get_instance(&self, instance: InstanceRef) -> Result<(Instance, Timestamp), EngineError> {
        let read = self.read().await;
        let now = read.now;
        let found = read.get_instance(instance).await?;
        Ok((found.ok_or(Refusal::InstanceNotFound)?, now))
    }

    /// Returns the instances of a project that are in service, newest first.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn running_instances(&self, project_id: ProjectId) -> Result<Vec<Instance>, EngineError> {
        let read = self.read().await;
        let filter = InstanceFilter { status: Some(InstanceStatus::Running), ..InstanceFilter::default() };
        Ok(read.all_instances(project_id, filter).await?)
    }

    /// Returns how many instances of a project there are of each engine in each state, as far as there are any.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn status_counts(&self, project_id: ProjectId) -> Result<Vec<StatusCount>, EngineError> {
        let read = self.read().await;
        Ok(read.status_counts(project_id).await?)
    }

    /// Returns a page of a project's instances, newest first, with the time at which they were looked at. A project nobody has heard of
    /// has none.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn list_instances(
        &self,
        project_id: ProjectId,
        query: InstancesQuery,
    ) -> Result<(Page<Instance>, Timestamp), EngineError> {
        let read = self.read().await;
        let now = read.now;
        Ok((read.list_instances(project_id, query.filter, query.start, query.limit).await?, now))
    }
}
