//! Migrations of data.

use async_trait::async_trait;

use crate::domain::id::{BackupId, InstanceId, MigrationId, ProjectId};
use crate::domain::migration::{ExchangeRequest, Migration, MigrationSetup, ResumeMode};
use crate::domain::origin::Origin;
use crate::domain::task::NewTask;
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::StoreError;

/// Creates a migration.
#[derive(Clone, Debug)]
pub struct CreateMigration {
    /// The project.
    pub project_id: ProjectId,
    /// The migration.
    pub migration: Migration,
    /// How long its full phase or its import takes; none: that does not begin yet.
    pub work: Option<WorkOptions>,
    /// Its job, if it has one; it ends at once.
    pub job: Option<NewTask>,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Changes a migration.
#[derive(Clone, Debug)]
pub struct ChangeMigration {
    /// The project.
    pub project_id: ProjectId,
    /// The migration.
    pub id: MigrationId,
    /// What changes.
    pub change: MigrationChange,
    /// When it was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// What changes of a migration.
#[derive(Clone, Debug)]
pub enum MigrationChange {
    /// It is said from where to where it leads, and its full phase begins.
    Configure {
        /// From where to where.
        setup: Box<MigrationSetup>,
        /// How long the full phase takes.
        work: WorkOptions,
    },
    /// Its full phase begins again.
    Restart {
        /// How long it takes.
        work: WorkOptions,
    },
    /// It stops.
    Stop {
        /// How long that takes; none: it has stopped at once.
        work: Option<WorkOptions>,
    },
    /// Something else resumes it.
    SetResumeMode(ResumeMode),
    /// Its instances exchange their addresses.
    Exchange {
        /// Which; none: back those that were exchanged.
        request: Option<ExchangeRequest>,
        /// How long that takes.
        work: WorkOptions,
        /// The background tasks of the source and of the target.
        tasks: [NewTask; 2],
    },
}

/// Removes migrations.
#[derive(Clone, Debug)]
pub struct DeleteMigrations {
    /// The project.
    pub project_id: ProjectId,
    /// The migrations; those that are not there are no matter.
    pub ids: Vec<MigrationId>,
    /// When that was asked for.
    pub now: Timestamp,
    /// Who asks.
    pub origin: Origin,
}

/// Reads of migrations.
#[async_trait]
pub trait MigrationReads: Send + Sync {
    /// Returns the migrations of a project, oldest first.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn migrations(&self, project_id: ProjectId) -> Result<Vec<Migration>, StoreError>;

    /// Returns a migration of a project.
    ///
    /// # Errors
    /// `Failed` or `Inconsistent`.
    async fn migration(
        &self,
        project_id: ProjectId,
        id: MigrationId,
    ) -> Result<Option<Migration>, StoreError>;

    /// Returns the instance of a project that a backup is of, if it is there.
    ///
    /// # Errors
    /// `Failed`.
    async fn instance_of_backup(
        &self,
        project_id: ProjectId,
        id: BackupId,
    ) -> Result<Option<InstanceId>, StoreError>;
}

/// Changes of migrations.
#[async_trait]
pub trait MigrationWrites: Send + Sync {
    /// Creates a migration; if its data is on its way its target is RESTORING.
    ///
    /// # Errors
    /// `Refused` with `InstanceNotFound`, or the refusal of the target's state.
    async fn create_migration(&self, command: CreateMigration) -> Result<(), StoreError>;

    /// Changes a migration, and returns it as it is then.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`, as the change of [`Migration`], with `InstanceNotFound`, or the refusal of an instance's state.
    async fn change_migration(&self, command: ChangeMigration) -> Result<Migration, StoreError>;

    /// Removes migrations: all of them or none.
    ///
    /// # Errors
    /// `Refused` as [`Migration::permit_deletion`].
    async fn delete_migrations(&self, command: DeleteMigrations) -> Result<(), StoreError>;
}
