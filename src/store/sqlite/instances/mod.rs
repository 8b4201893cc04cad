//! Commands that change instances, each with its event in the audit.
//!
//! A command changes the tables only; what is cached of the instance is forgotten, and read again by whoever needs it next.

mod creation;
mod network;
mod password;
mod placement;
mod resize;
mod transition;
mod update;
mod waiting;

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::domain::instance::{Instance, InstanceStatus};
use crate::domain::origin::Origin;
use crate::store::row::{self, INSTANCE_COLUMNS, instance_status_code};
use crate::store::sqlite::events::{self, Audit, Subject};
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, orders, tasks};
use crate::store::{ChangeInstance, InstanceCommand, StoreError};
use crate::store::{ChangePassword, CreateInstances, InstanceWrites, PasswordAnswer};
use async_trait::async_trait;
use futures_util::FutureExt;

pub(super) use creation::{create, ensure_project, rename_commands_json};
pub(super) use network::{apply_access, apply_bandwidth, end_expansion};
pub(super) use password::change_password;
pub(super) use transition::finish_transition;
pub(super) use update::delete;
pub(super) use waiting::begin_due;

/// Changes an instance.
pub(super) async fn change(state: &mut WriterState, command: ChangeInstance) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    let ChangeInstance { instance, command, now, origin } = command;
    instances.load(connection, std::iter::once(instance.instance_id)).await?;
    let known: CachedInstance = instances.get_mut(instance.project_id, instance.instance_id)?.clone();
    let actor_key = actors
        .key(connection, &origin.actor)
        .await
        .map_err(StoreError::during("record who changes an instance"))?;
    instances.forget(instance.instance_id);
    let audit = Audit { at: now, origin: &origin, actor_key };
    match command {
        InstanceCommand::Update { update, policy_id, unique_names, port_change } => {
            let names = unique_names.then_some(instance.project_id);
            let update = (&*update, port_change.as_ref());
            update::update(connection, &known, update, policy_id, names, audit).await
        }
        InstanceCommand::Switch { switch, task } => {
            update::switch_setting(connection, &known, switch, &task, audit).await
        }
        InstanceCommand::ChangePlacement { extension, region, wait, task, work } => {
            let extension = (&extension, region.as_str());
            placement::begin(connection, known, extension, wait.as_ref(), (&task, work), audit).await
        }
        InstanceCommand::Delete => {
            let system_key = actors
                .key(connection, &Origin::SYSTEM.actor)
                .await
                .map_err(StoreError::during("record who lets backups expire"))?;
            known.state.permit_deletion()?;
            update::delete(connection, &known, audit, system_key).await
        }
        InstanceCommand::SwitchNodes { switch, task } => {
            update::switch_nodes(connection, &known, &switch, &task, audit).await
        }
        InstanceCommand::Resize { resize, wait, task, work, order } => {
            let project_key = known.project_key;
            resize::begin(connection, known, &resize, wait.as_ref(), (&task, work), audit).await?;
            match order {
                Some(order) => orders::place(connection, project_key, &order).await,
                None => Ok(()),
            }
        }
        InstanceCommand::ChangePublicAccess { to, task, work } => {
            network::begin_access(connection, &known, to, (&task, work), audit).await
        }
        InstanceCommand::ChangeBandwidth { wanted, task, work } => {
            network::begin_bandwidth(connection, &known, &wanted, (&task, work), audit).await
        }
        InstanceCommand::ExpandBandwidth => network::expand(connection, &known, audit).await,
        InstanceCommand::DeleteTask { task_id } => tasks::delete(connection, &known, task_id, audit).await,
        InstanceCommand::ChangeStatus { action, work } => {
            transition::begin(connection, known, action, work, audit).await
        }
    }
}

/// Reads an instance, as it is shown, by its key.
pub(super) async fn shown(
    connection: &mut SqliteConnection,
    instance_key: i64,
) -> Result<Instance, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT {INSTANCE_COLUMNS} FROM instances i JOIN projects p USING (project_key) \
         WHERE i.instance_key = ?"
    )))
    .bind(instance_key)
    .fetch_one(connection)
    .await
    .map_err(StoreError::during("read an instance"))?;
    row::instance(&row)
}

/// Records that something of an instance changed and its status did not.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    instance_key: i64,
    status: InstanceStatus,
    text: &str,
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let status = Some(instance_status_code(status));
    let event = audit.event(Subject::Instance(instance_key), status, status).remarked(Some(text.to_owned()));
    events::append(connection, vec![event])
        .await
        .map_err(StoreError::during("record a change of an instance"))
}

/// Changes the status of an instance if it is still what it was, and records it.
pub(super) async fn set_status(
    connection: &mut SqliteConnection,
    instance_key: i64,
    (from, to): (InstanceStatus, InstanceStatus),
    audit: Audit<'_>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE instances SET status = ?, updated_at = max(?, created_at) WHERE instance_key = ? AND status = ?",
    )
    .bind(to.as_str())
    .bind(audit.at.as_millis())
    .bind(instance_key)
    .bind(from.as_str())
    .execute(&mut *connection)
    .await
    .map_err(StoreError::during("change the status of an instance"))?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    record(connection, instance_key, (Some(from), Some(to)), audit).await?;
    Ok(true)
}

/// Records that an instance went from one status to another; without one it came into being, or went out of sight.
async fn record(
    connection: &mut SqliteConnection,
    instance_key: i64,
    (from, to): (Option<InstanceStatus>, Option<InstanceStatus>),
    audit: Audit<'_>,
) -> Result<(), StoreError> {
    let (from, to) = (from.map(instance_status_code), to.map(instance_status_code));
    events::append(connection, vec![audit.event(Subject::Instance(instance_key), from, to)])
        .await
        .map_err(StoreError::during("record the status of an instance"))
}

#[async_trait]
impl InstanceWrites for SqliteStore {
    async fn create_instances(&self, command: CreateInstances) -> Result<(), StoreError> {
        self.writer.change(|state| create(state, command).boxed()).await
    }

    async fn change_instance(&self, command: ChangeInstance) -> Result<(), StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }

    async fn change_password(&self, command: ChangePassword) -> Result<PasswordAnswer, StoreError> {
        self.writer.change(|state| change_password(state, command).boxed()).await
    }
}
