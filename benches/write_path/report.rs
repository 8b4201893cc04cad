//! What was measured, as a table and as JSON.

use std::fmt;

/// A row: a name and what was measured, by name, in the order of the columns.
struct Row {
    name: String,
    values: Vec<Value>,
}

/// Something measured.
struct Value {
    /// What it is; the unit is part of it.
    name: &'static str,
    number: f64,
}

/// All rows of a run.
pub(crate) struct Report {
    rows: Vec<Row>,
    /// Whether standard output is kept free for the JSON object; then the table goes to standard error.
    json: bool,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { rows: Vec::new(), json }
    }

    /// Takes a row and prints it.
    pub(crate) fn push(&mut self, name: impl Into<String>, values: Vec<(&'static str, f64)>) {
        let values = values.into_iter().map(|(name, number)| Value { name, number }).collect();
        let row = Row { name: name.into(), values };
        if self.json {
            eprintln!("{row}");
        } else {
            println!("{row}");
        }
        self.rows.push(row);
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        let rows = self.rows.iter().map(|row| {
            let values = row.values.iter().map(|value| (value.name.to_owned(), value.number.into()));
            (row.name.trim_start().to_owned(), serde_json::Value::Object(values.collect()))
        });
        serde_json::Value::Object(rows.collect())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<34}", self.name)?;
        for Value { name, number } in &self.values {
            // Ratios need their digits, rates do not.
            let digits = if number.abs() < 10.0 { 3 } else { usize::from(number.abs() < 1000.0) };
            let text = format!("{number:.digits$}");
            write!(formatter, " {text:>8} {name}")?;
        }
        Ok(())
    }
}

/// Returns the median.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
