//! The command line: commands, flags, help.

mod control;
mod settings;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use dcs_emulator::config::Config;

use control::ControlArgs;
pub(crate) use control::{ControlBody, ControlRequest, ControlServer};
pub(crate) use settings::CliError;
use settings::SettingArgs;

/// An emulator of the Distributed Cache Service (DCS)
///
/// It speaks the API of the service to its SDKs, CLIs and Terraform providers. All it knows is in one SQLite file, which survives
/// crashes and can be read with `sqlite3`.
#[derive(Parser)]
#[command(name = "dcs-emulator", version, after_help = HELP, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server (the default command)
    #[command(after_help = HELP)]
    Serve(ServeArgs),
    /// Run a server for as long as a command runs, such as: dcs-emulator run -- pytest
    #[command(override_usage = "dcs-emulator run [OPTIONS] -- COMMAND [ARGUMENTS]...", after_help = RUN_HELP)]
    Run {
        #[command(flatten)]
        settings: SettingArgs,
        /// The command and its arguments
        #[arg(value_name = "COMMAND", num_args = 1.., last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Ask a running server: its clock, faults, journal and all else below /_emulator
    Control(Box<ControlArgs>),
    /// Ask a running server whether it is ready: exit code 0 if it is, 1 if not
    Healthcheck {
        /// Where it listens; the address of --listen on this machine unless given
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Print lines for a hosts file that lead the host names of a cloud to a server
    #[command(after_help = HOSTS_HELP)]
    Hosts(HostsArgs),
    /// Print the certificate of the authority of --tls-mode self-signed, and say how clients come to trust it
    #[command(after_help = CA_HELP)]
    Ca {
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Look whether a database is sound; changes nothing. Exit code 0 if it is, 5 if not
    Check {
        #[command(flatten)]
        settings: SettingArgs,
    },
}

#[derive(Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    /// Show every setting with its value and the flag, variable or file it comes from, as a configuration file, and stop
    #[arg(long)]
    pub(crate) print_config: bool,
}

#[derive(Args)]
pub(crate) struct HostsArgs {
    /// The domain of the hosts, such as example.test; unless given, those of Open Telekom Cloud and Huawei Cloud
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub(crate) domain: Option<String>,
    /// The region of the hosts
    #[arg(long, value_name = "NAME", default_value = "eu-de", value_parser = host_name)]
    pub(crate) region: String,
    /// Where the server is
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) address: IpAddr,
}

/// A name of labels between dots.
fn host_name(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if text.len() <= 253 && text.split('.').all(is_label) {
        Ok(text.to_owned())
    } else {
        Err("must be a name of letters, digits and dashes between dots".to_owned())
    }
}

/// The defaults of the server of `run`: it keeps nothing, takes nobody's port, and leaves the terminal to the command.
const DEFAULTS_OF_RUN: [(&str, &str); 4] = [
    ("listen", "127.0.0.1:0"),
    ("tls_listen", "127.0.0.1:0"),
    ("database", "sqlite::memory:"),
    ("log_level", "warn"),
];

/// Reads the command line and the environment; a request for help is an error.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let cli = Cli::from_arg_matches(&command().try_get_matches_from(arguments)?)?;
    Ok(cli.command.unwrap_or(Command::Serve(cli.serve)))
}

/// Returns where the server is reached that a health check is about.
pub(crate) fn server_url(url: Option<String>, settings: SettingArgs) -> Result<String, CliError> {
    match url {
        Some(url) => Ok(url.trim_end_matches('/').to_owned()),
        None => Ok(url_of(&settings.configuration()?)),
    }
}

/// Returns where a server with this configuration is reached from the same machine.
fn url_of(config: &Config) -> String {
    let mut address = config.listen.clone();
    match address.host.as_str() {
        "0.0.0.0" => address.host = Ipv4Addr::LOCALHOST.to_string(),
        "::" => address.host = Ipv6Addr::LOCALHOST.to_string(),
        _ => {}
    }
    format!("http://{address}")
}

fn command() -> clap::Command {
    let run = |run: clap::Command| {
        DEFAULTS_OF_RUN
            .into_iter()
            .fold(run, |run, (name, default)| run.mut_arg(name, |argument| argument.default_value(default)))
    };
    Cli::command()
        .mut_subcommand("run", run)
        .mut_subcommand("healthcheck", |command| only(command, &["url", "listen", "config"]))
        .mut_subcommand("ca", |command| only(command, &["database", "config"]))
        .mut_subcommand("check", |command| only(command, &["database", "config"]))
}

/// Shows some arguments only. A command takes the other settings as well, so that it can be given all flags of the server.
fn only(command: clap::Command, names: &'static [&'static str]) -> clap::Command {
    command.mut_args(|argument| {
        let is_shown = names.contains(&argument.get_id().as_str());
        argument.hide(!is_shown)
    })
}

const CA_HELP: &str = "The certificate goes to standard output: dcs-emulator ca > ca.pem. The authority is made, if there is none, and kept beside \
     the database, as DATABASE.ca.pem, with its key; only its owner may read that file. A server whose database is in memory has an \
     authority of its own, which it shows: dcs-emulator control ca.";

const RUN_HELP: &str = "Unless told otherwise the server keeps its records in memory, listens on a free port of this machine and \
     logs warnings only. The command finds in its environment DCS_EMULATOR_URL, DCS_EMULATOR_CONTROL_URL, \
     DCS_EMULATOR_PROJECT_ID, what OpenStack clients and the Terraform provider opentelekomcloud read (OS_AUTH_URL, OS_USERNAME, \
     OS_PASSWORD, ...), what the Terraform provider huaweicloud reads (HW_AUTH_URL, HW_ACCESS_KEY, HW_SECRET_KEY, ...) and what \
     the Huawei Cloud SDKs read (HUAWEICLOUD_SDK_AK, _SK, _PROJECT_ID, _IAM_ENDPOINT, _REGION_DCS_...), for the first project and \
     user of the seeds; with --tls-mode self-signed also DCS_EMULATOR_TLS_URL, and in SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, \
     OS_CACERT and NODE_EXTRA_CA_CERTS a file of what is trusted. Other variables that begin with OS_, HW_ or HUAWEICLOUD_ are not \
     passed on. SIGINT and SIGTERM are.\n\n\
     The provider huaweicloud reads the URLs of services from its block only. A file dcs_emulator_override.tf beside the \
     configuration adds them to its block, with a variable that is set here:\n\n  \
     variable \"dcs_emulator_endpoints\" {\n    type = map(string)\n  }\n  \
     provider \"huaweicloud\" {\n    endpoints = var.dcs_emulator_endpoints\n  }\n\n\
     Exit codes: that of the command; 128 and the signal's number when a signal ended it; 127 when there is no such command, \
     126 when it cannot be run; those of serve when the server does not start.";

const HOSTS_HELP: &str = "Add them, and take them away again:\n  \
     dcs-emulator hosts | sudo tee -a /etc/hosts\n  \
     sudo sed -i '/# dcs-emulator$/d' /etc/hosts\n\n\
     A server that has such a host in a request answers as that service of the cloud does, whatever its port is.";

const HELP: &str = "Examples:\n  \
     dcs-emulator --demo\n  \
     dcs-emulator --listen 0.0.0.0:8637 --database sqlite://records.db --seed seeds.yaml\n  \
     DCS_EMULATOR_BACKUP_DURATION=5s dcs-emulator serve --print-config\n\n\
     Each setting is a flag, a variable and a key of the file; a flag goes before a variable, that before the file.\n\n\
     Exit codes: 0 stopped as asked, 1 failure at run time, 2 bad usage or configuration, 3 address in use, \
     4 database in use by another process, 5 database damaged, 6 database written by a newer version, 7 database not writable.";

#[cfg(test)]
mod tests {
    use dcs_emulator::store::sqlite::Location;

    use super::*;

    fn parse_words(words: &[&str]) -> Result<Command, clap::Error> {
        parse(std::iter::once("dcs-emulator").chain(words.iter().copied()).map(OsString::from))
    }

    /// Returns the configuration of `serve` and of `run`, and the command of that.
    fn configured(words: &[&str]) -> (Config, Vec<OsString>) {
        match parse_words(words) {
            Ok(Command::Serve(serve)) => (serve.settings.configuration().unwrap(), Vec::new()),
            Ok(Command::Run { settings, command }) => (settings.configuration().unwrap(), command),
            _ => panic!("{words:?}"),
        }
    }

    #[test]
    fn the_command_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn serve_is_the_default_command() {
        for words in
            [&["--demo", "--listen", "127.0.0.1:0"][..], &["serve", "--demo", "--listen", "127.0.0.1:0"]]
        {
            let (config, _) = configured(words);
            assert!(config.demo);
            assert_eq!(config.listen.port, 0);
        }
    }

    #[test]
    fn the_server_of_a_command_keeps_nothing_unless_told_otherwise() {
        let words = ["run", "--demo", "--", "pytest", "--demo", "-x"];
        let (config, command) = configured(&words);
        assert_eq!(command, ["pytest", "--demo", "-x"]);
        assert!(config.demo && matches!(config.database, Location::Memory { .. }));
        assert_eq!((config.listen.port, config.log_level.as_str()), (0, "warn"));
        let words = ["run", "--database", "a.db", "--listen", "127.0.0.1:1", "--", "true"];
        let (config, _) = configured(&words);
        assert!(matches!(config.database, Location::File(_)));
        assert_eq!(config.listen.port, 1);
    }

    #[test]
    fn seeds_can_be_repeated() {
        let (config, _) = configured(&["--seed", "a.yaml", "--seed", "-"]);
        assert_eq!(config.seed, ["a.yaml", "-"]);
    }

    #[test]
    fn a_health_check_asks_this_machine() {
        for (words, expected) in [
            (&["healthcheck"][..], "http://127.0.0.1:8637"),
            (&["healthcheck", "--listen", "0.0.0.0:80"], "http://127.0.0.1:80"),
            (&["healthcheck", "--listen", "[::]:80"], "http://[::1]:80"),
            (&["healthcheck", "--listen", "localhost:80"], "http://localhost:80"),
            (&["healthcheck", "--url", "http://h:1/"], "http://h:1"),
        ] {
            let Ok(Command::Healthcheck { url, settings }) = parse_words(words) else { panic!("{words:?}") };
            assert_eq!(server_url(url, settings).unwrap(), expected);
        }
    }

    #[test]
    fn hosts_have_names() {
        for words in [
            &["hosts", "--domain", "a b"][..],
            &["hosts", "--domain", ""],
            &["hosts", "--domain", "a..b"],
            &["hosts", "--region", "#"],
            &["hosts", "--address", "localhost"],
        ] {
            assert!(parse_words(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn bad_usage_is_refused() {
        for words in [
            &["--listne", "x"][..],
            &["--listen", "localhost"],
            &["frobnicate"],
            &["run"],
            &["run", "--"],
            &["--http-workers", "-1"],
        ] {
            let is_refused = match parse_words(words) {
                Err(_) => true,
                Ok(Command::Serve(serve)) => serve.settings.configuration().is_err(),
                Ok(_) => false,
            };
            assert!(is_refused, "{words:?}");
        }
    }
}
