//! Restores as the store keeps them.

use async_trait::async_trait;

use crate::domain::id::BackupId;
use crate::domain::instance::BackupRules;
use crate::domain::origin::Origin;
use crate::domain::page::{Page, PageRequest, TimeWindow};
use crate::domain::restore::{NewRestore, Restore};
use crate::store::{InstanceRef, StoreError};

/// Restores an instance from one of its backups.
#[derive(Clone, Debug)]
pub struct CreateRestore {
    /// The instance to restore.
    pub instance: InstanceRef,
    /// The backup to restore it from.
    pub backup_id: BackupId,
    /// The record.
    pub new: NewRestore,
    /// Whether its caller chose its id: then it may be taken.
    pub is_id_client_chosen: bool,
    /// Which instances may be restored.
    pub rules: BackupRules,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of restores.
#[async_trait]
pub trait RestoreReads: Send + Sync {
    /// Returns a page of an instance's restores, newest first, or `None` if there is no such instance.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn list_restores(
        &self,
        instance: InstanceRef,
        window: TimeWindow,
        page: PageRequest,
    ) -> Result<Option<Page<Restore>>, StoreError>;
}

/// Changes of restores.
#[async_trait]
pub trait RestoreWrites: Send + Sync {
    /// Records a restore of an instance from one of its backups; while it is open the instance is RESTORING.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, as `InstanceState::permit_backup_work`, with `InvalidParameter` (`backup_id`) if
    /// the instance has no such backup, or as `InstanceState::begin_restore`; in this order.
    async fn create_restore(&self, command: CreateRestore) -> Result<Restore, StoreError>;
}
