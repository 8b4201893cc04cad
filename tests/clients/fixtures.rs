//! The examples of fixtures for other languages, run as their readers run them: `dcs-emulator run -- pytest`.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::{Completion, Failed, Trial};

use crate::poll;
use crate::python::{self, NoClients};

/// How long all tests of an example may take. A few seconds are usual.
const LIMIT: Duration = Duration::from_secs(100);
/// The first version of Node that has all that the example needs.
const OLDEST_NODE: u32 = 20;

pub(crate) fn trials() -> [Trial; 2] {
    [Trial::ignorable_test("run_pytest", run_pytest), Trial::ignorable_test("run_node_test", run_node_test)]
}

fn run_pytest() -> Result<Completion, Failed> {
    let clients = match python::clients() {
        Ok(clients) => clients,
        Err(NoClients::Skip(reason)) => return Ok(Completion::ignored_with(reason)),
        Err(NoClients::Fail(reason)) => return Err(reason.into()),
    };
    let programs = clients.program("pytest");
    let programs = programs.parent().expect("a program is in a folder");
    let printed = run("pytest", &["pytest"], programs)?;
    expect("pytest", &printed, "4 passed")
}

fn run_node_test() -> Result<Completion, Failed> {
    let Some(version) = node_version() else { return Ok(Completion::ignored_with("node is not installed")) };
    if version < OLDEST_NODE {
        return Ok(Completion::ignored_with(format!("node {version} is older than {OLDEST_NODE}")));
    }
    let printed = run("node", &["node", "--test"], Path::new(""))?;
    expect("node", &printed, "pass 4")
}

fn node_version() -> Option<u32> {
    let output = Command::new("node").arg("--version").stdin(Stdio::null()).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Runs a command beside a server, in a copy of an example's folder, and returns what it printed; `programs` is where more
/// programs are than on the path.
fn run(example: &str, command: &[&str], programs: &Path) -> Result<String, Failed> {
    let folder = tempfile::tempdir()?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    let work = folder.path().join("work");
    copy(&example, &work)?;
    let printed = folder.path().join("printed");
    let file = File::create(&printed)?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_dcs-emulator"))
        .args(["run", "--"])
        .args(command)
        .env_clear()
        .env("PATH", with_programs(programs)?)
        .env("HOME", folder.path())
        .env("LANG", "C.UTF-8")
        .current_dir(&work)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()?;
    let status = poll::until("run an example", LIMIT, || child.try_wait());
    if status.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let printed = fs::read_to_string(printed)?;
    match status {
        Ok(status) if status.success() => Ok(printed),
        Ok(status) => Err(format!("{status}:\n{printed}").into()),
        Err(error) => Err(format!("{error}:\n{printed}").into()),
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        // What a run in the folder itself has left behind is no part of it.
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn with_programs(programs: &Path) -> Result<OsString, env::JoinPathsError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = Some(programs.to_owned()).filter(|programs| !programs.as_os_str().is_empty());
    env::join_paths(own.into_iter().chain(env::split_paths(&path)).collect::<Vec<PathBuf>>())
}

fn expect(what: &str, printed: &str, said: &str) -> Result<Completion, Failed> {
    if printed.contains(said) {
        Ok(Completion::Completed)
    } else {
        Err(format!("{what} does not say {said:?}:\n{printed}").into())
    }
}
