//! Download links: made, checked, and the file behind them.
//!
//! A link is good until it expires, for whoever has it. It is signed with a key that the database keeps, so that links
//! survive restarts. Expiry goes by the emulator's clock.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::domain::id::BackupId;
use crate::domain::link::{LinkLife, file_name};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::engine::{Engine, EngineError};
use crate::store::InstanceRef;

/// The file a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTarget {
    /// The instance that was backed up.
    pub instance: InstanceRef,
    /// The backup.
    pub backup_id: BackupId,
    /// The name of the file.
    pub file_name: String,
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
    /// Makes a link to the file of a backup.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `BackupNotFound`, or as `Backup::permit_download`.
    pub async fn create_link(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
        life: LinkLife,
    ) -> Result<DownloadLink, EngineError> {
        let read = self.read().await;
        let now = read.now;
        let owner = read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let (backup, in_use) = read.get_backup(instance, backup_id).await?.ok_or(Refusal::BackupNotFound)?;
        backup.permit_download(in_use)?;
        let target = LinkTarget { instance, backup_id, file_name: file_name(&backup, &owner) };
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
        let found = read.get_backup(target.instance, target.backup_id).await?;
        let (backup, _) = found.ok_or(Refusal::BackupNotFound)?;
        // A restore that begins after the link was made does not take the file away.
        backup.permit_download(false)?;
        Ok(backup.file().to_bytes())
    }

    async fn signature(
        &self,
        target: &LinkTarget,
        expires_at_seconds: i64,
    ) -> Result<Hmac<Sha256>, EngineError> {
        let key = self.identity.link_key().await?;
        let mut signature = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of every length");
        signature.update(target.instance.project_id.as_bytes());
        signature.update(target.instance.instance_id.as_bytes());
        signature.update(target.backup_id.as_bytes());
        signature.update(&expires_at_seconds.to_be_bytes());
        signature.update(target.file_name.as_bytes());
        Ok(signature)
    }
}
