//! Answers in short, for people: a line a value, a table for what is alike.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Map, Value};

/// Returns an answer as lines; of tables only these columns, in this order, if any are named.
pub(super) fn summary(answer: &Value, columns: &[&str]) -> String {
    let mut summary = Summary { text: String::new(), columns };
    match answer {
        Value::Object(members) => match members.iter().next() {
            // The only thing there is needs no name.
            Some((name, Value::Array(rows))) if members.len() == 1 => {
                if rows.is_empty() {
                    summary.line(&format!("no {name}"));
                } else {
                    summary.list(rows);
                }
            }
            _ => summary.members("", members),
        },
        answer => summary.line(&cell(answer)),
    }
    summary.text
}

/// An answer as far as it has been written.
struct Summary<'a> {
    text: String,
    columns: &'a [&'a str],
}

impl Summary<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Adds members of an object, those that are one value before those that are many.
    fn members(&mut self, prefix: &str, members: &Map<String, Value>) {
        if let Some(rows) = rows_of(members) {
            self.table(&rows);
            return;
        }
        for (name, value) in members.iter().filter(|(_, value)| !value.is_array() && !value.is_object()) {
            self.line(&format!("{prefix}{name}: {}", cell(value)));
        }
        for (name, value) in members {
            match value {
                Value::Object(inner) => self.members(&format!("{prefix}{name}."), inner),
                Value::Array(rows) if !rows.is_empty() => {
                    self.line(&format!("{prefix}{name}:"));
                    self.list(rows);
                }
                _ => {}
            }
        }
    }

    /// Adds a list: a table of objects, or a line a value.
    fn list(&mut self, values: &[Value]) {
        let rows: Option<Vec<_>> = values.iter().map(|value| value.as_object().cloned()).collect();
        match rows {
            Some(rows) => self.table(&rows),
            None => values.iter().for_each(|value| self.line(&cell(value))),
        }
    }

    /// Adds a table; columns in which there is nothing are left out.
    fn table(&mut self, rows: &[Map<String, Value>]) {
        let mut columns: Vec<&str> = self.columns.to_vec();
        if columns.is_empty() {
            for name in rows.iter().flat_map(Map::keys) {
                if !columns.contains(&name.as_str()) {
                    columns.push(name);
                }
            }
            columns.sort_by_key(|name| *name != "name");
        }
        columns.retain(|name| rows.iter().any(|row| row.get(*name).is_some_and(|value| !value.is_null())));
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(columns.iter().map(|name| name.to_uppercase()));
        table.add_rows(
            rows.iter().map(|row| columns.iter().map(|name| cell(row.get(*name).unwrap_or(&Value::Null)))),
        );
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 2));
        });
        for line in table.lines() {
            self.line(line.trim_end());
        }
    }
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
