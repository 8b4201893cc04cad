//! Killed or stopped at any moment under load, the program has lost nothing that it has answered, and left nothing half done.
//!
//! `CRASH_ROUNDS` sets how often it is killed (50; for a long run 2000, say), `CRASH_SEED` repeats a run: the seed is printed.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod advance;
mod ledger;
mod load;
#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chacha20::ChaCha12Rng;
use ledger::Ledger;
use load::Load;
use process_support::database::{beside, snapshot, texts};
use process_support::rules::look_through;
use process_support::wire::{instance_ids, instances_seed, restores_path};
use process_support::{Server, eventually, serve};
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

const ROUNDS: u64 = 50;
/// So many rounds share a database, so that what is compared does not grow without end.
const ROUNDS_A_DATABASE: u64 = 10;
const INSTANCES: usize = 6;
/// After a crash the program is ready at once. Far longer than it takes: a busy machine must not fail the test.
const AT_ONCE: Duration = Duration::from_secs(15);

/// A database, and what the clients know of it.
struct House {
    folder: TempDir,
    database: PathBuf,
    ledger: Ledger,
}

impl House {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("seed.yaml"), instances_seed(INSTANCES)).unwrap();
        let database = folder.path().join("crash.db");
        Self { folder, database, ledger: Ledger::default() }
    }

    /// Starts a server and compares everything it shows with the ledger.
    fn restart(&mut self, work: Work) -> Server {
        let seed = self.folder.path().join("seed.yaml");
        let arguments = ["--backup-duration", work.duration, "--restore-duration", work.duration];
        let mut command = serve(&self.database, &arguments);
        command.arg("--seed").arg(seed);
        let started = Instant::now();
        let server = Server::start(command);
        assert!(started.elapsed() < AT_ONCE, "it took {:?} to be ready", started.elapsed());
        self.wait_for_open_work(&server);
        self.ledger.compare(&server);
        look_through(&self.database);
        server
    }

    /// Waits until every record has come to its end, as the plan of each says.
    fn wait_for_open_work(&self, server: &Server) {
        let mut connection = server.connect();
        eventually("open work is finished", || {
            // Whoever asks has the work done that is due; else the server looks once a second.
            let answer = connection.get(&restores_path(&instance_ids(1)[0])).unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            texts(&self.database, "SELECT 'open' FROM open_work").is_empty().then_some(())
        });
    }
}

/// How long the work of a round takes, and after how many answers at most the round ends.
#[derive(Clone, Copy)]
struct Work {
    duration: &'static str,
    most_answers: usize,
}

impl Work {
    const AT_ONCE: Self = Self { duration: "0s", most_answers: 300 };
    /// Some jobs are waiting or running when the end comes.
    const SLOW: Self = Self { duration: "20ms", most_answers: 40 };

    fn of(round: u64) -> Self {
        if round.is_multiple_of(2) { Self::AT_ONCE } else { Self::SLOW }
    }
}

fn random() -> ChaCha12Rng {
    let seed = std::env::var("CRASH_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("CRASH_SEED={seed}");
    ChaCha12Rng::seed_from_u64(seed)
}

#[test]
fn killed_under_load_it_has_lost_nothing_that_it_answered() {
    let rounds = std::env::var("CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut random = random();
    let mut house = House::new();
    for round in 0..rounds {
        if round > 0 && round.is_multiple_of(ROUNDS_A_DATABASE) {
            house.restart(Work::AT_ONCE).stop();
            let [backups, restores, deletions] = house.ledger.counts();
            assert!(backups > 0 && restores > 0 && deletions > 0, "the load was one-sided");
            house = House::new();
        }
        let work = Work::of(round);
        let mut server = house.restart(work);
        let answers = random.random_range(1..=work.most_answers);
        let load = Load::start(&server, round, &mut random);
        house.ledger.follow(&load.words, answers);
        server.process.kill();
        load.end(&mut house.ledger);
        eprintln!("round {round}: killed after {answers} answers, {:?} so far", house.ledger.counts());
        // Sound also before anybody has repaired anything, and looking changes nothing.
        let before = snapshot(house.folder.path());
        look_through(&house.database);
        assert_eq!(snapshot(house.folder.path()), before, "a look changed the database");
    }
    house.restart(Work::AT_ONCE).stop();
}

#[test]
fn stopped_under_load_it_has_lost_nothing_that_it_answered() {
    let mut random = random();
    let mut house = House::new();
    for (round, signal) in (0..).zip(["TERM", "INT", "TERM", "INT"]) {
        let work = Work::of(round);
        let server = house.restart(work);
        let load = Load::start(&server, round, &mut random);
        house.ledger.follow(&load.words, random.random_range(1..=work.most_answers));
        server.signal(signal);
        let stopped = server.finish();
        assert_eq!(stopped.code, Some(0), "{stopped:?}");
        load.end(&mut house.ledger);
        let log = beside(&house.database, "-wal");
        assert!(!log.metadata().is_ok_and(|log| log.len() > 0), "the log is not in the main file");
        look_through(&house.database);
    }
    house.restart(Work::AT_ONCE).stop();
}
