//! What the program tells its caller when it ends. The help lists them.

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use dcs_emulator::emulator::StartError;
use dcs_emulator::engine::EngineError;
use dcs_emulator::http::tls::TlsError;
use dcs_emulator::store::OpenError;
use dcs_emulator::telemetry;

pub(super) const STOPPED: u8 = 0;
pub(super) const FAILED: u8 = 1;
pub(super) const USAGE: u8 = 2;
pub(super) const ADDRESS_IN_USE: u8 = 3;
pub(super) const LOCKED: u8 = 4;
pub(super) const DAMAGED: u8 = 5;
pub(super) const NEWER: u8 = 6;
pub(super) const NOT_WRITABLE: u8 = 7;
/// The command of `run` is there and cannot be run. Shells say so too.
pub(super) const NOT_EXECUTABLE: u8 = 126;
/// There is no command of that name for `run`. Shells say so too.
pub(super) const NOT_FOUND: u8 = 127;
/// To this the number of the signal is added that ended the command of `run`. Shells do so too.
pub(super) const SIGNALLED: u8 = 128;

pub(super) fn of_start(error: &StartError) -> u8 {
    match error {
        StartError::Bind { source, .. } if source.kind() == ErrorKind::AddrInUse => ADDRESS_IN_USE,
        StartError::Open(error) => of_open(error),
        StartError::Tls(TlsError::Unwritable { .. } | TlsError::Failed(_)) => FAILED,
        StartError::Config(_)
        | StartError::Tls(_)
        | StartError::Seed(_)
        | StartError::UnreadableSeed { .. }
        | StartError::UnknownName { .. }
        | StartError::ApplySeed(EngineError::Refused(_) | EngineError::Unstorable(_)) => USAGE,
        StartError::Bind { .. }
        | StartError::Privileged { .. }
        | StartError::Thread(_)
        | StartError::ApplySeed(_)
        | StartError::Resume(_)
        | StartError::Serve(_)
        | StartError::Metrics(_) => FAILED,
    }
}

pub(super) fn of_open(error: &OpenError) -> u8 {
    match error {
        OpenError::Locked { .. } => LOCKED,
        OpenError::Damaged { .. } => DAMAGED,
        OpenError::Newer { .. } => NEWER,
        OpenError::NotWritable { .. } => NOT_WRITABLE,
        OpenError::SqliteTooOld { .. } | OpenError::Migration(_) | OpenError::Failed { .. } => FAILED,
    }
}

/// Writes to standard output. A reader that has gone is no reason to fail.
pub(super) fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    ExitCode::from(STOPPED)
}

/// Says what went wrong, with all its causes, and returns the exit code.
pub(super) fn fail(error: &dyn Error, code: u8) -> ExitCode {
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
pub(super) fn complain(text: &str) {
    telemetry::write_line(&format!("dcs-emulator: {text}"));
}
