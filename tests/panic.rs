//! A panic is a bug, but a small one: it ends neither the server nor what the server does in the background, and what was
//! answered before it is there after a restart.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[expect(dead_code, reason = "shared with tests that use other parts of it")]
mod process_support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dcs_emulator::clock::{Clock, ManualClock};
use dcs_emulator::config::LogFormat;
use dcs_emulator::domain::time::Timestamp;
use dcs_emulator::telemetry;
use process_support::database::texts;
use process_support::in_process::InProcess;
use process_support::wire::{DEMO_INSTANCE, backups_path};
use process_support::{Server, eventually, serve};
use tempfile::TempDir;

/// A clock that can be broken: then whoever looks at it panics.
struct BreakableClock {
    clock: ManualClock,
    is_broken: AtomicBool,
    /// How often somebody has looked at it while it was broken.
    panics: AtomicUsize,
}

impl BreakableClock {
    fn new() -> Arc<Self> {
        let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000).unwrap());
        Arc::new(Self { clock, is_broken: AtomicBool::new(false), panics: AtomicUsize::new(0) })
    }

    fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::SeqCst);
    }
}

impl Clock for BreakableClock {
    fn now(&self) -> Timestamp {
        if self.is_broken.load(Ordering::SeqCst) {
            self.panics.fetch_add(1, Ordering::SeqCst);
            panic!("the clock is broken, as the test wants it");
        }
        self.clock.now()
    }
}

fn start(database: &Path, clock: &Arc<BreakableClock>, backup_duration: &str) -> InProcess {
    let settings = [("demo", "true"), ("backup.duration", backup_duration)];
    InProcess::start(database, Arc::clone(clock) as _, &settings)
}

fn database(folder: &TempDir) -> PathBuf {
    folder.path().join("a.db")
}

#[test]
fn a_request_that_panics_is_answered_and_the_next_one_served() {
    let folder = TempDir::new().unwrap();
    let database = database(&folder);
    let clock = BreakableClock::new();
    let emulator = start(&database, &clock, "0s");
    let mut connection = emulator.connect();
    assert_eq!(connection.create(DEMO_INSTANCE, "before").unwrap().status, 200);
    clock.set_broken(true);
    for answer in [connection.create(DEMO_INSTANCE, "within"), connection.get(&backups_path(DEMO_INSTANCE))] {
        let answer = answer.expect("it is answered, not cut off");
        assert_eq!(answer.status, 500, "{answer:?}");
        assert!(answer.body.contains("DCS.5000"), "{answer:?}");
        assert!(
            !answer.body.contains("broken"),
            "what happened inside is not the caller's business: {answer:?}"
        );
    }
    clock.set_broken(false);
    assert_eq!(connection.create(DEMO_INSTANCE, "after").unwrap().status, 200);
    assert_eq!(emulator.connect().get("/readyz").unwrap().status, 200);
    emulator.stop();

    let server = Server::start(serve(&database, &[]));
    assert_eq!(server.connect().list(DEMO_INSTANCE).len(), 2);
    server.stop();
    let remarks = texts(&database, "SELECT remark FROM backup_records ORDER BY record_number");
    assert_eq!(remarks, ["before", "after"]);
}

#[test]
fn a_panic_in_the_background_does_not_end_what_is_done_there() {
    let folder = TempDir::new().unwrap();
    let database = database(&folder);
    let clock = BreakableClock::new();
    let emulator = start(&database, &clock, "10s");
    assert_eq!(emulator.connect().create(DEMO_INSTANCE, "slow").unwrap().status, 200);
    clock.set_broken(true);
    eventually("the background looks at the clock", || {
        (clock.panics.load(Ordering::SeqCst) > 0).then_some(())
    });
    clock.clock.advance(Duration::from_secs(20));
    clock.set_broken(false);
    // Nobody asks: only the background can finish it.
    eventually("the backup is finished", || {
        (texts(&database, "SELECT status FROM backup_records") == ["succeed"]).then_some(())
    });
    emulator.stop();
}

#[test]
fn a_panic_reaches_stderr_although_nothing_is_logged() {
    const PANICS: &str = "DCS_EMULATOR_TEST_PANICS";
    if std::env::var_os(PANICS).is_some() {
        telemetry::start(LogFormat::Text, "off");
        telemetry::log_panics();
        let panicked = std::thread::spawn(|| panic!("as the test wants it")).join();
        telemetry::flush();
        assert!(panicked.is_err());
        return;
    }
    // A process of its own, whose stderr can be read.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_panic_reaches_stderr_although_nothing_is_logged", "--nocapture"]);
    let output = child.env(PANICS, "1").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("dcs-emulator: panicked at tests/panic.rs:"), "{stderr}");
    assert!(stderr.contains(": as the test wants it"), "{stderr}");
}
