//! A log that cannot be written: the server goes on, and counts the lines that are lost.

use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::process_support::wire::{Connection, DEMO_INSTANCE};
use crate::process_support::{eventually, serve};

/// At this level requests are logged, and soon more than a pipe and a queue of lines hold.
const LEVEL: &str = "trace";
const LOST: &str = "dcs_emulator_log_lines_lost_total ";

/// A server whose output goes wherever a test likes.
struct Unheard {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Unheard {
    fn start(stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Self {
        Self::start_and(stdout, stderr, || ())
    }

    /// Starts it, does something while it starts, and waits until it is ready.
    fn start_and(stdout: impl Into<Stdio>, stderr: impl Into<Stdio>, meanwhile: impl FnOnce()) -> Self {
        let folder = TempDir::new().unwrap();
        let ready_file = folder.path().join("ready.json");
        let mut command = serve(&folder.path().join("a.db"), &["--demo", "--log-level", LEVEL]);
        command.arg("--ready-file").arg(&ready_file).stdout(stdout).stderr(stderr);
        let child = command.spawn().unwrap();
        // The command holds copies of what the child writes to.
        drop(command);
        let mut server = Self { child, url: String::new(), _folder: folder };
        meanwhile();
        server.url = eventually("the ready file", || {
            assert_eq!(server.child.try_wait().unwrap(), None, "it did not start");
            url_in(&ready_file)
        });
        server
    }

    fn connect(&self) -> Connection {
        Connection::open(self.url.strip_prefix("http://").unwrap()).unwrap()
    }

    /// Makes requests until lines are lost, all of which must be served; then stops it, as it must still be able to.
    fn serves_and_counts_lost_lines(mut self) {
        let mut connection = self.connect();
        eventually("lines are lost", || {
            let created = connection.create(DEMO_INSTANCE, "unheard").unwrap();
            assert_eq!(created.status, 200, "{created:?}");
            let metrics = connection.get("/metrics").unwrap().body;
            let lost = metrics.lines().find_map(|line| line.strip_prefix(LOST));
            let lost: u64 =
                lost.unwrap_or_else(|| panic!("lost lines are not counted: {metrics}")).parse().unwrap();
            (lost > 0).then_some(())
        });
        assert_eq!(self.connect().get("/readyz").unwrap().status, 200);
        drop(connection);
        let id = self.child.id().to_string();
        let kill = std::process::Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status();
        assert!(kill.unwrap().success());
        let ended = eventually("it ends", || self.child.try_wait().unwrap());
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url_in(ready_file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(ready_file).ok()?;
    let ready: serde_json::Value = serde_json::from_str(&text).ok()?;
    ready["url"].as_str().map(str::to_owned)
}

fn read_one_line(reader: PipeReader) {
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert!(!line.is_empty());
}

#[test]
fn both_outputs_may_end_after_a_line() {
    // As `dcs-emulator serve 2>&1 | head -1`.
    let (reader, writer) = pipe().unwrap();
    let stderr = writer.try_clone().unwrap();
    Unheard::start_and(writer, stderr, || read_one_line(reader)).serves_and_counts_lost_lines();
}

#[test]
fn the_reader_of_stderr_may_go() {
    let (reader, stderr) = pipe().unwrap();
    let server = Unheard::start(Stdio::null(), stderr);
    drop(reader);
    server.serves_and_counts_lost_lines();
}

#[test]
fn nobody_need_read_stderr() {
    let (_reader, stderr) = pipe().unwrap();
    Unheard::start(Stdio::null(), stderr).serves_and_counts_lost_lines();
}

#[test]
fn the_disk_of_the_log_may_be_full() {
    let full = || match std::fs::File::options().write(true).open("/dev/full") {
        Ok(full) => full,
        Err(error) => panic!("not run: /dev/full stands for a full disk here, and is missing: {error}"),
    };
    Unheard::start(full(), full()).serves_and_counts_lost_lines();
}
