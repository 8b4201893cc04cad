//! What a change of something of an instance or of a project begins with: what is there, and who is behind the change.

use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::origin::Origin;
use crate::domain::time::Timestamp;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::{CachedInstance, InstanceCache};
use crate::store::sqlite::instances::ensure_project;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::{InstanceRef, StoreError};

/// A change of an instance that has begun.
pub(super) struct Change<'c> {
    /// The connection of the writer, in its transaction.
    pub(super) connection: &'c mut SqliteConnection,
    /// The instance. Its cached state is forgotten: the change may make another one of it.
    pub(super) known: CachedInstance,
    /// What events say of the change.
    pub(super) audit: AuditContext<'c>,
}

/// Begins a change of an instance.
///
/// # Errors
/// `InstanceNotFound`.
pub(super) async fn of_instance<'c>(
    state: &'c mut WriterState,
    instance: InstanceRef,
    now: Timestamp,
    origin: &'c Origin,
) -> Result<Change<'c>, StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    instances.load(connection, std::iter::once(instance.instance_id)).await?;
    let known = instances.get_mut(instance.project_id, instance.instance_id)?.clone();
    instances.forget(instance.instance_id);
    let actor_key = actors.key(connection, &origin.actor).await?;
    Ok(Change { connection, known, audit: AuditContext { at: now, origin, actor_key } })
}

/// A change of something of a project that has begun.
pub(super) struct ProjectChange<'c> {
    /// The connection of the writer, in its transaction.
    pub(super) connection: &'c mut SqliteConnection,
    /// The instances that are known.
    pub(super) known: &'c mut InstanceCache,
    /// The project.
    pub(super) project_id: ProjectId,
    /// Its key.
    pub(super) project_key: i64,
    /// What events say of the change.
    pub(super) audit: AuditContext<'c>,
}

impl ProjectChange<'_> {
    /// Returns an instance of the project. Its cached state is forgotten: the change may make another one of it.
    ///
    /// # Errors
    /// `InstanceNotFound`.
    pub(super) async fn instance(&mut self, id: InstanceId) -> Result<CachedInstance, StoreError> {
        self.known.load(self.connection, std::iter::once(id)).await?;
        let known = self.known.get_mut(self.project_id, id)?.clone();
        self.known.forget(id);
        Ok(known)
    }
}

/// Begins a change of something of a project, which is made if it is not there.
pub(super) async fn of_project<'c>(
    state: &'c mut WriterState,
    project_id: ProjectId,
    now: Timestamp,
    origin: &'c Origin,
) -> Result<ProjectChange<'c>, StoreError> {
    let WriterState { connection, instances: known, actors, .. } = state;
    let project_key = ensure_project(connection, project_id, now).await?;
    let actor_key = actors.key(connection, &origin.actor).await?;
    Ok(ProjectChange {
        connection,
        known,
        project_id,
        project_key,
        audit: AuditContext { at: now, origin, actor_key },
    })
}

/// Returns the key of an instance that is there.
pub(super) async fn key_of(
    database: impl SqliteExecutor<'_>,
    instance: InstanceRef,
) -> Result<Option<i64>, StoreError> {
    let find = sql(
        "find an instance",
        "SELECT i.instance_key FROM instances i JOIN projects p USING (project_key)
         WHERE i.instance_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
    );
    find.bind(instance.instance_id).bind(instance.project_id).optional_value(database).await
}

/// Returns the key of a project, if it is there.
pub(super) async fn project_key(
    database: impl SqliteExecutor<'_>,
    project_id: ProjectId,
) -> Result<Option<i64>, StoreError> {
    let find = sql("find a project", "SELECT project_key FROM projects WHERE project_id = ?");
    find.bind(project_id).optional_value(database).await
}
