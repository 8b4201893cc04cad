//! Reads seed documents one after the other and checks them against each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::identity::{Domain, Role, RoleScope};
use crate::domain::quota::Quota;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::engine::passwords::objection_to;
use crate::engine::seed::applying::{built_in_domain, user_id};
use crate::engine::seed::document::{Document, DomainEntry, InstanceEntry, ProjectEntry, UserEntry};
use crate::engine::seed::events::EventEntry;
use crate::engine::seed::placing::InstanceDraft;
use crate::engine::seed::settings::SettingsEntry;
use crate::engine::seed::{FaultForm, Notation, ProjectDraft, Seed, SeedError, SeededPassword, SeededUser};
use crate::store::DomainSeed;

/// Reads seed documents one after the other and checks them against each other.
pub struct SeedReader {
    region: String,
    fault_form: FaultForm,
    seed: Seed,
    instance_owners: HashMap<InstanceId, ProjectId>,
    record_ids: HashSet<[u8; 16]>,
}

impl SeedReader {
    /// Begins without any seed; `region` names the first project and the zones, and faults are checked by `fault_form`.
    pub fn new(region: &str, fault_form: FaultForm) -> Self {
        Self {
            region: region.to_owned(),
            fault_form,
            seed: Seed::default(),
            instance_owners: HashMap::new(),
            record_ids: HashSet::new(),
        }
    }

    /// Reads one document; `source` names it in errors.
    ///
    /// # Errors
    /// [`SeedError`] naming source, line and field.
    pub fn read(&mut self, source: &str, notation: Notation, text: &str) -> Result<(), SeedError> {
        let document = Document::parse(source, notation, text)?;
        self.take(document).map_err(|conflict| conflict.at(source, text))
    }

    /// Returns everything that was read.
    pub fn finish(self) -> Seed {
        self.seed
    }

    fn take(&mut self, document: Document) -> Result<(), Conflict> {
        if let Some(domain) = document.domain {
            self.seed.domain = Some(domain_of(domain));
        }
        for (index, entry) in document.users.into_iter().enumerate() {
            self.add_user(index, entry)?;
        }
        let has_history = document.events.is_some();
        let mut records = HashMap::new();
        for (index, entry) in document.projects.into_iter().enumerate() {
            self.add_project(index, entry, has_history, &mut records)?;
        }
        for (index, event) in document.events.into_iter().flatten().enumerate() {
            self.add_event(index, event, &records)?;
        }
        self.seed.rows.extend(document.rows);
        match document.settings {
            Some(settings) => self.add_settings(settings),
            None => Ok(()),
        }
    }

    fn add_settings(&mut self, settings: SettingsEntry) -> Result<(), Conflict> {
        let problem = |(field, problem)| Conflict { field, value: None, problem };
        let settings = settings.complete(self.fault_form).map_err(problem)?;
        let known = &mut self.seed.settings;
        known.clock = settings.clock.or(known.clock);
        known.ids = settings.ids.or(known.ids);
        known.rules.extend(settings.rules);
        known.faults.extend(settings.faults);
        Ok(())
    }

    fn add_user(&mut self, index: usize, entry: UserEntry) -> Result<(), Conflict> {
        let field = |name: &str| format!("users[{index}].{name}");
        let name = entry.name.0;
        if self.seed.users.iter().any(|other| other.name == name) {
            return Err(Conflict::twice(field("name"), name));
        }
        let id = entry.id.map_or_else(|| user_id(&name), |id| id.0);
        if self.seed.users.iter().any(|other| other.id == id) {
            return Err(Conflict::twice(field("id"), id.to_string()));
        }
        let password = match (entry.password, entry.password_hash) {
            (None, None) => SeededPassword::None,
            (Some(password), None) => SeededPassword::Plain(password.0),
            (None, Some(hash)) => {
                if let Some(objection) = objection_to(&hash.0) {
                    let (field, problem) = (field("password_hash"), objection.to_owned());
                    return Err(Conflict { field, value: None, problem });
                }
                SeededPassword::Hash(hash.0)
            }
            (Some(_), Some(_)) => {
                let problem = "cannot stand beside a password".to_owned();
                return Err(Conflict { field: field("password_hash"), value: None, problem });
            }
        };
        let access_keys: Vec<_> =
            entry.access_keys.into_iter().map(|key| (key.access.0, key.secret.0)).collect();
        for (position, (access, _)) in access_keys.iter().enumerate() {
            let mut others =
                self.seed.users.iter().flat_map(|user| &user.access_keys).chain(&access_keys[..position]);
            if others.any(|(other, _)| other == access) {
                return Err(Conflict::twice(field("access_keys"), access.clone()));
            }
        }
        let everything = || BTreeMap::from([(RoleScope::EveryProject, Role::Admin)]);
        self.seed.users.push(SeededUser {
            id,
            name,
            password,
            is_built_in: entry.built_in,
            access_keys,
            roles: entry.roles.unwrap_or_else(everything),
            denied: entry.deny.into_iter().map(|action| action.0).collect(),
        });
        Ok(())
    }

    fn add_project(
        &mut self,
        project: usize,
        entry: ProjectEntry,
        has_history: bool,
        records: &mut HashMap<InstanceId, (usize, usize)>,
    ) -> Result<(), Conflict> {
        let id = entry.id.0;
        let position = self.seed.projects.iter().position(|project| project.id == id);
        let position = position.unwrap_or_else(|| {
            let name = if self.seed.projects.is_empty() { self.region.clone() } else { id.to_string() };
            let instances = Vec::new();
            self.seed.projects.push(ProjectDraft {
                id,
                name,
                created_at: None,
                is_built_in: entry.built_in,
                quota: Quota::default(),
                rows: BTreeMap::new(),
                instances,
            });
            self.seed.projects.len() - 1
        });
        let draft = &mut self.seed.projects[position];
        if let Some(name) = entry.name {
            draft.name = name.0;
        }
        draft.created_at = entry.created_at.map(|time| time.0).or(draft.created_at);
        draft.is_built_in &= entry.built_in;
        draft.rows.extend(entry.rows);
        draft.quota = Quota {
            instances: entry.quotas.instances.or(draft.quota.instances),
            memory_gb: entry.quotas.memory_gb.or(draft.quota.memory_gb),
        };
        for (index, instance) in entry.instances.into_iter().enumerate() {
            let field = |name: &str| format!("projects[{project}].instances[{index}].{name}");
            let counts = (instance.raw.backups.len(), instance.raw.restores.len());
            records.insert(instance.raw.id.0, counts);
            self.add_instance(position, field, instance, has_history)?;
        }
        Ok(())
    }

    fn add_instance(
        &mut self,
        project: usize,
        field: impl Fn(&str) -> String,
        entry: InstanceEntry,
        has_history: bool,
    ) -> Result<(), Conflict> {
        let project = &mut self.seed.projects[project];
        let id = entry.raw.id.0;
        if let Some(owner) = self.instance_owners.insert(id, project.id) {
            let problem = if owner == project.id { TWICE } else { "is in another project already" };
            return Err(Conflict {
                field: field("id"),
                value: Some(id.to_string()),
                problem: problem.to_owned(),
            });
        }
        let draft = InstanceDraft::new(entry, &self.region, has_history);
        let is_taken = |other: &InstanceDraft| {
            let is_there = |draft: &InstanceDraft| draft.instance.deleted_at.is_none();
            is_there(other) && is_there(&draft) && other.instance.name == draft.instance.name
        };
        if project.instances.iter().any(is_taken) {
            return Err(Conflict {
                field: field("name"),
                value: Some(draft.instance.name.as_str().to_owned()),
                problem: "is the name of another instance of the project already".to_owned(),
            });
        }
        // What the seeding decides does not decide whether it can be done.
        let (now, offset) = (Timestamp::MIN, UtcOffset::UTC);
        let completed = draft.complete(now, offset).map_err(|wrong| Conflict {
            field: format!("{}[{}]", field(wrong.list), wrong.index),
            value: None,
            problem: wrong.problem,
        })?;
        let backups = completed.backups.iter().map(|backup| *backup.id.as_bytes());
        let restores = completed.restores.iter().map(|restore| *restore.id.as_bytes());
        let lists = [("backups", backups.collect::<Vec<_>>()), ("restores", restores.collect())];
        for (list, ids) in lists {
            for (index, id) in ids.into_iter().enumerate() {
                if !self.record_ids.insert(id) {
                    let id = crate::domain::id::BackupId::from_bytes(id).to_string();
                    return Err(Conflict::twice(format!("{}[{index}].id", field(list)), id));
                }
            }
        }
        project.instances.push(draft);
        Ok(())
    }

    fn add_event(
        &mut self,
        index: usize,
        entry: EventEntry,
        records: &HashMap<InstanceId, (usize, usize)>,
    ) -> Result<(), Conflict> {
        let field = format!("events[{index}]");
        let id = entry.instance_id.0;
        let Some((backups, restores)) = records.get(&id) else {
            return Err(Conflict {
                field: format!("{field}.instance_id"),
                value: Some(id.to_string()),
                problem: "is no instance of the document".to_owned(),
            });
        };
        let event = entry.complete(*backups, *restores);
        self.seed.events.push(event.map_err(|problem| Conflict { field, value: None, problem })?);
        Ok(())
    }
}

/// The problem of what may be there only once.
const TWICE: &str = "is there twice";

/// An entry that cannot be, or not together with another.
struct Conflict {
    field: String,
    value: Option<String>,
    problem: String,
}

impl Conflict {
    fn twice(field: String, value: String) -> Self {
        Self { field, value: Some(value), problem: TWICE.to_owned() }
    }

    fn at(self, source: &str, text: &str) -> SeedError {
        let Self { field, value, problem } = self;
        // The later of two is the one to mend. A value that was not written, but follows from others, has no line.
        let line = value.as_ref().and_then(|value| {
            let value_in = |line: &str| line.to_ascii_lowercase().contains(&value.to_ascii_lowercase());
            text.lines().enumerate().filter(|(_, line)| value_in(line)).last().map(|(at, _)| at + 1)
        });
        let problem = value.map_or_else(|| problem.clone(), |value| format!("{value} {problem}"));
        SeedError::Conflict { source_name: source.to_owned(), line, field, problem }
    }
}

fn domain_of(entry: DomainEntry) -> DomainSeed {
    let built_in = built_in_domain();
    DomainSeed {
        domain: Domain {
            id: entry.id.map_or(built_in.id, |id| id.0),
            name: entry.name.map_or(built_in.name, |name| name.0),
        },
        link_key: entry.link_key.map(|key| key.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::seed::DEMO;

    fn read(text: &str) -> Result<Seed, String> {
        let mut reader = SeedReader::new("eu-de", Ok);
        reader.read("seed.yaml", Notation::Yaml, text).map_err(|error| error.to_string())?;
        Ok(reader.finish())
    }

    #[test]
    fn the_demo_has_one_instance_of_each_kind() {
        let seed = read(DEMO).unwrap();
        let modes: Vec<_> =
            seed.projects[0].instances.iter().map(|draft| draft.instance.cache_mode.as_str()).collect();
        assert_eq!(modes, ["ha", "single", "cluster"]);
        assert_eq!(seed.projects[0].name, "eu-de");
    }

    #[test]
    fn what_an_entry_leaves_out_has_a_default() {
        let seed = read(
            "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n      - id: 5560df16-cebf-4473-95c4-d1b573c16e79\n        cache_mode: ha\n",
        )
        .unwrap();
        let instance = &seed.projects[0].instances[0].instance;
        assert_eq!(instance.name.as_str(), "dcs-5560df16");
        assert_eq!(instance.spec_code, "redis.ha.xu1.large.r2.2");
        assert_eq!(instance.network.security_group_id, None);
    }

    #[test]
    fn errors_name_source_line_and_field() {
        let project = "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n";
        let instance = "      - id: 5560df16-cebf-4473-95c4-d1b573c16e79\n";
        for (text, place, problem) in [
            ("projects:\n  - id: 885\n".to_owned(), "seed.yaml:2:9: projects[0].id", "32 hexadecimal digits"),
            (
                format!("{project}{instance}        cache_mode: HA\n"),
                "seed.yaml:5:21: projects[0].instances[0].cache_mode",
                "ha_rw_split",
            ),
            (
                format!("{project}{instance}        cache_mode: ha\n        capacty: 2\n"),
                "seed.yaml:6:9:",
                "unknown field `capacty`",
            ),
            (
                format!("{project}{instance}        cache_mode: ha\n        engine_version: 9\n"),
                "seed.yaml:4",
                "engine_version",
            ),
            (
                format!("{project}{instance}        cache_mode: ha\n{instance}        cache_mode: ha\n"),
                "seed.yaml:6: projects[0].instances[1].id",
                "twice",
            ),
            ("projects: [\n".to_owned(), "seed.yaml:1", "unclosed"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.starts_with(place), "{error}");
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn an_instance_cannot_be_in_two_projects_nor_a_name_twice_in_one() {
        let two = "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances: [{id: 5560df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha}]\n  - id: 995cacf2d49d4bb6931ae668e9c07553\n    instances: [{id: 5560df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha}]\n";
        assert!(
            read(two).unwrap_err().contains("seed.yaml:5: projects[1].instances[0].id"),
            "{:?}",
            read(two)
        );
        let name = "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n    - {id: 5560df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha, name: same}\n    - {id: 6660df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha, name: same}\n";
        assert!(read(name).unwrap_err().starts_with("seed.yaml:5: projects[0].instances[1].name"));
    }
}
