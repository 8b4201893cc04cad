//! Hands each command to what does it.

use async_trait::async_trait;
use futures_util::FutureExt;

use crate::domain::origin::Origin;
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::creation::create;
use crate::store::sqlite::instances::password::change_password;
use crate::store::sqlite::instances::{network, placement, resize, transition, update};
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, migrations, minor_versions, placed_orders, tasks};
use crate::store::{
    ChangeInstance, ChangePassword, CreateInstances, InstanceCommand, InstanceWrites, PasswordAnswer,
    StoreError,
};

/// Changes an instance.
pub(in crate::store::sqlite) async fn change(
    state: &mut WriterState,
    command: ChangeInstance,
) -> Result<(), StoreError> {
    let WriterState { connection, instances, actors, .. } = state;
    let ChangeInstance { instance, command, now, origin } = command;
    instances.load(connection, std::iter::once(instance.instance_id)).await?;
    let known: CachedInstance = instances.get_mut(instance.project_id, instance.instance_id)?.clone();
    let actor_key = actors.key(connection, &origin.actor).await?;
    instances.forget(instance.instance_id);
    let audit = AuditContext { at: now, origin: &origin, actor_key };
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
            let system_key = actors.key(connection, &Origin::SYSTEM.actor).await?;
            known.state.permit_deletion()?;
            update::delete(connection, &known, audit, system_key).await?;
            migrations::end_of_instance(connection, instances, &known, audit).await
        }
        InstanceCommand::SwitchNodes { switch, task } => {
            update::switch_nodes(connection, &known, &switch, &task, audit).await
        }
        InstanceCommand::Resize { resize, wait, task, work, order } => {
            let project_key = known.project_key;
            if order.as_ref().is_some_and(|order| order.size.is_some()) {
                resize::order(connection, &known, &resize, audit).await?;
            } else {
                resize::begin(connection, known, &resize, wait.as_ref(), (&task, work), audit).await?;
            }
            match order {
                Some(order) => placed_orders::place(connection, project_key, &order).await,
                None => Ok(()),
            }
        }
        InstanceCommand::ChangePublicAccess { to, strict_network, task, work } => {
            network::begin_access(connection, &known, (to, strict_network), (&task, work), audit).await
        }
        InstanceCommand::ChangeBandwidth { wanted, task, work } => {
            network::begin_bandwidth(connection, &known, &wanted, (&task, work), audit).await
        }
        InstanceCommand::ExpandBandwidth => network::expand(connection, &known, audit).await,
        InstanceCommand::CheckResize { resize, task, work } => {
            resize::begin_check(connection, &known, &resize, (&task, work), audit).await
        }
        InstanceCommand::UpgradeMinorVersion { order, task, work } => {
            minor_versions::begin_upgrade(connection, &known, &order, (&task, work), audit).await
        }
        InstanceCommand::DeleteTask { task_id } => tasks::delete(connection, &known, task_id, audit).await,
        InstanceCommand::ChangeStatus { action, work } => {
            transition::begin(connection, known, action, work, audit).await
        }
    }
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
