//! Networks of projects: the writer reads that of a project, lets the domain change it, and writes what has become different, all in one
//! transaction.

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::FutureExt;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteExecutor;
use uuid::Uuid;

use crate::domain::id::{NetworkId, ProjectId};
use crate::domain::instance::{Network, PublicAccess};
use crate::domain::network::PublicAccessRequest;
use crate::domain::networks::{
    NetworkKind, NetworkRefusal, NetworkResource, NetworkUsers, ProjectNetwork, Subnet,
};
use crate::domain::origin::Origin;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::store::row::{self, INSTANCE_COLUMNS};
use crate::store::sqlite::events::{self, AuditContext, NamedSubject, ProjectChange, SubjectOwner};
use crate::store::sqlite::sql::sql;
use crate::store::sqlite::writer::WriterState;
use crate::store::sqlite::{SqliteStore, documents, instances};
use crate::store::{
    ChangeNetwork, NetworkReads, NetworkWork, NetworkWrites, ProjectSeed, SeedPlan, StoreError,
};

#[async_trait]
impl NetworkReads for SqliteStore {
    async fn network(&self, project_id: ProjectId) -> Result<ProjectNetwork, StoreError> {
        let (resources, users) = read(self.reader.pool(), project_id).await?;
        Ok(ProjectNetwork::of_stored(resources, users))
    }
}

#[async_trait]
impl NetworkWrites for SqliteStore {
    async fn change_network(
        &self,
        command: ChangeNetwork,
    ) -> Result<(NetworkId, ProjectNetwork), StoreError> {
        self.writer.change(|state| change(state, command).boxed()).await
    }
}

/// Returns what is stored of the network of a project, in the order of its creation.
pub(super) async fn resources(
    database: impl SqliteExecutor<'_>,
    project_id: ProjectId,
) -> Result<Vec<NetworkResource>, StoreError> {
    let read = sql(
        "read a network",
        "SELECT n.document FROM projects p JOIN network_resources n USING (project_key)
         WHERE p.project_id = ? ORDER BY n.number",
    );
    let found = read.bind(project_id).all::<(String,)>(database).await?;
    found.iter().map(|(document,)| documents::read(document)).collect()
}

/// Returns what is stored of the network of a project, and what its instances use of it.
async fn read(
    database: impl SqliteExecutor<'_>,
    project_id: ProjectId,
) -> Result<(Vec<NetworkResource>, NetworkUsers), StoreError> {
    // One statement, so that all of it is of one moment.
    let read = sql(
        "read a network and its users",
        format!(
            "SELECT (SELECT json_group_array(n.document ORDER BY n.number) FROM network_resources n
                     WHERE n.project_key = p.project_key),
                    (SELECT json_group_array(json_array(
                              lower(i.subnet_id), lower(l.subnet_id), lower(i.security_group_id), i.ip || ',' || coalesce(s.ip, ''),
                              iif(i.enable_publicip AND i.elb_id IS NULL, lower(i.publicip_id), NULL), lower(hex(i.instance_id))))
                     FROM instances i LEFT JOIN planned_places l USING (instance_key) LEFT JOIN planned_sizes s USING (instance_key)
                     WHERE i.project_key = p.project_key AND i.deleted_at IS NULL),
                    (SELECT json_group_array({INSTANCE_COLUMNS}) FROM instances i
                     WHERE i.project_key = p.project_key AND i.deleted_at IS NULL AND i.enable_publicip AND i.elb_id IS NOT NULL)
             FROM projects p WHERE p.project_id = ?"
        ),
    );
    let Some((stored, places, opened)) =
        read.bind(project_id).optional::<(String, String, String)>(database).await?
    else {
        return Ok(Default::default());
    };
    let stored: Vec<String> = documents::read(&stored)?;
    let mut users = NetworkUsers::default();
    for (subnet, planned, group, ip, public_ip, instance_id) in documents::read::<Vec<UserRow>>(&places)? {
        let addresses = ip.split(',').filter(|address| !address.is_empty());
        for subnet in [Some(subnet), planned].into_iter().flatten() {
            users.addresses.extend(addresses.clone().map(|address| (subnet.clone(), address.to_owned())));
            users.subnets.insert(subnet);
        }
        users.groups.extend(group);
        users.public_ips.extend(public_ip.zip(Uuid::try_parse(&instance_id).ok().map(|id| id.to_string())));
    }
    for instance in row::instances(&opened)? {
        let Some(PublicAccess { elb_id: Some(id), listeners, .. }) = instance.public_access() else {
            continue;
        };
        users.listeners.entry(id.to_ascii_lowercase()).or_default().extend(listeners);
    }
    Ok((stored.iter().map(|document| documents::read(document)).collect::<Result<_, _>>()?, users))
}

/// What an instance uses of a network: its subnet, that it moves to, its group, its addresses, its public address; and its id.
type UserRow = (String, Option<String>, Option<String>, String, Option<String>, String);

/// Returns the network of a project, for whom does not ask who uses it.
pub(super) async fn without_users(
    database: impl SqliteExecutor<'_>,
    project_id: ProjectId,
) -> Result<ProjectNetwork, StoreError> {
    Ok(ProjectNetwork::of_stored(resources(database, project_id).await?, NetworkUsers::default()))
}

/// Decides whether an instance of a project can be where it is to be; returns its subnet, if the project has it.
pub(super) async fn place(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    place: &Network,
    is_strict: bool,
) -> Result<Option<Subnet>, StoreError> {
    let network = without_users(connection, project_id).await?;
    let group = place.security_group_id.as_deref();
    Ok(network.place(&place.vpc_id, &place.subnet_id, group, is_strict)?.cloned())
}

/// Decides how an instance of a project is opened to the public.
pub(super) async fn open_access(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    order: PublicAccessRequest,
    is_strict: bool,
) -> Result<PublicAccessRequest, StoreError> {
    Ok(without_users(connection, project_id).await?.open_access(order, is_strict)?)
}

/// Returns a subnet of a project, if it has one of an id.
pub(super) async fn subnet(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    id: &str,
) -> Result<Option<Subnet>, StoreError> {
    let Ok(id) = id.parse() else { return Ok(None) };
    Ok(without_users(connection, project_id).await?.subnet(id).ok().cloned())
}

/// Returns the addresses of a subnet that load balancers have.
pub(super) async fn addresses_of_load_balancers(
    connection: &mut SqliteConnection,
    project_id: ProjectId,
    subnet: &Subnet,
) -> Result<Vec<String>, StoreError> {
    let network = without_users(connection, project_id).await?;
    Ok(network.addresses_of_load_balancers(subnet).map(|address| address.to_string()).collect())
}

async fn change(
    state: &mut WriterState,
    command: ChangeNetwork,
) -> Result<(NetworkId, ProjectNetwork), StoreError> {
    let ChangeNetwork { project_id, work, now, origin } = command;
    let (stored, users) = read(&mut state.connection, project_id).await?;
    let mut network = ProjectNetwork::of_stored(stored.clone(), users);
    let id = work(&mut network).map_err(Refusal::Network)?;
    let WriterState { connection, actors, .. } = state;
    let project_key = instances::ensure_project(connection, project_id, now).await?;
    let actor_key = actors.key(connection, &origin.actor).await?;
    let audit = AuditContext { at: now, origin: &origin, actor_key };
    write(connection, project_key, (&stored, network.resources()), audit).await?;
    Ok((id, network))
}

/// Moves something in the network of a project to an enterprise project.
///
/// # Errors
/// `Refused` with `Network` (`Missing`).
pub(super) async fn move_to_enterprise_project(
    state: &mut WriterState,
    (project_id, kind, id): (ProjectId, NetworkKind, &str),
    target: &str,
    (now, origin): (Timestamp, &Origin),
) -> Result<(), StoreError> {
    let id: NetworkId = id.parse().map_err(|_| Refusal::Network(NetworkRefusal::Missing(kind)))?;
    let target = target.to_owned();
    let work: NetworkWork =
        Box::new(move |network| network.move_to_enterprise_project(kind, id, target).map(|()| id));
    change(state, ChangeNetwork { project_id, work, now, origin: origin.clone() }).await.map(drop)
}

/// Makes what is stored of a network what it is `after`, as far as that differs from `before`, and tells the audit of it.
async fn write(
    connection: &mut SqliteConnection,
    project_key: i64,
    (before, after): (&[NetworkResource], &[NetworkResource]),
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let by_id = |resources| -> HashMap<NetworkId, &NetworkResource> {
        <[NetworkResource]>::iter(resources).map(|resource| (resource.id(), resource)).collect()
    };
    let (old, new) = (by_id(before), by_id(after));
    for gone in before.iter().filter(|resource| !new.contains_key(&resource.id())) {
        let remove =
            sql("remove from a network", "DELETE FROM network_resources WHERE project_key = ? AND id = ?");
        remove.bind(project_key).bind(gone.id().to_string()).execute(&mut *connection).await?;
        note(connection, project_key, gone, ProjectChange::Deleted, audit).await?;
    }
    let is_changed =
        |resource: &&NetworkResource| old.get(&resource.id()).is_none_or(|old| *old != *resource);
    let changed: Vec<&NetworkResource> = after.iter().filter(is_changed).collect();
    // Names and public addresses may go from one to the other: first all give up theirs.
    for resource in changed.iter().filter(|resource| old.contains_key(&resource.id())) {
        let clear = sql(
            "take the name of a part of a network",
            "UPDATE network_resources SET document = json_remove(json_set(document, '$.name', ''), '$.address')
             WHERE project_key = ? AND id = ?",
        );
        clear.bind(project_key).bind(resource.id().to_string()).execute(&mut *connection).await?;
    }
    for resource in changed {
        let write = sql(
            "write a part of a network",
            "INSERT INTO network_resources (project_key, id, number, document)
             SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3 FROM network_resources WHERE project_key = ?1
             ON CONFLICT (project_key, id) DO UPDATE SET document = excluded.document",
        );
        let write = write.bind(project_key).bind(resource.id().to_string()).bind_json(resource);
        write.execute(&mut *connection).await?;
        let change = match old.get(&resource.id()) {
            Some(old) => ProjectChange::Changed(difference(old, resource)),
            None => ProjectChange::Created,
        };
        note(connection, project_key, resource, change, audit).await?;
    }
    Ok(())
}

/// What becomes of the network of a project by a seed.
struct Seeded {
    before: Vec<NetworkResource>,
    after: Vec<NetworkResource>,
    /// A sentence for each thing that is there and differs.
    differences: Vec<String>,
}

/// Adds to the network of a project what a seed wants and is not there; what is there stays, or becomes another if the seed is to
/// `overwrite`.
async fn seeded(
    connection: &mut SqliteConnection,
    project: &ProjectSeed,
    overwrite: bool,
) -> Result<Seeded, StoreError> {
    let before = resources(connection, project.id).await?;
    let wanted = &project.networks;
    let mut after = if before.is_empty() { ProjectNetwork::seeded_into(wanted) } else { before.clone() };
    let mut differences = Vec::new();
    for resource in wanted {
        match after.iter_mut().find(|other| other.id() == resource.id()) {
            None => after.push(resource.clone()),
            Some(other) if overwrite => other.clone_from(resource),
            Some(other) if other == resource => {}
            Some(other) => {
                let (kind, id) = (other.kind().name(), other.id());
                differences.push(format!("{kind} {id} was there already and stays as it is"));
            }
        }
    }
    Ok(Seeded { before, after, differences })
}

/// Makes sure that the networks that a seed wants can be.
///
/// # Errors
/// `Refused` with `Network`.
pub(super) async fn require_seedable(
    connection: &mut SqliteConnection,
    plan: &SeedPlan,
) -> Result<(), StoreError> {
    for project in plan.projects.iter().filter(|project| !project.networks.is_empty()) {
        let Seeded { after, .. } = seeded(connection, project, plan.overwrite).await?;
        let checked = ProjectNetwork::seeded(&after, &ProjectNetwork::default());
        checked.map_err(|(_, refusal)| Refusal::Network(refusal))?;
    }
    Ok(())
}

/// Writes the network that a seed wants in a project; returns a sentence for each thing that is there and differs.
pub(super) async fn seed(
    state: &mut WriterState,
    project_key: i64,
    project: &ProjectSeed,
    overwrite: bool,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    if project.networks.is_empty() {
        return Ok(Vec::new());
    }
    let WriterState { connection, actors, .. } = state;
    let Seeded { before, after, differences } = seeded(connection, project, overwrite).await?;
    let actor_key = actors.key(connection, &Origin::SEED.actor).await?;
    let audit = AuditContext { at: now, origin: &Origin::SEED, actor_key };
    write(connection, project_key, (&before, &after), audit).await?;
    Ok(differences)
}

/// Says what is different of something that was changed.
fn difference(before: &NetworkResource, after: &NetworkResource) -> String {
    use NetworkResource::{PublicIp, SecurityGroup};
    let text = match (before, after) {
        (SecurityGroup(before), SecurityGroup(after)) if after.rules.len() > before.rules.len() => {
            "rule added"
        }
        (SecurityGroup(before), SecurityGroup(after)) if after.rules.len() < before.rules.len() => {
            "rule removed"
        }
        (PublicIp(before), PublicIp(after)) if before.bound_to != after.bound_to => match after.bound_to {
            Some(_) => "bound",
            None => "unbound",
        },
        _ if before.tags() != after.tags() => "tags changed",
        _ if before.enterprise_project_id() != after.enterprise_project_id() => {
            let target = after.enterprise_project_id().unwrap_or_default();
            return format!("moved to the enterprise project {target}");
        }
        _ => "changed",
    };
    text.to_owned()
}

async fn note(
    connection: &mut SqliteConnection,
    project_key: i64,
    resource: &NetworkResource,
    change: ProjectChange,
    audit: AuditContext<'_>,
) -> Result<(), StoreError> {
    let id = resource.id();
    let subject = NamedSubject {
        owner: SubjectOwner::Project(project_key),
        kind: resource.kind().name(),
        id: id.as_bytes(),
        name: resource.name(),
    };
    events::append_of_project(connection, subject, change, audit).await
}
