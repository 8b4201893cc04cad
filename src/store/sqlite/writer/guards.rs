//! What the writer looks at before and after it writes.

use std::path::Path;
use std::sync::Arc;

use sqlx::SqliteConnection;

use crate::store::sqlite::access_lock::AccessLock;
use crate::store::sqlite::file_watch::FileWatch;
use crate::store::sqlite::writer::checkpoints::CheckpointWatch;
use crate::store::{StoreError, StoreMetrics};

/// What the writer looks at before and after it writes. Of a database in memory there are no files.
pub(in crate::store::sqlite) struct WriterGuards {
    pub(super) access: AccessLock,
    files: Option<Arc<FileWatch>>,
    checkpoints: Option<CheckpointWatch>,
}

impl WriterGuards {
    /// Of the database in the file at `path`, if it is in one.
    pub(in crate::store::sqlite) fn new(
        access: AccessLock,
        path: Option<&Path>,
        files: Option<Arc<FileWatch>>,
        metrics: &StoreMetrics,
    ) -> Self {
        let checkpoints = path.map(|path| CheckpointWatch::start(path, metrics.clone()));
        Self { access, files, checkpoints }
    }

    /// Makes sure that what is written is not lost with this process, as far as was known a moment ago.
    pub(super) fn may_write(&self) -> Result<(), StoreError> {
        self.files.as_ref().map_or(Ok(()), |files| files.look_now_and_then())
    }

    /// Looks whether the files of the database are where they were.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        self.files.as_ref().map_or(Ok(()), |files| files.look())
    }

    /// Looks, now and then, whether the log is brought into the database.
    pub(super) async fn written(&mut self, connection: &mut SqliteConnection) {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.look(connection).await;
        }
    }
}
