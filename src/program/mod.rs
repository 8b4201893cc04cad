//! What the program does when it is called.

mod control;
mod exit;
mod run;
mod serve;
mod signals;
mod trust;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use dcs_emulator::domain::service::{SERVICES, cloud_domains};
use dcs_emulator::store::sqlite::{self, Location};
use dcs_emulator::telemetry;

use crate::cli::{self, CliError, Command, HostsArgs, ServeArgs};
use crate::program::exit::{complain, fail, print};

/// How long a health check waits for its answer.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Follows the command line and returns the exit code.
pub(crate) fn main() -> ExitCode {
    let command = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let code = carry_out(command).unwrap_or_else(|error| match error {
        CliError::ReadyFile { .. } | CliError::FileExists { .. } => fail(&error, exit::FAILED),
        CliError::Config(_) | CliError::NoFile => fail(&error, exit::USAGE),
    });
    telemetry::flush();
    code
}

fn carry_out(command: Command) -> Result<ExitCode, CliError> {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Ok(fail(&error, exit::FAILED)),
    };
    Ok(match command {
        Command::Serve(ServeArgs { settings, print_config: true }) => {
            print(&settings.configuration()?.to_toml())
        }
        Command::Serve(ServeArgs { settings, .. }) => {
            runtime.block_on(serve::serve(&settings.configuration()?))
        }
        Command::Run { settings, command } => {
            runtime.block_on(run::run(&settings.configuration()?, &command))
        }
        Command::Control(control) => {
            let (server, requests) = control.invocation()?;
            control::control(&server, &requests)
        }
        Command::Healthcheck { url, settings } => healthcheck(&cli::server_url(url, settings)?),
        Command::Hosts(hosts) => print(&hosts_file(&hosts)),
        Command::Ca { settings } => match settings.configuration()?.tls().authority {
            Some(path) => trust::print_authority(&path),
            None => return Err(CliError::NoFile),
        },
        Command::Check { settings } => match settings.configuration()?.database {
            Location::File(database) => runtime.block_on(check_database(&database)),
            Location::Memory { .. } => return Err(CliError::NoFile),
        },
    })
}

/// Returns the lines of a hosts file, one a service and cloud; each ends as the help says, so that they are found again.
fn hosts_file(HostsArgs { domain, region, address }: &HostsArgs) -> String {
    let domains =
        domain.as_ref().map_or_else(|| cloud_domains(region).to_vec(), |domain| vec![domain.as_str()]);
    let lines = domains.iter().flat_map(|domain| {
        SERVICES.iter().map(move |service| {
            format!("{address} {} # dcs-emulator\n", service.hosts(region, domain).join(" "))
        })
    });
    lines.collect()
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
            let as_far_as = report.older_version.map_or_else(String::new, |version| {
                format!("; its schema is of version {version}: only pages and keys were looked through")
            });
            print(&format!(
                "{} is sound: {backups} backups, {events} events{as_far_as}\n",
                database.display()
            ))
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
