//! Backups: create, list, delete, download.

use crate::domain::backup::{Backup, NewBackup};
use crate::domain::backup_file::BackupFormat;
use crate::domain::id::BackupId;
use crate::domain::link::{LinkLifetime, file_name};
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageLimit, PageRequest, TimeWindow};
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::transitions::WorkModel;
use crate::engine::{ApiVersion, DownloadLink, Engine, EngineError, LinkTarget, LinkedFile};
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
                is_id_client_chosen: request.id.is_some(),
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

impl Engine {
    /// Makes a link to the file of a backup.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `BackupNotFound`, or as `Backup::permit_download`.
    pub async fn create_link(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
        life: LinkLifetime,
    ) -> Result<DownloadLink, EngineError> {
        let read = self.read().await;
        let owner = read.get_instance(instance).await?.ok_or(Refusal::InstanceNotFound)?;
        let (backup, in_use) = read.get_backup(instance, backup_id).await?.ok_or(Refusal::BackupNotFound)?;
        backup.permit_download(in_use)?;
        let file = LinkedFile::Backup(instance.instance_id, backup_id);
        let file_name = file_name(&backup, &owner);
        self.link(LinkTarget { project_id: instance.project_id, file, file_name }, read.now, life).await
    }
}
