//! What the program does when it is called: one file a command.

mod check;
mod control;
mod exit;
mod healthcheck;
mod run;
mod serve;
mod signals;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use dcs_emulator::cli::{self, CliError, Invocation};
use dcs_emulator::telemetry;

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
        Invocation::Control(request) => control::control(&request),
        Invocation::PrintConfig(config) => print(&config.to_toml()),
        Invocation::Healthcheck { url } => healthcheck::healthcheck(&url),
        Invocation::Check { database } => runtime.block_on(check::check_database(&database)),
    };
    telemetry::flush();
    code
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
