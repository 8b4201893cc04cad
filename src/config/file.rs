//! The configuration file, in TOML: reading and writing.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::config::{Given, GivenSettings, Origin, SETTINGS, Setting, nearest};

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// It cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// It holds something that is no setting.
    #[error(
        "{}: {key} is no setting; {}`dcs-emulator serve --print-config` shows them all",
        path.display(),
        nearest.as_ref().map(|nearest| format!("did you mean {nearest}? ")).unwrap_or_default(),
    )]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// What it holds.
        key: String,
        /// The setting that is most like it, if any is.
        nearest: Option<String>,
    },
    /// A setting has a value of a kind that none has.
    #[error("{}: {key} must be a text, a number, true or false", path.display())]
    UnusableValue {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: String,
    },
}

/// Reads the settings in the file at `path`.
///
/// # Errors
/// [`ConfigFileError`].
pub(crate) fn read(path: &Path) -> Result<GivenSettings, ConfigFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigFileError::Unreadable { path: path.to_owned(), source })?;
    parse(path, &text)
}

/// Reads the settings in `text`, the content of `path`.
pub(super) fn parse(path: &Path, text: &str) -> Result<GivenSettings, ConfigFileError> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigFileError::Malformed {
        path: path.to_owned(),
        problem: error.to_string(),
    })?;
    let mut given = GivenSettings::new();
    collect(path, "", &table, &mut given)?;
    Ok(given)
}

/// Gathers the settings of a table whose keys stand behind `prefix`.
fn collect(
    path: &Path,
    prefix: &str,
    table: &Table,
    given: &mut GivenSettings,
) -> Result<(), ConfigFileError> {
    for (name, value) in table {
        // A key may be written as its flag is.
        let key = format!("{prefix}{}", name.replace('-', "_"));
        if let Value::Table(inner) = value {
            collect(path, &format!("{key}."), inner, given)?;
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let nearest = nearest(&key, SETTINGS.iter().map(|setting| &setting.key));
            return Err(ConfigFileError::UnknownKey { path: path.to_owned(), key, nearest });
        };
        let texts: Option<Vec<String>> = match value {
            Value::Array(values) if setting.is_list() => values.iter().map(text_of).collect(),
            value => text_of(value).map(|text| vec![text]),
        };
        let texts = texts.ok_or_else(|| ConfigFileError::UnusableValue { path: path.to_owned(), key })?;
        given.insert(setting.key.as_str(), Given { texts, origin: Origin::File(path.to_owned()) });
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
pub(super) fn write(settings: &[(&'static Setting, Given)]) -> String {
    let mut text = String::new();
    let mut section = "";
    // Keys of no section stand first, as TOML wants them.
    let (plain, sectioned): (Vec<_>, Vec<_>) =
        settings.iter().partition(|(setting, _)| !setting.key.contains('.'));
    for (setting, given) in plain.into_iter().chain(sectioned) {
        let (group, name) = setting.key.split_once('.').unwrap_or(("", &setting.key));
        if group != section {
            text.push_str("\n[");
            text.push_str(group);
            text.push_str("]\n");
            section = group;
        }
        let texts = given.texts.iter().filter(|text| !text.is_empty());
        let values: Vec<String> = texts.map(|text| Value::String(text.clone()).to_string()).collect();
        let place = match &given.origin {
            Origin::File(path) => path.display().to_string(),
            _ => given.place(setting),
        };
        let line = match values.as_slice() {
            [] => format!("# {} is not set\n", setting.key),
            [_] if setting.is_secret() => format!("# {} is set, and not shown; {place}\n", setting.key),
            [value] => format!("{name} = {value} # {place}\n"),
            values => format!("{name} = [{}] # {place}\n", values.join(", ")),
        };
        text.push_str(&line);
    }
    text
}
