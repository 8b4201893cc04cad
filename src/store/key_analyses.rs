//! Analyses of keys.

use async_trait::async_trait;

use crate::domain::id::AnalysisId;
use crate::domain::key_analysis::{AnalysisKind, KeyAnalysis};
use crate::domain::origin::Origin;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::{InstanceRef, StoreError};

/// An analysis of keys that is about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKeyAnalysis {
    /// The analysis.
    pub analysis: KeyAnalysis,
    /// How long it takes.
    pub work: WorkOptions,
    /// Its background task, if its kind has one.
    pub task: Option<NewTask>,
    /// Whether hot keys are looked for only where uses of keys are counted.
    pub hot_keys_need_lfu: bool,
}

/// Begins an analysis of the keys of an instance.
#[derive(Clone, Debug)]
pub struct CreateKeyAnalysis {
    /// The instance.
    pub instance: InstanceRef,
    /// The analysis.
    pub new: NewKeyAnalysis,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Removes an analysis.
#[derive(Clone, Debug)]
pub struct DeleteKeyAnalysis {
    /// The instance.
    pub instance: InstanceRef,
    /// What it looked for.
    pub kind: AnalysisKind,
    /// The analysis.
    pub id: AnalysisId,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of analyses of keys.
#[async_trait]
pub trait KeyAnalysisReads: Send + Sync {
    /// Returns the analyses of an instance, oldest first; `None` if it is not there, is deleted, or belongs to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn key_analyses(&self, instance: InstanceRef) -> Result<Option<Vec<KeyAnalysis>>, StoreError>;
}

/// Changes of analyses of keys.
#[async_trait]
pub trait KeyAnalysisWrites: Send + Sync {
    /// Begins an analysis.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `InstanceConfig::permit_analysis`, with the refusal of its state, or as
    /// [`AnalysisKind::is_open`].
    async fn create_key_analysis(&self, command: CreateKeyAnalysis) -> Result<(), StoreError>;

    /// Removes an analysis that has ended.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`AnalysisKind::not_found`], or as [`KeyAnalysis::permit_deletion`].
    async fn delete_key_analysis(&self, command: DeleteKeyAnalysis) -> Result<(), StoreError>;
}
