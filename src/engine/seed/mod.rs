//! Seeds: documents that say which projects and instances are to be there.
//!
//! A seed is checked whole before anything is done with it. Applying it creates what is not there and touches nothing
//! that is, so that a server can be started with it again and again.

mod document;
mod error;

use std::collections::HashMap;

use crate::domain::builtin;
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::instance::{Creator, InstanceName, Network, spec_code};
use crate::engine::{Engine, EngineError};
use crate::store::{InstanceSeed, ProjectSeed, SeedReport};
use document::{Document, InstanceEntry, ProjectEntry};
pub use error::SeedError;

/// The seed that `--demo` applies: one project with a master/standby, a single-node and a cluster instance.
pub const DEMO: &str = include_str!("demo.yaml");

/// The notation of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// YAML, of which JSON is a part.
    Yaml,
    /// JSON.
    Json,
}

impl Notation {
    /// Returns the notation that a file's name promises: JSON for `.json`, else YAML.
    pub fn of_file(name: &str) -> Self {
        let is_json =
            std::path::Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if is_json { Self::Json } else { Self::Yaml }
    }
}

/// Checked seeds, ready to be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    projects: Vec<ProjectSeed>,
}

impl Seed {
    /// Returns the ids of the projects, in the order in which they were named.
    pub fn project_ids(&self) -> impl Iterator<Item = ProjectId> {
        self.projects.iter().map(|project| project.id)
    }
}

/// Reads seed documents one after the other and checks them against each other.
#[derive(Debug)]
pub struct SeedReader {
    region: String,
    seed: Seed,
    instance_owners: HashMap<InstanceId, ProjectId>,
}

impl SeedReader {
    /// Begins without any seed; `region` names the first project and the zones.
    pub fn new(region: &str) -> Self {
        Self { region: region.to_owned(), seed: Seed::default(), instance_owners: HashMap::new() }
    }

    /// Reads one document; `source` names it in errors.
    ///
    /// # Errors
    /// [`SeedError`] naming source, line and field.
    pub fn read(&mut self, source: &str, notation: Notation, text: &str) -> Result<(), SeedError> {
        let document = Document::parse(source, notation, text)?;
        for (index, entry) in document.projects.into_iter().enumerate() {
            self.add_project(entry).map_err(|conflict| conflict.at(source, text, index))?;
        }
        Ok(())
    }

    /// Returns everything that was read.
    pub fn finish(self) -> Seed {
        self.seed
    }

    fn add_project(&mut self, entry: ProjectEntry) -> Result<(), Conflict> {
        let position = self.seed.projects.iter().position(|project| project.id == entry.id);
        let position = position.unwrap_or_else(|| {
            let name = if self.seed.projects.is_empty() { self.region.clone() } else { entry.id.to_string() };
            self.seed.projects.push(ProjectSeed { id: entry.id, name, instances: Vec::new() });
            self.seed.projects.len() - 1
        });
        if let Some(name) = entry.name {
            self.seed.projects[position].name = name;
        }
        for (index, instance) in entry.instances.into_iter().enumerate() {
            self.add_instance(position, index, instance)?;
        }
        Ok(())
    }

    fn add_instance(&mut self, project: usize, index: usize, entry: InstanceEntry) -> Result<(), Conflict> {
        let project = &mut self.seed.projects[project];
        let conflict = |field, value: String, problem| Conflict { instance: index, field, value, problem };
        if let Some(owner) = self.instance_owners.insert(entry.id, project.id) {
            let problem =
                if owner == project.id { "is there twice" } else { "is in another project already" };
            return Err(conflict("id", entry.id.to_string(), problem));
        }
        let instance = complete(entry, &self.region);
        if project.instances.iter().any(|other| other.name == instance.name) {
            let name = instance.name.as_str().to_owned();
            return Err(conflict("name", name, "is the name of another instance of the project already"));
        }
        project.instances.push(instance);
        Ok(())
    }
}

/// Two entries that cannot both be.
struct Conflict {
    instance: usize,
    field: &'static str,
    value: String,
    problem: &'static str,
}

impl Conflict {
    fn at(self, source: &str, text: &str, project: usize) -> SeedError {
        let Self { instance, field, value, problem } = self;
        SeedError::Conflict {
            source_name: source.to_owned(),
            // The later of two is the one to mend.
            line: text
                .lines()
                .enumerate()
                .filter(|(_, line)| line.contains(&value))
                .last()
                .map_or(0, |(at, _)| at + 1),
            field: format!("projects[{project}].instances[{instance}].{field}"),
            value,
            problem,
        }
    }
}

/// Gives an instance everything that its entry leaves out. Source: `decisions` no. 15.
fn complete(entry: InstanceEntry, region: &str) -> InstanceSeed {
    let id_text = entry.id.to_string();
    let first_generation = entry.engine_version.is_first_generation();
    InstanceSeed {
        id: entry.id,
        name: entry.name.unwrap_or_else(|| default_name(&id_text)),
        engine: entry.engine,
        cache_mode: entry.cache_mode,
        capacity: entry.capacity,
        spec_code: spec_code(entry.engine, &entry.engine_version, entry.cache_mode, entry.capacity),
        engine_version: entry.engine_version,
        status: entry.status,
        zone_codes: vec![builtin::zone_code(region, 1)],
        network: Network {
            vpc_id: builtin::VPC_ID.to_owned(),
            subnet_id: builtin::SUBNET_ID.to_owned(),
            security_group_id: first_generation.then(|| builtin::SECURITY_GROUP_ID.to_owned()),
        },
        creator: Creator { user_id: builtin::USER_ID.to_owned(), user_name: builtin::USER_NAME.to_owned() },
    }
}

fn default_name(id: &str) -> InstanceName {
    InstanceName::try_from(format!("dcs-{}", &id[..8])).expect("twelve letters, digits and a dash are a name")
}

impl Engine {
    /// Creates what a seed wants and is not there; touches nothing that is.
    ///
    /// # Errors
    /// `Internal`; then nothing has changed.
    pub async fn apply_seed(&self, seed: Seed) -> Result<SeedReport, EngineError> {
        if seed.projects.is_empty() {
            return Ok(SeedReport::default());
        }
        Ok(self.store.seed(seed.projects, self.clock.now()).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Seed, String> {
        let mut reader = SeedReader::new("eu-de");
        reader.read("seed.yaml", Notation::Yaml, text).map_err(|error| error.to_string())?;
        Ok(reader.finish())
    }

    #[test]
    fn the_demo_has_one_instance_of_each_kind() {
        let seed = read(DEMO).unwrap();
        let modes: Vec<_> =
            seed.projects[0].instances.iter().map(|instance| instance.cache_mode.as_str()).collect();
        assert_eq!(modes, ["ha", "single", "cluster"]);
        assert_eq!(seed.projects[0].name, "eu-de");
    }

    #[test]
    fn what_an_entry_leaves_out_has_a_default() {
        let seed = read(
            "projects:\n  - id: 885cacf2d49d4bb6931ae668e9c07553\n    instances:\n      - id: 5560df16-cebf-4473-95c4-d1b573c16e79\n        cache_mode: ha\n",
        )
        .unwrap();
        let instance = &seed.projects[0].instances[0];
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
