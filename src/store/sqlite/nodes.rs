//! Roles of nodes, and what replicas are used for.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::domain::background_work::{Effect, Occupation, Step};
use crate::domain::instance::{Instance, Node, NodeChange};
use crate::domain::task::TaskDetails;
use crate::domain::time::Timestamp;
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, SubjectOwner};
use crate::store::sqlite::instance_cache::CachedInstance;
use crate::store::sqlite::instances::shown;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, documents, stored_nodes, tasks};
use crate::store::{ChangeNode, NodeWrites, StoreError, WorkStep};

#[async_trait]
impl NodeWrites for SqliteStore {
    async fn change_node(&self, command: ChangeNode) -> Result<(), StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }
}

async fn change(state: &mut WriterState, command: ChangeNode) -> Result<(), StoreError> {
    let ChangeNode { instance, change, work, task, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let instance = as_planned(connection, known.key).await?;
    let node = change.of(&instance)?;
    let details = TaskDetails::from(change.task_subject(&node));
    let task = task.as_ref().map(|task| (task, details));
    let work = |effect, occupation, task| NewWork { effect, work, occupation, task };
    let begun = match &change {
        NodeChange::Swap { at_once: true } => {
            if let Some((task, details)) = task {
                tasks::begin(connection, known.key, task, &details, (now, Some(now))).await?;
            }
            let nodes = instance.switched_over(node.id, now).unwrap_or(instance.stored_nodes);
            stored_nodes::write(connection, known.key, &nodes).await?;
            None
        }
        NodeChange::SetWeight(..) => {
            stored_nodes::write(connection, known.key, &instance.weighed(&node)).await?;
            None
        }
        NodeChange::Swap { at_once: false } | NodeChange::Promote(_) => {
            Some(work(Effect::SwitchOver { node: node.id }, Some(Occupation::SwitchOver), task))
        }
        NodeChange::RemoveAddress(_) => Some(work(Effect::RemoveAddress { node: node.id }, None, task)),
    };
    let statuses = (None, begun.as_ref().map(|_| "waiting"));
    match begun {
        Some(new) => background_work::begin(connection, &known, new, now).await?,
        None => touch(connection, known.key, now).await?,
    }
    record(connection, known.key, &node, (statuses, &change.note()), audit).await
}

/// Reads an instance as it will be once the addresses are removed that are about to be.
async fn as_planned(connection: &mut SqliteConnection, instance_key: i64) -> Result<Instance, StoreError> {
    let mut instance = shown(connection, instance_key).await?;
    let open = sql(
        "list background work",
        "SELECT effect FROM background_work WHERE instance_key = ? AND failure IS NULL",
    );
    for (effect,) in open.bind(instance_key).all::<(String,)>(connection).await? {
        if let Effect::RemoveAddress { node } = documents::read(&effect)?
            && let Some(nodes) = instance.without_address(node)
        {
            instance.stored_nodes = nodes;
        }
    }
    Ok(instance)
}

/// Makes a step of a change of a node; of one that is gone, none.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let instance = shown(connection, known.key).await?;
    let (id, kept, remark) = if let Effect::SwitchOver { node } = step.work.effect {
        (node, instance.switched_over(node, step.at), "switchover")
    } else if let Effect::RemoveAddress { node } = step.work.effect {
        (node, instance.without_address(node), "address removed from the domain name")
    } else {
        return Ok(());
    };
    let Some(changed) = instance.nodes().into_iter().find(|node| node.id == id) else { return Ok(()) };
    if let (Step::Finish, None, Some(kept)) = (step.step, step.work.plan.failure, kept) {
        stored_nodes::write(connection, known.key, &kept).await?;
        touch(connection, known.key, step.at).await?;
    }
    let (from, to) = step.step.states(step.work.plan.failure.is_some());
    record(connection, known.key, &changed, ((Some(from), Some(to)), remark), audit).await
}

async fn touch(
    connection: &mut SqliteConnection,
    instance_key: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql("change an instance", "UPDATE instances SET updated_at = max(?, created_at) WHERE instance_key = ?")
        .bind(at)
        .bind(instance_key)
        .execute(connection)
        .await
        .map(drop)
}

async fn record(
    connection: &mut SqliteConnection,
    instance_key: i64,
    node: &Node,
    (statuses, remark): ((Option<&str>, Option<&str>), &str),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let (id, name): (Uuid, String) = (node.id, node.name());
    let subject = NamedSubject {
        owner: SubjectOwner::Instance(instance_key),
        kind: "node",
        id: id.as_bytes(),
        name: &name,
    };
    events::append_named(connection, subject, statuses, Some(remark), audit).await
}
