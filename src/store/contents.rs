//! What instances hold.

use async_trait::async_trait;

use crate::domain::contents::Contents;
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::store::{InstanceRef, StoreError};

/// Reads of what instances hold.
#[async_trait]
pub trait ContentsReads: Send + Sync {
    /// Returns what an instance holds, or held when its backup of that number was made; `None` if it is not there, is deleted, or belongs
    /// to another project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn contents(
        &self,
        instance: InstanceRef,
        backup: Option<u64>,
    ) -> Result<Option<Contents>, StoreError>;
}

/// Changes of what instances hold.
#[async_trait]
pub trait ContentsWrites: Send + Sync {
    /// Has an instance hold `contents`, and nothing else. Its backups keep what they hold.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`.
    async fn set_contents(
        &self,
        instance: InstanceRef,
        contents: Contents,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), StoreError>;
}
