//! One life of instances, told once in `sdk/life.json`, and lived by the SDK of each language: every operation that an SDK has, each
//! answer compared member by member with what the SDK's model makes of it. gophertelekomcloud, whose functions are others, has a life
//! of its own.
//!
//! A driver in the SDK's language takes the steps as lines of JSON and answers with a line each. Where a toolchain is missing, or the
//! SDK cannot be had, the test is reported as ignored and says which.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::expect::same_json;
use crate::python::NoClients;
use crate::sdk_drivers;
use crate::server::Server;
use crate::session::{CLUSTER, KEYS, MASTER_STANDBY, PROJECT};

/// A step of the life.
#[derive(Deserialize)]
struct Step {
    /// The operation, as the SDKs call it, in snake case.
    call: String,
    /// The members of the request, or the arguments of the function; `$name` stands for something kept before.
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
pub(crate) struct Told {
    status: u16,
    pub(crate) raw: String,
    /// None for a file, which the SDK hands on as it comes.
    model: Option<Value>,
    pub(crate) error: Option<String>,
}

/// An SDK that is driven.
#[derive(Clone, Copy)]
pub(crate) struct Sdk {
    pub(crate) name: &'static str,
    /// Its steps, as JSON.
    life: &'static str,
    /// The flags of the server that the page of the client names.
    flags: &'static [&'static str],
    /// The variables of each of its logins. It lives a life with each.
    pub(crate) logins: &'static [&'static [(&'static str, &'static str)]],
    /// Returns the command that starts the driver, after all that it needs is there.
    pub(crate) driver: fn() -> Result<Vec<PathBuf>, NoClients>,
    /// Where its models and the answers differ, a line each, below the reason in a line with `#`.
    left_out: &'static str,
}

const HUAWEI_LIFE: &str = include_str!("sdk/life.json");
const PASSWORD: [(&str, &str); 5] = [
    ("OS_REGION_NAME", "eu-de"),
    ("OS_PROJECT_NAME", "eu-de"),
    ("OS_USERNAME", "emulator"),
    ("OS_PASSWORD", "emulator-password"),
    ("OS_USER_DOMAIN_NAME", "emulator-domain"),
];
const ACCESS_KEY: [(&str, &str); 4] = [
    ("OS_REGION_NAME", "eu-de"),
    ("OS_PROJECT_NAME", "eu-de"),
    ("OS_ACCESS_KEY", "EMULATORACCESSKEY000"),
    ("OS_SECRET_KEY", "emulator-secret-key"),
];

pub(crate) const SDKS: [Sdk; 5] = [
    Sdk {
        name: "python",
        life: HUAWEI_LIFE,
        flags: &[],
        logins: &[&KEYS],
        driver: sdk_drivers::python,
        left_out: include_str!("sdk/python/left_out.txt"),
    },
    Sdk {
        name: "go",
        life: HUAWEI_LIFE,
        flags: &[],
        logins: &[&KEYS],
        driver: sdk_drivers::go,
        left_out: "",
    },
    Sdk {
        name: "java",
        life: HUAWEI_LIFE,
        flags: &[],
        logins: &[&KEYS],
        driver: sdk_drivers::java,
        left_out: "",
    },
    Sdk {
        name: "node",
        life: HUAWEI_LIFE,
        flags: &[],
        logins: &[&KEYS],
        driver: sdk_drivers::node,
        left_out: "",
    },
    Sdk {
        name: "gophertelekomcloud",
        life: include_str!("sdk/gophertelekomcloud/life.json"),
        flags: &["--compat-status-action-204", "--compat-batch-delete-204"],
        logins: &[&PASSWORD, &ACCESS_KEY],
        driver: sdk_drivers::gophertelekomcloud,
        left_out: include_str!("sdk/gophertelekomcloud/left_out.txt"),
    },
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

/// Lives the life with an SDK, with each login on a server of its own. A failure carries the server's log.
fn live(flags: &[&str], sdk: Sdk, driver: &[PathBuf]) -> Result<(), Failed> {
    for login in sdk.logins {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), &[flags, sdk.flags].concat())?;
        let lived = Driver::start(server.url(), folder.path(), driver, login)
            .and_then(|driver| live_with(driver, sdk));
        lived.map_err(|failed| {
            let message = failed.message().unwrap_or("failed");
            format!("{message}\n\nThe server's log:\n{}", server.log())
        })?;
    }
    Ok(())
}

fn live_with(mut driver: Driver, sdk: Sdk) -> Result<(), Failed> {
    let steps: Vec<Step> = serde_json::from_str(sdk.life)?;
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
    let known: BTreeSet<String> =
        sdk.left_out.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let differ: Vec<_> = differences.difference(&known).collect();
    let agree: Vec<_> = known.difference(&differences).collect();
    let never_called: Vec<_> = has.difference(&called).collect();
    let nothing =
        json!({"went wrong": [], "read otherwise than sent": [], "left out no more": [], "never called": []});
    let seen = json!({"went wrong": problems, "read otherwise than sent": differ, "left out no more": agree, "never called": never_called});
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
pub(crate) struct Driver {
    process: Child,
    steps: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts a driver, which is to ask `url`; `variables` are its login and what else it finds.
    pub(crate) fn start(
        url: &str,
        folder: &Path,
        command: &[PathBuf],
        variables: &[(&str, &str)],
    ) -> Result<Self, Failed> {
        let (program, arguments) = command.split_first().ok_or("no driver")?;
        let mut process = Command::new(program)
            .args(arguments)
            .args([url, PROJECT])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("LANG", "C.UTF-8")
            .env("HUAWEICLOUD_SDK_IAM_ENDPOINT", url)
            .env("OS_AUTH_URL", format!("{url}/v3"))
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let steps = process.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no standard output")?);
        Ok(Self { process, steps, answers })
    }

    /// Returns what the SDK can call, in snake case.
    pub(crate) fn calls(&mut self) -> Result<BTreeSet<String>, Failed> {
        let names: Vec<String> = serde_json::from_str(&self.line()?)?;
        Ok(names.iter().map(|name| snake_case(name)).collect())
    }

    pub(crate) fn carry_out(&mut self, call: &str, with: &Value) -> Result<Told, Failed> {
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
