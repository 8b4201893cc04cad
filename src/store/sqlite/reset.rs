//! Resets: everything, or a project, is emptied and filled again. And what else the control API does to all that is kept.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::{Connection, Executor};
use tokio::sync::{Notify, mpsc};

use crate::domain::id::ProjectId;
use crate::domain::time::Timestamp;
use crate::store::error::commit_error;
use crate::store::sqlite::options::Location;
use crate::store::sqlite::snapshots::replacing;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, control, seeding};
use crate::store::{ControlReads, ControlWrites, ResetPlan, SeedPlan, SeedReport, StatePart, StoreError};

/// Empties a project, and then fills it again.
async fn reset_project(
    state: &mut WriterState,
    project: ProjectId,
    plan: ResetPlan,
) -> Result<SeedReport, StoreError> {
    let emptied = control::empty_project(&mut state.connection, project).await;
    emptied.map_err(StoreError::during("empty a project"))?;
    state.forget();
    fill(state, plan).await
}

/// Empties everything, fills it again, and commits: on a connection of its own, where no foreign key is looked at. So SQLite frees a
/// table at once; it deletes row by row otherwise, and keeps all of them in memory meanwhile, to be able to undo it.
async fn reset_everything(
    database: Location,
    plan: ResetPlan,
    progress: Arc<Notify>,
) -> Result<SeedReport, StoreError> {
    let failed = StoreError::during("empty the database");
    let mut state = WriterState::new(replacing::connect(&database, &progress).await?, progress);
    state.connection.execute("BEGIN IMMEDIATE").await.map_err(&failed)?;
    control::empty(&mut state.connection).await.map_err(&failed)?;
    let report = fill(&mut state, plan).await?;
    let violation = state.connection.fetch_optional("PRAGMA foreign_key_check").await.map_err(&failed)?;
    if violation.is_some() {
        return Err(StoreError::Inconsistent { what: "a seed refers to what is not there" });
    }
    state.connection.execute("COMMIT").await.map_err(commit_error)?;
    if let Err(error) = state.connection.close().await {
        tracing::warn!(error = %error, "the connection that emptied the database did not close cleanly");
    }
    Ok(report)
}

async fn fill(state: &mut WriterState, plan: ResetPlan) -> Result<SeedReport, StoreError> {
    for (name, value) in plan.settings {
        control::store_setting(&mut state.connection, name, Some(value)).await?;
    }
    let Some(seed) = plan.seed else { return Ok(SeedReport::default()) };
    seeding::apply(state, seed, plan.now).await.map_err(|error| match error {
        // What is refused keeps what it has written, and this has emptied everything.
        StoreError::Refused(_) => StoreError::Inconsistent { what: "a seed that was taken once is refused" },
        error => error,
    })
}

#[async_trait]
impl ControlReads for SqliteStore {
    async fn is_taken(&self, id: [u8; 16]) -> Result<bool, StoreError> {
        control::is_taken(self.reader.pool(), id).await
    }

    fn export(&self, project: Option<ProjectId>) -> mpsc::Receiver<Result<StatePart, StoreError>> {
        let (parts, receiver) = mpsc::channel(self.parts_in_flight);
        let reader = self.reader.clone();
        tokio::spawn(async move { reader.export(project, parts).await });
        receiver
    }
}

#[async_trait]
impl ControlWrites for SqliteStore {
    async fn seed(&self, mut plan: SeedPlan, now: Timestamp) -> Result<SeedReport, StoreError> {
        if matches!(self.location, Location::Memory { .. })
            && let Some(before_commit) = plan.before_commit.take()
        {
            // Readers wait for the writer there: none must be held up that the commit waits for.
            before_commit.await?;
        }
        self.writer.change_large(move |state| seeding::apply(state, plan, now).boxed()).await
    }

    async fn reset(&self, plan: ResetPlan) -> Result<SeedReport, StoreError> {
        if let Some(project) = plan.project {
            return self.writer.change_large(move |state| reset_project(state, project, plan).boxed()).await;
        }
        let database = self.location.clone();
        self.writer
            .replace(|state| reset_everything(database, plan, Arc::clone(&state.progress)).boxed())
            .await
    }
}
