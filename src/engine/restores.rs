//! Restores: create, list.

use crate::domain::id::{BackupId, RestoreId};
use crate::domain::origin::Origin;
use crate::domain::page::Page;
use crate::domain::refusal::Refusal;
use crate::domain::remark::Remark;
use crate::domain::restore::{NewRestore, Restore};
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::transitions::WorkModel;
use crate::engine::{ApiVersion, Engine, EngineError, RecordsQuery};
use crate::store::{CreateRestore, InstanceRef};

/// What a caller says of a restore to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateRestoreRequest {
    /// The backup to restore from.
    pub backup_id: BackupId,
    /// A note.
    pub remark: Option<Remark>,
    /// The id that the record is to have; a new one when absent.
    pub id: Option<RestoreId>,
    /// The failure that the work is to run into; for tests of those who must cope with it.
    pub failure: Option<FailureCode>,
}

impl Engine {
    /// Records a restore and returns its id once the record is durable. While the restore is open its instance is
    /// RESTORING, from before this returns.
    ///
    /// # Errors
    /// `Refused` in the order of section 2.5 of the wire contract v1.0, from the instance on.
    pub async fn create_restore(
        &self,
        api: ApiVersion,
        instance: InstanceRef,
        request: CreateRestoreRequest,
        origin: Origin,
    ) -> Result<RestoreId, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let id = match request.id {
            Some(id) => id,
            None => self.unused_id(|| self.ids.restore_id(now), RestoreId::as_bytes).await?,
        };
        let new = NewRestore {
            id,
            remark: request.remark,
            requested_at: now,
            work: self.work_options(WorkModel::Restore, instance, request.failure),
            name_offset: self.settings.name_offset,
        };
        let (backup_id, rules) = (request.backup_id, self.settings.backup_rules(api));
        let restore = write
            .create_restore(CreateRestore {
                instance,
                backup_id,
                new,
                is_id_client_chosen: request.id.is_some(),
                rules,
                origin,
            })
            .await?;
        tracing::debug!(restore.id = %restore.id, "a restore was created");
        Ok(restore.id)
    }

    /// Returns a page of an instance's restores, newest first, with the time at which they were looked at.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    pub async fn list_restores(
        &self,
        instance: InstanceRef,
        query: RecordsQuery,
    ) -> Result<(Page<Restore>, Timestamp), EngineError> {
        let read = self.read().await;
        let now = read.now;
        let page = read.list_restores(instance, query.window, query.page).await?;
        Ok((page.ok_or(Refusal::InstanceNotFound)?, now))
    }
}
