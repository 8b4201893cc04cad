//! Links by which files are downloaded without credentials: signed, and good for a while.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::domain::id::{BackupId, InstanceId, JobId, ProjectId, RunLogId};
use crate::domain::link::LinkLifetime;
use crate::domain::refusal::Refusal;
use crate::domain::run_log::{RunLog, RunLogStatus};
use crate::domain::time::Timestamp;
use crate::engine::lock::ReadGuard;
use crate::engine::{Engine, EngineError};
use crate::store::InstanceRef;

/// A file that a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkedFile {
    /// That of a backup of an instance.
    Backup(InstanceId, BackupId),
    /// That of a run log of an instance.
    RunLog(InstanceId, RunLogId),
    /// That of an export of instances.
    Export(JobId),
}

/// The file a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    /// The project.
    pub project_id: ProjectId,
    /// The file.
    pub file: LinkedFile,
    /// The name of the file.
    pub file_name: String,
}

impl LinkTarget {
    /// Returns where the file is in the bucket of its project.
    pub fn path(&self) -> String {
        let name = &self.file_name;
        match self.file {
            LinkedFile::Backup(instance, backup) => format!("{instance}/{backup}/{name}"),
            LinkedFile::RunLog(instance, log) => format!("{instance}/redislog/{log}/{name}"),
            LinkedFile::Export(job) => format!("exports/{job}/{name}"),
        }
    }
}

/// A link that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadLink {
    /// The file it leads to.
    pub target: LinkTarget,
    /// When it stops being good.
    pub expires_at: Timestamp,
    /// Its signature.
    pub signature: [u8; 32],
}

/// A link that somebody follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRequest {
    /// The file it leads to.
    pub target: LinkTarget,
    /// When it says that it stops being good, in Unix seconds.
    pub expires_at_seconds: i64,
    /// Its signature.
    pub signature: Vec<u8>,
}

impl Engine {
    /// Makes a link that is good for some time from `now` on.
    pub(super) async fn link(
        &self,
        target: LinkTarget,
        now: Timestamp,
        life: LinkLifetime,
    ) -> Result<DownloadLink, EngineError> {
        let expires_at = now.saturating_add(life.as_duration());
        let signature =
            self.signature(&target, expires_at.as_seconds()).await?.finalize().into_bytes().into();
        Ok(DownloadLink { target, expires_at, signature })
    }

    /// Returns the file that a link leads to.
    ///
    /// # Errors
    /// `Refused` with `InvalidCredentials` if the link was not made here or has been changed, `CredentialsExpired` if it is
    /// not good any more, `BackupNotFound` or `BackupNotUsable` if the file is gone.
    pub async fn follow_link(&self, link: LinkRequest) -> Result<Vec<u8>, EngineError> {
        let read = self.read().await;
        let now = read.now;
        let LinkRequest { target, expires_at_seconds, signature } = link;
        // Compared in constant time.
        self.signature(&target, expires_at_seconds)
            .await?
            .verify_slice(&signature)
            .map_err(|_| Refusal::InvalidCredentials)?;
        if now.as_seconds() >= expires_at_seconds {
            return Err(Refusal::CredentialsExpired.into());
        }
        file_of(&read, &target).await
    }

    async fn signature(
        &self,
        target: &LinkTarget,
        expires_at_seconds: i64,
    ) -> Result<Hmac<Sha256>, EngineError> {
        let key = self.identity.link_key().await?;
        let mut signature = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of every length");
        signature.update(target.project_id.as_bytes());
        signature.update(&expires_at_seconds.to_be_bytes());
        signature.update(target.path().as_bytes());
        Ok(signature)
    }
}

async fn file_of(read: &ReadGuard<'_>, target: &LinkTarget) -> Result<Vec<u8>, EngineError> {
    let project_id = target.project_id;
    match target.file {
        LinkedFile::Backup(instance_id, id) => {
            let found = read.get_backup(InstanceRef { project_id, instance_id }, id).await?;
            let (backup, _) = found.ok_or(Refusal::BackupNotFound)?;
            // A restore that begins after the link was made does not take the file away.
            backup.permit_download(false)?;
            Ok(backup.file().to_bytes())
        }
        LinkedFile::RunLog(instance_id, id) => {
            let logs = read.run_logs(InstanceRef { project_id, instance_id }).await?.unwrap_or_default();
            let is_meant = |log: &RunLog| log.id == id && log.status == RunLogStatus::Succeed;
            let log = logs.into_iter().find(is_meant).filter(|log| log.is_kept(read.now));
            Ok(log.ok_or(Refusal::BackupNotFound)?.text.into_bytes())
        }
        LinkedFile::Export(id) => {
            let table = read.instance_export(project_id, id).await?.and_then(|export| export.table);
            Ok(table.ok_or(Refusal::BackupNotFound)?.into_bytes())
        }
    }
}
