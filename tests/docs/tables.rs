//! The tables: of the settings, and of what is emulated, which is made of the table of routes.

use std::fmt::Write as _;
use std::path::Path;

use dcs_emulator::config::SETTINGS;
use dcs_emulator::engine::ApiVersion;
use dcs_emulator::http::routes::{self, RouteEntry};
use dcs_emulator::http::{Emulation, Operation};

use crate::page;

/// The page of what is emulated.
const COVERAGE: &str = "docs/coverage.md";
/// What stands before the table of what is emulated, and behind it.
const MARKS: (&str, &str) = ("<!-- coverage: made of the table of routes -->\n", "<!-- /coverage -->");

pub(crate) fn the_table_of_settings_is_the_programs() {
    let page = page("docs/configuration.md");
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() >= 3).collect();
    let expected = SETTINGS.iter().map(|setting| {
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let escaped = |text: &str| text.replace('|', "\\|");
        format!(
            "| `{}` | {} | {default} | {} |",
            setting.key,
            escaped(&setting.value),
            escaped(&setting.help)
        )
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

pub(crate) fn the_table_of_what_is_emulated_is_that_of_the_routes() {
    let page = page(COVERAGE);
    let (before, rest) = page.split_once(MARKS.0).expect("the page has the first mark");
    let (found, after) = rest.split_once(MARKS.1).expect("the page has the second mark");
    let expected = coverage();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let page = format!("{before}{}{expected}{}{after}", MARKS.0, MARKS.1);
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(COVERAGE), page).unwrap();
        return;
    }
    assert!(found == expected, "write it anew: UPDATE_DOCS=1 cargo test --test docs\n{expected}");
}

/// Returns the table: one row an operation, those that are emulated whole first.
fn coverage() -> String {
    let table = routes::table();
    let mut operations: Vec<Operation> = Vec::new();
    for route in table.iter().filter(|route| route.api.is_some()) {
        if !operations.contains(&route.operation) {
            operations.push(route.operation);
        }
    }
    let states = [Emulation::Full, Emulation::ReadOnly, Emulation::None];
    operations.sort_by_key(|operation| states.iter().position(|state| *state == operation.emulation));
    let count = |state| operations.iter().filter(|operation| operation.emulation == state).count();
    let mut text = format!(
        "<details><summary>{} operations in full, {} read-only, {} not emulated</summary>\n\n\
         | operation | v1.0 | v2 | state |\n|---|---|---|---|\n",
        count(Emulation::Full),
        count(Emulation::ReadOnly),
        count(Emulation::None),
    );
    for operation in operations {
        let routes = |api| calls(table, operation, api);
        let (on_v1, on_v2) = (routes(ApiVersion::V1), routes(ApiVersion::V2));
        writeln!(text, "| {} | {on_v1} | {on_v2} | {} |", operation.name, operation.emulation.as_str())
            .expect("a text takes everything");
    }
    text + "\n</details>\n"
}

/// Returns how an operation is called on a version: method and path behind the version.
fn calls(table: &[RouteEntry], operation: Operation, api: ApiVersion) -> String {
    let of_operation = table.iter().filter(|route| route.operation == operation && route.api == Some(api));
    let call = |route: &RouteEntry| {
        let path: Vec<&str> = route.path.split('/').skip(2).map(short).collect();
        format!("`{} /{}`", route.method, path.join("/"))
    };
    of_operation.map(call).collect::<Vec<_>>().join(", ")
}

/// Writes a part of a path in short, as everywhere in the pages.
fn short(part: &str) -> &str {
    match part {
        "{project_id}" => "P",
        "{instance_id}" => "I",
        "{backup_id}" => "B",
        part => part,
    }
}
