//! Writes exports: seed documents in JSON, part by part, an entry a line, so that two of them can be compared.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::time::Timestamp;
use crate::engine::seed::configuration::TemplateEntry;
use crate::engine::seed::document::{
    AccessKeyEntry, AgencyEntry, DomainEntry, LinkKey, ProjectEntry, QuotasEntry, UserEntry, Version,
};
use crate::engine::seed::instance::InstanceEntry;
use crate::engine::seed::order::OrderEntry;
use crate::engine::seed::records::{BackupEntry, RestoreEntry};
use crate::engine::seed::settings::SettingsEntry;
use crate::engine::seed::text::{SecretText, Short, Text};
use crate::engine::{Engine, EngineError};
use crate::store::{AgencySeed, DomainSeed, ProjectSeed, StatePart, StoreError, UserSeed};

/// A document that is being written.
pub struct Export {
    parts: mpsc::Receiver<Result<StatePart, StoreError>>,
    clock: Arc<dyn Clock>,
    scope: Scope,
    document: Option<JsonWriter>,
}

/// What the document is of.
struct Scope {
    /// What the clock showed when the first part was there, so that nothing in the state is newer.
    now: Option<Timestamp>,
    /// The project that it is limited to.
    project: Option<ProjectId>,
    /// The instances that were written, if it is limited to a project.
    instances: HashSet<InstanceId>,
}

impl Engine {
    /// Begins an export of everything or of a project, as it is once what is due has been done.
    ///
    /// # Errors
    /// `Internal`.
    pub(in crate::engine) async fn export(&self, project: Option<ProjectId>) -> Result<Export, EngineError> {
        let read = self.read().await;
        let mut document = JsonWriter::default();
        document.member("version", &Version)?;
        Ok(Export {
            parts: read.export(project),
            clock: self.clock.clone(),
            scope: Scope { now: None, project, instances: HashSet::new() },
            document: Some(document),
        })
    }
}

impl Export {
    /// Returns the next piece of the document's text; `None` after the last.
    ///
    /// # Errors
    /// `Internal` if the state cannot be read; what was written is not whole then.
    pub async fn next(&mut self) -> Option<Result<String, EngineError>> {
        let document = self.document.as_mut()?;
        let part = self.parts.recv().await;
        let now = *self.scope.now.get_or_insert_with(|| self.clock.now());
        let written = match part {
            Some(Ok(part)) => write(document, part, &mut self.scope, now),
            Some(Err(error)) => Err(error.into()),
            // The store stopped before the end: nobody took anything for too long.
            None => Err(StoreError::Busy.into()),
        };
        if document.is_ended || written.is_err() {
            self.document = None;
        }
        Some(written)
    }
}

const USERS: Member = Member { path: &[], list: "users" };
const AGENCIES: Member = Member { path: &[], list: "agencies" };
const ENTERPRISE_PROJECTS: Member = Member { path: &[], list: "enterprise_projects" };
const PROJECTS: Member = Member { path: &[], list: "projects" };
const ORDERS: Member = Member { path: &["projects"], list: "orders" };
const INSTANCES: Member = Member { path: &["projects"], list: "instances" };
const BACKUPS: Member = Member { path: &["projects", "instances"], list: "backups" };
const RESTORES: Member = Member { path: &["projects", "instances"], list: "restores" };

fn write(
    document: &mut JsonWriter,
    part: StatePart,
    scope: &mut Scope,
    now: Timestamp,
) -> Result<String, EngineError> {
    match part {
        StatePart::Domain(domain) => document.member("domain", &DomainEntry::from(domain))?,
        StatePart::User(user) => document.item(USERS, &UserEntry::from(user))?,
        StatePart::Agency(agency) => document.item(AGENCIES, &AgencyEntry::from(agency))?,
        StatePart::EnterpriseProject(project) => document.item(ENTERPRISE_PROJECTS, &project)?,
        StatePart::Project(project) => document.begin_item(PROJECTS, &ProjectEntry::from(project))?,
        StatePart::Orders(orders) => {
            orders.into_iter().try_for_each(|order| document.item(ORDERS, &OrderEntry::from(order)))?;
        }
        StatePart::Instance(instance) => {
            if scope.project.is_some() {
                scope.instances.insert(instance.instance.id);
            }
            document.begin_item(INSTANCES, &InstanceEntry::from(*instance))?;
        }
        StatePart::Backups(backups) => {
            backups.iter().try_for_each(|backup| document.item(BACKUPS, &BackupEntry::from(backup)))?;
        }
        StatePart::Restores(restores) => {
            restores.iter().try_for_each(|restore| document.item(RESTORES, &RestoreEntry::from(restore)))?;
        }
        StatePart::Settings(settings) => {
            let mut entry = SettingsEntry::of_kept(settings, now)?;
            if let Some(project) = scope.project {
                entry = entry.within(project, &scope.instances);
            }
            if !entry.is_empty() {
                document.member("settings", &entry)?;
            }
        }
        StatePart::End => document.end(),
    }
    Ok(std::mem::take(&mut document.text))
}

/// A list in the document: in the last item of each list of `path`, one in the other.
#[derive(Clone, Copy)]
struct Member {
    path: &'static [&'static str],
    list: &'static str,
}

/// Writes JSON whose lists need not be known whole.
#[derive(Default)]
struct JsonWriter {
    text: String,
    /// The lists that are open, outermost first; the last item of all but the last is open too.
    open: Vec<&'static str>,
    /// Whether the last item of the innermost list is open.
    in_item: bool,
    is_begun: bool,
    is_ended: bool,
}

impl JsonWriter {
    /// Writes a member of the document itself.
    fn member(&mut self, name: &str, value: &impl Serialize) -> Result<(), EngineError> {
        self.go_to(&[]);
        self.name(name);
        self.text.push_str(&json(value)?);
        Ok(())
    }

    /// Writes an item of a list.
    fn item(&mut self, member: Member, value: &impl Serialize) -> Result<(), EngineError> {
        let text = json(value)?;
        self.separate(member);
        self.text.push_str(&text);
        Ok(())
    }

    /// Writes an item of a list without its end: lists may follow in it.
    fn begin_item(&mut self, member: Member, value: &impl Serialize) -> Result<(), EngineError> {
        self.item(member, value)?;
        self.text.pop();
        self.in_item = true;
        Ok(())
    }

    /// Writes what stands before the next item of a list.
    fn separate(&mut self, member: Member) {
        let depth = member.path.len();
        let is_open = self.open.len() > depth && self.open[depth] == member.list;
        if is_open {
            while self.open.len() > depth + 1 {
                self.close_list();
            }
            self.close_item();
            self.text.push_str(",\n");
        } else {
            self.go_to(member.path);
            self.name(member.list);
            self.text.push_str("[\n");
            self.open.push(member.list);
        }
        self.in_item = false;
    }

    /// Closes what is open until only the last items of `path` are.
    fn go_to(&mut self, path: &[&str]) {
        while self.open.len() > path.len() {
            self.close_list();
        }
    }

    /// Closes the innermost list; afterwards one is in the item that holds it.
    fn close_list(&mut self) {
        self.close_item();
        self.text.push_str("\n]");
        self.open.pop();
        self.in_item = !self.open.is_empty();
    }

    fn close_item(&mut self) {
        if self.in_item {
            self.text.push('}');
        }
        self.in_item = false;
    }

    /// Writes the name of a member that follows others.
    fn name(&mut self, name: &str) {
        self.text.push_str(match (self.open.is_empty(), self.is_begun) {
            (true, false) => "{\n",
            (true, true) => ",\n",
            (false, _) => ", ",
        });
        self.is_begun = true;
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\": ");
    }

    /// Closes everything.
    fn end(&mut self) {
        self.go_to(&[]);
        self.text.push_str("\n}\n");
        self.is_ended = true;
    }
}

fn json(value: &impl Serialize) -> Result<String, EngineError> {
    crate::engine::control::kept::as_json(value)
}

impl From<DomainSeed> for DomainEntry {
    fn from(DomainSeed { domain, link_key }: DomainSeed) -> Self {
        Self { id: Some(Text(domain.id)), name: Some(Short(domain.name)), link_key: link_key.map(LinkKey) }
    }
}

impl From<UserSeed> for UserEntry {
    fn from(user: UserSeed) -> Self {
        let key = |(access, secret)| AccessKeyEntry { access: Short(access), secret: SecretText(secret) };
        Self {
            name: Short(user.name),
            id: Some(Text(user.id)),
            password: None,
            password_hash: user.password_hash.map(SecretText),
            built_in: user.is_built_in,
            access_keys: user.access_keys.into_iter().map(key).collect(),
            roles: Some(user.roles),
            deny: user.denied.into_iter().map(Short).collect(),
        }
    }
}

impl From<AgencySeed> for AgencyEntry {
    fn from(agency: AgencySeed) -> Self {
        Self {
            name: Short(agency.name),
            id: Some(Text(agency.id)),
            roles: Some(agency.roles),
            deny: agency.denied.into_iter().map(Short).collect(),
        }
    }
}

impl From<ProjectSeed> for ProjectEntry {
    fn from(project: ProjectSeed) -> Self {
        Self {
            id: Text(project.id),
            name: Some(Short(project.name)),
            created_at: project.created_at.map(Text),
            built_in: project.is_built_in,
            quotas: QuotasEntry { instances: project.quota.instances, memory_gb: project.quota.memory_gb },
            templates: project.templates.into_iter().map(TemplateEntry::from).collect(),
            networks: project.networks,
            orders: Vec::new(),
            instances: Vec::new(),
        }
    }
}
