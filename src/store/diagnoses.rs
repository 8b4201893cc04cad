//! Diagnoses of instances.

use async_trait::async_trait;

use crate::domain::diagnosis::Diagnosis;
use crate::domain::id::{DiagnosisId, ProjectId};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::{InstanceRef, StoreError};

/// Begins a diagnosis of an instance.
#[derive(Clone, Debug)]
pub struct CreateDiagnosis {
    /// The instance.
    pub instance: InstanceRef,
    /// The diagnosis.
    pub diagnosis: Diagnosis,
    /// How long it takes.
    pub work: WorkOptions,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Removes a diagnosis with its report.
#[derive(Clone, Debug)]
pub struct DeleteDiagnosis {
    /// The instance.
    pub instance: InstanceRef,
    /// The diagnosis.
    pub id: DiagnosisId,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of diagnoses.
#[async_trait]
pub trait DiagnosisReads: Send + Sync {
    /// Returns the diagnoses of an instance, oldest first; `None` if it is not there, is deleted, or belongs to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn diagnoses(&self, instance: InstanceRef) -> Result<Option<Vec<Diagnosis>>, StoreError>;

    /// Returns a diagnosis of an instance of a project that is there.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn diagnosis(
        &self,
        project_id: ProjectId,
        id: DiagnosisId,
    ) -> Result<Option<Diagnosis>, StoreError>;
}

/// Changes of diagnoses.
#[async_trait]
pub trait DiagnosisWrites: Send + Sync {
    /// Begins a diagnosis.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound` or the refusal of its state.
    async fn create_diagnosis(&self, command: CreateDiagnosis) -> Result<(), StoreError>;

    /// Removes a diagnosis; one that has not ended finds nothing any more.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound` or `DiagnosisNotFound`.
    async fn delete_diagnosis(&self, command: DeleteDiagnosis) -> Result<(), StoreError>;
}
