//! The configuration file, in TOML: reading and writing.

use std::path::Path;

use toml::{Table, Value};

use crate::config::{ConfigError, Given, GivenSettings, Origin, SETTINGS, Setting};

/// Reads the file at `path`, whatever its keys are.
///
/// # Errors
/// [`ConfigError`].
pub fn read(path: &Path) -> Result<GivenSettings, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    parse(path, &text)
}

/// Reads `text`, the content of `path`.
pub(super) fn parse(path: &Path, text: &str) -> Result<GivenSettings, ConfigError> {
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
pub(super) fn write(settings: &[(&'static Setting, Given)]) -> String {
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
