//! Sessions of the clients of instances. Links follow from the nodes, and other sessions are declared: only what happened to them is kept.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;
use uuid::Uuid;

use crate::domain::background_work::{Effect, Step};
use crate::domain::contents::Session;
use crate::domain::instance::InstanceAction;
use crate::domain::session::{
    NodeSessions, is_of, links as links_of, node_with_sessions, permit_sessions, replicas_linked_to,
};
use crate::domain::task::TaskDetails;
use crate::domain::time::Timestamp;
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::events::AuditContext;
use crate::store::sqlite::instances::{note, shown};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{
    SqliteStore, contents, instance_cache::CachedInstance, links, tasks, writer::WriterState,
};
use crate::store::{
    ChangeSessions, InstanceRef, SessionCommand, SessionReads, SessionWrites, StoreError, WorkStep,
};

#[async_trait]
impl SessionReads for SqliteStore {
    async fn stored_sessions(&self, instance: InstanceRef) -> Result<Option<Vec<NodeSessions>>, StoreError> {
        let pool = self.reader.pool();
        let Some(key) = change::key_of(pool, instance).await? else { return Ok(None) };
        kept(pool, key).await.map(Some)
    }
}

#[async_trait]
impl SessionWrites for SqliteStore {
    async fn change_sessions(&self, command: ChangeSessions) -> Result<(), StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }
}

async fn change(state: &mut WriterState, command: ChangeSessions) -> Result<(), StoreError> {
    let ChangeSessions { instance, command, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let instance = shown(connection, known.key).await?;
    let permit = || known.state.permit(InstanceAction::Inspect);
    let text = match command {
        SessionCommand::Scan { node_id, task } => {
            let node = node_with_sessions(&instance, &node_id)?;
            permit()?;
            set_scanned(connection, known.key, node.id, now).await?;
            let span = (now, Some(now));
            tasks::begin(connection, known.key, &task, &TaskDetails::default(), span).await?;
            "sessions read"
        }
        SessionCommand::End { node_id, addresses } => {
            let node = node_with_sessions(&instance, &node_id)?;
            permit()?;
            let is_wanted = |session: &Session| addresses.iter().any(|address| session.is_at(address));
            let kept = kept(&mut *connection, known.key).await?;
            let links = links_of(&instance, &node, &kept, now).into_iter();
            let cut: Vec<Uuid> =
                links.filter(|(_, link)| is_wanted(link)).map(|(replica, _)| replica).collect();
            links::renew(connection, known.key, &cut, now).await?;
            let is_ended = |session: &Session| is_of(session, &node, &instance) && is_wanted(session);
            let any_ended = end_declared(connection, known.key, is_ended).await?;
            if cut.is_empty() && !any_ended {
                return Ok(());
            }
            "sessions ended"
        }
        SessionCommand::EndAll { node_id, work, task } => {
            permit_sessions(&instance)?;
            let node = node_id.map(|id| node_with_sessions(&instance, &id)).transpose()?;
            permit()?;
            let effect = Effect::EndSessions { job_id: task.job_id, node: node.map(|node| node.id) };
            let task = Some((&task, TaskDetails::default()));
            let new = NewWork { effect, work, occupation: None, task };
            background_work::begin(connection, &known, new, now).await?;
            "all sessions are to end"
        }
    };
    note(connection, known.key, known.state.status, text, audit).await
}

/// Ends all sessions of a node, or of every node.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    node: Option<Uuid>,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start || step.work.plan.failure.is_some() {
        return Ok(());
    }
    let instance = shown(connection, known.key).await?;
    let mut nodes = instance.nodes();
    nodes.retain(|one| node.is_none_or(|id| id == one.id));
    let cut = replicas_linked_to(&instance, &nodes.iter().map(|node| node.id).collect());
    links::renew(connection, known.key, &cut, step.at).await?;
    let is_ended =
        |session: &Session| node.is_none() || nodes.iter().any(|one| is_of(session, one, &instance));
    end_declared(connection, known.key, is_ended).await?;
    note(connection, known.key, known.state.status, "all sessions ended", audit).await
}

/// Has an instance hold no such sessions any more; returns whether it held any.
async fn end_declared(
    connection: &mut SqliteConnection,
    instance_key: i64,
    is_ended: impl Fn(&Session) -> bool,
) -> Result<bool, StoreError> {
    let mut held = contents::read(&mut *connection, instance_key, None).await?;
    let before = held.sessions.len();
    held.sessions.retain(|session| !is_ended(session));
    let any_ended = held.sessions.len() < before;
    if any_ended {
        contents::write(connection, instance_key, &held).await?;
    }
    Ok(any_ended)
}

async fn set_scanned(
    connection: &mut SqliteConnection,
    instance_key: i64,
    node_id: Uuid,
    at: Timestamp,
) -> Result<(), StoreError> {
    let set = sql(
        "note that sessions were read",
        "INSERT INTO node_sessions (instance_key, node_id, scanned_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (instance_key, node_id) DO UPDATE SET scanned_at = ?3",
    );
    let set = set.bind(instance_key).bind(node_id.as_bytes().to_vec()).bind(at);
    set.execute(connection).await.map(drop)
}

/// The node, when its sessions were read last, how often its link began anew, and when it did so last.
type Row = (Vec<u8>, Option<Timestamp>, i64, Option<Timestamp>);

async fn kept(database: impl SqliteExecutor<'_>, instance_key: i64) -> Result<Vec<NodeSessions>, StoreError> {
    let find = sql(
        "read what is kept of sessions",
        "SELECT node_id, scanned_at, renewals, renewed_at FROM node_sessions WHERE instance_key = ?",
    );
    let rows = find.bind(instance_key).all::<Row>(database).await?;
    let kept = |(node_id, scanned_at, renewals, renewed_at): Row| {
        let node_id = Uuid::from_slice(&node_id);
        let node_id = node_id
            .map_err(|_| StoreError::Inconsistent { what: "node_sessions.node_id has not 16 bytes" })?;
        Ok(NodeSessions { node_id, scanned_at, renewals: renewals.unsigned_abs(), renewed_at })
    };
    rows.into_iter().map(kept).collect()
}
