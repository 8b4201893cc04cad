//! Diagnoses: begin, list, show, delete.

use crate::domain::diagnosis::{Diagnosis, DiagnosisRequest};
use crate::domain::id::{DiagnosisId, ProjectId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::work::{FailureCode, WorkModel};
use crate::engine::{Engine, EngineError};
use crate::store::{CreateDiagnosis, DeleteDiagnosis, InstanceRef};

impl Engine {
    /// Begins a diagnosis of an instance.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`Diagnosis::new`], or with the refusal of the instance's state; in this order.
    pub async fn create_diagnosis(
        &self,
        instance: InstanceRef,
        order: DiagnosisRequest,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<DiagnosisId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let found = write.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let id = self.new_id(now).await?;
        let diagnosis = Diagnosis::new(id, &found, &order, now)?;
        let work = self.work_options(WorkModel::Diagnosis, instance, failure);
        write.create_diagnosis(CreateDiagnosis { instance, diagnosis, work, now, origin }).await?;
        Ok(id)
    }

    /// Returns the diagnoses of an instance, newest first.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn diagnoses(&self, instance: InstanceRef) -> Result<Vec<Diagnosis>, EngineError> {
        let read = self.read().await;
        let mut diagnoses = read.diagnoses(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        diagnoses.reverse();
        Ok(diagnoses)
    }

    /// Returns a diagnosis of an instance of a project.
    ///
    /// # Errors
    /// `Refused` with `DiagnosisNotFound`.
    pub async fn diagnosis(&self, project_id: ProjectId, id: DiagnosisId) -> Result<Diagnosis, EngineError> {
        let read = self.read().await;
        Ok(read.diagnosis(project_id, id).await?.ok_or(Refusal::DiagnosisNotFound)?)
    }

    /// Removes diagnoses of an instance; returns, in the order of `ids`, whether each was there. One without an id was not.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn delete_diagnoses(
        &self,
        instance: InstanceRef,
        ids: &[Option<DiagnosisId>],
        origin: &Origin,
    ) -> Result<Vec<bool>, EngineError> {
        let write = self.write().await?;
        write.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let mut removed = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(id) = *id else {
                removed.push(false);
                continue;
            };
            let command = DeleteDiagnosis { instance, id, now: write.now, origin: origin.clone() };
            removed.push(match write.delete_diagnosis(command).await.map_err(EngineError::from) {
                Ok(()) => true,
                Err(EngineError::Refused(Refusal::DiagnosisNotFound)) => false,
                Err(error) => return Err(error),
            });
        }
        Ok(removed)
    }
}
