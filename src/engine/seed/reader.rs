//! Reads seed documents one after the other and checks them against each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::enterprise_project::{EnterpriseProject, EnterpriseProjects};
use crate::domain::id::{BackupId, InstanceId, ProjectId};
use crate::domain::identity::{Domain, Role, RoleScope, is_agency_name};
use crate::domain::instance::InstanceName;
use crate::domain::networks::ProjectNetwork;
use crate::domain::quota::Quota;
use crate::domain::time::{Timestamp, UtcOffset};
use crate::engine::passwords::objection_to;
use crate::engine::seed::applying::{built_in_domain, user_id};
use crate::engine::seed::document::{AgencyEntry, Document, DomainEntry, ProjectEntry, UserEntry};
use crate::engine::seed::instance::{Defaults, InstanceEntry};
use crate::engine::seed::settings::SettingsEntry;
use crate::engine::seed::{Notation, Seed, SeedError, SeededPassword, SeededProject, SeededUser};
use crate::store::{AgencyName, AgencySeed, DomainSeed};

/// Reads seed documents one after the other and checks them against each other.
pub struct SeedReader {
    region: String,
    seed: Seed,
    instance_owners: HashMap<InstanceId, ProjectId>,
    instance_names: HashSet<(ProjectId, InstanceName)>,
    record_ids: HashSet<[u8; 16]>,
    order_ids: HashSet<String>,
}

impl SeedReader {
    /// Begins without any seed; `region` names the first project and the zones.
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            seed: Seed::default(),
            instance_owners: HashMap::new(),
            instance_names: HashSet::new(),
            record_ids: HashSet::new(),
            order_ids: HashSet::new(),
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
        for (index, entry) in document.agencies.into_iter().enumerate() {
            self.add_agency(index, entry)?;
        }
        self.add_enterprise_projects(document.enterprise_projects)?;
        for (index, entry) in document.projects.into_iter().enumerate() {
            self.add_project(index, entry)?;
        }
        match document.settings {
            Some(settings) => self.add_settings(settings),
            None => Ok(()),
        }
    }

    fn add_settings(&mut self, settings: SettingsEntry) -> Result<(), Conflict> {
        let problem = |(field, problem)| Conflict { field, near: None, problem };
        let settings = settings.complete().map_err(problem)?;
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
            return Err(Conflict::of(field("name"), &name, TWICE));
        }
        let id = entry.id.map_or_else(|| user_id(&name), |id| id.0);
        if self.seed.users.iter().any(|other| other.id == id) {
            return Err(Conflict::of(field("id"), &id.to_string(), TWICE));
        }
        let password = match (entry.password, entry.password_hash) {
            (None, None) => SeededPassword::None,
            (Some(password), None) => SeededPassword::Plain(password.0),
            (None, Some(hash)) => {
                if let Some(objection) = objection_to(&hash.0) {
                    let (field, problem) = (field("password_hash"), objection.to_owned());
                    return Err(Conflict { field, near: None, problem });
                }
                SeededPassword::Hash(hash.0)
            }
            (Some(_), Some(_)) => {
                let problem = "cannot stand beside a password".to_owned();
                return Err(Conflict { field: field("password_hash"), near: None, problem });
            }
        };
        let access_keys: Vec<_> =
            entry.access_keys.into_iter().map(|key| (key.access.0, key.secret.0)).collect();
        for (position, (access, _)) in access_keys.iter().enumerate() {
            let mut others =
                self.seed.users.iter().flat_map(|user| &user.access_keys).chain(&access_keys[..position]);
            if others.any(|(other, _)| other == access) {
                return Err(Conflict::of(field("access_keys"), &access.clone(), TWICE));
            }
        }
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

    fn add_agency(&mut self, index: usize, entry: AgencyEntry) -> Result<(), Conflict> {
        let field = |name: &str| format!("agencies[{index}].{name}");
        let name = entry.name.0;
        if self.seed.agencies.iter().any(|other| other.name == name) {
            return Err(Conflict::of(field("name"), &name, TWICE));
        }
        if !is_agency_name(&name) {
            return Err(Conflict::of(
                field("name"),
                &name,
                "must have 1 to 64 characters, none of which is /",
            ));
        }
        // Users have other names.
        let among_users = || AgencyName { name: name.clone(), account: None }.among_users();
        let id = entry.id.map_or_else(|| user_id(&among_users()), |id| id.0);
        let users = self.seed.users.iter().map(|user| user.id);
        if users.chain(self.seed.agencies.iter().map(|agency| agency.id)).any(|other| other == id) {
            return Err(Conflict::of(field("id"), &id.to_string(), TWICE));
        }
        self.seed.agencies.push(AgencySeed {
            id,
            name,
            roles: entry.roles.unwrap_or_else(everything),
            denied: entry.deny.into_iter().map(|action| action.0).collect(),
        });
        Ok(())
    }

    fn add_enterprise_projects(&mut self, entries: Vec<EnterpriseProject>) -> Result<(), Conflict> {
        let projects = &mut self.seed.enterprise_projects;
        let before = projects.len();
        projects.extend(entries);
        EnterpriseProjects::seeded(projects).map_err(|(index, problem)| Conflict {
            field: format!("enterprise_projects[{}]", index.saturating_sub(before)),
            near: projects.get(index).map(|project| project.id.to_string()),
            problem: problem.to_string(),
        })
    }

    fn add_project(&mut self, project: usize, entry: ProjectEntry) -> Result<(), Conflict> {
        let id = entry.id.0;
        let position = self.seed.projects.iter().position(|project| project.id == id);
        let position = position.unwrap_or_else(|| {
            let name = if self.seed.projects.is_empty() { self.region.clone() } else { id.to_string() };
            let instances = Vec::new();
            self.seed.projects.push(SeededProject {
                id,
                name,
                created_at: None,
                is_built_in: entry.built_in,
                quota: Quota::default(),
                templates: Vec::new(),
                networks: Vec::new(),
                orders: Vec::new(),
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
        draft.quota = Quota {
            instances: entry.quotas.instances.or(draft.quota.instances),
            memory_gb: entry.quotas.memory_gb.or(draft.quota.memory_gb),
        };
        for (index, instance) in entry.instances.into_iter().enumerate() {
            let place = format!("projects[{project}].instances[{index}]");
            self.add_instance(position, &place, instance)?;
        }
        for (index, template) in entry.templates.into_iter().enumerate() {
            let field = format!("projects[{project}].templates[{index}]");
            let checked = template.template(id, Timestamp::MIN);
            checked.map_err(|problem| Conflict { field, near: None, problem })?;
            self.seed.projects[position].templates.push(template);
        }
        let networks = &mut self.seed.projects[position].networks;
        let before = networks.len();
        networks.extend(entry.networks);
        if networks.len() > before {
            let checked = ProjectNetwork::seeded(networks, &ProjectNetwork::at_first());
            checked.map_err(|(index, problem)| Conflict {
                field: format!("projects[{project}].networks[{}]", index.saturating_sub(before)),
                near: networks.get(index).map(|resource| resource.id().to_string()),
                problem: problem.to_string(),
            })?;
        }
        for (index, order) in entry.orders.into_iter().enumerate() {
            let field = |name: &str| format!("projects[{project}].orders[{index}].{name}");
            let id = order.order_id.0.clone();
            order.order(Timestamp::MIN).map_err(|(name, problem)| Conflict {
                field: field(name),
                near: Some(id.clone()),
                problem: problem.to_owned(),
            })?;
            if !self.order_ids.insert(id.clone()) {
                return Err(Conflict::of(field("order_id"), &id, TWICE));
            }
            self.seed.projects[position].orders.push(order);
        }
        Ok(())
    }

    fn add_instance(&mut self, project: usize, place: &str, entry: InstanceEntry) -> Result<(), Conflict> {
        let project = &mut self.seed.projects[project];
        let id = entry.id.0.to_string();
        let field = |name: &str| format!("{place}.{name}");
        if let Some(owner) = self.instance_owners.insert(entry.id.0, project.id) {
            let problem = if owner == project.id { TWICE } else { "is in another project already" };
            return Err(Conflict::of(field("id"), &id, problem));
        }
        // What follows from the time of the seeding does not decide whether it can be done.
        let defaults = Defaults { region: &self.region, now: Timestamp::MIN, name_offset: UtcOffset::UTC };
        let completed = entry.complete(project.id, &defaults).map_err(|wrong| Conflict {
            field: field(&wrong.field),
            near: Some(id),
            problem: wrong.problem,
        })?;
        let name = completed.instance.name;
        if !self.instance_names.insert((project.id, name.clone())) {
            let problem = "is the name of another instance of the project already; without a name it follows from the first eight digits of the id";
            return Err(Conflict::of(field("name"), name.as_str(), problem));
        }
        let backups = completed.backups.iter().map(|backup| *backup.id.as_bytes());
        let restores = completed.restores.iter().map(|restore| *restore.id.as_bytes());
        let accounts = completed.accounts.iter().map(|account| *account.id.as_bytes());
        let lists = [
            ("backups", backups.collect::<Vec<_>>()),
            ("restores", restores.collect()),
            ("accounts", accounts.collect()),
        ];
        for (list, ids) in lists {
            for (index, id) in ids.into_iter().enumerate() {
                if !self.record_ids.insert(id) {
                    let id = BackupId::from_bytes(id).to_string();
                    return Err(Conflict::of(field(&format!("{list}[{index}].id")), &id, TWICE));
                }
            }
        }
        project.instances.push(entry);
        Ok(())
    }
}

/// The roles of who has been given none.
fn everything() -> BTreeMap<RoleScope, Role> {
    BTreeMap::from([(RoleScope::EveryProject, Role::Admin)])
}

/// The problem of what may be there only once.
const TWICE: &str = "is there twice";

/// An entry that cannot be, or not together with another.
struct Conflict {
    field: String,
    /// A text in the line to mend.
    near: Option<String>,
    problem: String,
}

impl Conflict {
    /// Says what is wrong with a value.
    fn of(field: String, value: &str, problem: &str) -> Self {
        Self { field, near: Some(value.to_owned()), problem: format!("{value} {problem}") }
    }

    fn at(self, source: &str, text: &str) -> SeedError {
        let Self { field, near, problem } = self;
        // The later of two is the one to mend. A value that was not written, but follows from others, has no line.
        let line = near.and_then(|near| {
            let near = near.to_ascii_lowercase();
            let has_it = |line: &str| line.to_ascii_lowercase().contains(&near);
            text.lines().enumerate().filter(|(_, line)| has_it(line)).last().map(|(at, _)| at + 1)
        });
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
    use crate::store::InstanceSeed;

    fn read(text: &str) -> Result<Seed, String> {
        let mut reader = SeedReader::new("eu-de");
        reader.read("seed.yaml", Notation::Yaml, text).map_err(|error| error.to_string())?;
        Ok(reader.finish())
    }

    /// Returns the instances of the first project, with everything that their entries leave out.
    fn completed(seed: &Seed) -> Vec<InstanceSeed> {
        let project = &seed.projects[0];
        let defaults = Defaults { region: "eu-de", now: Timestamp::MIN, name_offset: UtcOffset::UTC };
        project.instances.iter().map(|entry| entry.complete(project.id, &defaults).unwrap()).collect()
    }

    #[test]
    fn the_demo_has_one_instance_of_each_kind() {
        let seed = read(DEMO).unwrap();
        let modes: Vec<_> =
            completed(&seed).into_iter().map(|seed| seed.instance.cache_mode.as_str()).collect();
        assert_eq!(modes, ["ha", "single", "cluster"]);
        assert_eq!(seed.projects[0].name, "eu-de");
    }

    #[test]
    fn what_an_entry_leaves_out_has_a_default() {
        let seed = read(
            "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n      - id: 5560df16-cebf-4473-95c4-d1b573c16e79\n        cache_mode: ha\n",
        )
        .unwrap();
        let instance = &completed(&seed)[0].instance;
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
