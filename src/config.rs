//! Configuration: every setting by one name, read once, from flag, environment, file or default, in that order.
//!
//! [`SETTINGS`] is the table. The name of a setting is its key in the file; with dashes it is the flag, in capitals behind
//! `DCS_EMULATOR_` the variable. A bad value stops the start and names where it came from.

mod file;
mod settings;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use file::ConfigFileError;
pub(crate) use file::read as read_file;
pub use settings::{SETTINGS, Setting};

use crate::domain::identity::Secret;
use crate::domain::time::UtcOffset;
use crate::engine::identity::AuthMode;
use crate::engine::{ClusterBackups, EngineSettings};
use crate::http::server::{CodeStyle, ControlPlace, ErrorStyle};
use crate::http::{AllowedHosts, Compat, HttpSettings};
use crate::store::sqlite::Location;

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Variable,
    /// The configuration file.
    File(PathBuf),
    /// The program that embeds the emulator.
    Code,
    /// Nothing set it.
    Default,
}

/// A setting's texts with their origin. All but lists have exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The texts.
    pub texts: Vec<String>,
    /// Where they come from.
    pub origin: Origin,
}

/// The texts of all settings that something has set, by key.
pub type GivenSettings = BTreeMap<&'static str, Given>;

/// A value that a setting cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {text:?} {problem}")]
pub struct ConfigError {
    /// The flag, variable or key that was used.
    place: String,
    /// Its text.
    text: String,
    /// What is wrong.
    problem: String,
}

/// How the program is to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// `listen`.
    pub listen: SocketAddr,
    /// `database`.
    pub database: Location,
    /// `seed`: files, `-` for standard input.
    pub seeds: Vec<String>,
    /// `demo`.
    pub demo: bool,
    /// `ready_file`.
    pub ready_file: Option<PathBuf>,
    /// `log_format`.
    pub log_format: LogFormat,
    /// `log_level`.
    pub log_level: String,
    /// `auth`.
    pub auth: AuthMode,
    /// `auto_projects`; unless something sets it, it follows from `auth`.
    pub auto_projects: bool,
    /// `region`, `backup.*`, `restore.*` and `naming.*`.
    pub engine: EngineSettings,
    /// `control.enabled` and `control.listen`. Switched off, it listens nowhere.
    pub control: ControlPlace<SocketAddr>,
    /// `control.token`.
    pub control_token: Option<Secret>,
    /// `control.allowed_hosts`.
    pub control_allowed_hosts: AllowedHosts,
    /// `journal.limit`.
    pub journal_limit: usize,
    /// `errors.*` and `http.*`.
    pub http: HttpSettings,
    /// Each setting's text, unless it is secret, and origin, in the order of [`SETTINGS`].
    shown: Vec<(&'static Setting, Given)>,
}

/// What is shown of a secret.
const MASK: &str = "***";

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Config {
    /// Reads every setting once.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that a setting cannot have.
    pub fn new(mut given: GivenSettings) -> Result<Self, ConfigError> {
        let shown: Vec<(&'static Setting, Given)> = SETTINGS
            .iter()
            .map(|setting| {
                let default = || Given { texts: vec![setting.default.to_owned()], origin: Origin::Default };
                (setting, given.remove(setting.key).unwrap_or_else(default))
            })
            .collect();
        let read = Reader { shown: &shown };
        let workers = match read.one("http.workers", value::workers)? {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => workers,
        };
        let auth = read.one("auth", |text| {
            value::choice(
                text,
                &[("off", AuthMode::Off), ("lenient", AuthMode::Lenient), ("strict", AuthMode::Strict)],
            )
        })?;
        let auto_projects = read.one("auto_projects", |text| value::optional(text, value::boolean))?;
        let control_listen = read.one("control.listen", |text| value::optional(text, value::address))?;
        let control = match (read.one("control.enabled", value::boolean)?, control_listen) {
            (false, _) => ControlPlace::Nowhere,
            (true, None) => ControlPlace::BesideApi,
            (true, Some(address)) => ControlPlace::Alone(address),
        };
        Ok(Self {
            listen: read.one("listen", value::address)?,
            database: read
                .one("database", |text| text.parse::<Location>().map_err(|error| error.to_string()))?,
            seeds: read.texts("seed"),
            demo: read.one("demo", value::boolean)?,
            ready_file: read.texts("ready_file").pop().map(PathBuf::from),
            log_format: read.one("log_format", |text| {
                value::choice(text, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
            })?,
            log_level: read.one("log_level", value::log_filter)?,
            auth,
            auto_projects: auto_projects.unwrap_or(auth != AuthMode::Strict),
            engine: EngineSettings {
                restore_duration: read.one("restore.duration", value::duration)?,
                backups_kept: read.one("backup.keep", value::kept)?,
                region: read.one("region", value::region)?,
                clusters_extend: read.one("instance.allow_cluster_extend", value::boolean)?,
                unique_instance_names: read.one("instances.unique_names", value::boolean)?,
                backups_enabled: read.one("backup.enabled", value::boolean)?,
                cluster_backups: read.one("backup.cluster", |text| {
                    value::choice(
                        text,
                        &[
                            ("never", ClusterBackups::Never),
                            ("v2", ClusterBackups::V2),
                            ("always", ClusterBackups::Always),
                        ],
                    )
                })?,
                backup_duration: read.one("backup.duration", value::duration)?,
                name_offset: read.one("naming.utc_offset", |text| {
                    text.parse::<UtcOffset>().map_err(|error| error.to_string())
                })?,
            },
            control,
            control_token: read.texts("control.token").pop().map(Secret::new),
            control_allowed_hosts: read
                .many("control.allowed_hosts", value::allowed_host)
                .map(AllowedHosts::new)?,
            journal_limit: read.one("journal.limit", value::journal_limit)?,
            http: HttpSettings {
                errors: ErrorStyle {
                    codes: read.one("errors.code_style", |text| {
                        value::choice(text, &[("legacy", CodeStyle::Legacy), ("dcs", CodeStyle::Dcs)])
                    })?,
                    add_v2_fields: read.one("errors.add_v2_fields", value::boolean)?,
                },
                compat: Compat {
                    status_action_204: read.one("compat.status_action_204", value::boolean)?,
                    batch_delete_204: read.one("compat.batch_delete_204", value::boolean)?,
                },
                public_url: read.one("public_url", |text| value::optional(text, value::url))?,
                body_limit_bytes: read.one("http.body_limit", value::size)?,
                body_timeout: read.one("http.body_timeout", value::patience)?,
                workers,
            },
            shown: without_secrets(shown),
        })
    }

    /// Returns on which address the control API is to be had, if it is.
    pub fn control_address(&self) -> Option<SocketAddr> {
        match self.control {
            ControlPlace::Nowhere => None,
            ControlPlace::BesideApi => Some(self.listen),
            ControlPlace::Alone(address) => Some(address),
        }
    }

    /// Returns every setting with its value and origin; secrets are masked.
    pub fn to_json(&self) -> serde_json::Value {
        let entry = |(setting, given): &(&'static Setting, Given)| {
            let value = if setting.is_list() {
                serde_json::json!(given.texts)
            } else {
                serde_json::json!(given.texts.last())
            };
            (
                setting.key.to_owned(),
                serde_json::json!({ "value": value, "origin": given.origin.to_string() }),
            )
        };
        serde_json::Value::Object(self.shown.iter().map(entry).collect())
    }

    /// Returns all settings as a configuration file that says where each value comes from; secrets are left out.
    pub fn to_toml(&self) -> String {
        file::write(&self.shown)
    }
}

/// Masks the texts of secrets that are set.
fn without_secrets(mut settings: Vec<(&'static Setting, Given)>) -> Vec<(&'static Setting, Given)> {
    for (_, given) in settings
        .iter_mut()
        .filter(|(setting, given)| setting.is_secret() && given.texts.iter().any(|text| !text.is_empty()))
    {
        given.texts = vec![MASK.to_owned()];
    }
    settings
}

/// Reads values out of the texts of all settings.
struct Reader<'a> {
    shown: &'a [(&'static Setting, Given)],
}

impl Reader<'_> {
    /// Returns the texts of a setting that may have none or several.
    fn texts(&self, key: &'static str) -> Vec<String> {
        let (_, given) = self.find(key);
        given.texts.iter().filter(|text| !text.is_empty()).cloned().collect()
    }

    /// Reads the value of a setting that has one.
    fn one<T>(&self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        let (_, given) = self.find(key);
        self.value(key, given.texts.last().map_or("", String::as_str), read)
    }

    /// Reads the values of a list. A text may hold several, between commas.
    fn many<T>(&self, key: &'static str, read: fn(&str) -> Result<T, String>) -> Result<Vec<T>, ConfigError> {
        let (_, given) = self.find(key);
        let texts = given.texts.iter().flat_map(|text| text.split(',')).map(str::trim);
        texts.filter(|text| !text.is_empty()).map(|text| self.value(key, text, read)).collect()
    }

    /// Reads a text of a setting.
    fn value<T>(
        &self,
        key: &'static str,
        text: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        read(text).map_err(|problem| {
            let (setting, given) = self.find(key);
            let place = match &given.origin {
                Origin::Flag | Origin::Default => format!("--{}", setting.flag()),
                Origin::Variable => setting.variable(),
                Origin::File(path) => format!("{}: {}", path.display(), setting.key),
                Origin::Code => setting.key.to_owned(),
            };
            ConfigError { place, text: text.to_owned(), problem }
        })
    }

    fn find(&self, key: &'static str) -> &(&'static Setting, Given) {
        self.shown
            .iter()
            .find(|(setting, _)| setting.key == key)
            .expect("only keys of the table are asked for")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => formatter.write_str("flag"),
            Self::Variable => formatter.write_str("environment"),
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Code => formatter.write_str("code"),
            Self::Default => formatter.write_str("default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn given(key: &'static str, text: &str, origin: Origin) -> GivenSettings {
        BTreeMap::from([(key, Given { texts: vec![text.to_owned()], origin })])
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = Config::new(GivenSettings::new()).unwrap();
        assert_eq!(config.listen.port(), 8637);
        assert_eq!(config.engine.backup_duration, Duration::ZERO);
        assert!(config.seeds.is_empty());
        assert_eq!(config.ready_file, None);
    }

    #[test]
    fn a_bad_value_names_where_it_came_from() {
        for (origin, place) in [
            (Origin::Flag, "--backup-cluster"),
            (Origin::Variable, "DCS_EMULATOR_BACKUP_CLUSTER"),
            (Origin::File("a.toml".into()), "a.toml: backup.cluster"),
        ] {
            let error = Config::new(given("backup.cluster", "sometimes", origin)).unwrap_err().to_string();
            assert_eq!(error, format!("{place}: \"sometimes\" must be one of never, v2, always"));
        }
    }

    #[test]
    fn projects_need_no_seed_unless_only_good_credentials_are_let_in() {
        for (auth, auto_projects, expected) in [
            ("off", None, true),
            ("lenient", None, true),
            ("strict", None, false),
            ("lenient", Some("false"), false),
            ("strict", Some("true"), true),
        ] {
            let mut settings = given("auth", auth, Origin::Flag);
            if let Some(text) = auto_projects {
                settings.extend(given("auto_projects", text, Origin::Flag));
            }
            assert_eq!(Config::new(settings).unwrap().auto_projects, expected, "{auth} {auto_projects:?}");
        }
    }

    #[test]
    fn the_control_api_listens_beside_the_api_or_alone_or_nowhere() {
        let alone = given("control.listen", "127.0.0.1:0", Origin::Flag);
        let mut off = alone.clone();
        off.extend(given("control.enabled", "false", Origin::Flag));
        for (settings, place, port) in [
            (GivenSettings::new(), ControlPlace::BesideApi, Some(8637)),
            (alone, ControlPlace::Alone("127.0.0.1:0".parse().unwrap()), Some(0)),
            (off, ControlPlace::Nowhere, None),
        ] {
            let config = Config::new(settings).unwrap();
            assert_eq!(config.control, place);
            assert_eq!(config.control_address().map(|address| address.port()), port);
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let config = Config::new(given("control.token", "hush", Origin::Variable)).unwrap();
        let text = config.to_toml();
        assert!(text.contains("# control.token is set, and not shown; environment"), "{text}");
        assert!(!text.contains("hush") && !config.to_json().to_string().contains("hush"));
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn what_is_printed_can_be_read_again_and_says_the_same() {
        let config = Config::new(given("backup.duration", "5s", Origin::Flag)).unwrap();
        let text = config.to_toml();
        assert!(text.contains("duration = \"5s\" # flag"), "{text}");
        let again = file::parse(&PathBuf::from("printed.toml"), &text).unwrap();
        let again = Config::new(again).unwrap();
        assert_eq!(again.engine, config.engine);
        assert_eq!(again.listen, config.listen);
        assert_eq!(again.seeds, config.seeds);
    }
}
