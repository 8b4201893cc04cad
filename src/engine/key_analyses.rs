//! Analyses of keys: begin, list, show, delete.

use crate::domain::background_work::Step;
use crate::domain::backup::BackupStatusKind;
use crate::domain::id::AnalysisId;
use crate::domain::instance::Instance;
use crate::domain::key_analysis::{AnalysisKind, KeyAnalysis, OfflineAnalysis, OfflineTarget};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::task::{NewTask, TaskKind};
use crate::domain::time::Timestamp;
use crate::domain::work::{FailureCode, WorkModel, WorkOptions};
use crate::engine::{Engine, EngineError};
use crate::store::{
    CreateKeyAnalysis, DeleteKeyAnalysis, DueChange, InstanceRef, NewKeyAnalysis, ScheduledScan, WorkStep,
};

impl Engine {
    /// Begins an analysis of the keys of an instance; of a backup if there is a `target`.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`AnalysisKind::permit`], with `UnknownNode`, `InvalidParameter` (`backup_id`) or
    /// `BackupNotUsable` for a target, as `InstanceConfig::permit_analysis`, the refusal of the instance's state, or as
    /// [`AnalysisKind::is_open`].
    pub async fn create_key_analysis(
        &self,
        instance: InstanceRef,
        kind: AnalysisKind,
        target: Option<OfflineTarget>,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<KeyAnalysis, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let found = write.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        kind.permit(&found)?;
        let mut analysis = KeyAnalysis::new(self.new_id(now).await?, kind, false, now);
        if let Some(target) = target {
            analysis.offline = Some(OfflineAnalysis::of(&found, &target)?);
            if let Some(id) = target.backup_id {
                let backup = write.get_backup(instance, id).await?;
                let (backup, _) = backup.ok_or(Refusal::InvalidParameter { name: "backup_id" })?;
                if backup.status.kind() != BackupStatusKind::Succeed {
                    return Err(Refusal::BackupNotUsable.into());
                }
            }
        }
        let task = match kind {
            AnalysisKind::Offline => Some(self.new_task(TaskKind::AnalyseOffline, &origin.actor, now).await?),
            AnalysisKind::Big | AnalysisKind::Hot | AnalysisKind::Expired => None,
        };
        let work = self.work_options(WorkModel::Analysis, instance, failure);
        let new = self.new_analysis(analysis.clone(), work, task);
        write.create_key_analysis(CreateKeyAnalysis { instance, new, now, origin }).await?;
        Ok(analysis)
    }

    /// Returns an instance and its analyses of a kind, newest first.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as [`AnalysisKind::permit`].
    pub async fn key_analyses(
        &self,
        instance: InstanceRef,
        kind: AnalysisKind,
    ) -> Result<(Instance, Vec<KeyAnalysis>), EngineError> {
        let read = self.read().await;
        let found = read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        kind.permit(&found)?;
        let mut analyses = read.key_analyses(instance).await?.unwrap_or_default();
        analyses.retain(|analysis| analysis.kind == kind);
        analyses.reverse();
        Ok((found, analyses))
    }

    /// Returns an instance and an analysis of it.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`AnalysisKind::permit`], or as [`AnalysisKind::not_found`].
    pub async fn key_analysis(
        &self,
        instance: InstanceRef,
        kind: AnalysisKind,
        id: AnalysisId,
    ) -> Result<(Instance, KeyAnalysis), EngineError> {
        let (found, all) = self.key_analyses(instance, kind).await?;
        let analysis = all.into_iter().find(|analysis| analysis.id == id);
        Ok((found, analysis.ok_or_else(|| kind.not_found())?))
    }

    /// Removes an analysis that has ended.
    ///
    /// # Errors
    /// As [`Engine::key_analysis`], or as [`KeyAnalysis::permit_deletion`].
    pub async fn delete_key_analysis(
        &self,
        instance: InstanceRef,
        kind: AnalysisKind,
        id: AnalysisId,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let command = DeleteKeyAnalysis { instance, kind, id, now: write.now, origin };
        Ok(write.delete_key_analysis(command).await?)
    }
}

impl Engine {
    /// Gives steps of schedules the analyses that they begin.
    pub(super) async fn with_scans(
        &self,
        mut changes: Vec<DueChange>,
        now: Timestamp,
    ) -> Result<Vec<DueChange>, EngineError> {
        for change in &mut changes {
            if let DueChange::Work(step) = change
                && let WorkStep { work, step: Step::Finish, scan, at, .. } = &mut **step
                && let (Some(kind), Some(instance_id)) = (work.effect.scheduled_scan(), work.instance_id)
            {
                let instance = InstanceRef { project_id: work.project_id, instance_id };
                let analysis = KeyAnalysis::new(self.new_id(*at).await?, kind, true, *at);
                let work = self.work_options(WorkModel::Analysis, instance, None);
                let new = self.new_analysis(analysis, work, None);
                *scan = Some(Box::new(ScheduledScan { new, setting_if_begun: None, now }));
            }
        }
        Ok(changes)
    }

    fn new_analysis(
        &self,
        analysis: KeyAnalysis,
        work: WorkOptions,
        task: Option<NewTask>,
    ) -> NewKeyAnalysis {
        NewKeyAnalysis { analysis, work, task, hot_keys_need_lfu: self.settings.hot_keys_need_lfu }
    }
}
