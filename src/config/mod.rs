//! Configuration: every setting by one name, read once, from flag, variable, file or default, in that order.
//!
//! [`Config`] is the table. A bad value stops the start and names where it came from.

mod settings;
mod value;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Args, Command, FromArgMatches};
use toml::{Table, Value};

pub use settings::{CloudProfile, Config, LogFormat, NetworkMode, SETTINGS, Setting, unknown_variables};
pub use value::ListenAddress;

use crate::engine::EngineSettings;
use crate::engine::identity::{AuthMode, IdentitySettings};
use crate::http::server::{ControlListener, ErrorStyle};
use crate::http::tls::TlsSettings;
use crate::http::{Compat, HttpSettings};
use crate::store::sqlite::Location;
use settings::nearest;

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
pub type GivenSettings = BTreeMap<String, Given>;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting cannot have this value.
    #[error("{place}: {text:?} {problem}")]
    Value {
        /// The flag, variable or key that was used.
        place: String,
        /// Its text.
        text: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no setting of this key.
    #[error("{place}{key} is no setting; {hint}`dcs-emulator serve --print-config` shows them all")]
    UnknownKey {
        /// The file, if it comes from one.
        place: String,
        /// The key.
        key: String,
        /// Which setting may have been meant.
        hint: String,
    },
    /// A setting has a value in the file of a kind that none has.
    #[error("{}: {key} must be a text, a number, true or false", path.display())]
    UnusableValue {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: String,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: toml::de::Error,
    },
}

impl Config {
    /// Reads every setting once.
    ///
    /// # Errors
    /// [`ConfigError`] for a key that no setting has, and for the first value that a setting cannot have.
    pub fn new(given: GivenSettings) -> Result<Self, ConfigError> {
        let mut unknown = given;
        let profile = CloudProfile::of(&unknown);
        let mut given: Vec<(&'static Setting, Given)> = SETTINGS
            .iter()
            .map(|setting| {
                let of_profile = profile.and_then(|profile| profile.default_of(&setting.key));
                // A command may have a default of its own; that of the profile goes before it.
                let set = unknown.remove(&setting.key);
                let set = set.filter(|set| of_profile.is_none() || set.origin != Origin::Default);
                let default = || Given {
                    texts: vec![of_profile.map_or_else(|| setting.default.clone(), str::to_owned)],
                    origin: Origin::Default,
                };
                (setting, set.unwrap_or_else(default))
            })
            .collect();
        if let Some((key, Given { origin, .. })) = unknown.pop_first() {
            let nearest = nearest(&key, SETTINGS.iter().map(|setting| &setting.key));
            let hint = nearest.map(|nearest| format!("did you mean {nearest}? ")).unwrap_or_default();
            let place = match origin {
                Origin::File(path) => format!("{}: ", path.display()),
                _ => String::new(),
            };
            return Err(ConfigError::UnknownKey { place, key, hint });
        }
        let arguments = given.iter().flat_map(|(setting, given)| {
            given.values(setting).into_iter().map(|text| format!("--{}={text}", setting.flag()))
        });
        let settings = Self::augment_args(Command::new("settings").no_binary_name(true));
        let read = settings.try_get_matches_from(arguments);
        let config = read.and_then(|matches| Self::from_arg_matches(&matches));
        let config = config.map_err(|error| bad_value(&given, &error))?;
        for (_, secret) in given.iter_mut().filter(|(setting, _)| setting.is_secret()) {
            secret.texts.retain(|text| !text.is_empty());
            secret.texts.iter_mut().for_each(|text| "***".clone_into(text));
        }
        Ok(Self { given, ..config })
    }

    /// Returns the settings of the engine.
    pub fn engine(&self) -> EngineSettings {
        EngineSettings {
            restore_duration: self.restore_duration,
            task_duration: self.task_duration,
            backups_kept: self.backup_keep,
            offers: self.cloud_products,
            region: self.region.clone(),
            clusters_extend: self.instance_allow_cluster_extend,
            strict_network: self.network_mode == NetworkMode::Strict,
            unique_instance_names: self.instances_unique_names,
            upgrades_must_change: self.compat_upgrade_4053,
            hot_keys_need_lfu: self.compat_hotkey_needs_lfu,
            backups_enabled: self.backup_enabled,
            cluster_backups: self.backup_cluster,
            backup_duration: self.backup_duration,
            name_offset: self.naming_utc_offset,
        }
    }

    /// Returns the settings of the identity service.
    pub fn identity(&self) -> IdentitySettings {
        IdentitySettings {
            mode: self.auth,
            auto_projects: self.auto_projects.unwrap_or(self.auth != AuthMode::Strict),
            region: self.region.clone(),
        }
    }

    /// Returns the settings of the server.
    pub fn http(&self) -> HttpSettings {
        let workers = match self.http_workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            workers => workers,
        };
        HttpSettings {
            errors: ErrorStyle { codes: self.errors_code_style, add_v2_fields: self.errors_add_v2_fields },
            compat: Compat {
                status_action_204: self.compat_status_action_204,
                batch_delete_204: self.compat_batch_delete_204,
                whitelist_200: self.compat_whitelist_200,
            },
            gateway: self.auth_gateway && self.auth == AuthMode::Strict,
            public_url: self.public_url.clone(),
            body_limit_bytes: self.http_body_limit,
            body_timeout: self.http_body_timeout,
            workers,
        }
    }

    /// Returns where HTTPS takes its certificates from. The authority is kept beside the database.
    pub fn tls(&self) -> TlsSettings {
        let authority = match &self.database {
            Location::File(database) => {
                let mut path = database.clone().into_os_string();
                path.push(".ca.pem");
                Some(path.into())
            }
            Location::Memory { .. } => None,
        };
        TlsSettings {
            mode: self.tls_mode,
            certificate: self.tls_certificate.clone(),
            key: self.tls_key.clone(),
            authority,
        }
    }

    /// Returns where the control API listens; nowhere if it is switched off.
    pub fn control_place(&self) -> ControlListener<ListenAddress> {
        match &self.control_listen {
            _ if !self.control_enabled => ControlListener::Nowhere,
            None => ControlListener::BesideApi,
            Some(address) => ControlListener::Alone(address.clone()),
        }
    }

    /// Returns every setting with its value and origin.
    pub fn to_json(&self) -> serde_json::Value {
        let entry = |(setting, given): &(&'static Setting, Given)| {
            let texts = &given.texts;
            let value =
                if setting.is_list() { serde_json::json!(texts) } else { serde_json::json!(texts.last()) };
            (setting.key.clone(), serde_json::json!({ "value": value, "origin": given.origin.to_string() }))
        };
        serde_json::Value::Object(self.given.iter().map(entry).collect())
    }

    /// Returns all settings as a configuration file that names the flag, variable or file of each value; secrets are left out.
    pub fn to_toml(&self) -> String {
        write(&self.given)
    }
}

impl Given {
    /// Returns the texts that each are one value. Empty texts count as unset where that is possible.
    fn values(&self, setting: &Setting) -> Vec<&str> {
        let texts = self.texts.iter().map(String::as_str);
        let texts: Vec<&str> = match setting.argument.get_value_delimiter() {
            Some(delimiter) => texts.flat_map(|text| text.split(delimiter)).map(str::trim).collect(),
            None => texts.collect(),
        };
        texts.into_iter().filter(|text| !text.is_empty() || !setting.default.is_empty()).collect()
    }

    /// Returns the flag, variable, file or key by which it was set.
    fn place(&self, setting: &Setting) -> String {
        match &self.origin {
            Origin::Flag => format!("--{}", setting.flag()),
            Origin::Variable => setting.variable(),
            Origin::Code => setting.key.clone(),
            origin => origin.to_string(),
        }
    }
}

/// Says what clap has found, by the place where the value was set.
fn bad_value(given: &[(&'static Setting, Given)], error: &clap::Error) -> ConfigError {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let flag = argument.split(' ').next().and_then(|flag| flag.strip_prefix("--"));
    let found = given.iter().find(|(setting, _)| Some(setting.flag()) == flag);
    ConfigError::Value {
        place: match found {
            Some((setting, given @ Given { origin: Origin::File(_), .. })) => {
                format!("{}: {}", given.place(setting), setting.key)
            }
            Some((setting, given)) => given.place(setting),
            None => argument.clone(),
        },
        text: context(ContextKind::InvalidValue),
        problem: match error.source() {
            Some(problem) => problem.to_string(),
            None => format!("must be one of {}", context(ContextKind::ValidValue)),
        },
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

/// Reads the file at `path`, whatever its keys are.
///
/// # Errors
/// [`ConfigError`].
pub fn read_file(path: &Path) -> Result<GivenSettings, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    parse(path, &text)
}

/// Reads `text`, the content of `path`.
fn parse(path: &Path, text: &str) -> Result<GivenSettings, ConfigError> {
    let table: Table =
        text.parse().map_err(|source| ConfigError::Malformed { path: path.to_owned(), source })?;
    let mut given = GivenSettings::new();
    collect(path, "", &table, &mut given)?;
    Ok(given)
}

/// Gathers the settings of a table whose keys stand behind `prefix`.
fn collect(path: &Path, prefix: &str, table: &Table, given: &mut GivenSettings) -> Result<(), ConfigError> {
    for (name, value) in table {
        // A key may be written as its flag is.
        let key = format!("{prefix}{}", name.replace('-', "_"));
        let is_list = SETTINGS.iter().any(|setting| setting.key == key && setting.is_list());
        let texts: Option<Vec<String>> = match value {
            Value::Table(inner) => {
                collect(path, &format!("{key}."), inner, given)?;
                continue;
            }
            Value::Array(values) if is_list => values.iter().map(text_of).collect(),
            value => text_of(value).map(|text| vec![text]),
        };
        let Some(texts) = texts else {
            return Err(ConfigError::UnusableValue { path: path.to_owned(), key });
        };
        given.insert(key, Given { texts, origin: Origin::File(path.to_owned()) });
    }
    Ok(())
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(is_true) => Some(is_true.to_string()),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

/// Writes settings as a file, each with the flag, variable or file behind it that it comes from.
fn write(settings: &[(&'static Setting, Given)]) -> String {
    let line = |(setting, given): &(&'static Setting, Given)| {
        let (key, place) = (&setting.key, given.place(setting));
        let texts = given.texts.iter().filter(|text| !text.is_empty());
        let values: Vec<String> = texts.map(|text| Value::String(text.clone()).to_string()).collect();
        match values.as_slice() {
            [] => format!("# {key} is not set\n"),
            [_] if setting.is_secret() => format!("# {key} is set, and not shown # {place}\n"),
            [value] => format!("{key} = {value} # {place}\n"),
            values => format!("{key} = [{}] # {place}\n", values.join(", ")),
        }
    };
    settings.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn given(key: &str, text: &str, origin: Origin) -> GivenSettings {
        BTreeMap::from([(key.to_owned(), Given { texts: vec![text.to_owned()], origin })])
    }

    #[test]
    fn the_defaults_are_valid() {
        let config = Config::new(GivenSettings::new()).unwrap();
        assert_eq!(config.listen.port, 8637);
        assert_eq!(config.backup_duration, Duration::ZERO);
        assert!(config.seed.is_empty());
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
            assert_eq!(
                Config::new(settings).unwrap().identity().auto_projects,
                expected,
                "{auth} {auto_projects:?}"
            );
        }
    }

    #[test]
    fn the_control_api_listens_beside_the_api_or_alone_or_nowhere() {
        let alone = given("control.listen", "127.0.0.1:0", Origin::Flag);
        let mut off = alone.clone();
        off.extend(given("control.enabled", "false", Origin::Flag));
        for (settings, place) in [
            (GivenSettings::new(), ControlListener::BesideApi),
            (alone, ControlListener::Alone(ListenAddress { host: "127.0.0.1".to_owned(), port: 0 })),
            (off, ControlListener::Nowhere),
        ] {
            assert_eq!(Config::new(settings).unwrap().control_place(), place);
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let config = Config::new(given("control.token", "hush", Origin::Variable)).unwrap();
        let text = config.to_toml();
        assert!(
            text.contains("# control.token is set, and not shown # DCS_EMULATOR_CONTROL_TOKEN"),
            "{text}"
        );
        assert!(!text.contains("hush") && !config.to_json().to_string().contains("hush"));
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn what_is_printed_can_be_read_again_and_says_the_same() {
        let config = Config::new(given("backup.duration", "5s", Origin::Flag)).unwrap();
        let text = config.to_toml();
        assert!(text.contains("duration = \"5s\" # --backup-duration"), "{text}");
        let again = parse(&PathBuf::from("printed.toml"), &text).unwrap();
        let again = Config::new(again).unwrap();
        assert_eq!(again.engine(), config.engine());
        assert_eq!(again.listen, config.listen);
        assert_eq!(again.seed, config.seed);
    }
}
