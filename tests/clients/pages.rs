//! The examples of `docs/clients`, as they stand, with the clients that are at hand: each ends well, and whatever it asks is answered
//! well.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::Value;

use crate::expect::same;
use crate::poll;
use crate::python::{self, NoClients};
use crate::sdk_drivers::{self, sources};
use crate::server::Server;
use crate::session::answer_of;

/// Where the servers of the examples listen.
const ADDRESS: &str = "127.0.0.1:8637";
/// What is not run here: Terraform is not at hand, and names of the cloud need the rights to change this machine. How a client trusts the
/// certificate (`sh`) is run by the tests of HTTPS.
const NOT_RUN: [&str; 2] = ["hcl", "sh"];
/// What begins a command that has been run, or need not be.
const INSTALLS: &str = "pip install ";
/// How long the examples of a page may take. A minute is usual where something is built.
const LIMIT: Duration = Duration::from_mins(5);

/// Examples that are run one after the other.
#[derive(Clone, Copy)]
struct Examples {
    page: &'static str,
    languages: &'static [&'static str],
    /// Whether they ask the server that they find at the address.
    ask: bool,
    run: fn(&[Block], &Path) -> Result<Command, NoClients>,
}

const EXAMPLES: [Examples; 7] = [
    Examples { page: "README.md", languages: &["console"], ask: false, run: shell },
    Examples { page: "openstack.md", languages: &["console", "python"], ask: true, run: shell },
    Examples { page: "huaweicloud-sdk-python.md", languages: &["console", "python"], ask: true, run: shell },
    Examples { page: "gophertelekomcloud.md", languages: &["console"], ask: false, run: shell },
    Examples { page: "huaweicloud-sdks.md", languages: &["go"], ask: true, run: go },
    Examples { page: "huaweicloud-sdks.md", languages: &["java"], ask: true, run: java },
    Examples { page: "huaweicloud-sdks.md", languages: &["js"], ask: true, run: node },
];

/// An example.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
}

/// Returns the tests: one for each of [`EXAMPLES`], and that they are all.
pub(crate) fn trials() -> Vec<Trial> {
    let name = |examples: &Examples| format!("page_{}_{}", examples.page, examples.languages.join("_"));
    let trial = |examples: Examples| Trial::ignorable_test(name(&examples), move || run(examples));
    let mut trials: Vec<Trial> = EXAMPLES.into_iter().map(trial).collect();
    trials.push(Trial::test("pages_have_no_other_examples", no_other_examples));
    trials
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients")
}

/// Returns the examples of a page.
pub(crate) fn blocks(page: &str) -> Result<Vec<Block>, Failed> {
    let text = fs::read_to_string(folder().join(page))?;
    // Every second part is inside of a fence.
    let inside = text.split("```").skip(1).step_by(2);
    let block = |part: &str| {
        let (language, text) = part.split_once('\n').unwrap_or_default();
        Block { language: language.to_owned(), text: text.to_owned() }
    };
    Ok(inside.map(block).collect())
}

fn no_other_examples() -> Result<(), Failed> {
    let mut others = BTreeSet::new();
    for entry in fs::read_dir(folder())? {
        let page = entry?.file_name().to_string_lossy().into_owned();
        let is_run = |language: &str| {
            EXAMPLES.iter().any(|examples| examples.page == page && examples.languages.contains(&language))
        };
        let languages = blocks(&page)?.into_iter().map(|block| block.language);
        others.extend(
            languages
                .filter(|language| !is_run(language) && !NOT_RUN.contains(&language.as_str()))
                .map(|language| (page.clone(), language)),
        );
    }
    same("examples that no test runs", &others, &BTreeSet::new())
}

fn run(examples: Examples) -> Result<Completion, Failed> {
    let home = tempfile::tempdir()?;
    let server = Server::start(home.path(), &[])?;
    let address = server.url().trim_start_matches("http://");
    let mut blocks = blocks(examples.page)?;
    blocks.retain(|block| examples.languages.contains(&block.language.as_str()));
    for block in &mut blocks {
        block.text = block.text.replace(ADDRESS, address);
    }
    same("whether there are examples", &blocks.is_empty(), &false)?;
    let mut command = match (examples.run)(&blocks, home.path()) {
        Ok(command) => command,
        Err(NoClients::Skip(reason)) => return Ok(Completion::ignored_with(reason)),
        Err(NoClients::Fail(reason)) => return Err(reason.into()),
    };
    for (name, _) in std::env::vars_os() {
        let is_of_clients = |beginning| name.to_string_lossy().starts_with(beginning);
        if ["OS_", "HW_", "HUAWEICLOUD_", "DCS_EMULATOR_", "no_proxy", "NO_PROXY"]
            .into_iter()
            .any(is_of_clients)
        {
            command.env_remove(name);
        }
    }
    let printed = home.path().join("printed");
    let file = File::create(&printed)?;
    let mut child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
    let status = poll::until("run examples", LIMIT, || child.try_wait());
    if status.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let journal = answer_of(&format!("{}/_emulator/requests", server.url()))?;
    let calls = journal["requests"].as_array().cloned().unwrap_or_default();
    let refused: Vec<_> = calls.iter().filter(|call| call["status"].as_u64() >= Some(400)).collect();
    let printed = fs::read_to_string(printed)?;
    let seen = (status?.success(), !calls.is_empty(), refused);
    same(
        "examples that end well, ask the server, and are refused",
        &seen,
        &(true, examples.ask, Vec::<&Value>::new()),
    )
    .map_err(|failed| format!("{}:\n{printed}\n{}", failed.message().unwrap_or_default(), server.log()))?;
    Ok(Completion::Completed)
}

/// Runs commands and Python in one shell, so that each finds what those before it have set.
fn shell(blocks: &[Block], home: &Path) -> Result<Command, NoClients> {
    let clients = python::clients().map_err(NoClients::clone)?;
    let failed = |error: std::io::Error| NoClients::Fail(error.to_string());
    let commands = blocks.iter().flat_map(|block| {
        if block.language == "python" {
            return vec!["python - <<'END'", block.text.trim_end(), "END"];
        }
        let commands = block.text.lines().filter_map(|line| line.strip_prefix("$ "));
        commands.filter(|command| !command.starts_with(INSTALLS)).collect()
    });
    let script = ["set -e"].into_iter().chain(commands).collect::<Vec<_>>().join("\n");
    let tools = home.join("tools");
    fs::create_dir(&tools).map_err(failed)?;
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_dcs-emulator"), tools.join("dcs-emulator"))
        .map_err(failed)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = [tools, clients.program("")].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(own).map_err(|error| NoClients::Fail(error.to_string()))?;
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("PATH", path).env("HOME", home).current_dir(home);
    Ok(command)
}

/// Writes the only example into a file.
fn write(blocks: &[Block], path: &Path) -> Result<(), NoClients> {
    let text: String = blocks.iter().map(|block| block.text.as_str()).collect();
    fs::write(path, text).map_err(|error| NoClients::Fail(error.to_string()))
}

fn go(blocks: &[Block], home: &Path) -> Result<Command, NoClients> {
    sdk_drivers::go()?;
    let file = home.join("main.go");
    write(blocks, &file)?;
    let mut command = Command::new("go");
    // Where the SDK is a dependency.
    command.arg("run").arg(file).current_dir(sources("go"));
    Ok(command)
}

fn java(blocks: &[Block], home: &Path) -> Result<Command, NoClients> {
    let mut words = sdk_drivers::java()?;
    words.pop();
    let file = home.join("Instances.java");
    write(blocks, &file)?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(file);
    Ok(command)
}

fn node(blocks: &[Block], _home: &Path) -> Result<Command, NoClients> {
    let words = sdk_drivers::node()?;
    // Beside the packages, where imports look for them.
    let file = words.last().map(|packages| packages.join("page.mjs")).unwrap_or_default();
    write(blocks, &file)?;
    let mut command = Command::new("node");
    command.arg(file);
    Ok(command)
}
