//! Analyses of keys.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;

use crate::domain::background_work::{Effect, Occupation, Step};
use crate::domain::id::AnalysisId;
use crate::domain::instance::InstanceAction;
use crate::domain::key_analysis::{AnalysisKind, KeyAnalysis, MAX_ANALYSES};
use crate::domain::task::TaskSubject;
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::documents::{self, Document};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, SubjectOwner};
use crate::store::sqlite::{
    SqliteStore, contents, control, instance_cache::CachedInstance, instance_config, writer::WriterState,
};
use crate::store::{
    CreateKeyAnalysis, DeleteKeyAnalysis, InstanceRef, KeyAnalysisReads, KeyAnalysisWrites, NewKeyAnalysis,
    ScheduledScan, StoreError, WorkStep,
};

impl Document for KeyAnalysis {
    type Id = AnalysisId;
    const TABLE: &'static str = "key_analyses";

    fn id(&self) -> AnalysisId {
        self.id
    }
}

#[async_trait]
impl KeyAnalysisReads for SqliteStore {
    async fn key_analyses(&self, instance: InstanceRef) -> Result<Option<Vec<KeyAnalysis>>, StoreError> {
        let pool = self.reader.pool();
        let Some(key) = change::key_of(pool, instance).await? else { return Ok(None) };
        documents::all(pool, key).await.map(Some)
    }
}

#[async_trait]
impl KeyAnalysisWrites for SqliteStore {
    async fn create_key_analysis(&self, command: CreateKeyAnalysis) -> Result<(), StoreError> {
        self.writer.change(|state| create(state, command).boxed()).await
    }

    async fn delete_key_analysis(&self, command: DeleteKeyAnalysis) -> Result<(), StoreError> {
        self.writer.change(|state| delete(state, command).boxed()).await
    }
}

/// Begins an analysis; of more than the most of its kind the oldest goes.
async fn create(state: &mut WriterState, command: CreateKeyAnalysis) -> Result<(), StoreError> {
    let CreateKeyAnalysis { instance, new, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    begin(connection, &known, new, audit).await
}

/// Begins an analysis of an instance that is there.
async fn begin(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    new: NewKeyAnalysis,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let NewKeyAnalysis { analysis, work, task, hot_keys_need_lfu } = new;
    if hot_keys_need_lfu {
        instance_config::settings_of(&mut *connection, known.key).await?.permit_analysis(analysis.kind)?;
    }
    known.state.permit(match analysis.kind {
        AnalysisKind::Offline => InstanceAction::Occupy,
        AnalysisKind::Big | AnalysisKind::Hot | AnalysisKind::Expired => InstanceAction::Inspect,
    })?;
    let kind = analysis.kind;
    let mut others: Vec<KeyAnalysis> = documents::all(&mut *connection, known.key).await?;
    others.retain(|other| other.kind == kind);
    if others.iter().any(KeyAnalysis::is_open) {
        return Err(kind.is_open().into());
    }
    if let Some(oldest) = others.first().filter(|_| others.len() >= MAX_ANALYSES) {
        documents::remove::<KeyAnalysis>(connection, known.key, oldest.id).await?;
    }
    documents::insert(connection, known.key, &analysis).await?;
    let task = task.as_ref().zip(analysis.offline.as_ref()).map(|(task, offline)| {
        let group_name = Some(offline.group_name.clone());
        (task, TaskSubject { group_name, ..TaskSubject::default() }.into())
    });
    let occupation = (kind == AnalysisKind::Offline).then_some(Occupation::OfflineAnalysis);
    let backup = analysis.offline.as_ref().and_then(|offline| offline.backup_id);
    let effect = Effect::KeyAnalysis { id: analysis.id, backup };
    let new = NewWork { effect, work, occupation, task };
    background_work::begin(connection, known, new, audit.at).await?;
    record(connection, known, &analysis, (None, Some("waiting")), audit).await
}

/// Begins the analysis that a schedule asks for, and plans the next one; returns whether it has begun. Where the instance or an analysis
/// that is open does not permit one, there is none this time.
pub(super) async fn run_schedule(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    scheduled: ScheduledScan,
    audit: AuditContext<'_>,
) -> Result<bool, StoreError> {
    let ScheduledScan { new, setting_if_begun, now } = scheduled;
    let scan = new.analysis.kind;
    let settings = instance_config::settings_of(connection, known.key).await?;
    let before = audit.at.saturating_sub(Duration::from_millis(1));
    // A schedule of an older version of the schema has no time of its own yet.
    if settings.next_scan(scan, before, audit.at) != Some(audit.at) {
        instance_config::plan_scan(connection, known.key, &settings, scan, (now, now)).await?;
        return Ok(false);
    }
    let is_begun = match begin(connection, known, new, audit).await {
        Ok(()) => true,
        Err(StoreError::Refused(refusal)) => {
            tracing::debug!(refusal = %refusal, scan = scan.as_str(), "a scan of a schedule was left out");
            false
        }
        Err(error) => return Err(error),
    };
    if let Some((name, value)) = setting_if_begun.filter(|_| is_begun) {
        control::store_setting(connection, name, Some(value)).await?;
    }
    instance_config::plan_scan(connection, known.key, &settings, scan, (audit.at, now)).await?;
    Ok(is_begun)
}

/// Removes an analysis that has ended.
async fn delete(state: &mut WriterState, command: DeleteKeyAnalysis) -> Result<(), StoreError> {
    let DeleteKeyAnalysis { instance, kind, id, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let found: Option<KeyAnalysis> = documents::get(&mut *connection, known.key, id).await?;
    let analysis = found.filter(|found| found.kind == kind).ok_or_else(|| kind.not_found())?;
    analysis.permit_deletion()?;
    documents::remove::<KeyAnalysis>(connection, known.key, id).await?;
    record(connection, &known, &analysis, (Some(analysis.status.as_str()), None), audit).await
}

/// Moves an analysis on; at its end it has what it found, and the expired keys are gone if it looked for them.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    id: AnalysisId,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let Some(mut analysis) = documents::get::<KeyAnalysis>(&mut *connection, known.key, id).await? else {
        return Ok(());
    };
    let from = analysis.status.as_str();
    match (step.step, step.work.plan.failure) {
        (Step::Start, _) => analysis.start(step.at),
        (Step::Finish, Some(_)) => analysis.fail(step.at),
        (Step::Finish, None) => {
            let found = step.contents.clone().unwrap_or_default();
            analysis.finish(&found, step.at);
            if analysis.kind == AnalysisKind::Expired && analysis.num > 0 {
                // Something else may have been declared since they were read.
                let mut held = contents::read(&mut *connection, known.key, None).await?;
                held.keys.retain(|key| !key.is_expired(step.at));
                contents::write(connection, known.key, &held).await?;
            }
        }
    }
    documents::update(connection, &analysis).await?;
    record(connection, known, &analysis, (Some(from), Some(analysis.status.as_str())), audit).await
}

async fn record(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    analysis: &KeyAnalysis,
    statuses: (Option<&str>, Option<&str>),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let subject = NamedSubject {
        owner: SubjectOwner::Instance(known.key),
        kind: "key_analysis",
        id: analysis.id.as_bytes(),
        name: analysis.kind.as_str(),
    };
    events::append_named(connection, subject, statuses, None, audit).await
}
