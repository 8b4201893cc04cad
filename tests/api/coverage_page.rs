//! `docs/coverage.md`: every operation, how much of it is emulated, and what this suite had each of them answer.
//!
//! `UPDATE_DOCS=1 cargo test --test api coverage_page` runs the suite and writes the table. Without that the tests that are named for
//! routes are run, as `coverage` does: what they were answered is in the table, and what is emulated is answered well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use dcs_emulator::engine::ApiVersion;
use dcs_emulator::http::routes::{self, RouteEntry};
use dcs_emulator::http::{Emulation, Operation};

use crate::coverage::{is_of, requests_of_claims};
use crate::support::{RECORDS, Recorded};

/// What stands before the table, and behind it.
const MARKS: (&str, &str) = ("<!-- coverage: made by the tests -->\n", "<!-- /coverage -->");

/// What an operation was answered with: by version the statuses of what was done, and the codes of what was refused.
#[derive(Default)]
struct Answers {
    done: BTreeMap<&'static str, BTreeSet<u16>>,
    refused: BTreeSet<String>,
}

#[test]
fn the_page_says_what_the_suite_did_with_each_operation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(MARKS.0).expect("the page has the first mark");
    let (found, after) = rest.split_once(MARKS.1).expect("the page has the second mark");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let (requests, passes) = requests_of_the_suite();
        let table = table(&answers(&requests));
        std::fs::write(path, format!("{before}{}{table}{}{after}", MARKS.0, MARKS.1)).unwrap();
        assert!(passes, "the suite fails");
        return;
    }
    let again = "write it anew: UPDATE_DOCS=1 cargo test --test api coverage_page";
    let known = answers(&requests_of_claims());
    let rows: Vec<&str> = found.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let operations = operations();
    assert_eq!(rows.len(), operations.len(), "{again}");
    for (row, operation) in rows.into_iter().zip(operations) {
        let columns = columns_of(operation);
        let rest = row.strip_prefix(&columns).unwrap_or_else(|| panic!("{row} should be {columns}: {again}"));
        let (done, refused) = rest.trim_end_matches(" |").split_once(" | ").expect("two more columns");
        let answers = known.get(operation.name);
        for (version, statuses) in answers.iter().flat_map(|answers| &answers.done) {
            for status in statuses {
                let is_there = done.split("; ").any(|part| {
                    part.strip_prefix(version).is_some_and(|part| part.contains(&status.to_string()))
                });
                assert!(is_there, "{} answers {version} with {status}, {again}", operation.name);
            }
        }
        for code in answers.iter().flat_map(|answers| &answers.refused) {
            assert!(
                refused.split(", ").any(|word| word == code),
                "{} is refused {code}, {again}",
                operation.name
            );
        }
        for version in versions_of(operation).filter(|_| operation.emulation == Emulation::Full) {
            assert!(done.contains(version), "no test has {} of {version} answered well", operation.name);
        }
    }
}

/// Runs every test but those of this page in a process of its own, and returns the requests they made and whether they pass.
fn requests_of_the_suite() -> (Vec<Recorded>, bool) {
    let file: PathBuf = [env!("CARGO_TARGET_TMPDIR"), "requests.txt"].iter().collect();
    let _ = std::fs::remove_file(&file);
    let suite = Command::new(std::env::current_exe().expect("the tests are a file"))
        .args(["--skip", "coverage"])
        .env(RECORDS, &file)
        .env_remove("UPDATE_DOCS")
        .status()
        .expect("the tests can be run");
    let requests = std::fs::read_to_string(&file).expect("the tests leave their requests");
    (requests.lines().filter_map(Recorded::read).collect(), suite.success())
}

/// Returns what each operation was answered with, by its name.
fn answers(requests: &[Recorded]) -> BTreeMap<&'static str, Answers> {
    let distinct: BTreeSet<&Recorded> = requests.iter().collect();
    let mut answers: BTreeMap<&str, Answers> = BTreeMap::new();
    for request in distinct {
        let Some(route) = route_of(request) else { continue };
        let Some(api) = route.api else { continue };
        let answers = answers.entry(route.operation.name).or_default();
        if request.is_answered() {
            answers.done.entry(api.as_str()).or_default().insert(request.status);
        } else if let Some(code) = &request.code {
            // Faults have calls answered with whatever a test wants.
            if code.starts_with("DCS.") {
                answers.refused.insert(code.clone());
            }
        }
    }
    answers
}

/// Returns the route of a request: of several that its path is of, the one with the fewest placeholders.
fn route_of(request: &Recorded) -> Option<&'static RouteEntry> {
    let of_method = routes::table().iter().filter(|route| route.method.as_str() == request.method);
    of_method
        .filter(|route| is_of(&request.path, &route.path))
        .min_by_key(|route| route.path.matches('{').count())
}

/// Returns the operations of the service, those that are emulated whole first.
fn operations() -> Vec<Operation> {
    let mut operations: Vec<Operation> = Vec::new();
    for route in routes::table().iter().filter(|route| route.api.is_some()) {
        if !operations.contains(&route.operation) {
            operations.push(route.operation);
        }
    }
    let states = [Emulation::Full, Emulation::ReadOnly, Emulation::None];
    operations.sort_by_key(|operation| states.iter().position(|state| *state == operation.emulation));
    operations
}

/// Returns the table: one row an operation.
fn table(answers: &BTreeMap<&'static str, Answers>) -> String {
    let operations = operations();
    let count = |state| operations.iter().filter(|operation| operation.emulation == state).count();
    let mut text = format!(
        "<details><summary>{} operations in full, {} read-only, {} not emulated</summary>\n\n\
         | operation | v1.0 | v2 | state | answered | refused with |\n|---|---|---|---|---|---|\n",
        count(Emulation::Full),
        count(Emulation::ReadOnly),
        count(Emulation::None),
    );
    let nothing = Answers::default();
    for operation in operations {
        let Answers { done, refused } = answers.get(operation.name).unwrap_or(&nothing);
        let statuses = done.iter().map(|(version, statuses)| {
            let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
            format!("{version} {}", statuses.join(" "))
        });
        let (done, refused): (Vec<String>, Vec<&str>) =
            (statuses.collect(), refused.iter().map(String::as_str).collect());
        let columns = columns_of(operation);
        writeln!(text, "{columns}{} | {} |", done.join("; "), refused.join(", "))
            .expect("a text takes everything");
    }
    text + "\n</details>\n"
}

/// Returns what the table of routes says of an operation.
fn columns_of(operation: Operation) -> String {
    let calls = |api| calls(operation, api);
    let (on_v1, on_v2) = (calls(ApiVersion::V1), calls(ApiVersion::V2));
    format!("| {} | {on_v1} | {on_v2} | {} | ", operation.name, operation.emulation.as_str())
}

/// Returns how an operation is called on a version: method and path behind the version.
fn calls(operation: Operation, api: ApiVersion) -> String {
    let call = |route: &RouteEntry| {
        let path: Vec<&str> = route.path.split('/').skip(2).map(short).collect();
        format!("`{} /{}`", route.method, path.join("/"))
    };
    routes_of(operation).filter(|route| route.api == Some(api)).map(call).collect::<Vec<_>>().join(", ")
}

fn routes_of(operation: Operation) -> impl Iterator<Item = &'static RouteEntry> {
    routes::table().iter().filter(move |route| route.operation == operation)
}

fn versions_of(operation: Operation) -> impl Iterator<Item = &'static str> {
    let versions: BTreeSet<&str> =
        routes_of(operation).filter_map(|route| route.api).map(ApiVersion::as_str).collect();
    versions.into_iter()
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
