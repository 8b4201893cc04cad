//! What instances hold. Everything that shows or changes it goes through here.

use crate::domain::background_work::{BackgroundWork, Step};
use crate::domain::contents::Contents;
use crate::domain::id::{BackupId, InstanceId, ProjectId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::engine::{Engine, EngineError};
use crate::store::{DueChange, InstanceRef, Reads};

impl Engine {
    /// Returns the project of an instance that is there, whoever asks.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn project_of(&self, instance_id: InstanceId) -> Result<Option<ProjectId>, EngineError> {
        Ok(self.read().await.project_of(instance_id).await?)
    }

    /// Returns what an instance holds.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn contents(&self, instance: InstanceRef) -> Result<Contents, EngineError> {
        let read = self.read().await;
        Ok(read.contents(instance, None).await?.ok_or(Refusal::InstanceNotFound)?)
    }

    /// Has an instance hold what a test declares, and nothing else; returns it with its times. Once this returns everybody sees it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`; the inner error is a sentence that says what of `declared` cannot be.
    pub async fn declare_contents(
        &self,
        instance: InstanceRef,
        declared: Contents,
        origin: Origin,
    ) -> Result<Result<Contents, String>, EngineError> {
        let write = self.write().await?;
        let contents = match declared.declared(write.now) {
            Ok(contents) => contents,
            Err(problem) => return Ok(Err(problem)),
        };
        write.set_contents(instance, contents.clone(), write.now, origin).await?;
        Ok(Ok(contents))
    }
}

/// Gives steps of background work what their instances hold, as far as they depend on it.
pub(super) async fn with_contents(
    store: &(impl Reads + ?Sized),
    mut changes: Vec<DueChange>,
) -> Result<Vec<DueChange>, EngineError> {
    for change in &mut changes {
        if let DueChange::Work(step) = change
            && step.step == Step::Finish
            && step.work.effect.reads_contents()
        {
            step.contents = contents_for(store, &step.work).await?;
        }
    }
    Ok(changes)
}

/// Returns what the source or the instance of background work holds, or what the backup holds that it is about.
async fn contents_for(
    store: &(impl Reads + ?Sized),
    work: &BackgroundWork,
) -> Result<Option<Contents>, EngineError> {
    let Some(instance_id) = work.effect.source().or(work.instance_id) else { return Ok(None) };
    let instance = InstanceRef { project_id: work.project_id, instance_id };
    let number = match work.effect.backup() {
        Some(backup) => backup_number(store, instance, backup).await?,
        None => None,
    };
    Ok(store.contents(instance, number).await?)
}

async fn backup_number(
    store: &(impl Reads + ?Sized),
    instance: InstanceRef,
    backup: BackupId,
) -> Result<Option<u64>, EngineError> {
    Ok(store.get_backup(instance, backup).await?.map(|(backup, _)| backup.number))
}
