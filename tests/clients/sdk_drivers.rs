//! The drivers of the SDKs: what each needs is brought and built once a run, below the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::poll;
use crate::python::{self, NoClients};

/// How long Go may take to bring two modules, 3 MB in all. A second is usual.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/sdk").join(language)
}

pub(crate) fn python() -> Result<Vec<PathBuf>, NoClients> {
    let clients = python::clients().map_err(NoClients::clone)?;
    Ok(vec![clients.program("python"), sources("python").join("driver.py")])
}

/// Builds the driver in Go below the target folder, once a run.
pub(crate) fn go() -> Result<Vec<PathBuf>, NoClients> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let driver = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-go-driver");
    built(
        &BUILT,
        "go",
        Command::new("go").args(["build", "-o"]).arg(&driver).arg(".").current_dir(sources("go")),
    )?;
    Ok(vec![driver])
}

/// Has Go bring the SDK and builds the driver, once a run. A module that cannot be had, or needs a newer Go, is no failure; a module that
/// is not the one of `go.sum`, or a driver that does not compile, is one on every machine.
pub(crate) fn gophertelekomcloud() -> Result<Vec<PathBuf>, NoClients> {
    static BUILT: OnceLock<Result<PathBuf, NoClients>> = OnceLock::new();
    let driver = BUILT.get_or_init(|| {
        is_installed("go")?;
        let sources = sources("gophertelekomcloud");
        download_modules(&sources)?;
        let driver = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-gophertelekomcloud-driver");
        // With the paths of its sources, from which it reads what the SDK can call.
        let build = ["build", "-trimpath=false", "-o"];
        let output = Command::new("go").args(build).arg(&driver).arg(".").current_dir(sources).output();
        let output = output.map_err(|error| NoClients::Fail(error.to_string()))?;
        if output.status.success() {
            return Ok(driver);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let explanation = format!("the driver cannot be built with go: {said}");
        Err(if wants_newer_go(&said) { NoClients::Skip(explanation) } else { NoClients::Fail(explanation) })
    });
    Ok(vec![driver.clone()?])
}

/// Has Go bring the modules of a `go.mod`.
fn download_modules(sources: &Path) -> Result<(), NoClients> {
    let mut command = Command::new("go");
    command.args(["mod", "download"]).current_dir(sources).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut go = command.spawn().map_err(|error| NoClients::Fail(error.to_string()))?;
    if let Err(error) = poll::until("go mod download", DOWNLOAD_LIMIT, || go.try_wait()) {
        // It may have ended by itself.
        let _ = go.kill();
        let _ = go.wait();
        return Err(NoClients::Skip(error.to_string()));
    }
    let output = go.wait_with_output().map_err(|error| NoClients::Fail(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.lines().find(|line| !line.starts_with("go: downloading ")).unwrap_or_default();
    // Such as `go: example.com/module@v1.2.3: reading https://…: 403 Forbidden`.
    let module = reason.strip_prefix("go: ").and_then(|reason| reason.split_once(": "));
    if module.is_some_and(|(module, _)| module.contains('@')) || wants_newer_go(&said) {
        return Err(NoClients::Skip(format!("the SDK cannot be had: {reason}")));
    }
    Err(NoClients::Fail(format!("the SDK cannot be brought: {said}")))
}

/// Tells whether Go refuses, or does not understand, what a newer Go does.
fn wants_newer_go(said: &str) -> bool {
    said.to_ascii_lowercase().contains("requires go ")
}

/// Has Maven bring the SDK; Java runs the source of the driver as it is.
pub(crate) fn java() -> Result<Vec<PathBuf>, NoClients> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let class_path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-java-class-path");
    let output = format!("-Dmdep.outputFile={}", class_path.display());
    built(
        &BUILT,
        "mvn",
        Command::new("mvn")
            .args(["-q", "-B", "dependency:build-classpath"])
            .arg(output)
            .current_dir(sources("java")),
    )?;
    let class_path =
        std::fs::read_to_string(class_path).map_err(|error| NoClients::Fail(error.to_string()))?;
    Ok(vec!["java".into(), "-cp".into(), class_path.trim().into(), sources("java").join("Driver.java")])
}

/// Has npm bring the SDK to a folder below the target folder.
pub(crate) fn node() -> Result<Vec<PathBuf>, NoClients> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-node");
    let copied = std::fs::create_dir_all(&packages).and_then(|()| {
        ["package.json", "package-lock.json"]
            .iter()
            .try_for_each(|file| std::fs::copy(sources("node").join(file), packages.join(file)).map(drop))
    });
    copied.map_err(|error| NoClients::Fail(error.to_string()))?;
    built(&BUILT, "npm", Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&packages))?;
    Ok(vec!["node".into(), sources("node").join("driver.mjs"), packages])
}

fn is_installed(toolchain: &str) -> Result<(), NoClients> {
    match Command::new(toolchain).arg("version").arg("--version").output() {
        Ok(_) => Ok(()),
        Err(_) => Err(NoClients::Skip(format!("{toolchain} is not installed"))),
    }
}

/// Runs a command that builds a driver, once for all tests of a run.
fn built(
    outcome: &OnceLock<Result<(), String>>,
    toolchain: &str,
    command: &mut Command,
) -> Result<(), NoClients> {
    is_installed(toolchain)?;
    let outcome = outcome.get_or_init(|| {
        let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        let said =
            || String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
        if output.status.success() { Ok(()) } else { Err(said()) }
    });
    outcome.clone().map_err(|said| {
        let explanation = format!("the driver cannot be built with {toolchain}: {said}");
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            NoClients::Fail(explanation)
        } else {
            NoClients::Skip(explanation)
        }
    })
}
