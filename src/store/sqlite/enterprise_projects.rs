//! Enterprise projects of accounts: the writer reads those of an account, lets the domain change them, and writes what has become
//! different; and what is in them is moved from one to the other. Each in one transaction.

use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;

use crate::domain::enterprise_project::{
    EnterpriseProject, EnterpriseProjectChange, EnterpriseProjectRef, EnterpriseProjectRefusal,
    EnterpriseProjects, EnterpriseResource, ResourceKind,
};
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, ProjectChange, SubjectOwner};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, documents, instances, networks};
use crate::store::{
    ChangeEnterpriseProjects, EnterpriseProjectReads, EnterpriseProjectWrites, MoveResource, SeedPlan,
    StoreError,
};

#[async_trait]
impl EnterpriseProjectReads for SqliteStore {
    async fn enterprise_projects(&self, account: Option<String>) -> Result<EnterpriseProjects, StoreError> {
        Ok(EnterpriseProjects::of_stored(stored(self.reader.pool(), account.as_deref()).await?))
    }

    async fn enterprise_resources(
        &self,
        id: EnterpriseProjectRef,
        project_id: ProjectId,
        kinds: Vec<ResourceKind>,
    ) -> Result<Vec<EnterpriseResource>, StoreError> {
        let database = self.reader.pool();
        let mut found = Vec::new();
        if kinds.contains(&ResourceKind::Instance) {
            let list = sql(
                "list the instances of an enterprise project",
                "SELECT i.instance_id, i.name FROM projects p JOIN instances i USING (project_key)
                 WHERE p.project_id = ? AND lower(i.enterprise_project_id) = ? AND i.deleted_at IS NULL
                 ORDER BY i.instance_key",
            );
            let list = list.bind(project_id).bind(id.to_string());
            let kind = ResourceKind::Instance;
            let row = |(id, name): (InstanceId, _)| EnterpriseResource { kind, id: id.to_string(), name };
            found.extend(list.all(database).await?.into_iter().map(row));
        }
        let network = networks::without_users(database, project_id).await?;
        for kind in kinds {
            let ResourceKind::Network(kind) = kind else { continue };
            found.extend(network.of_enterprise_project(kind, &id.to_string()).map(|resource| {
                let (id, name) = (resource.id().to_string(), resource.name().to_owned());
                EnterpriseResource { kind: ResourceKind::Network(kind), id, name }
            }));
        }
        Ok(found)
    }
}

#[async_trait]
impl EnterpriseProjectWrites for SqliteStore {
    async fn change_enterprise_projects(
        &self,
        command: ChangeEnterpriseProjects,
    ) -> Result<EnterpriseProject, StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }

    async fn move_resource(&self, command: MoveResource) -> Result<(), StoreError> {
        self.writer.change(|state| move_resource(state, command).boxed()).await
    }
}

/// Returns the enterprise projects that an account has made, in the order of their creation; none: those of the domain.
pub(super) async fn stored(
    database: impl SqliteExecutor<'_>,
    account: Option<&str>,
) -> Result<Vec<EnterpriseProject>, StoreError> {
    let read = sql(
        "read enterprise projects",
        "SELECT document FROM enterprise_projects WHERE account IS ? ORDER BY number",
    );
    let found = read.bind(account).all::<(String,)>(database).await?;
    found.iter().map(|(document,)| documents::read(document)).collect()
}

async fn change(
    state: &mut WriterState,
    command: ChangeEnterpriseProjects,
) -> Result<EnterpriseProject, StoreError> {
    let ChangeEnterpriseProjects { account, change, project_id, now, origin } = command;
    let WriterState { connection, actors, .. } = state;
    let before = stored(&mut *connection, account.as_deref()).await?;
    let is_used = match &change {
        EnterpriseProjectChange::Delete(id) => is_used(connection, *id).await?,
        _ => false,
    };
    let mut projects = EnterpriseProjects::of_stored(before.clone());
    let changed = projects.change(change, is_used, now).map_err(Refusal::EnterpriseProject)?;
    let project_key = instances::ensure_project(connection, project_id, now).await?;
    let actor_key = actors.key(connection, &origin.actor).await?;
    let audit = AuditContext { at: now, origin: &origin, actor_key };
    write(connection, account.as_deref(), (&before, &projects.all()[1..]), (project_key, audit)).await?;
    Ok(changed)
}

/// Makes what is stored of an account what it is `after`, as far as that differs from `before`, and tells the audit of a project of it.
async fn write(
    connection: &mut SqliteConnection,
    account: Option<&str>,
    (before, after): (&[EnterpriseProject], &[EnterpriseProject]),
    (project_key, audit): (i64, AuditContext<'_>),
) -> Result<(), StoreError> {
    let find = |projects: &[EnterpriseProject], id| projects.iter().position(|project| project.id == id);
    for gone in before.iter().filter(|project| find(after, project.id).is_none()) {
        remove(connection, gone).await?;
        note(connection, project_key, gone, ProjectChange::Deleted, audit).await?;
    }
    let old = |project: &EnterpriseProject| find(before, project.id).map(|at| &before[at]);
    let changed: Vec<_> = after.iter().filter(|project| old(project) != Some(project)).collect();
    // Names may go from one to the other: first all give up theirs.
    for project in changed.iter().filter(|project| old(project).is_some_and(|old| old.name != project.name)) {
        let clear = sql(
            "take the name of an enterprise project",
            "UPDATE enterprise_projects SET document = json_set(document, '$.name', lower(hex(id))) WHERE id = unhex(?, '-')",
        );
        clear.bind(project.id.to_string()).execute(&mut *connection).await?;
    }
    for project in changed {
        let write = sql(
            "write an enterprise project",
            "INSERT INTO enterprise_projects (id, account, number, document)
             SELECT unhex(?1, '-'), ?2, coalesce(max(number), 0) + 1, ?3 FROM enterprise_projects WHERE TRUE
             ON CONFLICT (id) DO UPDATE SET document = excluded.document",
        );
        let write = write.bind(project.id.to_string()).bind(account).bind_json(project);
        write.execute(&mut *connection).await?;
        let change = match old(project) {
            Some(old) => ProjectChange::Changed(difference(old, project).to_owned()),
            None => ProjectChange::Created,
        };
        note(connection, project_key, project, change, audit).await?;
    }
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, project: &EnterpriseProject) -> Result<(), StoreError> {
    let remove =
        sql("remove an enterprise project", "DELETE FROM enterprise_projects WHERE id = unhex(?, '-')");
    remove.bind(project.id.to_string()).execute(connection).await.map(drop)
}

/// Says what is different of one that was changed.
fn difference(before: &EnterpriseProject, after: &EnterpriseProject) -> &'static str {
    match (before.is_enabled(), after.is_enabled()) {
        (true, false) => "disabled",
        (false, true) => "enabled",
        _ => "changed",
    }
}

async fn note(
    connection: &mut SqliteConnection,
    project_key: i64,
    project: &EnterpriseProject,
    change: ProjectChange,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let EnterpriseProjectRef::Own(id) = project.id else { return Ok(()) };
    let subject = NamedSubject {
        owner: SubjectOwner::Project(project_key),
        kind: "enterprise_project",
        id: id.as_bytes(),
        name: &project.name,
    };
    events::append_of_project(connection, subject, change, audit).await
}

/// Returns whether anything of any project is in an enterprise project.
async fn is_used(connection: &mut SqliteConnection, id: EnterpriseProjectRef) -> Result<bool, StoreError> {
    let look = sql(
        "look for what is in an enterprise project",
        "SELECT EXISTS (SELECT 1 FROM instances WHERE lower(enterprise_project_id) = ?1 AND deleted_at IS NULL)
             OR EXISTS (SELECT 1 FROM network_resources WHERE lower(document ->> 'enterprise_project_id') = ?1)",
    );
    look.bind(id.to_string()).value(connection).await
}

async fn move_resource(state: &mut WriterState, command: MoveResource) -> Result<(), StoreError> {
    let MoveResource { account, target, project_id, kind, id, now, origin } = command;
    let projects = EnterpriseProjects::of_stored(stored(&mut state.connection, account.as_deref()).await?);
    projects.require_target(target).map_err(Refusal::EnterpriseProject)?;
    let moved = match kind {
        ResourceKind::Instance => move_instance(state, (project_id, &id), target, (now, &origin)).await,
        ResourceKind::Network(kind) => {
            let resource = (project_id, kind, id.as_str());
            networks::move_to_enterprise_project(state, resource, &target.to_string(), (now, &origin)).await
        }
    };
    moved.map_err(|error| match error {
        StoreError::Refused(_) => {
            Refusal::EnterpriseProject(EnterpriseProjectRefusal::ResourceMissing).into()
        }
        error => error,
    })
}

async fn move_instance(
    state: &mut WriterState,
    (project_id, id): (ProjectId, &str),
    target: EnterpriseProjectRef,
    (now, origin): (Timestamp, &Origin),
) -> Result<(), StoreError> {
    let id: InstanceId = id.parse().map_err(|_| Refusal::InstanceNotFound)?;
    let WriterState { connection, instances, actors, .. } = state;
    instances.load(connection, std::iter::once(id)).await?;
    let known = instances.get_mut(project_id, id)?.clone();
    let place = sql(
        "move an instance to an enterprise project",
        "UPDATE instances SET enterprise_project_id = ?1, updated_at = max(?2, created_at)
         WHERE instance_key = ?3 AND enterprise_project_id <> ?1",
    );
    let place = place.bind(target.to_string()).bind(now).bind(known.key);
    if place.execute(&mut *connection).await? == 0 {
        return Ok(());
    }
    let actor_key = actors.key(connection, &origin.actor).await?;
    let audit = AuditContext { at: now, origin, actor_key };
    let text = format!("moved to the enterprise project {target}");
    instances::note(connection, known.key, known.state.status, &text, audit).await
}

/// What becomes of the enterprise projects of the domain by a seed.
struct Seeded {
    before: Vec<EnterpriseProject>,
    after: Vec<EnterpriseProject>,
    /// A sentence for each that is there and differs.
    differences: Vec<String>,
}

/// Adds to those of the domain what a seed wants and is not there; what is there stays, or becomes another if the seed is to
/// `overwrite`.
async fn seeded(
    connection: &mut SqliteConnection,
    wanted: &[EnterpriseProject],
    overwrite: bool,
) -> Result<Seeded, StoreError> {
    let before = stored(connection, None).await?;
    let mut after = before.clone();
    let mut differences = Vec::new();
    for project in wanted {
        match after.iter_mut().find(|other| other.id == project.id) {
            None => after.push(project.clone()),
            Some(other) if overwrite => other.clone_from(project),
            Some(other) if other == project => {}
            Some(other) => {
                differences
                    .push(format!("enterprise project {} was there already and stays as it is", other.id));
            }
        }
    }
    Ok(Seeded { before, after, differences })
}

/// Makes sure that the enterprise projects that a seed wants can be.
///
/// # Errors
/// `Refused` with `EnterpriseProject`.
pub(super) async fn require_seedable(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
) -> Result<(), StoreError> {
    if plan.enterprise_projects.is_empty() {
        return Ok(());
    }
    let Seeded { after, .. } = seeded(connection, &plan.enterprise_projects, plan.overwrite).await?;
    let checked = EnterpriseProjects::seeded(&after);
    checked.map_err(|(_, refusal)| Refusal::EnterpriseProject(refusal))?;
    let ids: Vec<String> = plan.enterprise_projects.iter().map(|project| project.id.to_string()).collect();
    let look = sql(
        "look for enterprise projects of other accounts",
        "SELECT EXISTS (SELECT 1 FROM json_each(?) JOIN enterprise_projects e ON e.id = unhex(value, '-')
                        WHERE e.account IS NOT NULL)",
    );
    if look.bind(json!(ids).to_string()).value(connection).await? {
        return Err(Refusal::EnterpriseProject(EnterpriseProjectRefusal::IdTaken).into());
    }
    Ok(())
}

/// Writes the enterprise projects that a seed wants; returns a sentence for each that is there and differs. The audit of the first
/// project tells of them.
pub(super) async fn seed(
    state: &mut WriterState,
    wanted: &[EnterpriseProject],
    overwrite: bool,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let WriterState { connection, actors, .. } = state;
    let Seeded { before, after, differences } = seeded(connection, wanted, overwrite).await?;
    let first = sql("find the first project", "SELECT min(project_key) FROM projects");
    let project_key: i64 = first.value(&mut *connection).await?;
    let actor_key = actors.key(connection, &Origin::SEED.actor).await?;
    let audit = AuditContext { at: now, origin: &Origin::SEED, actor_key };
    write(connection, None, (&before, &after), (project_key, audit)).await?;
    Ok(differences)
}
