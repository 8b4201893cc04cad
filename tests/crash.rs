//! Killed or stopped at any moment under load, the program has lost nothing that it has answered, and left nothing half done.
//!
//! `CRASH_ROUNDS` sets how often it is killed (20), `CRASH_SEED` repeats a run: the seed is printed.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[expect(dead_code, reason = "shared with tests that use other parts of it")]
mod process_support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use process_support::database::{beside, snapshot, texts};
use process_support::wire::{Connection, backups_path, instance_ids, instances_seed};
use process_support::{Server, eventually, program, run, serve};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tempfile::TempDir;

const ROUNDS: u64 = 20;
const CLIENTS: u64 = 4;
const INSTANCES: usize = 6;
/// A round ends at one of its first answers, or of its first few hundred.
const MOST_ANSWERS: usize = 400;
/// How often a client deletes instead of creating.
const DELETES: f64 = 0.2;

/// Each returns what contradicts a rule, so that a sound database yields nothing.
const CONTRADICTIONS: [(&str, &str); 7] = [
    ("the database is sound", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
    ("every row refers to one that is there", "SELECT \"table\" FROM pragma_foreign_key_check"),
    (
        "record numbers have no gaps",
        "SELECT hex(instance_id) FROM backups JOIN instances USING (instance_key) GROUP BY instance_key
         HAVING min(record_number) <> 1 OR max(record_number) <> count(*)",
    ),
    ("events have no gaps", "SELECT 'gap' FROM (SELECT count(*) AS count, max(event_number) AS last FROM events) WHERE count <> last"),
    (
        "every event goes on where the one before it ended",
        "SELECT 'event ' || event_number FROM (
             SELECT *, lag(to_status) OVER (PARTITION BY instance_key, record_kind, record_number ORDER BY event_number)
                 AS previous FROM events)
         WHERE from_status IS NOT previous",
    ),
    (
        "the last event of every backup leads to its status",
        "SELECT hex(backup_id) FROM backups
         LEFT JOIN (SELECT instance_key, record_number, to_status, max(event_number) FROM events WHERE record_kind = 1
                    GROUP BY instance_key, record_number) USING (instance_key, record_number)
         WHERE status IS NOT to_status",
    ),
    (
        "every backup was created by a request of its own",
        "SELECT coalesce(hex(request_id), 'none') FROM events WHERE record_kind = 1 AND from_status IS NULL
         GROUP BY request_id HAVING count(*) <> 1 OR request_id IS NULL",
    ),
];

/// What the clients know.
#[derive(Default)]
struct Ledger {
    /// Remarks of the backups that were asked for, answered or not.
    asked: BTreeSet<String>,
    /// Backups that are known to be there: instance and remark by id.
    created: BTreeMap<String, (String, String)>,
    /// Backups whose deletion was asked for, answered or not.
    asked_to_delete: BTreeSet<String>,
    /// Backups that are known to be deleted.
    deleted: BTreeSet<String>,
    /// How many requests can have been cut off so far.
    cut_off: usize,
}

/// What a client tells the ledger. It asks for nothing before it has told so.
enum Word {
    AskedToCreate { remark: String },
    Created { id: String, instance: String, remark: String },
    AskedToDelete { id: String },
    Deleted { id: String },
}

impl Ledger {
    fn write(&mut self, word: Word) {
        match word {
            Word::AskedToCreate { remark } => {
                assert!(self.asked.insert(remark), "clients do not repeat themselves");
            }
            Word::Created { id, instance, remark } => {
                let other = self.created.insert(id, (instance, remark));
                assert!(other.is_none(), "one id for two backups: {other:?}");
            }
            Word::AskedToDelete { id } => {
                self.asked_to_delete.insert(id);
            }
            Word::Deleted { id } => {
                self.deleted.insert(id);
            }
        }
    }

    /// Writes down what the clients say until `answers` requests have been answered, or they say no more.
    fn follow(&mut self, words: &Receiver<Word>, answers: usize) {
        let mut count = 0;
        while count < answers {
            let Ok(word) = words.recv() else { return };
            count += usize::from(matches!(word, Word::Created { .. } | Word::Deleted { .. }));
            self.write(word);
        }
    }

    /// Compares the ledger with what a server shows. What was cut off has happened or not; what it shows must stay.
    fn compare(&mut self, server: &Server) {
        let mut connection = server.connect();
        let mut shown = BTreeMap::new();
        for instance in instance_ids(INSTANCES) {
            for (id, record) in connection.list(&instance) {
                let remark = record["remark"].as_str().expect("all have one").to_owned();
                let status = record["status"].as_str().expect("all have one").to_owned();
                assert!(shown.insert(id, (instance.clone(), remark, status)).is_none(), "ids are unique");
            }
        }
        for (id, (instance, remark)) in &self.created {
            let (shown_instance, shown_remark, _) =
                shown.get(id).unwrap_or_else(|| panic!("acknowledged and lost: {id} of {instance}"));
            assert_eq!((shown_instance, shown_remark), (instance, remark), "{id}");
        }
        let mut remarks = BTreeSet::new();
        let mut unanswered = 0;
        for (id, (instance, remark, status)) in shown {
            assert!(remarks.insert(remark.clone()), "recorded twice: {remark}");
            assert!(self.asked.contains(&remark), "nobody asked for {remark}");
            unanswered += usize::from(!self.created.contains_key(&id));
            self.created.insert(id.clone(), (instance, remark));
            if status == "deleted" {
                assert!(self.asked_to_delete.contains(&id), "nobody asked to delete {id}");
                self.deleted.insert(id);
            } else {
                assert_eq!(status, "succeed", "{id}: what was begun is finished");
                assert!(!self.deleted.contains(&id), "acknowledged and undone: the deletion of {id}");
            }
        }
        assert!(unanswered <= self.cut_off, "{unanswered} of at most {} cut off", self.cut_off);
    }
}

/// Clients at work, and what they say.
struct Load {
    clients: Vec<JoinHandle<()>>,
    words: Receiver<Word>,
}

impl Load {
    fn start(server: &Server, round: u64, random: &mut ChaCha12Rng) -> Self {
        let (tell, words) = channel();
        let clients = (0..CLIENTS)
            .map(|client| {
                let connection = server.connect();
                let random = ChaCha12Rng::seed_from_u64(random.random());
                let name = format!("{round}-{client}");
                let tell = tell.clone();
                std::thread::spawn(move || create_and_delete(connection, random, &name, &tell))
            })
            .collect();
        Self { clients, words }
    }

    /// Waits until all clients have noticed that the server is gone.
    fn end(self, ledger: &mut Ledger) {
        for client in self.clients {
            client.join().expect("a client met nothing but answers and the end");
        }
        ledger.follow(&self.words, usize::MAX);
        ledger.cut_off += usize::try_from(CLIENTS).expect("a few");
    }
}

/// Creates and deletes backups until the connection ends.
fn create_and_delete(mut connection: Connection, mut random: ChaCha12Rng, name: &str, tell: &Sender<Word>) {
    let instances = instance_ids(INSTANCES);
    let mut mine: Vec<(String, String)> = Vec::new();
    let say = |word| tell.send(word).expect("the ledger listens to the end");
    for sequence in 0_u64.. {
        if !mine.is_empty() && random.random_bool(DELETES) {
            let (instance, id) = mine.swap_remove(random.random_range(0..mine.len()));
            say(Word::AskedToDelete { id: id.clone() });
            let Ok(answer) = connection.delete(&instance, &id) else { return };
            match answer.status {
                200 => say(Word::Deleted { id }),
                _ if answer.body.contains("DCS.4096") => mine.push((instance, id)),
                _ => panic!("{answer:?}"),
            }
        } else {
            let instance = instances[random.random_range(0..instances.len())].clone();
            let remark = format!("{name}-{sequence}");
            say(Word::AskedToCreate { remark: remark.clone() });
            let Ok(answer) = connection.create(&instance, &remark) else { return };
            match answer.status {
                200 => {
                    let id = answer.text("backup_id");
                    say(Word::Created { id: id.clone(), instance: instance.clone(), remark });
                    mine.push((instance, id));
                }
                _ if answer.body.contains("DCS.4096") => {}
                _ => panic!("{answer:?}"),
            }
        }
    }
}

/// Looks for contradictions in the file of a database, also with the program's own check.
fn look_through(database: &Path) {
    for (rule, query) in CONTRADICTIONS {
        assert_eq!(texts(database, query), Vec::<String>::new(), "{rule}");
    }
    let checked = run(program(&["check", "--database", &database.to_string_lossy()]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(checked.stdout.contains("is sound"), "{checked:?}");
}

/// Waits until every backup has come to its end, as the plan of each says.
fn wait_for_open_work(server: &Server, database: &Path) {
    let mut connection = server.connect();
    eventually("open work is finished", || {
        // Whoever asks sees what is due done; the timer alone would take its time.
        connection.get(&backups_path(&instance_ids(1)[0])).expect("the server answers");
        texts(database, "SELECT 'open' FROM open_work").is_empty().then_some(())
    });
}

/// Starts a server on a database and compares everything it shows with the ledger.
fn restart(folder: &TempDir, ledger: &mut Ledger, duration: &str) -> Server {
    let database = folder.path().join("crash.db");
    let seed = folder.path().join("seed.yaml");
    std::fs::write(&seed, instances_seed(INSTANCES)).expect("the folder is ours");
    let seed = seed.to_string_lossy();
    let server = Server::start(serve(&database, &["--seed", &seed, "--backup-duration", duration]));
    wait_for_open_work(&server, &database);
    ledger.compare(&server);
    look_through(&database);
    server
}

fn random() -> ChaCha12Rng {
    let seed = std::env::var("CRASH_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("CRASH_SEED={seed}");
    ChaCha12Rng::seed_from_u64(seed)
}

/// Every other round its backups take a while, so that some are waiting or running when the end comes.
fn duration(round: u64) -> &'static str {
    if round.is_multiple_of(2) { "0s" } else { "20ms" }
}

#[test]
fn killed_under_load_it_has_lost_nothing_that_it_answered() {
    let rounds = std::env::var("CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut random = random();
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("crash.db");
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        let mut server = restart(&folder, &mut ledger, duration(round));
        let answers = random.random_range(1..=MOST_ANSWERS);
        let load = Load::start(&server, round, &mut random);
        ledger.follow(&load.words, answers);
        server.process.kill();
        load.end(&mut ledger);
        eprintln!("round {round}: killed after {answers} answers, {} backups so far", ledger.created.len());
        // Sound also before anybody has repaired anything, and looking changes nothing.
        let before = snapshot(folder.path());
        look_through(&database);
        assert_eq!(snapshot(folder.path()), before, "a look changed the database");
    }
    restart(&folder, &mut ledger, "0s").stop();
    assert!(!ledger.created.is_empty() && (rounds < ROUNDS || !ledger.deleted.is_empty()));
}

#[test]
fn stopped_under_load_it_has_lost_nothing_that_it_answered() {
    let mut random = random();
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("crash.db");
    let mut ledger = Ledger::default();
    for (round, signal) in (0..).zip(["TERM", "INT", "TERM", "INT"]) {
        let server = restart(&folder, &mut ledger, duration(round));
        let load = Load::start(&server, round, &mut random);
        ledger.follow(&load.words, random.random_range(1..=MOST_ANSWERS));
        server.signal(signal);
        let stopped = server.finish();
        assert_eq!(stopped.code, Some(0), "{stopped:?}");
        load.end(&mut ledger);
        let log = beside(&database, "-wal");
        assert!(!log.metadata().is_ok_and(|log| log.len() > 0), "the log is not in the main file");
        look_through(&database);
    }
    restart(&folder, &mut ledger, "0s").stop();
    assert!(!ledger.created.is_empty());
}
