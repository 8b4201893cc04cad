//! The system's clock is put back, by an hour say: records stay in order, and what is due stays due.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dcs_emulator::clock::ManualClock;
use dcs_emulator::domain::time::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::process_support::in_process::InProcess;
use crate::process_support::rules::look_through;
use crate::process_support::wire::{Connection, DEMO_INSTANCE, PROJECT, backups_path, restores_path};

/// 2023-11-14T22:13:20Z.
const NOON: i64 = 1_700_000_000;
const HOUR: i64 = 3600;

/// An emulator with the demo whose clock is turned by hand, in seconds after [`NOON`].
struct House {
    emulator: Option<InProcess>,
    clock: Arc<ManualClock>,
    work_duration: &'static str,
    folder: TempDir,
}

impl House {
    fn start(work_duration: &'static str) -> Self {
        let clock = Arc::new(ManualClock::new(at(0)));
        let mut house = Self { emulator: None, clock, work_duration, folder: TempDir::new().unwrap() };
        house.restart();
        house
    }

    fn restart(&mut self) {
        self.stop();
        let work = self.work_duration;
        let settings = [("demo", "true"), ("backup.duration", work), ("restore.duration", work)];
        self.emulator = Some(InProcess::start(&self.database(), Arc::clone(&self.clock) as _, &settings));
    }

    fn stop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            emulator.stop();
        }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    fn set_clock(&self, seconds: i64) {
        self.clock.set(at(seconds));
    }

    fn connect(&self) -> Connection {
        self.emulator.as_ref().unwrap().connect()
    }

    fn create(&self, remark: &str) -> String {
        let answer = self.connect().create(DEMO_INSTANCE, remark).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("backup_id")
    }

    /// Lists backups, newest first, `query` being what stands behind the question mark.
    fn backups(&self, query: &str) -> Vec<Value> {
        let answer = self.connect().get(&format!("{}?{query}", backups_path(DEMO_INSTANCE))).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["backup_record_response"].as_array().unwrap().clone()
    }

    /// Returns the newest restore.
    fn restore(&self) -> Value {
        let answer = self.connect().get(&restores_path(DEMO_INSTANCE)).unwrap();
        answer.json()["restore_record_response"][0].take()
    }

    fn instance_status(&self) -> String {
        self.connect().get(&format!("/v1.0/{PROJECT}/instances/{DEMO_INSTANCE}")).unwrap().text("status")
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((NOON + seconds) * 1000).unwrap()
}

/// Writes a time as records show it.
fn shown(seconds: i64) -> String {
    at(seconds).to_utc().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Writes a time as queries take it.
fn compact(seconds: i64) -> String {
    at(seconds).to_utc().format("%Y%m%d%H%M%S").to_string()
}

fn each(records: &[Value], member: &str) -> Vec<String> {
    records.iter().map(|record| record[member].as_str().unwrap_or("null").to_owned()).collect()
}

/// Stops the emulator and looks through what it leaves.
fn end(mut house: House) {
    house.stop();
    let database: &Path = &house.database();
    look_through(database);
}

#[test]
fn records_stay_in_order_when_the_clock_is_put_back() {
    let mut house = House::start("0s");
    house.create("first");
    house.set_clock(-HOUR);
    house.create("second");
    // What was known in memory is read from the tables again.
    house.restart();
    house.set_clock(-2 * HOUR);
    house.create("third");
    let listed = house.backups("");
    assert_eq!(each(&listed, "remark"), ["third", "second", "first"]);
    assert_eq!(each(&listed, "created_at"), vec![shown(0); 3]);
    assert_eq!(each(&listed, "status"), ["succeed"; 3]);
    house.set_clock(10);
    house.create("fourth");
    for (query, remarks) in [
        (format!("beginTime={}&endTime={}", compact(0), compact(0)), &["third", "second", "first"][..]),
        (format!("beginTime={}", compact(1)), &["fourth"]),
        (format!("endTime={}", compact(-1)), &[]),
        (format!("beginTime={}&limit=2&start=2", compact(0)), &["third", "second"]),
    ] {
        assert_eq!(each(&house.backups(&query), "remark"), remarks, "{query}");
    }
    end(house);
}

#[test]
fn what_is_due_stays_due_when_the_clock_is_put_back() {
    let mut house = House::start("60s");
    let id = house.create("slow");
    let status = |house: &House| each(&house.backups("limit=1"), "status").concat();
    for (seconds, expected) in [
        (-HOUR, "waiting"),
        (7, "backuping"),
        (-HOUR, "backuping"),
        (59, "backuping"),
        (60, "succeed"),
        (-HOUR, "succeed"),
    ] {
        house.set_clock(seconds);
        assert_eq!(status(&house), expected, "at {seconds}");
        house.restart();
        assert_eq!(status(&house), expected, "at {seconds}, after a restart");
    }
    let record = &house.backups("limit=1")[0];
    assert_eq!((&record["execution_at"], &record["updated_at"]), (&shown(6).into(), &shown(60).into()));

    // A restore begins at a time at which, by the records, the backup was not finished yet.
    let answer = house.connect().restore(DEMO_INSTANCE, &id, "back").unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(house.instance_status(), "RESTORING");
    house.set_clock(-2 * HOUR);
    assert_eq!(house.restore()["status"], "waiting");
    assert_eq!(house.connect().create(DEMO_INSTANCE, "too early").unwrap().status, 400);
    house.set_clock(-HOUR + 60);
    let restore = house.restore();
    assert_eq!((&restore["status"], &restore["created_at"]), (&"succeed".into(), &shown(-HOUR).into()));
    assert_eq!(house.instance_status(), "RUNNING");

    // Created not before the one before it, and finished as much later.
    house.create("after");
    assert_eq!(each(&house.backups("limit=1"), "created_at"), [shown(0)]);
    assert_eq!(house.connect().delete(DEMO_INSTANCE, &id).unwrap().status, 200);
    house.set_clock(60);
    assert_eq!(each(&house.backups(""), "status"), ["succeed", "deleted"]);
    assert_eq!(each(&house.backups(""), "updated_at"), [shown(60), shown(60)]);
    end(house);
}
