//! The enterprise projects of accounts, and what is in them.

use async_trait::async_trait;

use crate::domain::enterprise_project::{
    EnterpriseProject, EnterpriseProjectChange, EnterpriseProjectRef, EnterpriseProjects, EnterpriseResource,
    ResourceKind,
};
use crate::domain::id::ProjectId;
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

/// Changes the enterprise projects of an account.
pub struct ChangeEnterpriseProjects {
    /// The name of the account; none: the domain.
    pub account: Option<String>,
    /// What becomes of them.
    pub change: EnterpriseProjectChange,
    /// The project whose audit tells of it.
    pub project_id: ProjectId,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Moves a resource to an enterprise project.
pub struct MoveResource {
    /// The name of the account; none: the domain.
    pub account: Option<String>,
    /// Where it is moved to.
    pub target: EnterpriseProjectRef,
    /// The project that the resource belongs to.
    pub project_id: ProjectId,
    /// What it is.
    pub kind: ResourceKind,
    /// Its id, as somebody has named it.
    pub id: String,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of enterprise projects.
#[async_trait]
pub trait EnterpriseProjectReads: Send + Sync {
    /// Returns the enterprise projects of an account; none: of the domain.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn enterprise_projects(&self, account: Option<String>) -> Result<EnterpriseProjects, StoreError>;

    /// Returns what a project has in an enterprise project, of some kinds, in the order of these.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn enterprise_resources(
        &self,
        id: EnterpriseProjectRef,
        project_id: ProjectId,
        kinds: Vec<ResourceKind>,
    ) -> Result<Vec<EnterpriseResource>, StoreError>;
}

/// Changes of enterprise projects.
#[async_trait]
pub trait EnterpriseProjectWrites: Send + Sync {
    /// Changes the enterprise projects of an account; returns the one that the change is about, as it is then; a deleted one as it was.
    ///
    /// # Errors
    /// `Refused` with the refusal of the change; then nothing has changed.
    async fn change_enterprise_projects(
        &self,
        command: ChangeEnterpriseProjects,
    ) -> Result<EnterpriseProject, StoreError>;

    /// Moves a resource to an enterprise project.
    ///
    /// # Errors
    /// `Refused` with `EnterpriseProject`: `Missing`, `TargetDisabled`, `ResourceMissing`.
    async fn move_resource(&self, command: MoveResource) -> Result<(), StoreError>;
}
