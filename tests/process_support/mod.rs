//! Starts the built program as its users do, watches it, and ends it.

pub(crate) mod database;
pub(crate) mod in_process;
pub(crate) mod rules;
pub(crate) mod tls;
pub(crate) mod wire;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wire::Connection;

/// How long a test waits for what must come. Far longer than it ever takes: only a failure waits that long.
const TIMEOUT: Duration = Duration::from_mins(2);
/// How often it looks.
const LOOK_PERIOD: Duration = Duration::from_millis(2);

/// Looks until there is something to see.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < TIMEOUT, "waited in vain: {what}");
        std::thread::sleep(LOOK_PERIOD);
    }
}

/// Returns the program, told by arguments only: no variable of the tester's own reaches it.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcs-emulator"));
    command.args(arguments);
    isolate(&mut command);
    command
}

/// Keeps variables of the tester's own away from the program.
pub(crate) fn isolate(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DCS_EMULATOR_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

/// Returns the program as it serves the database at `path` on a port that the system chooses.
pub(crate) fn serve(path: &Path, arguments: &[&str]) -> Command {
    let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
    command.arg("--database").arg(path).args(arguments);
    command
}

/// Runs a command that ends by itself.
pub(crate) fn run(mut command: Command) -> Finished {
    Process::spawn(&mut command).finish()
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process and what it has written so far.
pub(crate) struct Process {
    child: Child,
    stdout: Gathered,
    stderr: Gathered,
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program is there");
        let stdout = Gathered::from(child.stdout.take().expect("stdout is a pipe"));
        let stderr = Gathered::from(child.stderr.take().expect("stderr is a pipe"));
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// Returns what it has written to standard output so far.
    pub(crate) fn said(&self) -> String {
        self.stdout.so_far()
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        // Every shell has `kill` built in; the program of that name may be missing.
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.id())).status();
        assert!(sent.expect("there is a shell").success(), "signal {name} was not sent");
    }

    /// Gives the process all of its standard input.
    pub(crate) fn give(&mut self, text: &str) {
        let mut stdin = self.child.stdin.take().expect("stdin is a pipe");
        std::io::Write::write_all(&mut stdin, text.as_bytes()).expect("it reads");
    }

    /// Waits until the process has ended.
    pub(crate) fn finish(mut self) -> Finished {
        let status = eventually("the process ends", || self.child.try_wait().expect("it is our child"));
        Finished { code: status.code(), stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a pipe has brought so far.
struct Gathered {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Gathered {
    fn from(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let gathered = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|length| length > 0) {
                gathered.lock().expect("nobody panics with it").push_str(&line);
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("nobody panics with it").clone()
    }

    /// Returns everything, once the other side has closed the pipe.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading does not panic");
        }
        self.so_far()
    }
}

/// A server that has said that it is ready.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) url: String,
}

impl Server {
    /// Starts a server and waits for its ready line.
    pub(crate) fn start(mut command: Command) -> Self {
        Self::ready(Process::spawn(&mut command))
    }

    /// Waits for the ready line of a server that has been started.
    pub(crate) fn ready(mut process: Process) -> Self {
        let url = eventually("the ready line", || {
            let said = process.stdout.so_far();
            let is_running = process.is_running();
            let url = said.lines().find_map(|line| line.strip_prefix("dcs-emulator ready on "));
            // Behind it may be that of HTTPS.
            let url = url.and_then(|urls| urls.split(' ').next());
            assert!(url.is_some() || is_running, "it did not start: {}", process.stderr.so_far());
            url.map(str::to_owned)
        });
        Self { process, url }
    }

    /// Opens a connection of its own.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address()).expect("a ready server takes connections")
    }

    /// Returns the address and port it listens on.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("the ready line names a URL")
    }

    /// Returns the address and port at which it speaks HTTPS.
    pub(crate) fn tls_address(&self) -> String {
        let said = self.process.said();
        let url = said.trim_end().rsplit_once(" and https://").expect("the ready line names it");
        url.1.to_owned()
    }

    /// Returns what it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.stderr.so_far()
    }

    /// Waits until it has logged something.
    pub(crate) fn wait_for_log(&self, text: &str) {
        eventually(text, || self.log().contains(text).then_some(()));
    }

    /// Sends it a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it has ended.
    pub(crate) fn finish(self) -> Finished {
        self.process.finish()
    }

    /// Stops it and waits until it has ended, as it must, with 0.
    pub(crate) fn stop(self) -> Finished {
        self.signal("TERM");
        let finished = self.finish();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished
    }
}
