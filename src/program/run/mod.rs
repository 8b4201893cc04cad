//! `run -- COMMAND`: a server for as long as a command runs.

mod environment;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{ExitCode, ExitStatus};

use dcs_emulator::config::Config;
use dcs_emulator::emulator::{Dependencies, Emulator, ReadyFile};
use tokio::process::{Child, Command};

use crate::program::signals::{Signals, StopSignal};
use crate::program::{complain, exit, fail, serve};

/// Starts a server, runs the command with the server's address in its environment, and stops. Returns the exit code of the
/// command.
pub(super) async fn run(config: &Config, command: &[OsString]) -> ExitCode {
    serve::start_log(config);
    serve::raise_limit_of_open_files();
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&error, exit::FAILED),
    };
    if let Some(path) = &config.ready_file
        && let Err(error) = ReadyFile::remove_stale(path)
    {
        return fail(&error, exit::FAILED);
    }
    let started = tokio::select! {
        started = Emulator::start(config, Dependencies::system()) => started,
        signal = signals.next() => return ExitCode::from(exit::SIGNALLED + signal.number()),
    };
    let emulator = match started {
        Ok(emulator) => emulator,
        Err(error) => return fail(&error, exit::of_start(&error)),
    };
    let ready_file = config.ready_file.as_deref().map(|path| ReadyFile::write(path, &emulator));
    let _ready_file = match ready_file.transpose() {
        Ok(ready_file) => ready_file,
        Err(error) => return fail(&error, exit::FAILED),
    };
    run_beside(emulator, config, command, &mut signals).await
}

async fn run_beside(
    mut emulator: Emulator,
    config: &Config,
    command: &[OsString],
    signals: &mut Signals,
) -> ExitCode {
    let [program, arguments @ ..] = command else { return ExitCode::from(exit::USAGE) };
    let mut command = Command::new(program);
    command.args(arguments);
    environment::point_to(&mut command, &emulator, config);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::NotFound => exit::NOT_FOUND,
                ErrorKind::PermissionDenied => exit::NOT_EXECUTABLE,
                _ => exit::FAILED,
            };
            complain(&format!("cannot run {}: {error}", program.display()));
            return ExitCode::from(code);
        }
    };
    let mut server_failed = false;
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended,
            signal = signals.next() => pass_on(signal, &mut child),
            error = emulator.failed(), if !server_failed => {
                server_failed = true;
                fail(&error, exit::FAILED);
                pass_on(StopSignal::Terminate, &mut child);
            }
        }
    };
    match ended {
        Ok(_) if server_failed => ExitCode::from(exit::FAILED),
        Ok(status) => ExitCode::from(code_of(status)),
        Err(error) => fail(&error, exit::FAILED),
    }
}

/// Sends a signal on to the command, which ends the program when it ends.
#[cfg(unix)]
fn pass_on(signal: StopSignal, child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process};

    if signal == StopSignal::Interrupt && is_in_foreground() {
        // It came from the keyboard, and went to the command as well.
        return;
    }
    let signal = match signal {
        StopSignal::Terminate => Signal::TERM,
        StopSignal::Interrupt => Signal::INT,
    };
    // Without an id it has ended. Its number is its own until it has been waited for.
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(id) = id
        && let Err(error) = kill_process(id, signal)
    {
        tracing::warn!(error = %error, "the signal did not reach the command");
    }
}

/// Ends the command, unless the keyboard has told it to stop: where there are no signals.
#[cfg(not(unix))]
fn pass_on(signal: StopSignal, child: &mut Child) {
    if signal == StopSignal::Terminate
        && let Err(error) = child.start_kill()
    {
        tracing::warn!(error = %error, "the command cannot be ended");
    }
}

/// Returns whether the keyboard's signals go to this process, and to the command with it.
#[cfg(unix)]
fn is_in_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| rustix::termios::tcgetpgrp(terminal) == Ok(rustix::process::getpgrp()))
}

/// Returns the exit code of a command as shells have it.
fn code_of(status: ExitStatus) -> u8 {
    let number = |code: i32| u8::try_from(code).unwrap_or(exit::FAILED);
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return exit::SIGNALLED.saturating_add(number(signal));
    }
    status.code().map_or(exit::FAILED, number)
}
