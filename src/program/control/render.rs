//! Answers in short, for people: a line a value, a table for what is alike.

use serde_json::{Map, Value};

/// Returns an answer as lines; of tables only these columns, in this order, if any are named.
pub(super) fn summary(answer: &Value, columns: &[&str]) -> String {
    let mut summary = Summary { text: String::new(), columns };
    match answer {
        Value::Object(members) => match members.iter().next() {
            // The only thing there is needs no name.
            Some((name, Value::Array(rows))) if members.len() == 1 => {
                if rows.is_empty() {
                    summary.add(&["no ", name, "\n"]);
                } else {
                    summary.add_list(rows);
                }
            }
            _ => summary.add_members("", members),
        },
        answer => summary.add_line("", answer),
    }
    summary.text
}

/// An answer as far as it has been written.
struct Summary<'a> {
    text: String,
    columns: &'a [&'a str],
}

impl Summary<'_> {
    /// Adds members of an object, those that are one value before those that are many.
    fn add_members(&mut self, prefix: &str, members: &Map<String, Value>) {
        if let Some(rows) = rows_of(members) {
            self.add_table(&rows);
            return;
        }
        for (name, value) in members.iter().filter(|(_, value)| !value.is_array() && !value.is_object()) {
            self.add_line(&format!("{prefix}{name}"), value);
        }
        for (name, value) in members {
            match value {
                Value::Object(inner) => self.add_members(&format!("{prefix}{name}."), inner),
                Value::Array(rows) if !rows.is_empty() => {
                    self.add(&[prefix, name, ":\n"]);
                    self.add_list(rows);
                }
                _ => {}
            }
        }
    }

    /// Adds a list: a table of objects, or a line a value.
    fn add_list(&mut self, values: &[Value]) {
        let rows: Option<Vec<Map<String, Value>>> =
            values.iter().map(|value| value.as_object().cloned()).collect();
        match rows {
            Some(rows) => self.add_table(&rows),
            None => {
                for value in values {
                    self.add_line("", value);
                }
            }
        }
    }

    /// Adds a table; columns in which there is nothing are left out.
    fn add_table(&mut self, rows: &[Map<String, Value>]) {
        let mut columns: Vec<&str> = self.columns.to_vec();
        if columns.is_empty() {
            for name in rows.iter().flat_map(Map::keys) {
                if !columns.contains(&name.as_str()) {
                    columns.push(name);
                }
            }
        }
        columns.retain(|name| rows.iter().any(|row| row.get(*name).is_some_and(|value| !value.is_null())));
        let heading = columns.iter().map(|name| name.trim().to_uppercase()).collect();
        let cells = rows.iter().map(|row| columns.iter().map(|name| cell(row.get(*name))).collect());
        let lines: Vec<Vec<String>> = std::iter::once(heading).chain(cells).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        for line in &lines {
            let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            let padded = padded.collect::<Vec<_>>().join("  ");
            self.add(&[padded.trim_end(), "\n"]);
        }
    }

    fn add_line(&mut self, name: &str, value: &Value) {
        let separator = if name.is_empty() { "" } else { ": " };
        self.add(&[name, separator, &cell(Some(value)), "\n"]);
    }

    fn add(&mut self, parts: &[&str]) {
        for part in parts {
            self.text.push_str(part);
        }
    }
}

/// Returns an object of objects that have the same members as rows, each with its name.
fn rows_of(members: &Map<String, Value>) -> Option<Vec<Map<String, Value>>> {
    let first: Vec<&String> = members.values().next()?.as_object()?.keys().collect();
    let rows = members.iter().map(|(name, value)| {
        let value = value.as_object().filter(|value| value.keys().eq(first.iter().copied()))?;
        // Behind a space, so that it comes first; the heading is trimmed.
        let name = (" name".to_owned(), Value::from(name.as_str()));
        Some(std::iter::once(name).chain(value.clone()).collect())
    });
    rows.collect::<Option<_>>().filter(|rows: &Vec<_>| rows.len() > 1)
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(members)) => {
            let said: Map<String, Value> =
                members.clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
            Value::Object(said).to_string()
        }
        Some(value) => value.to_string(),
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
    fn columns_that_are_named_are_shown_in_their_order() {
        let answer = json!({"calls": [{"a": 1, "b": 2, "c": 3, "d": null}]});
        assert_eq!(summary(&answer, &["c", "a", "d", "e"]), "C  A\n3  1\n");
    }
}
