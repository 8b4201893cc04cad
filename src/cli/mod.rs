//! The command line: commands, flags, help.

mod control;
mod settings;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};

use crate::config::{Config, ConfigError, ConfigFileError};
use crate::store::sqlite::Location;
pub use control::{ControlBody, ControlRequest};
use settings::{
    PRINT_CONFIG, all_arguments, config_argument, configuration, configuration_or, serve_arguments,
    setting_arguments,
};

/// What the program was asked to do.
#[derive(Debug)]
pub enum Invocation {
    /// Run the server.
    Serve(Box<Config>),
    /// Run a server for as long as a command runs.
    Run {
        /// How the server is to run.
        config: Box<Config>,
        /// The command and its arguments.
        command: Vec<OsString>,
    },
    /// Show the configuration and stop.
    PrintConfig(Box<Config>),
    /// Ask a running server whether it is ready.
    Healthcheck {
        /// Where it listens, such as `http://127.0.0.1:8637`.
        url: String,
    },
    /// Ask a running server what the control API offers.
    Control(ControlRequest),
    /// Look whether a database is sound.
    Check {
        /// The database.
        database: PathBuf,
    },
}

/// Why the command line cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// It is malformed, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// A setting has a value it cannot have.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration file cannot be used.
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    /// The server is to be found by its ready file, which cannot be read.
    #[error("no server is to be found by the ready file {}", path.display())]
    ReadyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A command needs a database in a file.
    #[error("a database in memory cannot be checked from outside; name a file with --database")]
    NoFile,
}

const URL: &str = "url";
const COMMAND: &str = "command";

/// What holds of the server of `run` unless it is told otherwise: it keeps nothing, takes nobody's port, and leaves the
/// terminal to the command.
const DEFAULTS_OF_RUN: [(&str, &str); 3] =
    [("listen", "127.0.0.1:0"), ("database", "sqlite::memory:"), ("log_level", "warn")];

/// Reads the command line, the environment and the configuration file.
///
/// # Errors
/// [`CliError`]; a request for help is one too.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, CliError> {
    let matches = command().try_get_matches_from(arguments)?;
    match matches.subcommand() {
        Some(("healthcheck", matches)) => {
            let url = match matches.get_one::<String>(URL) {
                Some(url) => url.trim_end_matches('/').to_owned(),
                None => url_of(&configuration(matches)?),
            };
            Ok(Invocation::Healthcheck { url })
        }
        Some(("check", matches)) => match configuration(matches)?.database {
            Location::File(database) => Ok(Invocation::Check { database }),
            Location::Memory { .. } => Err(CliError::NoFile),
        },
        Some(("control", matches)) => Ok(Invocation::Control(control::request(matches)?)),
        Some(("run", matches)) => Ok(Invocation::Run {
            config: Box::new(configuration_or(matches, &DEFAULTS_OF_RUN)?),
            command: matches.get_many::<OsString>(COMMAND).into_iter().flatten().cloned().collect(),
        }),
        Some((_, matches)) => serve(matches),
        None => serve(&matches),
    }
}

fn serve(matches: &ArgMatches) -> Result<Invocation, CliError> {
    let config = Box::new(configuration(matches)?);
    let print = matches.get_flag(PRINT_CONFIG);
    Ok(if print { Invocation::PrintConfig(config) } else { Invocation::Serve(config) })
}

/// Returns where a server with this configuration is reached from the same machine.
fn url_of(config: &Config) -> String {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

fn command() -> Command {
    Command::new("dcs-emulator")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A Distributed Cache Service (DCS) for when there is no cloud at hand")
        .long_about(
            "A Distributed Cache Service (DCS) for when there is no cloud at hand: its instances and backup records over its \
             own wire contract, kept in one SQLite file that survives crashes and that `sqlite3` can read.",
        )
        .after_help(EXIT_CODES)
        .args(serve_arguments())
        .args_conflicts_with_subcommands(true)
        .subcommand(
            Command::new("serve")
                .about("Run the server (the default command)")
                .after_help(EXIT_CODES)
                .args(serve_arguments()),
        )
        .subcommand(run_command())
        .subcommand(control::command())
        .subcommand(
            Command::new("healthcheck")
                .about("Ask a running server whether it is ready: exit code 0 if it is, 1 if not")
                .arg(
                    Arg::new(URL)
                        .long("url")
                        .value_name("URL")
                        .help("Where it listens; the address of --listen on this machine unless given"),
                )
                .args(setting_arguments(&["listen"]))
                .arg(config_argument()),
        )
        .subcommand(
            Command::new("check")
                .about("Look whether a database is sound; changes nothing. Exit code 0 if it is, 5 if not")
                .args(setting_arguments(&["database"]))
                .arg(config_argument()),
        )
}

fn run_command() -> Command {
    Command::new("run")
        .about("Run a server for as long as a command runs, such as: dcs-emulator run -- pytest")
        .override_usage("dcs-emulator run [OPTIONS] -- COMMAND [ARGUMENTS]...")
        .after_help(RUN_HELP)
        .args(all_arguments())
        .arg(
            Arg::new(COMMAND)
                .value_name("COMMAND")
                .help("The command and its arguments")
                .value_parser(clap::value_parser!(OsString))
                .num_args(1..)
                .last(true)
                .required(true),
        )
}

const RUN_HELP: &str = "Unless told otherwise the server keeps its records in memory, listens on a free port of this machine and \
     logs warnings only. The command finds in its environment DCS_EMULATOR_URL, DCS_EMULATOR_CONTROL_URL, \
     DCS_EMULATOR_PROJECT_ID, what OpenStack clients read (OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, ...) and what the Huawei \
     Cloud SDK reads (HUAWEICLOUD_SDK_AK, _SK, _PROJECT_ID, _IAM_ENDPOINT, _REGION_DCS_...), for the first project and user of \
     the seeds; other variables that begin with OS_ or HUAWEICLOUD_SDK_ are not passed on. SIGINT and SIGTERM are.\n\n\
     Exit codes: that of the command; 128 and the signal's number when a signal ended it; 127 when there is no such command, \
     126 when it cannot be run; those of serve when the server does not start.";

const EXIT_CODES: &str = "Exit codes: 0 stopped as asked, 1 failure at run time, 2 bad usage or configuration, 3 address in use, \
     4 database in use by another process, 5 database damaged, 6 database written by a newer version, 7 database not writable.\n\n\
     Each setting is a flag, a variable and a key of the file; a flag goes before a variable, that before the file.";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Invocation, CliError> {
        parse(std::iter::once("dcs-emulator").chain(words.iter().copied()).map(OsString::from))
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
            let Ok(Invocation::Serve(config)) = parse_words(words) else { panic!("{words:?}") };
            assert!(config.demo);
            assert_eq!(config.listen.port(), 0);
        }
    }

    #[test]
    fn the_server_of_a_command_keeps_nothing_unless_told_otherwise() {
        let words = ["run", "--demo", "--", "pytest", "--demo", "-x"];
        let Ok(Invocation::Run { config, command }) = parse_words(&words) else { panic!() };
        assert_eq!(command, ["pytest", "--demo", "-x"]);
        assert!(config.demo && matches!(config.database, Location::Memory { .. }));
        assert_eq!((config.listen.port(), config.log_level.as_str()), (0, "warn"));
        let words = ["run", "--database", "a.db", "--listen", "127.0.0.1:1", "--", "true"];
        let Ok(Invocation::Run { config, .. }) = parse_words(&words) else { panic!() };
        assert!(matches!(config.database, Location::File(_)));
        assert_eq!(config.listen.port(), 1);
    }

    #[test]
    fn seeds_can_be_repeated() {
        let Ok(Invocation::Serve(config)) = parse_words(&["--seed", "a.yaml", "--seed", "-"]) else {
            panic!()
        };
        assert_eq!(config.seeds, ["a.yaml", "-"]);
    }

    #[test]
    fn a_health_check_asks_this_machine() {
        for (words, expected) in [
            (&["healthcheck"][..], "http://127.0.0.1:8637"),
            (&["healthcheck", "--listen", "0.0.0.0:80"], "http://127.0.0.1:80"),
            (&["healthcheck", "--url", "http://h:1/"], "http://h:1"),
        ] {
            let Ok(Invocation::Healthcheck { url }) = parse_words(words) else { panic!("{words:?}") };
            assert_eq!(url, expected);
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
            assert!(parse_words(words).is_err(), "{words:?}");
        }
    }
}
