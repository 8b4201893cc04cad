//! Sessions of the clients of instances: read, list, end.

use crate::domain::contents::Session;
use crate::domain::id::JobId;
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::session::{node_with_sessions, sessions_of};
use crate::domain::task::TaskKind;
use crate::domain::time::Timestamp;
use crate::domain::work::{FailureCode, WorkModel};
use crate::engine::{Engine, EngineError};
use crate::store::{ChangeSessions, InstanceRef, SessionCommand};

impl Engine {
    /// Returns the sessions of a node, and when they were read last on demand: now, if never.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or as [`node_with_sessions`].
    pub async fn sessions(
        &self,
        instance: InstanceRef,
        node_id: &str,
    ) -> Result<(Timestamp, Vec<Session>), EngineError> {
        let read = self.read().await;
        let found = read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let node = node_with_sessions(&found, node_id)?;
        let kept = read.stored_sessions(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let contents = read.contents(instance, None).await?.ok_or(Refusal::InstanceNotFound)?;
        let of_node = kept.iter().find(|one| one.node_id == node.id);
        let scanned_at = of_node.and_then(|one| one.scanned_at).unwrap_or(read.now);
        Ok((scanned_at, sessions_of(&found, &node, (&kept, &contents), read.now)))
    }

    /// Has the sessions of a node read; returns the job of it, which has ended already.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as [`node_with_sessions`], or the refusal of the instance's state.
    pub async fn scan_sessions(
        &self,
        instance: InstanceRef,
        node_id: String,
        origin: Origin,
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(TaskKind::ScanSessions, &origin.actor, now).await?;
        let (job_id, command) = (task.job_id, SessionCommand::Scan { node_id, task });
        write.change_sessions(ChangeSessions { instance, command, now, origin }).await?;
        Ok(job_id)
    }

    /// Ends the sessions of a node whose clients have these addresses. Of those that there are not there is nothing to end.
    ///
    /// # Errors
    /// As [`Engine::scan_sessions`].
    pub async fn end_sessions(
        &self,
        instance: InstanceRef,
        node_id: String,
        addresses: Vec<String>,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let command = SessionCommand::End { node_id, addresses };
        Ok(write.change_sessions(ChangeSessions { instance, command, now: write.now, origin }).await?)
    }

    /// Ends all sessions of a node, or of every node; returns the job that does.
    ///
    /// # Errors
    /// As [`Engine::scan_sessions`].
    pub async fn end_all_sessions(
        &self,
        instance: InstanceRef,
        node_id: Option<String>,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<JobId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let task = self.new_task(TaskKind::EndSessions, &origin.actor, now).await?;
        let work = self.work_options(WorkModel::Task, instance, failure);
        let (job_id, command) = (task.job_id, SessionCommand::EndAll { node_id, work, task });
        write.change_sessions(ChangeSessions { instance, command, now, origin }).await?;
        Ok(job_id)
    }
}
