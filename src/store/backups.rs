//! Backups as the store keeps them.

use async_trait::async_trait;

use crate::domain::backup::{Backup, NewBackup};
use crate::domain::id::BackupId;
use crate::domain::instance::BackupRules;
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::time::Timestamp;
use crate::store::{InstanceRef, StoreError};

/// Records a backup.
#[derive(Clone, Debug)]
pub struct CreateBackup {
    /// The instance to back up.
    pub instance: InstanceRef,
    /// The record.
    pub new: NewBackup,
    /// Whether its caller chose its id: then it may be taken.
    pub is_id_client_chosen: bool,
    /// Which instances may be backed up.
    pub rules: BackupRules,
    /// How many usable backups of the instance stay; older ones expire. None: all.
    pub keep: Option<u32>,
    /// Who asks.
    pub origin: Origin,
}

/// Deletes a backup.
#[derive(Clone, Debug)]
pub struct DeleteBackup {
    /// The instance it belongs to.
    pub instance: InstanceRef,
    /// The record.
    pub backup_id: BackupId,
    /// Whether the service backs up at all.
    pub enabled: bool,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of backups.
#[async_trait]
pub trait BackupReads: Send + Sync {
    /// Returns a backup of an instance, and whether a restore from it is open; `None` if there is no such instance or backup.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn get_backup(
        &self,
        instance: InstanceRef,
        backup_id: BackupId,
    ) -> Result<Option<(Backup, bool)>, StoreError>;

    /// Returns a page of an instance's backups, newest first, or `None` if there is no such instance.
    ///
    /// The cost does not depend on how many backups there are nor on where the page lies.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn list_backups(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Backup>>, StoreError>;
}

/// Changes of backups.
#[async_trait]
pub trait BackupWrites: Send + Sync {
    /// Records a new backup.
    ///
    /// Afterwards the instance has at most one open job, also when two callers race.
    ///
    /// # Errors
    /// `Refused` as `InstanceState::begin_backup`, or with `InstanceNotFound`.
    async fn create_backup(&self, command: CreateBackup) -> Result<Backup, StoreError>;

    /// Marks a backup as deleted; one that is deleted already stays as it is.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, `BackupNotFound`, or as `Backup::deleted`.
    async fn delete_backup(&self, command: DeleteBackup) -> Result<(), StoreError>;
}
