//! The power fails: of what was written and not synced some is on the disk, in part, and some is not. What was answered is there.
//!
//! The program is observed while it works; from its system calls images of the disk are made, each as it may be after the power
//! has failed at that moment. `POWER_IMAGES` sets how many (240 a test), `POWER_SEED` how they are chosen.

mod calls;
mod image;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use chacha20::ChaCha12Rng;
use dcs_emulator::store::StoreMetrics;
use dcs_emulator::store::sqlite::{Location, SqliteStore};
use prometheus::Registry;
use rand::{Rng, RngExt, SeedableRng};
use sqlx::Connection as _;
use tempfile::TempDir;

use crate::process_support::database::{block_on, execute, open};
use crate::process_support::wire::{Answer, Connection, DEMO_INSTANCE};
use crate::process_support::{Process, Server, eventually, isolate, program, run, serve};
use calls::Event;
use image::{Disk, Losses};

const IMAGES: usize = 240;
const SEED: u64 = 20_240_229;
/// Of so many images one is given to the program itself; the others are opened as it opens them, which is faster.
const PROGRAM_PERIOD: usize = 20;
const CLIENTS: usize = 4;
/// So much, times clients and lives, that the log is brought into the main file while the work goes on.
const STEPS: usize = 40;
const DATABASE: &str = "a.db";

fn setting<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What a client was told.
#[derive(Clone, Debug)]
enum Told {
    Created(String),
    Deleted(String),
    Restored(String),
}

/// A place in which the program is observed.
struct Observed {
    folder: TempDir,
    traces: TempDir,
    disk: Disk,
    events: Vec<Event>,
    /// What each answer told, by its request id.
    told: BTreeMap<String, Told>,
}

impl Observed {
    /// A folder with what `prepare` puts there, which is on the disk.
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        let (folder, traces) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        prepare(&folder.path().join(DATABASE));
        let disk = Disk::read(folder.path());
        Self { folder, traces, disk, events: Vec::new(), told: BTreeMap::new() }
    }

    /// Starts the program on the database, lets clients work, and stops it; remembers what it did.
    fn live(&mut self, work: impl Fn(&Server) -> Vec<(String, Told)>) {
        let folder = self.folder.path().canonicalize().unwrap();
        let (trace, ready_file) = (self.traces.path().join("trace"), self.traces.path().join("ready.json"));
        let _ = std::fs::remove_file(&ready_file);
        let program =
            serve(&folder.join(DATABASE), &["--demo", "--ready-file", &ready_file.to_string_lossy()]);
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-xx", "-s", "1000000", "-e", calls::OBSERVED, "-o"]).arg(&trace);
        command.arg(program.get_program()).args(program.get_args());
        isolate(&mut command);
        let server = Server::ready(Process::spawn(&mut command));
        self.told.extend(work(&server));
        // The process is strace; the server is the one that wrote the ready file.
        let ready = eventually("the ready file", || std::fs::read(&ready_file).ok());
        let ready: serde_json::Value = serde_json::from_slice(&ready).unwrap();
        let stopped = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", ready["pid"])).status();
        assert!(stopped.unwrap().success());
        let finished = server.finish();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        self.events.extend(calls::read(&std::fs::read(&trace).unwrap(), &folder));
    }

    /// Lets the power fail at moments all over what was observed, and judges each image; returns what is wrong with one.
    fn fail_everywhere(self, images: usize, losses: Losses, judge: &Judge) -> Vec<String> {
        let Self { mut disk, events, told, .. } = self;
        let seed = setting("POWER_SEED", SEED);
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let moments = moments(&events, images, &mut random);
        let (mut answered, mut wrong, mut number) = (Vec::new(), Vec::new(), 0);
        for (index, event) in events.into_iter().enumerate() {
            if let Event::Answered { request_id } = &event {
                answered.extend(told.get(request_id).cloned());
            }
            disk.take(event, losses);
            for _ in 0..moments.get(&index).copied().unwrap_or(0) {
                let folder = TempDir::new().unwrap();
                let chosen = disk.write(folder.path(), losses, &mut random);
                let by_program = number % PROGRAM_PERIOD == 0;
                let found = judge(&folder.path().join(DATABASE), &answered, by_program);
                let place = format!("POWER_SEED={seed}, image {number}, after event {index}, {chosen}");
                wrong.extend(found.err().map(|found| format!("{place}: {found}")));
                number += 1;
            }
        }
        eprintln!("{number} images, {} answers, {} of them wrong", answered.len(), wrong.len());
        wrong
    }
}

/// Judges an image of the disk by what had been answered, with the program itself or its library.
type Judge = dyn Fn(&Path, &[Told], bool) -> Result<(), String>;

/// Chooses when the power fails, and how often: half of it anywhere, half where something has just begun to last or to be named.
fn moments(events: &[Event], images: usize, random: &mut impl Rng) -> BTreeMap<usize, usize> {
    let turns: Vec<usize> = (0..events.len()).filter(|index| events[*index].is_turn()).collect();
    let mut moments = BTreeMap::new();
    for image in 0..images {
        let index = if image % 2 == 0 {
            image * events.len() / images
        } else {
            turns[random.random_range(0..turns.len())]
        };
        *moments.entry(index).or_default() += 1;
    }
    moments
}

fn request_id(answer: &Answer) -> String {
    let mut lines = answer.headers.iter();
    let line = lines.find_map(|line| line.strip_prefix("x-request-id:")).expect("every answer has an id");
    line.trim().to_owned()
}

/// Creates, restores and deletes; returns what each answer told.
fn work_alone(connection: &mut Connection, name: &str) -> Vec<(String, Told)> {
    let mut told = Vec::new();
    let mut mine = Vec::new();
    while told.len() < STEPS {
        let answer = connection.create(DEMO_INSTANCE, &format!("{name}-{}", told.len())).unwrap();
        if answer.status != 200 {
            // Another client's work is open on the instance.
            assert_eq!(answer.status, 400, "{answer:?}");
            continue;
        }
        let id = answer.text("backup_id");
        told.push((request_id(&answer), Told::Created(id.clone())));
        mine.push(id);
        if told.len() % 5 == 0 {
            let answer = connection.restore(DEMO_INSTANCE, &mine[0], "").unwrap();
            if answer.status == 200 {
                told.push((request_id(&answer), Told::Restored(answer.text("restore_id"))));
            }
            let id = mine.remove(0);
            let answer = connection.delete(DEMO_INSTANCE, &id).unwrap();
            if answer.status == 200 {
                told.push((request_id(&answer), Told::Deleted(id)));
            }
        }
    }
    told
}

fn work(server: &Server) -> Vec<(String, Told)> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || work_alone(&mut server.connect(), &client.to_string())))
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// Opens and closes the database as the program does.
fn start(database: &Path, by_program: bool) -> Result<(), String> {
    if by_program {
        let mut command = program(&["run", "--listen", "127.0.0.1:0", "--demo", "--database"]);
        command.arg(database).args(["--", "true"]);
        let finished = run(command);
        return if finished.code == Some(0) { Ok(()) } else { Err(format!("{finished:?}")) };
    }
    block_on(async {
        let location = Location::File(database.to_owned());
        let metrics = StoreMetrics::register(&Registry::new()).map_err(|error| error.to_string())?;
        let store =
            SqliteStore::open(&location, metrics).await.map_err(|error| format!("no start: {error:?}"))?;
        dcs_emulator::store::SettingStore::close(&store).await;
        Ok(())
    })
}

const FINDINGS: &str = "
    SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'
    UNION ALL SELECT 'no parent of a row in ' || \"table\" FROM pragma_foreign_key_check";
const BACKUPS: &str = "SELECT lower(hex(backup_id)) || ' ' || (status = 5) FROM backups";
const RESTORES: &str = "SELECT lower(hex(restore_id)) FROM restores";

/// Returns the first column of a query's rows, or why it cannot be read.
fn read(database: &Path, query: &'static str) -> Result<Vec<String>, String> {
    let rows = block_on(async {
        let mut connection = open(database).await;
        let rows = sqlx::query_scalar(query).fetch_all(&mut connection).await;
        connection.close().await.and(rows)
    });
    rows.map_err(|error| format!("damaged: {error}"))
}

/// Starts on an image, and looks for everything that had been answered.
fn nothing_is_lost(database: &Path, answered: &[Told], by_program: bool) -> Result<(), String> {
    start(database, by_program)?;
    let findings = read(database, FINDINGS)?;
    if !findings.is_empty() {
        return Err(format!("damaged: {findings:?}"));
    }
    let backups: BTreeMap<String, bool> = read(database, BACKUPS)?
        .into_iter()
        .filter_map(|row| row.split_once(' ').map(|(id, deleted)| (id.to_owned(), deleted == "1")))
        .collect();
    let restores = read(database, RESTORES)?;
    for told in answered {
        let is_there = match told {
            Told::Created(id) => backups.contains_key(&id.replace('-', "")),
            Told::Deleted(id) => backups.get(&id.replace('-', "")) == Some(&true),
            Told::Restored(id) => restores.contains(&id.replace('-', "")),
        };
        if !is_there {
            return Err(format!("answered and lost: {told:?}"));
        }
    }
    Ok(())
}

/// Observes a first start, work, a stop, and all of it once more.
fn observe_two_lives() -> Observed {
    let mut observed = Observed::new(|_| {});
    observed.live(work);
    observed.live(work);
    observed
}

pub(crate) fn nothing_answered_is_lost_when_the_power_fails() {
    let observed = observe_two_lives();
    assert!(observed.told.len() >= 2 * CLIENTS * STEPS);
    let answers = observed.events.iter().filter(|event| matches!(event, Event::Answered { .. })).count();
    assert!(answers >= observed.told.len(), "{answers} answers were seen, not {}", observed.told.len());
    let checkpoints = observed.events.iter().filter(|event| event.is_write_to(DATABASE)).count();
    assert!(checkpoints > 0, "the log was never brought into the main file");
    let wrong =
        observed.fail_everywhere(setting("POWER_IMAGES", IMAGES), Losses::WhatIsNotSynced, &nothing_is_lost);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A disk that says that it has synced and has not: the test has to notice.
pub(crate) fn a_disk_that_lies_is_noticed() {
    let wrong = observe_two_lives().fail_everywhere(20, Losses::TheLogAsWell, &nothing_is_lost);
    assert!(wrong.iter().any(|found| found.contains("answered and lost")), "{wrong:?}");
}

fn old_backups_are_there(database: &Path, _answered: &[Told], by_program: bool) -> Result<(), String> {
    start(database, by_program)?;
    let findings = read(database, FINDINGS)?;
    let backups = read(database, BACKUPS)?.len();
    if findings.is_empty() && backups >= 3 {
        Ok(())
    } else {
        Err(format!("{backups} backups, damaged: {findings:?}"))
    }
}

/// An old database in rollback mode: switched to a log and upgraded.
pub(crate) fn an_upgrade_survives_the_power_failing() {
    let mut observed = Observed::new(|database| {
        let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-v7.sqlite");
        std::fs::copy(fixture, database).unwrap();
        execute(database, "PRAGMA journal_mode = DELETE");
    });
    observed.live(|_| Vec::new());
    let images = setting("POWER_IMAGES", IMAGES) / 2;
    let wrong = observed.fail_everywhere(images, Losses::WhatIsNotSynced, &old_backups_are_there);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
