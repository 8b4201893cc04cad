//! Migrations of data: create, configure, stop, restart, list, show, delete; exchange addresses.

use crate::domain::backup::BackupStatusKind;
use crate::domain::id::{BackupId, InstanceId, JobId, MigrationId, ProjectId};
use crate::domain::identity::Secret;
use crate::domain::instance::{Instance, InstanceAction};
use crate::domain::migration::{
    ExchangeRequest, ImportFile, ImportSource, Migration, MigrationEndpoint, MigrationEvent, MigrationKind,
    MigrationMethod, MigrationNetwork, MigrationSetup, ResumeMode,
};
use crate::domain::origin::Origin;
use crate::domain::page::PageRequest;
use crate::domain::refusal::Refusal;
use crate::domain::task::TaskKind;
use crate::domain::time::Timestamp;
use crate::domain::work::{FailureCode, Progress, WorkModel, WorkOptions};
use crate::engine::{Engine, EngineError};
use crate::store::{
    ChangeMigration, CreateMigration, DeleteMigrations, InstanceRef, MigrationChange, OpenRecord, Reads,
};

/// An end of a migration, as a caller names it.
#[derive(Clone, Debug)]
pub struct RequestedEndpoint {
    /// The instance.
    pub instance_id: Option<InstanceId>,
    /// The addresses of another server, if it is no instance.
    pub addrs: Option<String>,
    /// The password of the instance.
    pub password: Option<Secret>,
}

/// What a migration to be created takes its data from.
#[derive(Clone, Debug)]
pub enum MigrationSourceRequest {
    /// Files in a bucket.
    Files {
        /// The bucket.
        bucket_name: Option<String>,
        /// The files.
        files: Vec<ImportFile>,
    },
    /// A backup of any instance of the project.
    Backup(BackupId),
    /// A server.
    Server(RequestedEndpoint),
}

/// What a caller says of a migration to be created.
#[derive(Clone, Debug)]
pub struct CreateMigrationRequest {
    /// Its name.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// How much is migrated.
    pub method: MigrationMethod,
    /// `vpc` or `vpn`.
    pub network_type: String,
    /// From where.
    pub source: MigrationSourceRequest,
    /// To where.
    pub target: RequestedEndpoint,
}

/// What a caller says of an online migration whose setup comes later.
#[derive(Clone, Debug)]
pub struct NewOnlineMigration {
    /// Its name.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// The network of its machine.
    pub network: MigrationNetwork,
}

/// From where to where an online migration is to lead, and how.
#[derive(Clone, Debug)]
pub struct ConfigureMigrationRequest {
    /// How much is migrated.
    pub method: MigrationMethod,
    /// What resumes it.
    pub resume_mode: ResumeMode,
    /// From where.
    pub source: RequestedEndpoint,
    /// To where.
    pub target: RequestedEndpoint,
    /// How many MB a second it may take, as it was sent.
    pub bandwidth_limit_mb: Option<String>,
}

/// A migration, with its instances as far as they are there.
#[derive(Clone, Debug)]
pub struct MigrationDetails {
    /// The migration.
    pub migration: Migration,
    /// Its source.
    pub source: Option<Instance>,
    /// Its target.
    pub target: Option<Instance>,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationStats {
    /// How far the full phase is.
    pub progress: Progress,
    /// How many keys the source holds, as far as that is known.
    pub source_keys: usize,
    /// How many keys the target holds.
    pub target_keys: usize,
    /// Whether data is on its way.
    pub is_migrating: bool,
}

impl Engine {
    /// Creates a migration whose data is on its way when this returns.
    ///
    /// # Errors
    /// `Refused` with `InvalidParameter` (`backup_id`), `BackupNotUsable`, `InvalidParameter` (`source_instance`, `target_instance`), the
    /// refusal of the target's state, or `WrongInstancePassword`.
    pub async fn create_migration(
        &self,
        project_id: ProjectId,
        request: CreateMigrationRequest,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<Migration, EngineError> {
        let CreateMigrationRequest { name, description, method, network_type, source, target } = request;
        self.check_password(project_id, &target).await?;
        let write = self.write().await?;
        let now = write.now;
        let kind = match source {
            MigrationSourceRequest::Server(_) => MigrationKind::Online,
            MigrationSourceRequest::Files { .. } | MigrationSourceRequest::Backup(_) => MigrationKind::Import,
        };
        let mut migration = Migration::new(self.new_id(now).await?, name, kind, now);
        (migration.description, migration.network_type) = (description, network_type);
        let (target, network) = resolve(&*write, project_id, &target, "target_instance").await?;
        migration.network = network;
        match source {
            MigrationSourceRequest::Files { bucket_name, files } => {
                migration.import = Some(ImportSource::SelfBuildObs { bucket_name, files });
            }
            MigrationSourceRequest::Backup(id) => {
                migration.import = Some(backup_of(&*write, project_id, id).await?);
            }
            MigrationSourceRequest::Server(source) => {
                let (source, _) = resolve(&*write, project_id, &source, "source_instance").await?;
                let setup = MigrationSetup {
                    method,
                    resume_mode: None,
                    source,
                    target: target.clone(),
                    bandwidth_limit_mb: None,
                };
                migration.configure(setup, now)?;
            }
        }
        (migration.method, migration.target) = (Some(method), Some(target));
        let work = Some(self.transfer_options(project_id, migration.target_id(), failure));
        let created = migration.clone();
        write
            .create_migration(CreateMigration { project_id, migration, work, job: None, now, origin })
            .await?;
        Ok(created)
    }

    /// Creates an online migration whose setup comes later, and the job that stands for its machine.
    ///
    /// # Errors
    /// `Internal`, `Unavailable`.
    pub async fn create_online_migration(
        &self,
        project_id: ProjectId,
        new: NewOnlineMigration,
        origin: Origin,
    ) -> Result<(MigrationId, JobId), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let id = self.new_id(now).await?;
        let mut migration = Migration::new(id, new.name, MigrationKind::Online, now);
        (migration.description, migration.network) = (new.description, Some(new.network));
        let job = self.new_task(TaskKind::CreateMigration, &origin.actor, now).await?;
        let job_id = job.job_id;
        let job = Some(job);
        write
            .create_migration(CreateMigration { project_id, migration, work: None, job, now, origin })
            .await?;
        Ok((id, job_id))
    }

    /// Says from where to where an online migration leads; its full phase has begun when this returns.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`, `InvalidParameter` (`source_instance`, `target_instance`), the refusal of the target's state,
    /// `WrongInstancePassword`, or as [`Migration::configure`].
    pub async fn configure_migration(
        &self,
        project_id: ProjectId,
        id: MigrationId,
        request: ConfigureMigrationRequest,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<Migration, EngineError> {
        let found = self.read().await.migration(project_id, id).await?.ok_or(Refusal::MigrationNotFound)?;
        if found.kind == MigrationKind::Import || found.status.after(MigrationEvent::Begin).is_none() {
            return Err(Refusal::TaskRunning.into());
        }
        self.check_password(project_id, &request.target).await?;
        let write = self.write().await?;
        let now = write.now;
        let (source, _) = resolve(&*write, project_id, &request.source, "source_instance").await?;
        let (target, _) = resolve(&*write, project_id, &request.target, "target_instance").await?;
        let work = self.transfer_options(project_id, target.instance_id, failure);
        let ConfigureMigrationRequest { method, resume_mode, bandwidth_limit_mb, .. } = request;
        let resume_mode = Some(resume_mode);
        let setup = Box::new(MigrationSetup { method, resume_mode, source, target, bandwidth_limit_mb });
        let change = MigrationChange::Configure { setup, work };
        Ok(write.change_migration(ChangeMigration { project_id, id, change, now, origin }).await?)
    }

    /// Has the full phase of an online migration begin again.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`, as [`Migration::restart`], with `InstanceNotFound`, or the refusal of the target's state.
    pub async fn restart_migration(
        &self,
        project_id: ProjectId,
        id: MigrationId,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let found = write.migration(project_id, id).await?.ok_or(Refusal::MigrationNotFound)?;
        let work = self.transfer_options(project_id, found.target_id(), failure);
        let change = MigrationChange::Restart { work };
        write.change_migration(ChangeMigration { project_id, id, change, now, origin }).await?;
        Ok(())
    }

    /// Stops a migration; it has stopped when this returns if that is to be so `at_once`.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`, or with `TaskRunning` in the wrong state.
    pub async fn stop_migration(
        &self,
        project_id: ProjectId,
        id: MigrationId,
        at_once: bool,
        origin: Origin,
    ) -> Result<MigrationDetails, EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let work = (!at_once).then(|| self.project_work_options(WorkModel::Migration, project_id, None));
        // Its ends are read before, so that nothing can fail once it is stopped.
        let found = write.migration(project_id, id).await?.ok_or(Refusal::MigrationNotFound)?;
        let before = details(&*write, project_id, found).await?;
        let change = MigrationChange::Stop { work };
        let migration =
            write.change_migration(ChangeMigration { project_id, id, change, now, origin }).await?;
        Ok(MigrationDetails { migration, ..before })
    }

    /// Says what resumes a migration from now on.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`, or as [`Migration::set_resume_mode`].
    pub async fn update_migration(
        &self,
        project_id: ProjectId,
        id: MigrationId,
        mode: ResumeMode,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let (now, change) = (write.now, MigrationChange::SetResumeMode(mode));
        write.change_migration(ChangeMigration { project_id, id, change, now, origin }).await?;
        Ok(())
    }

    /// Has the instances of a migration exchange their addresses; without a `request`, exchange them back.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`, as [`Migration::begin_exchange`], or the refusal of an instance's state.
    pub async fn exchange_addresses(
        &self,
        project_id: ProjectId,
        id: MigrationId,
        request: Option<ExchangeRequest>,
        (failure, origin): (Option<FailureCode>, Origin),
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        let found = write.migration(project_id, id).await?.ok_or(Refusal::MigrationNotFound)?;
        let work = self.transfer_options(project_id, found.target_id(), failure);
        let kind = if request.is_some() { TaskKind::ExchangeAddresses } else { TaskKind::RollBackAddresses };
        let tasks =
            [self.new_task(kind, &origin.actor, now).await?, self.new_task(kind, &origin.actor, now).await?];
        let change = MigrationChange::Exchange { request, work, tasks };
        write.change_migration(ChangeMigration { project_id, id, change, now, origin }).await?;
        Ok(())
    }

    /// Removes migrations: all of them or none. Those that are not there are no matter.
    ///
    /// # Errors
    /// `Refused` as [`Migration::permit_deletion`].
    pub async fn delete_migrations(
        &self,
        project_id: ProjectId,
        ids: Vec<MigrationId>,
        origin: Origin,
    ) -> Result<(), EngineError> {
        let write = self.write().await?;
        let now = write.now;
        Ok(write.delete_migrations(DeleteMigrations { project_id, ids, now, origin }).await?)
    }

    /// Returns a migration with its instances.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`.
    pub async fn migration(
        &self,
        project_id: ProjectId,
        id: MigrationId,
    ) -> Result<MigrationDetails, EngineError> {
        let read = self.read().await;
        let found = read.migration(project_id, id).await?.ok_or(Refusal::MigrationNotFound)?;
        details(&*read, project_id, found).await
    }

    /// Returns how many migrations of a project have a name that contains `name`, and a page of them, newest first.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn list_migrations(
        &self,
        project_id: ProjectId,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<(usize, Vec<MigrationDetails>), EngineError> {
        let read = self.read().await;
        let mut found = read.migrations(project_id).await?;
        found.retain(|migration| name.is_none_or(|name| migration.name.contains(name)));
        let total = found.len();
        let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let shown = found.into_iter().rev().skip(number(page.skip)).take(number(page.limit.as_u64()));
        let mut all = Vec::new();
        for migration in shown {
            all.push(details(&*read, project_id, migration).await?);
        }
        Ok((total, all))
    }

    /// Returns how far a migration is.
    ///
    /// # Errors
    /// `Refused` with `MigrationNotFound`.
    pub async fn migration_stats(
        &self,
        project_id: ProjectId,
        id: MigrationId,
    ) -> Result<MigrationStats, EngineError> {
        let read = self.read().await;
        let migration = read.migration(project_id, id).await?.ok_or(Refusal::MigrationNotFound)?;
        let progress = match (migration.is_full_phase_done, migration.status.occupies_target()) {
            (true, _) => Progress::COMPLETE,
            (false, true) => progress_of(&*read, &migration, project_id, read.now).await?,
            (false, false) => Progress::NONE,
        };
        let source = migration.source_id().map(|instance_id| InstanceRef { project_id, instance_id });
        let target = migration.target_id().map(|instance_id| InstanceRef { project_id, instance_id });
        Ok(MigrationStats {
            progress,
            source_keys: key_count(&*read, source, migration.backup_id()).await?,
            target_keys: key_count(&*read, target, None).await?,
            is_migrating: migration.status.is_migrating(),
        })
    }

    /// Returns how the full phase of a migration is to go: by the rules about its target, if that is an instance.
    fn transfer_options(
        &self,
        project_id: ProjectId,
        target: Option<InstanceId>,
        failure: Option<FailureCode>,
    ) -> WorkOptions {
        match target {
            Some(instance_id) => {
                self.work_options(WorkModel::Migration, InstanceRef { project_id, instance_id }, failure)
            }
            None => self.project_work_options(WorkModel::Migration, project_id, failure),
        }
    }

    /// Compares the password that is named for a target with its own, if it has one; none may be named. Whoever is to be refused for
    /// something else is refused before.
    async fn check_password(
        &self,
        project_id: ProjectId,
        target: &RequestedEndpoint,
    ) -> Result<(), EngineError> {
        let Some(instance_id) = target.instance_id else { return Ok(()) };
        let instance = InstanceRef { project_id, instance_id };
        let kept = {
            let read = self.read().await;
            let unknown = Refusal::InvalidParameter { name: "target_instance" };
            let found = read.get_instance(instance).await?.ok_or(unknown)?;
            found.permit(InstanceAction::Occupy)?;
            read.instance_password(instance).await?
        };
        let hash = kept.and_then(|kept| kept.hash);
        if let Some((password, hash)) = target.password.clone().zip(hash)
            && !self.is_right(password, &hash).await?
        {
            return Err(Refusal::WrongInstancePassword.into());
        }
        Ok(())
    }
}

/// Returns an end that a caller names, and the network of its instance.
async fn resolve(
    store: &(impl Reads + ?Sized),
    project_id: ProjectId,
    end: &RequestedEndpoint,
    name: &'static str,
) -> Result<(MigrationEndpoint, Option<MigrationNetwork>), EngineError> {
    let unknown = Refusal::InvalidParameter { name };
    match (end.instance_id, &end.addrs) {
        (Some(instance_id), _) => {
            let found = store.get_instance(InstanceRef { project_id, instance_id }).await?.ok_or(unknown)?;
            Ok((MigrationEndpoint::of_instance(&found), Some((&found.network).into())))
        }
        (None, Some(addrs)) => Ok((MigrationEndpoint::of_addresses(addrs.clone()), None)),
        (None, None) => Err(unknown.into()),
    }
}

/// Returns a backup of any instance of a project as what an import takes its data from.
async fn backup_of(
    store: &(impl Reads + ?Sized),
    project_id: ProjectId,
    backup_id: BackupId,
) -> Result<ImportSource, EngineError> {
    let unknown = Refusal::InvalidParameter { name: "backup_id" };
    let found = store.instance_of_backup(project_id, backup_id).await?;
    let instance_id = found.ok_or_else(|| unknown.clone())?;
    let found = store.get_backup(InstanceRef { project_id, instance_id }, backup_id).await?;
    let (backup, _) = found.ok_or(unknown)?;
    if backup.status.kind() != BackupStatusKind::Succeed {
        return Err(Refusal::BackupNotUsable.into());
    }
    Ok(ImportSource::BackupRecord { backup_id, backup_name: backup.name(), instance_id })
}

async fn details(
    store: &(impl Reads + ?Sized),
    project_id: ProjectId,
    migration: Migration,
) -> Result<MigrationDetails, EngineError> {
    let source = migration.source.as_ref().and_then(|source| source.instance_id);
    let mut ends = [None, None];
    for (end, id) in ends.iter_mut().zip([source, migration.target_id()]) {
        if let Some(instance_id) = id {
            *end = store.get_instance(InstanceRef { project_id, instance_id }).await?;
        }
    }
    let [source, target] = ends;
    Ok(MigrationDetails { migration, source, target })
}

/// Returns how far the full phase of a migration is, or its import.
async fn progress_of(
    store: &(impl Reads + ?Sized),
    migration: &Migration,
    project_id: ProjectId,
    now: Timestamp,
) -> Result<Progress, EngineError> {
    let transfer = migration.transfer();
    let open = store.open_records(Some(project_id), migration.target_id()).await?;
    let found = open.into_iter().find_map(|record| match record {
        OpenRecord::Work(work) if work.effect == transfer => Some(work),
        _ => None,
    });
    Ok(found.map_or(Progress::NONE, |work| work.plan.progress(work.created_at, now)))
}

async fn key_count(
    store: &(impl Reads + ?Sized),
    instance: Option<InstanceRef>,
    backup: Option<BackupId>,
) -> Result<usize, EngineError> {
    let Some(instance) = instance else { return Ok(0) };
    let number = match backup {
        Some(backup) => store.get_backup(instance, backup).await?.map(|(backup, _)| backup.number),
        None => None,
    };
    Ok(store.contents(instance, number).await?.map_or(0, |contents| contents.keys.len()))
}
