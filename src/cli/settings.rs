//! Settings as flags and variables, and what was given of them.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use crate::cli::CliError;
use crate::config::{self, Config, Given, GivenSettings, Origin, SETTINGS, Setting};

const CONFIG: &str = "config";
pub(super) const PRINT_CONFIG: &str = "print-config";

/// Gathers the settings: what flags and variables do not set comes from the file.
pub(super) fn configuration(matches: &ArgMatches) -> Result<Config, CliError> {
    configuration_or(matches, &[])
}

/// Gathers the settings for a command that has defaults of its own for some, by key.
pub(super) fn configuration_or(
    matches: &ArgMatches,
    defaults: &[(&'static str, &str)],
) -> Result<Config, CliError> {
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
                let texts = values.iter().flat_map(|text| texts_of_variable(setting, text)).collect();
                Given { texts, origin: Origin::Variable }
            }
            _ => Given { texts: values, origin: Origin::Flag },
        };
        given.insert(setting.key, given_here);
    }
    for (key, text) in defaults {
        given
            .entry(key)
            .or_insert_with(|| Given { texts: vec![(*text).to_owned()], origin: Origin::Default });
    }
    Ok(Config::new(given)?)
}

/// A variable holds one value; that of a repeatable setting holds several between commas.
fn texts_of_variable(setting: &Setting, text: &str) -> Vec<String> {
    if setting.is_list() { text.split(',').map(str::to_owned).collect() } else { vec![text.to_owned()] }
}

/// Returns all settings as arguments, and the file.
pub(super) fn all_arguments() -> Vec<Arg> {
    let all: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
    let mut arguments = setting_arguments(&all);
    arguments.push(config_argument());
    arguments
}

/// Returns the arguments of `serve`.
pub(super) fn serve_arguments() -> Vec<Arg> {
    let mut arguments = all_arguments();
    arguments.push(
        Arg::new(PRINT_CONFIG)
            .long(PRINT_CONFIG)
            .action(ArgAction::SetTrue)
            .help("Show every setting with its value and origin, as a configuration file, and stop"),
    );
    arguments
}

/// Returns some settings, by key, as arguments.
pub(super) fn setting_arguments(keys: &[&str]) -> Vec<Arg> {
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
                _ if setting.is_list() => argument.action(ArgAction::Append),
                _ => argument,
            }
        })
        .collect()
}

pub(super) fn config_argument() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .env("DCS_EMULATOR_CONFIG")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("TOML file of settings")
}
