//! The commands: run in their order, page by page, in one folder, beside a server that was started as the README says.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::page;
use crate::process_support::{Server, isolate, program, run};

/// What begins a command that is run. Others install something, or need what only they install.
const RUN: [&str; 3] = ["curl ", "dcs-emulator ", "sqlite3 "];
/// What is not there to be run.
const NOT_RUN: &str = "dcs-emulator run -- pytest";
/// The pages whose commands are run, one after the other.
const PAGES: [&str; 10] = [
    "README.md",
    "docs/api.md",
    "docs/audit.md",
    "docs/policies.md",
    "docs/seeds.md",
    "docs/configuration.md",
    "docs/testing.md",
    "docs/control-api.md",
    "docs/snapshots.md",
    "docs/operating.md",
];
/// Where the README's server listens.
const ADDRESS: &str = "127.0.0.1:8637";

/// A command, and what the page shows of its output.
#[derive(Debug)]
struct Example {
    command: String,
    shown: String,
}

/// Returns the pages whose commands are run, as one text.
fn pages() -> String {
    PAGES.map(page).concat()
}

/// Returns the commands that can be run.
fn examples() -> Vec<Example> {
    let pages = pages();
    let mut examples: Vec<Example> = Vec::new();
    for block in pages.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        let mut is_continued = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                examples.push(Example { command: command.to_owned(), shown: String::new() });
            } else {
                let example = examples.last_mut().expect("a block begins with a command");
                let text = if is_continued { &mut example.command } else { &mut example.shown };
                text.push('\n');
                text.push_str(line);
            }
            // What stands in quotes may go on in the next line, too.
            let command = &examples.last().expect("there is one").command;
            is_continued = command.ends_with('\\') || command.matches('\'').count() % 2 == 1;
        }
    }
    examples.retain(|example| {
        RUN.iter().any(|name| example.command.starts_with(name)) && example.command != NOT_RUN
    });
    examples
}

/// Returns which tool of the commands is missing.
pub(crate) fn obstacle() -> Option<String> {
    let is_missing = |tool: &&str| {
        let asked = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_err()
    };
    ["sh", "curl", "python3", "diff", "sqlite3"]
        .iter()
        .find(|tool| is_missing(tool))
        .map(|tool| format!("{tool} is not installed"))
}

pub(crate) fn every_curl_is_among_the_commands() {
    let commands: String = examples().into_iter().map(|example| example.command).collect();
    let all = pages().lines().filter(|line| line.contains("curl -")).count();
    assert_eq!(commands.matches("curl -").count(), all);
    assert!(commands.contains("/_emulator/") && commands.contains("dcs-emulator control"), "{commands}");
}

pub(crate) fn the_commands_do_what_it_says() {
    let folder = TempDir::new().unwrap();
    let tools = folder.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dcs-emulator"), tools.join("dcs-emulator")).unwrap();
    let mut serve = program(&["serve", "--demo", "--listen", "127.0.0.1:0"]);
    serve.current_dir(folder.path());
    let server = Server::start(serve);
    for example in examples() {
        check(&example, &server, folder.path(), &tools);
    }
    server.stop();
}

/// Runs a command in a folder.
fn check(example: &Example, server: &Server, folder: &Path, tools: &Path) {
    let Example { command, shown } = example;
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command.replace(ADDRESS, server.address())).current_dir(folder);
    isolate(&mut shell);
    let path = std::env::var("PATH").unwrap_or_default();
    shell.env("PATH", format!("{}:{path}", tools.display())).env("DCS_EMULATOR_URL", &server.url);
    let finished = run(shell);
    assert_eq!(finished.code, Some(0), "{command}\n{finished:?}");
    let answer: Option<Value> = serde_json::from_str(&finished.stdout).ok();
    if let Ok(shown) = serde_json::from_str::<Value>(shown) {
        let answer = answer.unwrap_or_else(|| panic!("no JSON: {command}\n{finished:?}"));
        assert_eq!(shape(&answer), shape(&shown), "{command}\n{finished:?}");
    } else {
        let is_error = answer.is_some_and(|answer| answer.get("error_code").is_some());
        assert!(!is_error, "{command}\n{finished:?}");
    }
    if shown == "\nsame" {
        assert_eq!(finished.stdout, "same\n", "{command}");
    }
}

/// Returns a value without what is another one each time: texts and numbers; and of a list only the first.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(values) => values.iter().take(1).map(shape).collect(),
        _ => Value::Null,
    }
}
