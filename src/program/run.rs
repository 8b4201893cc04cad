//! `run -- COMMAND`: a server for as long as a command runs.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};

use dcs_emulator::config::Config;
use dcs_emulator::domain::identity::Secret;
use dcs_emulator::domain::service::{SERVICES, Service};
use dcs_emulator::emulator::{Emulator, ReadyFile};
use tokio::process::{Child, Command};

use crate::program::exit::{self, complain, fail};
use crate::program::serve;
use crate::program::signals::{Signals, StopSignal};
use crate::program::trust::TrustedFile;

/// Variables that begin so lead clients to a cloud, or name who they are there. Those of the caller are not passed on: a
/// test must not reach a real cloud because of one that was forgotten.
const LEADING_ELSEWHERE: [&str; 3] = ["OS_", "HW_", "HUAWEICLOUD_"];
/// Programs whose provider `huaweicloud` takes the URLs of services from its block only.
const TERRAFORM: [&str; 2] = ["terraform", "tofu"];
/// Where the control API is.
const CONTROL_URL: &str = "DCS_EMULATOR_CONTROL_URL";
/// Where everything is by HTTPS.
const TLS_URL: &str = "DCS_EMULATOR_TLS_URL";

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
    let trusted = match TrustedFile::write(&emulator) {
        Ok(trusted) => trusted,
        Err(error) => return fail(&error, exit::FAILED),
    };
    run_beside(emulator, config, trusted, command, &mut signals).await
}

async fn run_beside(
    mut emulator: Emulator,
    config: &Config,
    trusted: Option<TrustedFile>,
    command: &[OsString],
    signals: &mut Signals,
) -> ExitCode {
    let [program, arguments @ ..] = command else { return ExitCode::from(exit::USAGE) };
    let mut command = Command::new(program);
    command.args(arguments);
    point_to(&mut command, &emulator, config);
    if Path::new(program).file_stem().is_some_and(|stem| TERRAFORM.iter().any(|name| stem == *name)) {
        show_endpoints(&emulator.url());
    }
    command.envs(trusted.iter().flat_map(TrustedFile::variables));
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
    // Those of the caller are another server's.
    command.env_remove(CONTROL_URL).env_remove(TLS_URL);
    command.envs(variables(emulator, config));
}

/// Says what the block of the provider `huaweicloud` must have, for which there is no variable.
fn show_endpoints(url: &str) {
    let endpoints: Vec<String> =
        SERVICES.iter().map(|service| format!("{} = \"{url}\"", service.label())).collect();
    complain(&format!(
        "the provider huaweicloud needs in its block: endpoints = {{ {} }}; or endpoints = var.dcs_emulator_endpoints, \
         a map(string) that is set. Neither it nor the provider opentelekomcloud needs auth_url, which a variable sets",
        endpoints.join(", ")
    ));
}

fn variables(emulator: &Emulator, config: &Config) -> Vec<(String, String)> {
    let url = emulator.url();
    let auth_url = format!("{url}/v3");
    let region = &config.region;
    let credentials = emulator.credentials();
    let (project, domain) = (credentials.project_id.to_string(), credentials.domain.id.to_string());
    let mut variables = vec![
        ("DCS_EMULATOR_URL", url.clone()),
        ("DCS_EMULATOR_PROJECT_ID", project.clone()),
        ("OS_AUTH_URL", auth_url.clone()),
        ("OS_IDENTITY_API_VERSION", "3".to_owned()),
        ("OS_REGION_NAME", region.clone()),
        ("OS_PROJECT_ID", project.clone()),
        ("HW_AUTH_URL", auth_url),
        ("HW_REGION_NAME", region.clone()),
        ("HW_PROJECT_ID", project.clone()),
        // Without it the provider asks for it at a host of the cloud.
        ("HW_DOMAIN_ID", domain.clone()),
        // The provider asks hosts of the cloud, whatever its block says.
        ("SKIP_CHECK_WEBSITE_TYPE", "true".to_owned()),
        ("SKIP_CHECK_UPGRADE", "true".to_owned()),
        ("HUAWEICLOUD_SDK_PROJECT_ID", project),
        ("HUAWEICLOUD_SDK_DOMAIN_ID", domain),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT", url.clone()),
    ];
    let password = credentials.password.as_ref().map(Secret::expose);
    if let Some(password) = password {
        variables.extend([
            ("OS_USERNAME", credentials.user_name.clone()),
            ("OS_PASSWORD", password.to_owned()),
            ("OS_USER_DOMAIN_NAME", credentials.domain.name.clone()),
        ]);
    }
    if let Some((access, secret)) = &credentials.access_key {
        let mut names =
            vec![("HW_ACCESS_KEY", "HW_SECRET_KEY"), ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")];
        // The clients that read them use a key before a password, with more requests to log in.
        names.extend(password.is_none().then_some(("OS_ACCESS_KEY", "OS_SECRET_KEY")));
        for (name_of_access, name_of_secret) in names {
            variables.push((name_of_access, access.clone()));
            variables.push((name_of_secret, secret.expose().to_owned()));
        }
    }
    variables.extend(emulator.control_url().map(|url| (CONTROL_URL, url)));
    variables.extend(emulator.tls_url().map(|url| (TLS_URL, url)));
    if let Some(token) = &config.control_token {
        variables.push(("DCS_EMULATOR_CONTROL_TOKEN", token.expose().to_owned()));
    }
    let mut variables: Vec<(String, String)> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    // As the SDKs look for a region: the names in capitals, what is neither letter nor digit as an underscore.
    let of_region = |service: &Service| {
        let name = format!("HUAWEICLOUD_SDK_REGION_{}_{region}", service.label());
        (name.to_uppercase().replace('-', "_"), url.clone())
    };
    variables.extend(SERVICES.iter().map(of_region));
    let endpoints: serde_json::Map<_, _> =
        SERVICES.iter().map(|service| (service.label().to_owned(), url.clone().into())).collect();
    // Terraform passes it over where no configuration declares it.
    variables
        .push(("TF_VAR_dcs_emulator_endpoints".to_owned(), serde_json::Value::Object(endpoints).to_string()));
    variables
}
