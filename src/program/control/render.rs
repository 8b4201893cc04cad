//! Answers in short, for people: a line a value, a table for what is alike.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Map, Value};

/// Returns an answer as lines; of tables only these columns, in this order, if any are named.
pub(super) fn summary(answer: &Value, columns: &[&str]) -> String {
    let mut lines = Vec::new();
    match answer.as_object().and_then(|members| members.iter().next()) {
        // The only list there is needs no name.
        Some((name, Value::Array(values))) if answer.as_object().is_some_and(|all| all.len() == 1) => {
            if values.is_empty() {
                lines.push(format!("no {name}"));
            }
            add_list(&mut lines, values, columns);
        }
        _ => add(&mut lines, "", answer, columns),
    }
    lines.join("\n") + "\n"
}

/// Adds a value by its name; members that are one value stand before those that are many.
fn add(lines: &mut Vec<String>, name: &str, value: &Value, columns: &[&str]) {
    match value {
        Value::Object(members) => {
            if let Some(rows) = rows_of(members) {
                return add_table(lines, &rows, columns);
            }
            let is_many = |(_, value): &(&String, &Value)| value.is_array() || value.is_object();
            let (many, one): (Vec<_>, Vec<_>) = members.iter().partition(is_many);
            let separator = if name.is_empty() { "" } else { "." };
            for (member, value) in one.into_iter().chain(many) {
                add(lines, &format!("{name}{separator}{member}"), value, columns);
            }
        }
        Value::Array(values) if values.is_empty() => {}
        Value::Array(values) => {
            lines.push(format!("{name}:"));
            add_list(lines, values, columns);
        }
        value => lines.push(format!("{name}: {}", cell(value))),
    }
}

/// Adds a list: a table of objects, or a line a value.
fn add_list(lines: &mut Vec<String>, values: &[Value], columns: &[&str]) {
    let rows: Option<Vec<_>> = values.iter().map(|value| value.as_object().cloned()).collect();
    match rows {
        Some(rows) if rows.is_empty() => {}
        Some(rows) => add_table(lines, &rows, columns),
        None => lines.extend(values.iter().map(cell)),
    }
}

/// Adds a table; columns in which there is nothing are left out.
fn add_table(lines: &mut Vec<String>, rows: &[Map<String, Value>], columns: &[&str]) {
    let mut columns: Vec<&str> = columns.to_vec();
    if columns.is_empty() {
        columns = rows.iter().flat_map(Map::keys).map(String::as_str).collect();
        columns.sort_by_key(|name| (*name != "name", *name));
        columns.dedup();
    }
    columns.retain(|name| rows.iter().any(|row| row.get(*name).is_some_and(|value| !value.is_null())));
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(columns.iter().map(|name| name.to_uppercase()));
    let cells = |row: &Map<String, Value>| {
        columns.iter().map(|name| cell(row.get(*name).unwrap_or(&Value::Null))).collect::<Vec<_>>()
    };
    table.add_rows(rows.iter().map(cells));
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
}

/// Returns an object of objects that have the same members as rows, each with its name in front.
fn rows_of(members: &Map<String, Value>) -> Option<Vec<Map<String, Value>>> {
    let first = members.values().next()?.as_object()?;
    let rows = members.iter().map(|(name, value)| {
        let value = value.as_object().filter(|value| value.keys().eq(first.keys()))?;
        let name = ("name".to_owned(), Value::from(name.as_str()));
        Some(std::iter::once(name).chain(value.clone()).collect())
    });
    rows.collect::<Option<_>>().filter(|rows: &Vec<_>| rows.len() > 1)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        // What clients have sent must not control the terminal.
        Value::String(text) => text.replace(char::is_control, "\u{fffd}"),
        Value::Object(members) => {
            let set = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(name, value)| (name.clone(), value.clone())).collect()).to_string()
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::summary;

    #[test]
    fn values_are_lines_and_what_is_alike_is_a_table() {
        for (answer, text) in [
            (json!({"seed": null}), "seed: -\n"),
            (
                json!({"version": "1", "counts": {"backups": 2, "restores": 0}}),
                "version: 1\ncounts.backups: 2\ncounts.restores: 0\n",
            ),
            (json!({"faults": []}), "no faults\n"),
            (
                json!({"calls": [{"a": "long text", "b": 1, "e": null}, {"a": "x", "c": {"d": true, "e": null}}]}),
                "A          B  C\nlong text  1  -\nx          -  {\"d\":true}\n",
            ),
            (json!({"fired": [{"id": "x"}], "now": "noon"}), "now: noon\nfired:\nID\nx\n"),
            (json!({"fired": [], "now": "noon"}), "now: noon\n"),
            (
                json!({"auth": {"origin": "flag", "value": "off"}, "demo": {"origin": "default", "value": "true"}}),
                "NAME  ORIGIN   VALUE\nauth  flag     off\ndemo  default  true\n",
            ),
        ] {
            assert_eq!(summary(&answer, &[]), text);
        }
    }

    #[test]
    fn the_text_of_a_client_does_not_reach_the_terminal_as_it_is() {
        assert_eq!(summary(&json!({"client": "a\u{1b}[2Jb"}), &[]), "client: a\u{fffd}[2Jb\n");
    }

    #[test]
    fn columns_that_are_named_are_shown_in_their_order() {
        let answer = json!({"calls": [{"a": 1, "b": 2, "c": 3, "d": null}]});
        assert_eq!(summary(&answer, &["c", "a", "d", "e"]), "C  A\n3  1\n");
    }
}
