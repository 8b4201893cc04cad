//! Exports of the list of a project's instances.

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::background_work::{Effect, Step};
use crate::domain::export::{InstanceExport, MAX_EXPORTS, TABLE_HEAD, write_row};
use crate::domain::id::{JobId, ProjectId};
use crate::domain::task::TaskDetails;
use crate::store::row::INSTANCE_COLUMNS;
use crate::store::sqlite::background_work::{NewWork, Owner};
use crate::store::sqlite::documents::{self, Document};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, ProjectChange, SubjectOwner};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{SqliteStore, background_work, change, writer::WriterState};
use crate::store::{BeginExport, ExportReads, ExportWrites, StoreError, WorkStep};

impl Document for InstanceExport {
    type Id = JobId;
    const TABLE: &'static str = "instance_exports";
    const OWNER: &'static str = "project_key";

    fn id(&self) -> JobId {
        self.id
    }
}

#[async_trait]
impl ExportReads for SqliteStore {
    async fn instance_export(
        &self,
        project_id: ProjectId,
        id: JobId,
    ) -> Result<Option<InstanceExport>, StoreError> {
        let pool = self.reader.pool();
        match change::project_key(pool, project_id).await? {
            Some(project_key) => documents::get(pool, project_key, id).await,
            None => Ok(None),
        }
    }
}

#[async_trait]
impl ExportWrites for SqliteStore {
    async fn begin_export(&self, command: BeginExport) -> Result<(), StoreError> {
        self.writer.change(|state| begin(state, command).boxed()).await
    }
}

/// Begins an export; of more than the most the oldest goes.
async fn begin(state: &mut WriterState, command: BeginExport) -> Result<(), StoreError> {
    let BeginExport { project_id, export, work, task, now, origin } = command;
    let change = change::of_project(state, project_id, now, &origin).await?;
    let change::ProjectChange { connection, project_key, audit, .. } = change;
    let trim = sql(
        "remove an old export",
        "DELETE FROM instance_exports WHERE project_key = ?1
             AND number <= (SELECT max(number) FROM instance_exports WHERE project_key = ?1) - ?2",
    );
    let stay = i64::try_from(MAX_EXPORTS).unwrap_or(i64::MAX) - 1;
    trim.bind(project_key).bind(stay).execute(&mut *connection).await?;
    documents::insert(connection, project_key, &export).await?;
    let effect = Effect::ExportInstances { id: export.id };
    let task = Some((&task, TaskDetails::default()));
    let new = NewWork { effect, work, occupation: None, task };
    background_work::begin(connection, Owner::project(project_key), new, now).await?;
    record(connection, project_key, &export, ProjectChange::Created, audit).await
}

/// Moves an export on; at its end it has its table.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    id: JobId,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start {
        return Ok(());
    }
    let found = change::project_key(&mut *connection, step.work.project_id).await?;
    let Some(project_key) = found else { return Ok(()) };
    let Some(mut export) = documents::get::<InstanceExport>(&mut *connection, project_key, id).await? else {
        return Ok(());
    };
    let note = if let Some(failure) = step.work.plan.failure {
        format!("failed: {}", failure.as_str())
    } else {
        export.table = Some(table(connection, project_key, &export).await?);
        documents::update(connection, &export).await?;
        "made".to_owned()
    };
    record(connection, project_key, &export, ProjectChange::Changed(note), audit).await
}

/// Writes the table of a project's instances, the newest first.
async fn table(
    connection: &mut SqliteConnection,
    project_key: i64,
    export: &InstanceExport,
) -> Result<String, StoreError> {
    let failed = StoreError::during("export instances");
    let statement = format!(
        "SELECT {INSTANCE_COLUMNS} FROM instances i JOIN projects p USING (project_key)
         WHERE i.project_key = ? AND i.deleted_at IS NULL ORDER BY i.created_at DESC, i.instance_id"
    );
    let mut instances = sqlx::query_scalar(AssertSqlSafe(statement)).bind(project_key).fetch(connection);
    let mut table = TABLE_HEAD.to_owned();
    while let Some(instance) = instances.try_next().await.map_err(&failed)? {
        if export.filter.matches(&instance) {
            write_row(&mut table, &instance);
        }
    }
    Ok(table)
}

async fn record(
    connection: &mut SqliteConnection,
    project_key: i64,
    export: &InstanceExport,
    change: ProjectChange,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let subject = NamedSubject {
        owner: SubjectOwner::Project(project_key),
        kind: "export",
        id: export.id.as_bytes(),
        name: &export.file_name,
    };
    events::append_of_project(connection, subject, change, audit).await
}
