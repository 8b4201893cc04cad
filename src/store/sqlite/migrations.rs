//! Migrations of data, and what they do to their instances.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;

use crate::domain::background_work::{Effect, Occupation, Step};
use crate::domain::id::{BackupId, InstanceId, MigrationId, ProjectId};
use crate::domain::instance::{InstanceAction, InstanceStatus};
use crate::domain::migration::{
    AddressExchange, ExchangeRequest, Migration, MigrationEvent, MigrationStatus, exchange,
};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::task::{NewTask, TaskSubject};
use crate::domain::time::Timestamp;
use crate::domain::work::WorkOptions;
use crate::store::sqlite::background_work::{self, NewWork, Owner};
use crate::store::sqlite::change::{self, ProjectChange};
use crate::store::sqlite::documents::{self, Document};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, SubjectOwner};
use crate::store::sqlite::instance_cache::{CachedInstance, InstanceCache};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, contents, instances, tasks};
use crate::store::{
    ChangeMigration, CreateMigration, DeleteMigrations, MigrationChange, MigrationReads, MigrationWrites,
    StoreError, WorkStep,
};

impl Document for Migration {
    type Id = MigrationId;
    const TABLE: &'static str = "migrations";
    const OWNER: &'static str = "project_key";

    fn id(&self) -> MigrationId {
        self.id
    }
}

#[async_trait]
impl MigrationReads for SqliteStore {
    async fn migrations(&self, project_id: ProjectId) -> Result<Vec<Migration>, StoreError> {
        let pool = self.reader.pool();
        match change::project_key(pool, project_id).await? {
            Some(key) => documents::all(pool, key).await,
            None => Ok(Vec::new()),
        }
    }

    async fn migration(
        &self,
        project_id: ProjectId,
        id: MigrationId,
    ) -> Result<Option<Migration>, StoreError> {
        let pool = self.reader.pool();
        match change::project_key(pool, project_id).await? {
            Some(key) => documents::get(pool, key, id).await,
            None => Ok(None),
        }
    }

    async fn instance_of_backup(
        &self,
        project_id: ProjectId,
        id: BackupId,
    ) -> Result<Option<InstanceId>, StoreError> {
        let find = sql(
            "find the instance of a backup",
            "SELECT i.instance_id FROM backups b JOIN instances i USING (instance_key) JOIN projects p USING (project_key)
             WHERE b.backup_id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        );
        let found = find.bind(id).bind(project_id).optional::<(InstanceId,)>(self.reader.pool()).await?;
        Ok(found.map(|(id,)| id))
    }
}

#[async_trait]
impl MigrationWrites for SqliteStore {
    async fn create_migration(&self, command: CreateMigration) -> Result<(), StoreError> {
        self.writer.change(|state| create(state, command).boxed()).await
    }

    async fn change_migration(&self, command: ChangeMigration) -> Result<Migration, StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }

    async fn delete_migrations(&self, command: DeleteMigrations) -> Result<(), StoreError> {
        self.writer.change(|state| delete(state, command).boxed()).await
    }
}

async fn create(state: &mut WriterState, command: CreateMigration) -> Result<(), StoreError> {
    let CreateMigration { project_id, migration, work, job, now, origin } = command;
    let mut change = change::of_project(state, project_id, now, &origin).await?;
    if let Some(work) = work {
        begin_transfer(&mut change, &migration, work).await?;
    }
    let ProjectChange { connection, project_key, audit, .. } = change;
    if let Some(job) = job {
        tasks::record_job_of_project(connection, project_key, &job, now).await?;
    }
    documents::insert(connection, project_key, &migration).await?;
    record(connection, project_key, &migration, (None, Some(migration.status)), None, audit).await
}

async fn change(state: &mut WriterState, command: ChangeMigration) -> Result<Migration, StoreError> {
    let ChangeMigration { project_id, id, change, now, origin } = command;
    // What is refused makes no project.
    change::project_key(&mut state.connection, project_id).await?.ok_or(Refusal::MigrationNotFound)?;
    let mut of_project = change::of_project(state, project_id, now, &origin).await?;
    let project_key = of_project.project_key;
    let found = documents::get::<Migration>(&mut *of_project.connection, project_key, id).await?;
    let mut migration = found.ok_or(Refusal::MigrationNotFound)?;
    let from = migration.status;
    let mut remark = None;
    match change {
        MigrationChange::Configure { setup, work } => {
            migration.configure(*setup, now)?;
            begin_transfer(&mut of_project, &migration, work).await?;
        }
        MigrationChange::Restart { work } => {
            migration.restart(now)?;
            begin_transfer(&mut of_project, &migration, work).await?;
        }
        MigrationChange::Stop { work } => stop(&mut of_project, &mut migration, work).await?,
        MigrationChange::SetResumeMode(mode) => {
            migration.set_resume_mode(mode, now)?;
            remark = Some("resume mode changed");
        }
        MigrationChange::Exchange { request, work, tasks } => {
            let is_rollback = request.is_none();
            begin_exchange(&mut of_project, &mut migration, request, (work, &tasks)).await?;
            remark = Some(if is_rollback { "address rollback begun" } else { "address exchange begun" });
        }
    }
    if migration.status == from && remark.is_none() {
        return Ok(migration);
    }
    let ProjectChange { connection, audit, .. } = of_project;
    documents::update(connection, &migration).await?;
    record(connection, project_key, &migration, (Some(from), Some(migration.status)), remark, audit).await?;
    Ok(migration)
}

async fn delete(state: &mut WriterState, command: DeleteMigrations) -> Result<(), StoreError> {
    let DeleteMigrations { project_id, ids, now, origin } = command;
    if change::project_key(&mut state.connection, project_id).await?.is_none() {
        return Ok(());
    }
    let ProjectChange { connection, project_key, audit, .. } =
        change::of_project(state, project_id, now, &origin).await?;
    let mut found = Vec::new();
    for id in ids {
        found.extend(documents::get::<Migration>(&mut *connection, project_key, id).await?);
    }
    found.iter().try_for_each(Migration::permit_deletion)?;
    for migration in found {
        if documents::remove::<Migration>(connection, project_key, migration.id).await? {
            let statuses = (Some(migration.status), None);
            record(connection, project_key, &migration, statuses, None, audit).await?;
        }
    }
    Ok(())
}

/// Begins the full phase of a migration, or an import. Its source must be there; its target is RESTORING from now on.
async fn begin_transfer(
    change: &mut ProjectChange<'_>,
    migration: &Migration,
    work: WorkOptions,
) -> Result<(), StoreError> {
    if let Some(source) = migration.source_id() {
        change.instance(source).await?;
    }
    let instance_key = match migration.target_id() {
        Some(target) => {
            let target = change.instance(target).await?;
            target.state.permit(InstanceAction::Occupy)?;
            let (restoring, running) = InstanceStatus::OF_RESTORE;
            instances::set_status(change.connection, target.key, (running, restoring), change.audit).await?;
            Some(target.key)
        }
        None => None,
    };
    let owner = Owner { project_key: change.project_key, instance_key };
    let new = NewWork { effect: migration.transfer(), work, occupation: None, task: None };
    background_work::begin(change.connection, owner, new, change.audit.at).await
}

/// Has the target of a migration, whose data is no longer on its way, be RUNNING again; returns its key if it is there.
async fn release_target(
    connection: &mut SqliteConnection,
    known: &mut InstanceCache,
    (project_id, target): (ProjectId, Option<InstanceId>),
    audit: AuditContext<'_>,
) -> Result<Option<i64>, StoreError> {
    let Some(target) = target else { return Ok(None) };
    known.load(connection, std::iter::once(target)).await?;
    let key = known.get_mut(project_id, target).map(|target| target.key);
    known.forget(target);
    let Ok(key) = key else { return Ok(None) };
    instances::set_status(connection, key, InstanceStatus::OF_RESTORE, audit).await?;
    Ok(Some(key))
}

/// Stops a migration. One that has stopped stays as it is; one that is being stopped goes on with that.
async fn stop(
    change: &mut ProjectChange<'_>,
    migration: &mut Migration,
    work: Option<WorkOptions>,
) -> Result<(), StoreError> {
    let (from, now) = (migration.status, change.audit.at);
    let stopping = Effect::MigrationStop { id: migration.id };
    match (from, &work) {
        (MigrationStatus::Terminated, _) | (MigrationStatus::Terminating, Some(_)) => return Ok(()),
        (MigrationStatus::Terminating, None) => {
            background_work::end_all_of(change.connection, &stopping, now, None).await?;
        }
        _ => migration.happen(MigrationEvent::Stop, now)?,
    }
    if from.occupies_target() {
        background_work::end_all_of(change.connection, &migration.transfer(), now, None).await?;
        let target = (change.project_id, migration.target_id());
        release_target(change.connection, change.known, target, change.audit).await?;
    }
    let Some(work) = work else { return Ok(migration.happen(MigrationEvent::Stopped, now)?) };
    let owner = Owner { project_key: change.project_key, instance_key: None };
    let new = NewWork { effect: stopping, work, occupation: None, task: None };
    background_work::begin(change.connection, owner, new, now).await
}

/// Begins the exchange of the addresses of a migration's instances, or the way back: both are occupied meanwhile.
async fn begin_exchange(
    change: &mut ProjectChange<'_>,
    migration: &mut Migration,
    request: Option<ExchangeRequest>,
    (work, tasks): (WorkOptions, &[NewTask; 2]),
) -> Result<(), StoreError> {
    let ends = migration.source.as_ref().and_then(|source| source.instance_id).zip(migration.target_id());
    let (source, target) = ends.ok_or(Refusal::AddressExchangeUnsupported)?;
    let both = [change.instance(source).await?, change.instance(target).await?];
    let source = instances::shown(change.connection, both[0].key).await?;
    let target = instances::shown(change.connection, both[1].key).await?;
    migration.begin_exchange(request.as_ref(), (&source, &target), change.audit.at)?;
    for instance in &both {
        instance.state.permit(InstanceAction::Occupy)?;
    }
    let subject =
        TaskSubject { source_ip: Some(source.ip), target_ip: Some(target.ip), ..TaskSubject::default() };
    for (instance, task) in both.iter().zip(tasks) {
        let new = NewWork {
            effect: Effect::AddressExchange { id: migration.id },
            work,
            occupation: Some(Occupation::AddressExchange),
            task: Some((task, subject.clone().into())),
        };
        background_work::begin(change.connection, instance, new, change.audit.at).await?;
    }
    Ok(())
}

/// Moves a migration on.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    known: &mut InstanceCache,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let (project_id, failure) = (step.work.project_id, step.work.plan.failure);
    let (Effect::Migration { id, .. } | Effect::MigrationStop { id } | Effect::AddressExchange { id }) =
        step.work.effect
    else {
        return Ok(());
    };
    if step.step == Step::Start {
        return Ok(());
    }
    let Some(project_key) = change::project_key(&mut *connection, project_id).await? else { return Ok(()) };
    let found = documents::get::<Migration>(&mut *connection, project_key, id).await?;
    let Some(mut migration) = found else { return Ok(()) };
    let from = migration.status;
    let mut remark = None;
    match step.work.effect {
        Effect::Migration { .. } => {
            migration.finish(failure, step.at)?;
            let target = (project_id, migration.target_id());
            let target = release_target(connection, known, target, audit).await?;
            if let Some((target, held)) = target.zip(step.contents.clone()).filter(|_| failure.is_none()) {
                let mut contents = contents::read(&mut *connection, target, None).await?;
                contents.keys = held.keys;
                contents::write(connection, target, &contents).await?;
            }
        }
        Effect::MigrationStop { .. } => migration.happen(MigrationEvent::Stopped, step.at)?,
        _ => {
            let exchange = migration.end_exchange(failure.is_none(), step.at);
            remark = exchange.as_ref().map(|exchange| exchange.status.as_str());
            if let Some(exchange) = exchange.filter(|_| failure.is_none()) {
                exchange_addresses(connection, known, (project_id, &migration), &exchange, audit).await?;
            }
            // Both instances are free again at once.
            background_work::end_all_of(connection, &step.work.effect, step.at, failure).await?;
            for id in migration.source_id().into_iter().chain(migration.target_id()) {
                known.forget(id);
            }
        }
    }
    documents::update(connection, &migration).await?;
    record(connection, project_key, &migration, (Some(from), Some(migration.status)), remark, audit).await
}

/// Gives each instance of a migration the addresses of the other one.
async fn exchange_addresses(
    connection: &mut SqliteConnection,
    known: &mut InstanceCache,
    (project_id, migration): (ProjectId, &Migration),
    what: &AddressExchange,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let Some((source, target)) = migration.source_id().zip(migration.target_id()) else { return Ok(()) };
    known.load(connection, [source, target].into_iter()).await?;
    let keys = [known.get_mut(project_id, source)?.key, known.get_mut(project_id, target)?.key];
    let source = instances::shown(connection, keys[0]).await?;
    let target = instances::shown(connection, keys[1]).await?;
    for (key, after) in keys.into_iter().zip(exchange(what, &source, &target)) {
        let change = sql(
            "give an instance other addresses",
            "UPDATE instances SET ip = ?, domain_name = ?, updated_at = max(?, created_at) WHERE instance_key = ?",
        );
        change
            .bind(after.ip)
            .bind(after.domain_name)
            .bind(audit.at)
            .bind(key)
            .execute(&mut *connection)
            .await?;
        instances::note(connection, key, source.status, "addresses exchanged", audit).await?;
    }
    Ok(())
}

/// Ends the migrations that instances, which are being replaced, are the source or the target of; `ids` are theirs, as a JSON array in
/// hexadecimal.
pub(super) async fn end_of_instances(
    state: &mut WriterState,
    ids: &str,
    now: Timestamp,
    origin: &Origin,
) -> Result<(), StoreError> {
    let find = sql(
        "find the instances of migrations",
        "SELECT DISTINCT project_id, instance_id FROM migrations m JOIN instances i USING (project_key) JOIN projects USING (project_key)
         WHERE instance_id IN (unhex(m.document ->> '$.source.instance_id', '-'), unhex(m.document ->> '$.target.instance_id', '-'))
           AND instance_id IN (SELECT unhex(value) FROM json_each(?)) AND i.deleted_at IS NULL",
    );
    let found: Vec<(ProjectId, InstanceId)> = find.bind(ids.to_owned()).all(&mut state.connection).await?;
    for (project_id, instance_id) in found {
        let mut change = change::of_project(state, project_id, now, origin).await?;
        let replaced = change.instance(instance_id).await?;
        end_of_instance(change.connection, change.known, &replaced, change.audit).await?;
    }
    Ok(())
}

/// Ends the migrations that an instance, which is being deleted, is the source or the target of.
pub(super) async fn end_of_instance(
    connection: &mut SqliteConnection,
    known: &mut InstanceCache,
    deleted: &CachedInstance,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let (project_key, id) = (deleted.project_key, deleted.state.instance_id);
    for mut migration in documents::all::<Migration>(&mut *connection, project_key).await? {
        let from = migration.status;
        let is_of_it = migration.source_id() == Some(id) || migration.target_id() == Some(id);
        if !is_of_it || migration.happen(MigrationEvent::InstanceGone, audit.at).is_err() {
            continue;
        }
        if from.occupies_target() {
            background_work::end_all_of(connection, &migration.transfer(), audit.at, None).await?;
            let target = (deleted.state.project_id, migration.target_id());
            release_target(connection, known, target, audit).await?;
        }
        documents::update(connection, &migration).await?;
        let statuses = (Some(from), Some(migration.status));
        record(connection, project_key, &migration, statuses, None, audit).await?;
    }
    Ok(())
}

async fn record(
    connection: &mut SqliteConnection,
    project_key: i64,
    migration: &Migration,
    (from, to): (Option<MigrationStatus>, Option<MigrationStatus>),
    remark: Option<&str>,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let id = migration.id;
    let subject = NamedSubject {
        owner: SubjectOwner::Project(project_key),
        kind: "migration",
        id: id.as_bytes(),
        name: &migration.name,
    };
    let words = (from.map(MigrationStatus::as_str), to.map(MigrationStatus::as_str));
    events::append_named(connection, subject, words, remark, audit).await
}
