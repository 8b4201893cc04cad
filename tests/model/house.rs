//! The real emulator, asked over HTTP, and each answer compared with the contract's.

use std::path::PathBuf;
use std::sync::Arc;

use dcs_emulator::clock::ManualClock;
use dcs_emulator::domain::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::contract::{Code, Contract, MODES, Record};
use crate::process_support::in_process::InProcess;
use crate::process_support::wire::{Answer, Connection, PROJECT, instance_ids};
use crate::step::{Api, INSTANCES, Kind, Life, Question, Step};

/// 2023-11-14T22:13:20Z, when every life begins.
const BEGINNING_MS: i64 = 1_700_000_000_000;
/// Everything there is.
const ALL: Question = Question { from: None, until: None, skip: 0, limit: 1000 };

/// The emulator and the contract.
pub(crate) struct House {
    emulator: Option<(InProcess, Connection)>,
    clock: Arc<ManualClock>,
    settings: [String; 3],
    instances: Vec<String>,
    pub(crate) contract: Contract,
    folder: TempDir,
}

impl House {
    pub(crate) fn new(life: &Life) -> Self {
        let folder = TempDir::new().unwrap();
        let instances = instance_ids(INSTANCES);
        let listed: Vec<Value> = (instances.iter().zip(MODES))
            .map(|(id, mode)| json!({ "id": id, "cache_mode": mode, "name": format!("model-{mode}") }))
            .collect();
        let seed = folder.path().join("seed.json");
        let projects = json!({ "projects": [{ "id": PROJECT, "instances": listed }] });
        std::fs::write(&seed, projects.to_string()).unwrap();
        let mut house = Self {
            emulator: None,
            clock: Arc::new(ManualClock::new(at(0))),
            settings: [
                format!("{}ms", life.backup_ms),
                format!("{}ms", life.restore_ms),
                seed.to_string_lossy().into_owned(),
            ],
            instances,
            contract: Contract::new(life),
            folder,
        };
        house.restart();
        house
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("model.db")
    }

    fn restart(&mut self) {
        self.stop();
        let [backup, restore, seed] = &self.settings;
        let settings = [("backup.duration", &**backup), ("restore.duration", restore), ("seed", seed)];
        let emulator = InProcess::start(&self.database(), Arc::clone(&self.clock) as _, &settings);
        let connection = emulator.connect();
        self.emulator = Some((emulator, connection));
    }

    pub(crate) fn stop(&mut self) {
        if let Some((emulator, connection)) = self.emulator.take() {
            drop(connection);
            emulator.stop();
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (_, connection) = self.emulator.as_mut().unwrap();
        connection.ask(method, path, &body).unwrap()
    }

    fn path(&self, api: Api, instance: usize, rest: &str) -> String {
        let version = match api {
            Api::V1 => "v1.0",
            Api::V2 => "v2",
        };
        format!("/{version}/{PROJECT}/instances/{}{rest}", self.instances[instance])
    }

    /// Lets something happen, and looks at all it can have changed.
    pub(crate) fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Create { instance, api, remark } => self.create(instance, api, remark),
            Step::Delete { instance, api, back } => self.delete(instance, api, back),
            Step::Restore { instance, api, back, remark } => self.restore(instance, api, back, remark),
            Step::List { instance, api, kind, question } => self.list(instance, api, kind, &question),
            Step::Link { instance, api, back } => self.link(instance, api, back),
            Step::Pass { millis } => {
                self.contract.pass(millis);
                self.clock.set(at(self.contract.now));
                // What is due is done by whoever asks next, or by the timer: from now on it is done.
                self.look_at(0)
            }
            Step::Restart => {
                self.restart();
                (0..INSTANCES).try_for_each(|instance| self.look_at(instance))
            }
        }
    }

    /// Compares everything an instance shows.
    pub(crate) fn look_at(&mut self, instance: usize) -> Result<(), TestCaseError> {
        self.list(instance, Api::V1, Kind::Backup, &ALL)?;
        self.list(instance, Api::V1, Kind::Restore, &ALL)?;
        let path = self.path(Api::V2, instance, "");
        let shown = self.ask("GET", &path, &Value::Null);
        prop_assert_eq!(shown.text("status"), self.contract.instances[instance].status(), "{:?}", shown);
        Ok(())
    }

    fn create(&mut self, instance: usize, api: Api, remark: Option<String>) -> Result<(), TestCaseError> {
        let expected = self.contract.may_create(instance, api);
        let path = self.path(api, instance, "/backups");
        let answer = self.ask("POST", &path, &json!({ "remark": remark }));
        if compare(&answer, expected, 200)? {
            self.contract.create(instance, answer.text("backup_id"), remark);
        }
        self.look_at(instance)
    }

    fn delete(&mut self, instance: usize, api: Api, back: usize) -> Result<(), TestCaseError> {
        let Some(place) = self.contract.instances[instance].place(back) else { return Ok(()) };
        let expected = self.contract.may_delete(instance, place);
        let path = self.path(api, instance, &format!("/backups/{}", self.id(instance, place)));
        let answer = self.ask("DELETE", &path, &Value::Null);
        if compare(&answer, expected, if api == Api::V1 { 200 } else { 204 })? {
            self.contract.delete(instance, place);
        }
        self.look_at(instance)
    }

    fn restore(
        &mut self,
        instance: usize,
        api: Api,
        back: usize,
        remark: Option<String>,
    ) -> Result<(), TestCaseError> {
        let Some(place) = self.contract.instances[instance].place(back) else { return Ok(()) };
        let expected = self.contract.may_restore(instance, api, place);
        let path = self.path(api, instance, "/restores");
        let body = json!({ "backup_id": self.id(instance, place), "remark": remark });
        let answer = self.ask("POST", &path, &body);
        if compare(&answer, expected, 200)? {
            self.contract.restore(instance, place, answer.text("restore_id"), remark);
        }
        self.look_at(instance)
    }

    fn link(&mut self, instance: usize, api: Api, back: usize) -> Result<(), TestCaseError> {
        let Some(place) = self.contract.instances[instance].place(back) else { return Ok(()) };
        let expected = self.contract.may_link(instance, place);
        let path = self.path(api, instance, &format!("/backups/{}/links", self.id(instance, place)));
        let answer = self.ask("POST", &path, &json!({ "expiration": 300 }));
        if compare(&answer, expected, 200)? {
            let link = answer.json()["links"][0]["link"].as_str().unwrap().to_owned();
            let (_, path) = link.split_once("/obs/").unwrap();
            // The wire's client reads texts; that there is a file is seen by its length.
            let (_, connection) = self.emulator.as_mut().unwrap();
            let length = connection.length_of(&format!("/obs/{path}")).unwrap();
            prop_assert!(length > 0, "{:?}", answer);
        }
        Ok(())
    }

    fn id(&self, instance: usize, place: usize) -> String {
        self.contract.instances[instance].backups[place].id.clone()
    }

    fn list(
        &mut self,
        instance: usize,
        api: Api,
        kind: Kind,
        question: &Question,
    ) -> Result<(), TestCaseError> {
        let expected = self.contract.page(instance, api, kind, question);
        let (records, member) = match kind {
            Kind::Backup => ("/backups", "backup_record_response"),
            Kind::Restore => ("/restores", "restore_record_response"),
        };
        let path = format!("{}?{}", self.path(api, instance, records), query(api, question));
        let answer = self.ask("GET", &path, &Value::Null);
        if !compare(&answer, expected.as_ref().map(|_| ()).map_err(|code| *code), 200)? {
            return Ok(());
        }
        let (expected, total) = expected.unwrap();
        let shown = answer.json();
        prop_assert_eq!(&shown["total_num"], total, "{}", path);
        let shown = shown[member].as_array().unwrap();
        let expected: Vec<Value> = expected.iter().map(|record| self.show(instance, kind, record)).collect();
        let shown: Vec<Value> = shown.iter().map(|record| only(record, &expected)).collect();
        prop_assert_eq!(shown, expected, "{}", path);
        Ok(())
    }

    /// Returns what must be shown of a record.
    fn show(&self, instance: usize, kind: Kind, record: &Record) -> Value {
        match kind {
            Kind::Backup => json!({
                "backup_id": record.id,
                "instance_id": self.instances[instance],
                "remark": record.remark,
                "status": record.status(),
                "created_at": shown(record.created),
                "execution_at": record.started().map(shown),
                "updated_at": record.finished().map(shown),
                "is_support_restore": if record.is_usable() { "TRUE" } else { "FALSE" },
            }),
            Kind::Restore => {
                let backup = &self.contract.instances[instance].backups[record.source.unwrap()];
                json!({
                    "restore_id": record.id,
                    "backup_id": backup.id,
                    "restore_remark": record.remark,
                    "backup_remark": backup.remark,
                    "status": record.status(),
                    "created_at": shown(record.created),
                    "updated_at": record.finished().map(shown),
                })
            }
        }
    }
}

/// Compares an answer with what was expected; returns whether it was carried out.
fn compare(answer: &Answer, expected: Result<(), Code>, success: u16) -> Result<bool, TestCaseError> {
    match expected {
        Ok(()) => prop_assert_eq!(answer.status, success, "{:?}", answer),
        Err(code) => {
            prop_assert_eq!(answer.status, 400, "{} was expected: {:?}", code, answer);
            prop_assert_eq!(answer.text("error_code"), code, "{:?}", answer);
        }
    }
    Ok(expected.is_ok())
}

/// Returns of a record only the members that are compared.
fn only(record: &Value, expected: &[Value]) -> Value {
    let members = expected.first().and_then(Value::as_object);
    let members = members.into_iter().flat_map(|members| members.keys());
    members.map(|member| (member.clone(), record[member].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn query(api: Api, question: &Question) -> String {
    let Question { from, until, skip, limit } = question;
    let page = match api {
        Api::V1 => format!("start={}&limit={limit}", skip + 1),
        Api::V2 => format!("offset={skip}&limit={limit}"),
    };
    let names = match api {
        Api::V1 => ["beginTime", "endTime"],
        Api::V2 => ["begin_time", "end_time"],
    };
    let ends = names.into_iter().zip([from, until]).filter_map(|(name, seconds)| {
        let time = at((*seconds)? * 1000).to_utc().format("%Y%m%d%H%M%S");
        Some(format!("&{name}={time}"))
    });
    page + &ends.collect::<String>()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(BEGINNING_MS + millis).unwrap()
}

/// Writes a time as records show it.
fn shown(millis: i64) -> String {
    at(millis).to_utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
