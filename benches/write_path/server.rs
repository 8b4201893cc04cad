//! Servers under measurement: child processes that say on standard output where they listen.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::floors::Floor;

/// The real server: the release binary, built in the same profile as this benchmark.
const BINARY: &str = env!("CARGO_BIN_EXE_dcs-emulator");

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Where it speaks HTTPS, if it does.
    pub(crate) tls_address: Option<SocketAddr>,
    /// From the start of the process to its ready line.
    pub(crate) took_to_start: Duration,
}

/// What a process holds in memory, in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) most: f64,
}

impl Server {
    /// Starts the real server on a file, seeded if `seed` names a seed.
    pub(crate) fn real(database: &Path, seed: Option<&Path>) -> Outcome<Self> {
        let mut command = Self::serving(database);
        if let Some(seed) = seed {
            command.arg("--seed").arg(seed);
        }
        Self::start(command)
    }

    /// Starts the real server on a file without its journal of requests.
    pub(crate) fn without_journal(database: &Path) -> Outcome<Self> {
        let mut command = Self::serving(database);
        command.args(["--journal-limit", "0"]);
        Self::start(command)
    }

    /// Starts the real server on a file, with HTTPS beside plain HTTP.
    pub(crate) fn with_https(database: &Path) -> Outcome<Self> {
        let mut command = Self::serving(database);
        command.args(["--tls-mode", "self-signed", "--tls-listen", "127.0.0.1:0"]);
        Self::start(command)
    }

    /// Starts another binary of the server on a file of its own.
    pub(crate) fn of(binary: &Path, database: &Path, seed: &Path) -> Outcome<Self> {
        let mut command = Self::serving_by(binary, database);
        command.arg("--seed").arg(seed);
        Self::start(command)
    }

    /// Starts the real server on a database and a seed, and lets in only who has good credentials.
    pub(crate) fn strict(database: &Path, seed: &Path) -> Outcome<Self> {
        let mut command = Self::serving(database);
        command.args(["--auth", "strict", "--seed"]).arg(seed);
        Self::start(command)
    }

    /// Starts the real server on a database that is named by a URL, and a seed.
    pub(crate) fn of_seed(database: &str, seed: &Path) -> Outcome<Self> {
        Self::real(Path::new(database), Some(seed))
    }

    fn serving(database: &Path) -> Command {
        Self::serving_by(Path::new(BINARY), database)
    }

    fn serving_by(binary: &Path, database: &Path) -> Command {
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--database"]).arg(database);
        command
    }

    /// Starts one of the servers that the real one is compared with.
    pub(crate) fn floor(floor: Floor, database: Option<&Path>) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--floor", floor.as_str()]);
        if let Some(database) = database {
            command.arg("--database").arg(database);
        }
        Self::start(command)
    }

    fn start(mut command: Command) -> Outcome<Self> {
        let started = Instant::now();
        // Settings of the developer's own environment must not reach the server.
        let mut child = command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("a child without standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let took_to_start = started.elapsed();
        let behind = |scheme: &str| {
            let (_, rest) = line.split_once(scheme)?;
            rest.split_whitespace().next()?.parse().ok()
        };
        let Some(address) = behind("http://") else {
            let _ = child.kill();
            return Err(format!("a server did not start: {:?}", child.wait()?).into());
        };
        Ok(Self { child, address, tls_address: behind("https://"), took_to_start })
    }

    /// Asks the server to stop and waits until it has: then the database is one whole file.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").arg(pid).status()?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }

    /// Returns the CPU time that the server has had, in seconds (Linux only; else not a number).
    pub(crate) fn cpu_time(&self) -> f64 {
        /// How many ticks a second the system counts, on every Linux that there is.
        const TICKS: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name of the program, which comes before, may have blanks.
        let numbers = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let ticks = |at: usize| numbers.split(' ').nth(at).and_then(|text| text.parse::<f64>().ok());
        ticks(11).zip(ticks(12)).map_or(f64::NAN, |(user, system)| (user + system) / TICKS)
    }

    /// Returns what the server holds in memory (Linux only; else not numbers).
    pub(crate) fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let mebibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
            kibibytes.map_or(f64::NAN, |kibibytes| kibibytes / 1024.0)
        };
        Memory { now: mebibytes("VmRSS:"), most: mebibytes("VmHWM:") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
