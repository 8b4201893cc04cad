//! Settings as flags and variables, and the file that has the others.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use dcs_emulator::config::{self, Config, ConfigError, Given, GivenSettings, Origin, SETTINGS};

const CONFIG: &str = "config";

/// Why the command line cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server is to be found by its ready file, which cannot be read.
    #[error("no server is to be found by the ready file {}", path.display())]
    ReadyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file would be replaced.
    #[error("{} exists; --force replaces it", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// A command needs a database in a file.
    #[error(
        "a database in memory cannot be looked at from outside; name a file with --database, or ask the server by dcs-emulator control"
    )]
    NoFile,
}

/// The flags of all settings and what they were given, by the command line or by variables.
pub(crate) struct SettingArgs {
    given: GivenSettings,
    config_file: Option<PathBuf>,
}

impl SettingArgs {
    /// Reads the configuration: what flags and variables do not set comes from the file, else it has its default.
    pub(crate) fn configuration(self) -> Result<Config, CliError> {
        let Self { mut given, config_file } = self;
        if let Some(path) = config_file {
            for (key, in_file) in config::read_file(&path)? {
                if given.get(&key).is_none_or(|given| given.origin == Origin::Default) {
                    given.insert(key, in_file);
                }
            }
        }
        Ok(Config::new(given)?)
    }
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .env("DCS_EMULATOR_CONFIG")
            .hide_env_values(true)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("TOML file of settings");
        command.args(SETTINGS.iter().map(|setting| setting.argument.clone())).arg(config)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = GivenSettings::new();
        for setting in SETTINGS.iter() {
            let name = setting.argument.get_id().as_str();
            let texts = matches.get_many::<String>(name).into_iter().flatten().cloned();
            let (texts, origin) = match matches.value_source(name) {
                // A variable holds one text; that of a list holds several between commas.
                Some(ValueSource::EnvVariable) if setting.is_list() => {
                    let texts = texts.flat_map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
                    (texts.collect(), Origin::Variable)
                }
                Some(ValueSource::EnvVariable) => (texts.collect(), Origin::Variable),
                Some(ValueSource::CommandLine) => (texts.collect(), Origin::Flag),
                // A command may have a default of its own.
                Some(_) => (texts.collect(), Origin::Default),
                None => continue,
            };
            given.insert(setting.key.clone(), Given { texts, origin });
        }
        Ok(Self { given, config_file: matches.get_one::<PathBuf>(CONFIG).cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
