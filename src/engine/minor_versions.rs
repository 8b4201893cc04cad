//! Minor versions: shown, and brought to the latest ones.

use crate::domain::id::TaskId;
use crate::domain::instance::{Instance, MinorVersions, UpgradeRequest};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskKind;
use crate::domain::work::{FailureCode, WorkModel};
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeInstance, InstanceCommand, InstanceRef};

impl Engine {
    /// Returns an instance, and the minor versions in which it is behind.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn minor_versions(
        &self,
        instance: InstanceRef,
    ) -> Result<(Instance, MinorVersions), EngineError> {
        let read = self.read().await;
        Ok(read.minor_versions(instance).await?.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Brings an instance to the latest minor versions; returns the background task of it, which has ended already if there was nothing
    /// to do.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`UpgradeRequest::of`], or with the refusal of the instance's state; in this order.
    pub async fn upgrade_minor_version(
        &self,
        instance: InstanceRef,
        order: UpgradeRequest,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<TaskId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(TaskKind::UpgradeMinorVersion, &origin.actor, now).await?;
        let task_id = task.task_id;
        let work = self.work_options(WorkModel::Task, instance, failure);
        let order = UpgradeRequest { must_change: self.settings.upgrades_must_change, ..order };
        let command = InstanceCommand::UpgradeMinorVersion { order, task, work };
        write.change_instance(ChangeInstance { instance, command, now, origin }).await?;
        Ok(task_id)
    }
}
