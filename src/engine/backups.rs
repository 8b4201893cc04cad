//! Backups: create, list, delete, download.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::domain::backup::{Backup, NewBackup};
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::BackupId;
use crate::domain::link::{LinkLife, file_name};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::transitions::WorkModel;
use crate::engine::{ApiVersion, Engine, EngineError};
use crate::store::{CreateBackup, DeleteBackup, InstanceRef};

/// What a caller says of a backup to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateBackupRequest {
    /// A note.
    pub remark: Option<Remark>,
    /// The format of the file; the instance's own when absent.
    pub format: Option<BackupFormat>,
    /// The id that the record is to have; a new one when absent.
    pub id: Option<BackupId>,
    /// The failure that the work is to run into; for tests of those who must cope with it.
    pub failure: Option<FailureCode>,
}

/// Which records of an instance a caller wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordsQuery {
    /// When they were created.
    pub window: TimeWindow,
    /// The page.
    pub page: PageRequest,
}

impl Default for RecordsQuery {
    /// The newest ten.
    fn default() -> Self {
        Self { window: TimeWindow::default(), page: PageRequest { skip: 0, limit: PageLimit::TEN } }
    }
}

impl Engine {
    /// Records a backup and returns its id once the record is durable.
    ///
    /// # Errors
    /// `Refused` in the order of section 4 of the wire contract v1.0, steps 10 to 15.
    pub async fn create_backup(
        &self,
        api: ApiVersion,
        instance: InstanceRef,
        request: CreateBackupRequest,
        origin: Origin,
    ) -> Result<BackupId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let id = match request.id {
            Some(id) => id,
            None => self.unused_id(|| self.ids.backup_id(now), BackupId::as_bytes).await?,
        };
        let new = NewBackup {
            id,
            terms: None,
            remark: request.remark,
            format: request.format,
            requested_at: now,
            work: self.work_options(WorkModel::Backup, instance, request.failure),
            name_offset: self.settings.name_offset,
        };
        let rules = self.settings.backup_rules(api);
        let keep = self.settings.backups_kept;
        let backup = write
            .create_backup(CreateBackup {
                instance,
                new,
                id_is_given: request.id.is_some(),
                rules,
                keep,
                origin,
            })
            .await?;
        tracing::debug!(backup.id = %backup.id, "a backup was created");
        Ok(backup.id)
    }

    /// Returns a page of an instance's backups, newest first, with the time at which they were looked at.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn list_backups(
        &self,
        instance: InstanceRef,
        query: RecordsQuery,
    ) -> Result<(Page<Backup>, Timestamp), EngineError> {
        let read = self.read().await;
        let now = read.now;
        let page = read.list_backups(instance, query.window, query.page).await?;
        Ok((page.ok_or(Refusal::InstanceNotFound)?, now))
    }

    /// Deletes a backup's file; the record stays, as deleted. Deleting it again changes nothing.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `BackupUnsupported` when backups are switched off, `BackupNotFound`, or as
    /// `Backup::deleted`.
    pub async fn delete_backup(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let enabled = self.settings.backups_enabled;
        Ok(write.delete_backup(DeleteBackup { instance, backup_id, enabled, now, origin }).await?)
    }
}

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
