//! The program: parse → telemetry → start → ready line → run until signalled → exit code.

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use dcs_emulator::cli::{self, CliError, Invocation};
use dcs_emulator::config::Config;
use dcs_emulator::emulator::{Emulator, ReadyFile, StartError, Surroundings};
use dcs_emulator::engine::EngineError;
use dcs_emulator::store::OpenError;
use dcs_emulator::store::sqlite::check;
use dcs_emulator::telemetry;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a health check waits for its answer.
const HEALTHCHECK_PATIENCE: Duration = Duration::from_secs(5);

/// What the program tells its caller when it ends. The help lists them.
mod exit {
    pub(crate) const STOPPED: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const ADDRESS_IN_USE: u8 = 3;
    pub(crate) const LOCKED: u8 = 4;
    pub(crate) const DAMAGED: u8 = 5;
    pub(crate) const NEWER: u8 = 6;
    pub(crate) const NOT_WRITABLE: u8 = 7;
}

fn main() -> ExitCode {
    let invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(CliError::Usage(error)) => error.exit(),
        Err(error) => return fail(&error, exit::USAGE),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, exit::FAILED),
    };
    match invocation {
        Invocation::Serve(config) => runtime.block_on(serve(&config)),
        Invocation::PrintConfig(config) => print(&config.to_toml()),
        Invocation::Healthcheck { url } => healthcheck(&url),
        Invocation::Check { database } => runtime.block_on(check_database(&database)),
    }
}

async fn serve(config: &Config) -> ExitCode {
    telemetry::start(config.log_format, &config.log_level);
    // As many connections as the system lets one have.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(error = %error, "the limit to open files stays as it is");
    }
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&error, exit::FAILED),
    };
    let started = tokio::select! {
        started = Emulator::start(config, Surroundings::system()) => started,
        () = signals.next() => return ExitCode::from(exit::STOPPED),
    };
    let mut emulator = match started {
        Ok(emulator) => emulator,
        Err(error) => return fail(&error, start_failure(&error)),
    };
    let url = emulator.url();
    print(&format!("dcs-emulator ready on {url}\n"));
    let ready_file = match config.ready_file.as_deref().map(|path| ReadyFile::write(path, &url)).transpose() {
        Ok(ready_file) => ready_file,
        Err(error) => {
            emulator.stop().await;
            return fail(&error, exit::FAILED);
        }
    };
    if config.demo {
        show_demo_request(&url);
    }
    tokio::select! {
        error = emulator.failed() => return fail(&error, exit::FAILED),
        () = signals.next() => {}
    }
    tracing::info!("stopping: requests in flight are finished; a second signal ends at once");
    tokio::select! {
        () = emulator.stop() => {}
        () = signals.next() => return ExitCode::from(exit::FAILED),
    }
    drop(ready_file);
    ExitCode::from(exit::STOPPED)
}

/// What a process is sent that writes past the limit to the size of its files (`ulimit -f`): everywhere this number.
const FILE_SIZE_EXCEEDED: i32 = 25;

/// The signals that ask the program to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        // Once somebody listens it ends the process no more: the write fails, as it does on a full disk.
        let _heard_by_nobody = signal(SignalKind::from_raw(FILE_SIZE_EXCEEDED))?;
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn start_failure(error: &StartError) -> u8 {
    match error {
        StartError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse => exit::ADDRESS_IN_USE,
        StartError::Open(error) => open_failure(error),
        StartError::Seed(_)
        | StartError::UnreadableSeed { .. }
        | StartError::ApplySeed(EngineError::Refused(_) | EngineError::Unstorable(_)) => exit::USAGE,
        StartError::Bind { .. }
        | StartError::ApplySeed(_)
        | StartError::Resume(_)
        | StartError::Serve(_)
        | StartError::Metrics(_) => exit::FAILED,
    }
}

fn open_failure(error: &OpenError) -> u8 {
    match error {
        OpenError::Locked { .. } => exit::LOCKED,
        OpenError::Damaged { .. } => exit::DAMAGED,
        OpenError::Newer { .. } => exit::NEWER,
        OpenError::NotWritable { .. } => exit::NOT_WRITABLE,
        OpenError::SqliteTooOld { .. } | OpenError::Migration(_) | OpenError::Failed { .. } => exit::FAILED,
    }
}

fn show_demo_request(url: &str) {
    eprintln!(
        "\nTry it: record a backup of the demo's master/standby instance, then list its backups:\n\n  \
         curl -X POST {url}/v1.0/885cacf2d49d4bb6931ae668e9c07553/instances/5560df16-cebf-4473-95c4-d1b573c16e79/backups \
         -H 'Content-Type: application/json' -d '{{\"remark\": \"nightly\"}}'\n  \
         curl {url}/v1.0/885cacf2d49d4bb6931ae668e9c07553/instances/5560df16-cebf-4473-95c4-d1b573c16e79/backups\n"
    );
}

fn healthcheck(url: &str) -> ExitCode {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(HEALTHCHECK_PATIENCE))
        .proxy(None)
        .build()
        .new_agent();
    match agent.get(format!("{url}/readyz")).call() {
        Ok(_) => print(&format!("{url} is ready\n")),
        Err(error) => {
            eprintln!("dcs-emulator: {url} is not ready: {error}");
            ExitCode::from(exit::FAILED)
        }
    }
}

async fn check_database(database: &Path) -> ExitCode {
    match check(database).await {
        Ok(report) if report.findings.is_empty() => {
            let (backups, events) = (report.backups, report.events);
            print(&format!("{} is sound: {backups} backups, {events} events\n", database.display()))
        }
        Ok(report) => {
            for finding in report.findings {
                eprintln!("dcs-emulator: {}: {finding}", database.display());
            }
            ExitCode::from(exit::DAMAGED)
        }
        Err(error) => fail(&error, open_failure(&error)),
    }
}

/// Writes to standard output. A reader that has gone is no reason to fail.
fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    ExitCode::from(exit::STOPPED)
}

/// Says what went wrong, with all its causes, and returns the exit code.
fn fail(error: &dyn Error, code: u8) -> ExitCode {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    eprintln!("dcs-emulator: {}", causes.join(": "));
    ExitCode::from(code)
}
