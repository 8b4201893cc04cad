//! Run logs of instances.

use async_trait::async_trait;
use futures_util::FutureExt;

use crate::domain::id::RunLogId;
use crate::domain::instance::InstanceAction;
use crate::domain::run_log::RunLog;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::documents::{self, Document};
use crate::store::sqlite::events::{self, NamedSubject, SubjectOwner};
use crate::store::sqlite::instances::shown;
use crate::store::sqlite::{contents, writer::WriterState};
use crate::store::{CollectRunLogs, InstanceRef, RunLogReads, RunLogWrites, StoreError};

impl Document for RunLog {
    type Id = RunLogId;
    const TABLE: &'static str = "run_logs";

    fn id(&self) -> RunLogId {
        self.id
    }
}

#[async_trait]
impl RunLogReads for SqliteStore {
    async fn run_logs(&self, instance: InstanceRef) -> Result<Option<Vec<RunLog>>, StoreError> {
        let pool = self.reader.pool();
        let Some(key) = change::key_of(pool, instance).await? else { return Ok(None) };
        documents::all(pool, key).await.map(Some)
    }
}

#[async_trait]
impl RunLogWrites for SqliteStore {
    async fn collect_run_logs(&self, command: CollectRunLogs) -> Result<(), StoreError> {
        self.writer.change(|state| collect(state, command).boxed()).await
    }
}

async fn collect(state: &mut WriterState, command: CollectRunLogs) -> Result<(), StoreError> {
    let CollectRunLogs { instance, replication_id, days, ids, status, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let shown = shown(connection, known.key).await?;
    let (group, node) = shown.logging_replica(replication_id.as_deref())?;
    known.state.permit(InstanceAction::Inspect)?;
    let lines = contents::read(&mut *connection, known.key, None).await?.run_log;
    let collected: Vec<RunLog> = (ids.into_iter().zip(days.until(now)))
        .map(|(ids, day)| RunLog::collected(ids, (&group, &node), day, &lines, status))
        .collect();
    let before: Vec<RunLog> = documents::all(&mut *connection, known.key).await?;
    for old in before {
        let is_replaced =
            collected.iter().any(|new| (new.replication_id, &new.day) == (old.replication_id, &old.day));
        if is_replaced || !old.is_kept(now) {
            documents::remove::<RunLog>(connection, known.key, old.id).await?;
        }
    }
    for log in &collected {
        documents::insert(connection, known.key, log).await?;
        let name = log.file_name();
        let subject = NamedSubject {
            owner: SubjectOwner::Instance(known.key),
            kind: "run_log",
            id: log.id.as_bytes(),
            name: &name,
        };
        events::append_named(connection, subject, (None, Some(log.status.as_str())), None, audit).await?;
    }
    Ok(())
}
