//! Diagnoses of instances.

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;

use crate::domain::background_work::{Effect, Step};
use crate::domain::diagnosis::{Diagnosis, MAX_DIAGNOSES};
use crate::domain::id::{DiagnosisId, ProjectId};
use crate::domain::instance::InstanceAction;
use crate::domain::refusal::Refusal;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::background_work::{self, NewWork};
use crate::store::sqlite::change::{self, Change};
use crate::store::sqlite::documents::{self, Document};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, SubjectOwner};
use crate::store::sqlite::instances::shown;
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::{instance_cache::CachedInstance, writer::WriterState};
use crate::store::{
    CreateDiagnosis, DeleteDiagnosis, DiagnosisReads, DiagnosisWrites, InstanceRef, StoreError, WorkStep,
};

impl Document for Diagnosis {
    type Id = DiagnosisId;
    const TABLE: &'static str = "diagnoses";

    fn id(&self) -> DiagnosisId {
        self.id
    }
}

#[async_trait]
impl DiagnosisReads for SqliteStore {
    async fn diagnoses(&self, instance: InstanceRef) -> Result<Option<Vec<Diagnosis>>, StoreError> {
        let pool = self.reader.pool();
        let Some(key) = change::key_of(pool, instance).await? else { return Ok(None) };
        documents::all(pool, key).await.map(Some)
    }

    async fn diagnosis(
        &self,
        project_id: ProjectId,
        id: DiagnosisId,
    ) -> Result<Option<Diagnosis>, StoreError> {
        let find = sql(
            "find a diagnosis",
            "SELECT d.document FROM diagnoses d JOIN instances i USING (instance_key) JOIN projects p USING (project_key)
             WHERE d.id = ? AND p.project_id = ? AND i.deleted_at IS NULL",
        );
        let found = find.bind(id).bind(project_id).optional::<(String,)>(self.reader.pool()).await?;
        found.map(|(document,)| documents::read(&document)).transpose()
    }
}

#[async_trait]
impl DiagnosisWrites for SqliteStore {
    async fn create_diagnosis(&self, command: CreateDiagnosis) -> Result<(), StoreError> {
        self.writer.change(|state| create(state, command).boxed()).await
    }

    async fn delete_diagnosis(&self, command: DeleteDiagnosis) -> Result<(), StoreError> {
        self.writer.change(|state| delete(state, command).boxed()).await
    }
}

/// Begins a diagnosis; of more than the most the oldest goes.
async fn create(state: &mut WriterState, command: CreateDiagnosis) -> Result<(), StoreError> {
    let CreateDiagnosis { instance, diagnosis, work, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    known.state.permit(InstanceAction::Inspect)?;
    let others: Vec<Diagnosis> = documents::all(&mut *connection, known.key).await?;
    if let Some(oldest) = others.first().filter(|_| others.len() >= MAX_DIAGNOSES) {
        documents::remove::<Diagnosis>(connection, known.key, oldest.id).await?;
    }
    documents::insert(connection, known.key, &diagnosis).await?;
    let effect = Effect::Diagnosis { id: diagnosis.id };
    let new = NewWork { effect, work, occupation: None, task: None };
    background_work::begin(connection, &known, new, now).await?;
    record(connection, &known, &diagnosis, (None, Some(diagnosis.status.as_str())), audit).await
}

async fn delete(state: &mut WriterState, command: DeleteDiagnosis) -> Result<(), StoreError> {
    let DeleteDiagnosis { instance, id, now, origin } = command;
    let Change { connection, known, audit } = change::of_instance(state, instance, now, &origin).await?;
    let found: Option<Diagnosis> = documents::get(&mut *connection, known.key, id).await?;
    let diagnosis = found.ok_or(Refusal::DiagnosisNotFound)?;
    documents::remove::<Diagnosis>(connection, known.key, id).await?;
    record(connection, &known, &diagnosis, (Some(diagnosis.status.as_str()), None), audit).await
}

/// Moves a diagnosis on; at its end it has its report.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    id: DiagnosisId,
    step: &WorkStep,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    if step.step == Step::Start {
        return Ok(());
    }
    let Some(mut diagnosis) = documents::get::<Diagnosis>(&mut *connection, known.key, id).await? else {
        return Ok(());
    };
    let from = diagnosis.status.as_str();
    let instance = shown(connection, known.key).await?;
    let contents = step.contents.clone().unwrap_or_default();
    diagnosis.finish(&instance, &contents, step.work.plan.failure.is_some());
    documents::update(connection, &diagnosis).await?;
    record(connection, known, &diagnosis, (Some(from), Some(diagnosis.status.as_str())), audit).await
}

async fn record(
    connection: &mut SqliteConnection,
    known: &CachedInstance,
    diagnosis: &Diagnosis,
    statuses: (Option<&str>, Option<&str>),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let id = diagnosis.id.to_string();
    let subject = NamedSubject {
        owner: SubjectOwner::Instance(known.key),
        kind: "diagnosis",
        id: diagnosis.id.as_bytes(),
        name: &id,
    };
    events::append_named(connection, subject, statuses, None, audit).await
}
