//! One life of instances, told once in `sdk/life.json`, and lived by the SDK of each language: every operation that an SDK has, each
//! answer compared member by member with what the SDK's model makes of it.
//!
//! A driver in the SDK's language takes the steps as lines of JSON and answers with a line each. Where a toolchain is missing the test is
//! reported as ignored and says which.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use libtest_mimic::{Completion, Failed, Trial};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::expect::same_json;
use crate::python::{self, NoClients};
use crate::server::Server;
use crate::session::{CLUSTER, KEYS, MASTER_STANDBY, PROJECT};

/// A step of the life.
#[derive(Deserialize)]
struct Step {
    /// The operation, as the SDKs call it, in snake case.
    call: String,
    /// The members of the request; `$name` stands for something kept before.
    #[serde(default)]
    with: Value,
    /// What of the answer is kept, by the name under which it is, with its place.
    #[serde(default)]
    keep: BTreeMap<String, String>,
    /// What the answer says, by its place.
    #[serde(default)]
    shows: BTreeMap<String, Value>,
}

/// What a driver tells of a step.
#[derive(Deserialize)]
struct Told {
    status: u16,
    raw: String,
    /// None for a file, which the SDK hands on as it comes.
    model: Option<Value>,
    error: Option<String>,
}

/// A language whose SDK is driven.
#[derive(Clone, Copy)]
struct Sdk {
    name: &'static str,
    /// Returns the command that starts the driver, after all that it needs is there.
    driver: fn() -> Result<Vec<PathBuf>, NoClients>,
    /// What its models promise and answers leave out, each with its reason beside it.
    left_out: &'static [&'static str],
}

const SDKS: [Sdk; 4] = [
    Sdk {
        name: "python",
        driver: python_driver,
        left_out: &[
            // An order that there is not.
            "create_instance.order_id is missing",
            // An entry point is no node, though the model is that of one.
            "show_instance_topology.vpcendpoint.bandwidth is missing",
            "show_instance_topology.vpcendpoint.db_num is missing",
            "show_instance_topology.vpcendpoint.dbs is missing",
            "show_instance_topology.vpcendpoint.dims is missing",
            "show_instance_topology.vpcendpoint.group_id is missing",
            "show_instance_topology.vpcendpoint.max_memory is missing",
            "show_instance_topology.vpcendpoint.node_name is missing",
            "show_instance_topology.vpcendpoint.qps is missing",
            "show_instance_topology.vpcendpoint.relation_ip is missing",
            "show_instance_topology.vpcendpoint.relation_port is missing",
            "show_instance_topology.vpcendpoint.used_memory is missing",
        ],
    },
    Sdk { name: "go", driver: go_driver, left_out: &[] },
    Sdk { name: "java", driver: java_driver, left_out: &[] },
    Sdk { name: "node", driver: node_driver, left_out: &[] },
];

/// Returns the tests: each SDK, in both modes.
pub(crate) fn trials() -> Vec<Trial> {
    let modes = [("lenient", &["--auth", "lenient"]), ("strict", &["--auth", "strict"])];
    let trial = |sdk: Sdk, (mode, flags): (&str, &'static [&'static str; 2])| {
        Trial::ignorable_test(format!("sdk_life_{}_{mode}", sdk.name), move || match (sdk.driver)() {
            Ok(driver) => live(flags, sdk, &driver).map(|()| Completion::Completed),
            Err(NoClients::Skip(reason)) => Ok(Completion::ignored_with(reason)),
            Err(NoClients::Fail(reason)) => Err(reason.into()),
        })
    };
    SDKS.into_iter().flat_map(|sdk| modes.into_iter().map(move |mode| trial(sdk, mode))).collect()
}

/// Lives the life with an SDK, on a server of its own. A failure carries the server's log.
fn live(flags: &[&str], sdk: Sdk, driver: &[PathBuf]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), flags)?;
    let lived = Driver::start(server.url(), folder.path(), driver).and_then(|driver| live_with(driver, sdk));
    lived.map_err(|failed| {
        let message = failed.message().unwrap_or("failed");
        format!("{message}\n\nThe server's log:\n{}", server.log()).into()
    })
}

fn live_with(mut driver: Driver, sdk: Sdk) -> Result<(), Failed> {
    let steps: Vec<Step> = serde_json::from_str(include_str!("sdk/life.json"))?;
    let has: BTreeSet<String> = driver.calls()?;
    let mut kept =
        Map::from_iter([("demo".to_owned(), json!(MASTER_STANDBY)), ("cluster".to_owned(), json!(CLUSTER))]);
    let (mut called, mut problems) = (BTreeSet::new(), Vec::new());
    let mut differences = BTreeSet::new();
    for step in steps.iter().filter(|step| has.contains(&step.call)) {
        let with = filled(&step.with, &kept);
        let told = driver.carry_out(&step.call, &with)?;
        if let Some(error) = told.error {
            problems.push(format!("{} {with}: {} {error}", step.call, told.status));
            continue;
        }
        called.insert(step.call.clone());
        let raw = serde_json::from_str(&told.raw).unwrap_or_else(|_| json!(told.raw));
        for (name, place) in &step.keep {
            match raw.pointer(place).filter(|value| value.is_string()) {
                Some(value) => drop(kept.insert(name.clone(), value.clone())),
                None => problems.push(format!("{} answers without {place}: {raw}", step.call)),
            }
        }
        for (place, expected) in &step.shows {
            let (shown, expected) = (raw.pointer(place).unwrap_or(&Value::Null), filled(expected, &kept));
            if shown != &expected {
                problems.push(format!("{} shows {shown} at {place}, not {expected}", step.call));
            }
        }
        if let Some(model) = told.model {
            compare_bodies(&step.call, &model, (&raw, &told.raw), &mut differences);
        }
    }
    for known in sdk.left_out {
        differences.remove(*known);
    }
    let never_called: Vec<_> = has.difference(&called).collect();
    let nothing = json!({"went wrong": [], "read otherwise than sent": [], "never called": []});
    let seen = json!({"went wrong": problems, "read otherwise than sent": differences, "never called": never_called});
    same_json("a life", &seen, &nothing)
}

/// Puts what was kept in the place of its names.
fn filled(template: &Value, kept: &Map<String, Value>) -> Value {
    match template {
        Value::String(text) => {
            let value = text.strip_prefix('$').and_then(|name| kept.get(name));
            value.cloned().unwrap_or_else(|| template.clone())
        }
        Value::Array(items) => items.iter().map(|item| filled(item, kept)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), filled(value, kept))).collect()
        }
        other => other.clone(),
    }
}

/// Compares a model with the body that it was made of. Bodies that are no objects are the model's member `body`.
fn compare_bodies(call: &str, model: &Value, (raw, sent): (&Value, &str), found: &mut BTreeSet<String>) {
    let is_object = raw.is_object();
    match (model.get("body"), raw.as_str()) {
        // Of a body that is empty, but there, SDKs make nothing.
        (_, Some("")) => {}
        // Some take a text as it is sent, with its quotes.
        (Some(Value::String(body)), Some(_)) if body == sent => {}
        (Some(body), _) if !(is_object || body.is_null() && raw == &json!([])) => {
            compare(call, body, raw, found);
        }
        (None, _) if is_object => compare(call, model, raw, found),
        _ => {}
    }
}

fn compare(place: &str, model: &Value, raw: &Value, found: &mut BTreeSet<String>) {
    match (model, raw) {
        (Value::Object(model), Value::Object(raw)) => {
            for (name, value) in model {
                let place = format!("{place}.{name}");
                match raw.get(name) {
                    Some(raw) => compare(&place, value, raw, found),
                    None => drop(found.insert(format!("{place} is missing"))),
                }
            }
        }
        (Value::Array(model), Value::Array(raw)) if model.len() == raw.len() => {
            model.iter().zip(raw).for_each(|(model, raw)| compare(place, model, raw, found));
        }
        (Value::Number(model), Value::Number(raw)) if model.as_f64() == raw.as_f64() => {}
        (model, raw) if model == raw => {}
        (model, raw) => drop(found.insert(format!("{place} is {model}, not {raw}"))),
    }
}

/// A driver that runs.
struct Driver {
    process: Child,
    steps: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    fn start(url: &str, folder: &Path, command: &[PathBuf]) -> Result<Self, Failed> {
        let (program, arguments) = command.split_first().ok_or("no driver")?;
        let mut process = Command::new(program)
            .args(arguments)
            .args([url, PROJECT])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("LANG", "C.UTF-8")
            .envs(KEYS)
            .env("HUAWEICLOUD_SDK_IAM_ENDPOINT", url)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let steps = process.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no standard output")?);
        Ok(Self { process, steps, answers })
    }

    /// Returns what the SDK can call, in snake case.
    fn calls(&mut self) -> Result<BTreeSet<String>, Failed> {
        let names: Vec<String> = serde_json::from_str(&self.line()?)?;
        Ok(names.iter().map(|name| snake_case(name)).collect())
    }

    fn carry_out(&mut self, call: &str, with: &Value) -> Result<Told, Failed> {
        let with = if with.is_null() { &json!({}) } else { with };
        writeln!(self.steps, "{}", json!({"call": call, "with": with}))?;
        let line = self.line()?;
        serde_json::from_str(&line).map_err(|error| format!("{call}: {error}: {line}").into())
    }

    fn line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err("the driver has ended".into());
        }
        Ok(line)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes `ListInstances` and `listInstances` as `list_instances`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/sdk").join(language)
}

fn python_driver() -> Result<Vec<PathBuf>, NoClients> {
    match python::clients() {
        Ok(clients) => Ok(vec![clients.program("python"), sources("python").join("driver.py")]),
        Err(NoClients::Skip(reason)) => Err(NoClients::Skip(reason.clone())),
        Err(NoClients::Fail(reason)) => Err(NoClients::Fail(reason.clone())),
    }
}

/// Builds the driver in Go below the target folder, once a run.
fn go_driver() -> Result<Vec<PathBuf>, NoClients> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let driver = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-go-driver");
    built(
        &BUILT,
        "go",
        Command::new("go").args(["build", "-o"]).arg(&driver).arg(".").current_dir(sources("go")),
    )?;
    Ok(vec![driver])
}

/// Has Maven bring the SDK; Java runs the source of the driver as it is.
fn java_driver() -> Result<Vec<PathBuf>, NoClients> {
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
fn node_driver() -> Result<Vec<PathBuf>, NoClients> {
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

/// Runs a command that builds a driver, once for all tests of a run.
fn built(
    outcome: &OnceLock<Result<(), String>>,
    toolchain: &str,
    command: &mut Command,
) -> Result<(), NoClients> {
    let is_there = Command::new(toolchain).arg("version").arg("--version").output().is_ok();
    if !is_there {
        return Err(NoClients::Skip(format!("{toolchain} is not installed")));
    }
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
