//! `run -- COMMAND`: a server for as long as a command runs.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::{ExitCode, ExitStatus};

use dcs_emulator::config::Config;
use dcs_emulator::emulator::{Emulator, ReadyFile};
use tokio::process::{Child, Command};

use crate::program::exit::{self, complain, fail};
use crate::program::serve;
use crate::program::signals::{Signals, StopSignal};

/// Variables that begin so lead clients to a cloud, or name who they are there. Those of the caller are not passed on: a
/// test must not reach a real cloud because of one that was forgotten.
const LEADING_ELSEWHERE: [&str; 2] = ["OS_", "HUAWEICLOUD_SDK_"];
/// Where the control API is.
const CONTROL_URL: &str = "DCS_EMULATOR_CONTROL_URL";

/// Starts a server, runs the command with the server's address in its environment, and stops. Returns the exit code of the
/// command.
pub(super) async fn run(config: &Config, command: &[OsString]) -> ExitCode {
    let (emulator, mut signals) = match serve::start(config, |signal| exit::SIGNALLED + signal.number()).await
    {
        Ok(started) => started,
        Err(code) => return code,
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
    point_to(&mut command, &emulator, config);
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

/// Points the clients that a command may use to an emulator.
fn point_to(command: &mut Command, emulator: &Emulator, config: &Config) {
    for (name, _) in std::env::vars_os() {
        if LEADING_ELSEWHERE.iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
            command.env_remove(name);
        }
    }
    // That of the caller is another server's.
    command.env_remove(CONTROL_URL);
    command.envs(variables(emulator, config));
}

fn variables(emulator: &Emulator, config: &Config) -> Vec<(String, String)> {
    let url = emulator.url();
    let region = &config.region;
    let credentials = emulator.credentials();
    let project = credentials.project_id.to_string();
    // As the SDK looks for a region: its name in capitals, what is neither letter nor digit as an underscore.
    let sdk_region = region.to_uppercase().replace('-', "_");
    let mut variables = vec![
        ("DCS_EMULATOR_URL".to_owned(), url.clone()),
        ("DCS_EMULATOR_PROJECT_ID".to_owned(), project.clone()),
        ("OS_AUTH_URL".to_owned(), format!("{url}/v3")),
        ("OS_IDENTITY_API_VERSION".to_owned(), "3".to_owned()),
        ("OS_REGION_NAME".to_owned(), region.clone()),
        ("OS_PROJECT_ID".to_owned(), project.clone()),
        ("HUAWEICLOUD_SDK_PROJECT_ID".to_owned(), project),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT".to_owned(), url.clone()),
        (format!("HUAWEICLOUD_SDK_REGION_DCS_{sdk_region}"), url),
    ];
    if let Some(password) = &credentials.password {
        variables.extend([
            ("OS_USERNAME".to_owned(), credentials.user_name.clone()),
            ("OS_PASSWORD".to_owned(), password.expose().to_owned()),
            ("OS_USER_DOMAIN_NAME".to_owned(), credentials.domain.name.clone()),
        ]);
    }
    if let Some((access, secret)) = &credentials.access_key {
        variables.extend([
            ("HUAWEICLOUD_SDK_AK".to_owned(), access.clone()),
            ("HUAWEICLOUD_SDK_SK".to_owned(), secret.expose().to_owned()),
        ]);
    }
    variables.extend(emulator.control_url().map(|url| (CONTROL_URL.to_owned(), url)));
    if let Some(token) = &config.control_token {
        variables.push(("DCS_EMULATOR_CONTROL_TOKEN".to_owned(), token.expose().to_owned()));
    }
    variables
}
