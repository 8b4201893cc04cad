//! The command line: commands, flags, help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{self, Config, ConfigError, ConfigFileError, Given, GivenSettings, Origin, SETTINGS};
use crate::store::sqlite::Location;

/// What the program was asked to do.
#[derive(Debug)]
pub enum Invocation {
    /// Run the server.
    Serve(Box<Config>),
    /// Show the configuration and stop.
    PrintConfig(Box<Config>),
    /// Ask a running server whether it is ready.
    Healthcheck {
        /// Where it listens, such as `http://127.0.0.1:8637`.
        url: String,
    },
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
    /// A command needs a database in a file.
    #[error("a database in memory cannot be checked from outside; name a file with --database")]
    NoFile,
}

const CONFIG: &str = "config";
const PRINT_CONFIG: &str = "print-config";
const URL: &str = "url";

/// Reads the command line, the environment and the configuration file.
///
/// # Errors
/// [`CliError`]; a wish for help is one too.
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

/// Gathers the settings: what flags and variables do not set comes from the file.
fn configuration(matches: &ArgMatches) -> Result<Config, CliError> {
    let mut given = match matches.get_one::<PathBuf>(CONFIG) {
        Some(path) => config::read_file(path)?,
        None => GivenSettings::new(),
    };
    for setting in &SETTINGS {
        // A command that does not take a setting does not know its flag.
        let Ok(Some(values)) = matches.try_get_many::<String>(setting.key) else { continue };
        let values: Vec<String> = values.cloned().collect();
        let given_here = match matches.value_source(setting.key) {
            Some(ValueSource::EnvVariable) => {
                let texts = values.iter().flat_map(|text| texts_of_variable(setting.key, text)).collect();
                Given { texts, origin: Origin::Variable }
            }
            _ => Given { texts: values, origin: Origin::Flag },
        };
        given.insert(setting.key, given_here);
    }
    Ok(Config::new(given)?)
}

/// A variable holds one value; that of the repeatable setting holds several between commas.
fn texts_of_variable(key: &str, text: &str) -> Vec<String> {
    if key == "seed" { text.split(',').map(str::to_owned).collect() } else { vec![text.to_owned()] }
}

fn command() -> Command {
    let all: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    Command::new("dcs-emulator")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A Distributed Cache Service (DCS) for when there is no cloud at hand")
        .long_about(
            "A Distributed Cache Service (DCS) for when there is no cloud at hand: its instances and backup records over its \
             own wire contract, kept in one SQLite file that survives crashes and that `sqlite3` can read.",
        )
        .after_help(EXIT_CODES)
        .args(serve_arguments(&all))
        .args_conflicts_with_subcommands(true)
        .subcommand(
            Command::new("serve")
                .about("Run the server (the default command)")
                .after_help(EXIT_CODES)
                .args(serve_arguments(&all)),
        )
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

const EXIT_CODES: &str = "Exit codes: 0 stopped as asked, 1 failure at run time, 2 bad usage or configuration, 3 address in use, \
     4 database in use by another process, 5 database damaged, 6 database written by a newer version, 7 database not writable.\n\n\
     Each setting is a flag, a variable and a key of the file; a flag goes before a variable, that before the file.";

fn serve_arguments(keys: &[&str]) -> Vec<Arg> {
    let mut arguments = setting_arguments(keys);
    arguments.push(config_argument());
    arguments.push(
        Arg::new(PRINT_CONFIG)
            .long(PRINT_CONFIG)
            .action(ArgAction::SetTrue)
            .help("Show every setting with its value and origin, as a configuration file, and stop"),
    );
    arguments
}

fn setting_arguments(keys: &[&str]) -> Vec<Arg> {
    SETTINGS
        .iter()
        .filter(|setting| keys.contains(&setting.key))
        .map(|setting| {
            let default = if setting.default.is_empty() {
                String::new()
            } else {
                format!(" [default: {}]", setting.default)
            };
            let argument = Arg::new(setting.key)
                .long(setting.flag())
                .env(setting.variable())
                .hide_env_values(true)
                .value_name(setting.value)
                .help(format!("{}{default}", setting.help));
            match setting.value {
                // `--demo` alone says true.
                "true|false" => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
                _ if setting.key == "seed" => argument.action(ArgAction::Append),
                _ => argument,
            }
        })
        .collect()
}

fn config_argument() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .env("DCS_EMULATOR_CONFIG")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("TOML file of settings")
}

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
        for words in
            [&["--listne", "x"][..], &["--listen", "localhost"], &["frobnicate"], &["--http-workers", "-1"]]
        {
            assert!(parse_words(words).is_err(), "{words:?}");
        }
    }
}
