//! Enterprise projects of accounts: read and changed, and resources moved between them.

use crate::domain::enterprise_project::{
    EnterpriseProject, EnterpriseProjectChange, EnterpriseProjectRef, EnterpriseProjectRequest,
    EnterpriseProjects, EnterpriseResource, ResourceKind,
};
use crate::domain::id::ProjectId;
use crate::domain::origin::Origin;
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeEnterpriseProjects, MoveResource};

/// Who changes something of an account.
#[derive(Clone, Debug)]
pub struct AccountCaller {
    /// The name of the account; none: the domain.
    pub account: Option<String>,
    /// The project that the caller's credentials name, whose audit tells of the change.
    pub project_id: ProjectId,
    /// Who asks.
    pub origin: Origin,
}

impl Engine {
    /// Returns the enterprise projects of an account; none: of the domain.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn enterprise_projects(
        &self,
        account: Option<String>,
    ) -> Result<EnterpriseProjects, EngineError> {
        Ok(self.read().await.enterprise_projects(account).await?)
    }

    /// Returns what a project has in an enterprise project, of some kinds, in the order of these.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn enterprise_resources(
        &self,
        id: EnterpriseProjectRef,
        project_id: ProjectId,
        kinds: Vec<ResourceKind>,
    ) -> Result<Vec<EnterpriseResource>, EngineError> {
        Ok(self.read().await.enterprise_resources(id, project_id, kinds).await?)
    }

    /// Makes an enterprise project.
    ///
    /// # Errors
    /// `Refused` with `EnterpriseProject`.
    pub async fn create_enterprise_project(
        &self,
        caller: AccountCaller,
        request: EnterpriseProjectRequest,
    ) -> Result<EnterpriseProject, EngineError> {
        let id = self.new_id(self.clock.now()).await?;
        self.change_enterprise_project(caller, EnterpriseProjectChange::Create(id, request)).await
    }

    /// Changes the enterprise projects of an account; returns the one that the change is about, as it is then; a deleted one as it was.
    ///
    /// # Errors
    /// `Refused` with `EnterpriseProject`.
    pub async fn change_enterprise_project(
        &self,
        caller: AccountCaller,
        change: EnterpriseProjectChange,
    ) -> Result<EnterpriseProject, EngineError> {
        let write = self.write().await?;
        let AccountCaller { account, project_id, origin } = caller;
        let command = ChangeEnterpriseProjects { account, change, project_id, now: write.now, origin };
        Ok(write.change_enterprise_projects(command).await?)
    }

    /// Moves a resource of a project to an enterprise project.
    ///
    /// # Errors
    /// `Refused` with `EnterpriseProject`.
    pub async fn move_resource(
        &self,
        caller: AccountCaller,
        target: EnterpriseProjectRef,
        (project_id, kind, id): (ProjectId, ResourceKind, String),
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let AccountCaller { account, origin, .. } = caller;
        let command = MoveResource { account, target, project_id, kind, id, now: write.now, origin };
        Ok(write.move_resource(command).await?)
    }
}
