//! Networks of projects: read and changed.

use std::sync::Arc;

use crate::domain::id::{NetworkId, ProjectId};
use crate::domain::networks::{NetworkChange, NetworkRefusal, ProjectNetwork};
use crate::domain::origin::Origin;
use crate::engine::{Engine, EngineError};
use crate::store::ChangeNetwork;

impl Engine {
    /// Returns the network of a project.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn network(&self, project_id: ProjectId) -> Result<ProjectNetwork, EngineError> {
        Ok(self.read().await.network(project_id).await?)
    }

    /// Changes the network of a project; returns what the change was about, and the network as it is then.
    ///
    /// # Errors
    /// `Refused` with `Network`.
    pub async fn change_network<W>(
        &self,
        project_id: ProjectId,
        origin: Origin,
        work: W,
    ) -> Result<(NetworkId, ProjectNetwork), EngineError>
    where
        W: FnOnce(&mut ProjectNetwork, &NetworkChange<'_>) -> Result<NetworkId, NetworkRefusal>
            + Send
            + 'static,
    {
        let write = self.write().await?;
        let (now, ids) = (write.now, Arc::clone(&self.ids));
        let command = ChangeNetwork {
            project_id,
            work: Box::new(move |network| {
                let new_id = || NetworkId::from_random(ids.random_bits(), now);
                work(network, &NetworkChange { now, new_id: &new_id })
            }),
            now,
            origin,
        };
        Ok(write.change_network(command).await?)
    }
}
