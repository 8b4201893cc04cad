//! What the program does when it is called.

mod control;
mod exit;
mod run;
mod serve;
mod signals;

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use dcs_emulator::cli::{self, CliError, Invocation};
use dcs_emulator::store::sqlite;
use dcs_emulator::telemetry;

/// How long a health check waits for its answer.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Follows the command line and returns the exit code.
pub(crate) fn main() -> ExitCode {
    let invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(CliError::Usage(error)) => error.exit(),
        Err(error @ CliError::ReadyFile { .. }) => return fail(&error, exit::FAILED),
        Err(error) => return fail(&error, exit::USAGE),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, exit::FAILED),
    };
    let code = match invocation {
        Invocation::Serve(config) => runtime.block_on(serve::serve(&config)),
        Invocation::Run { config, command } => runtime.block_on(run::run(&config, &command)),
        Invocation::Control(server, request) => control::control(&server, &request),
        Invocation::PrintConfig(config) => print(&config.to_toml()),
        Invocation::Healthcheck { url } => healthcheck(&url),
        Invocation::Check { database } => runtime.block_on(check_database(&database)),
    };
    telemetry::flush();
    code
}

/// Asks a server whether it is ready.
fn healthcheck(url: &str) -> ExitCode {
    let agent = ureq::Agent::config_builder().timeout_global(Some(HEALTHCHECK_TIMEOUT)).proxy(None).build();
    match agent.new_agent().get(format!("{url}/readyz")).call() {
        Ok(_) => print(&format!("{url} is ready\n")),
        Err(error) => {
            complain(&format!("{url} is not ready: {error}"));
            ExitCode::from(exit::FAILED)
        }
    }
}

async fn check_database(database: &Path) -> ExitCode {
    match sqlite::check(database).await {
        Ok(report) if report.findings.is_empty() => {
            let (backups, events) = (report.backups, report.events);
            print(&format!("{} is sound: {backups} backups, {events} events\n", database.display()))
        }
        Ok(report) => {
            for finding in report.findings {
                complain(&format!("{}: {finding}", database.display()));
            }
            ExitCode::from(exit::DAMAGED)
        }
        Err(error) => fail(&error, exit::of_open(&error)),
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
    complain(&causes.join(": "));
    ExitCode::from(code)
}

/// Writes a complaint to standard error, behind the log. A reader that has gone is no reason to fail.
fn complain(text: &str) {
    telemetry::write_line(&format!("dcs-emulator: {text}"));
}
