//! The clients by HTTPS: at the providers' host names, with what `dcs-emulator ca` prints as all that is trusted, and certificates
//! checked.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::expect::same;
use crate::python::{self, NoClients};
use crate::sdk_life::{Driver, SDKS};
use crate::server::Server;
use crate::session::{KEYS, Login, MASTER_STANDBY};
use crate::{LENIENT, pages, proxy};

const HUAWEI: &str = "https://dcs.eu-de.myhuaweicloud.com";
const OTC: &str = "https://iam.eu-de.otc.t-systems.com";
/// The driver for Node asks the control API for its routes.
const FLAGS: [&str; 6] = [
    "--tls-mode",
    "self-signed",
    "--tls-listen",
    "127.0.0.1:0",
    "--control-allowed-hosts",
    "*.myhuaweicloud.com",
];
/// Leads Node to an emulator: it knows no proxy.
const NODE_LEAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/sdk/node/lead.cjs");

/// Returns the tests: each SDK, and the CLI.
pub(crate) fn trials() -> Vec<Trial> {
    let completed = |lived: Result<(), Failed>| lived.map(|()| Completion::Completed);
    let mut trials: Vec<Trial> = SDKS
        .into_iter()
        .map(|sdk| {
            Trial::ignorable_test(format!("https_{}", sdk.name), move || match (sdk.driver)() {
                Ok(driver) if sdk.name == "gophertelekomcloud" => completed(look(&driver, sdk.logins[0])),
                Ok(driver) if sdk.name == "python" => completed(live(&driver, "huaweicloud-sdk-python.md")),
                Ok(driver) => completed(live(&driver, "huaweicloud-sdks.md")),
                Err(NoClients::Skip(reason)) => Ok(Completion::ignored_with(reason)),
                Err(NoClients::Fail(reason)) => Err(reason.into()),
            })
        })
        .collect();
    trials.push(Trial::ignorable_test("https_openstack", move || match python::clients() {
        Ok(clients) => completed(openstack(&clients.program("openstack"))),
        Err(NoClients::Skip(reason)) => Ok(Completion::ignored_with(reason.clone())),
        Err(NoClients::Fail(reason)) => Err(reason.clone().into()),
    }));
    trials
}

/// An emulator that is where the providers are.
struct Cloud {
    server: Server,
    folder: TempDir,
    /// What leads clients there, and makes them trust it.
    variables: Vec<(String, String)>,
}

impl Cloud {
    /// Starts one for the clients of a page of `docs/clients`, which trust it as that page says.
    fn start(page: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), &[&FLAGS[..], &LENIENT].concat())?;
        let ready: Value = serde_json::from_slice(&std::fs::read(folder.path().join("ready.json"))?)?;
        let address =
            ready["tls_url"].as_str().and_then(|url| url.strip_prefix("https://")).ok_or("no HTTPS")?;
        let printed = Command::new(env!("CARGO_BIN_EXE_dcs-emulator"))
            .args(["ca", "--database"])
            .arg(folder.path().join("records.db"))
            .stderr(Stdio::null())
            .output()?;
        std::fs::write(folder.path().join("ca.pem"), printed.stdout)?;
        let proxy = proxy::lead_to(address)?;
        let port = address.rsplit(':').next().unwrap_or_default();
        let mut variables = said_by(page, folder.path())?;
        for (name, value) in &mut variables {
            if name == "JAVA_TOOL_OPTIONS" {
                write!(value, " -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={}", proxy.port())?;
            }
        }
        let leads = [
            ("HTTPS_PROXY", format!("http://{proxy}")),
            ("NODE_OPTIONS", format!("--require {NODE_LEAD}")),
            ("LEAD_TO_PORT", port.to_owned()),
        ];
        variables.extend(leads.map(|(name, value)| (name.to_owned(), value)));
        Ok(Self { server, folder, variables })
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn log_behind(&self, failed: &Failed) -> Failed {
        let message = failed.message().unwrap_or("failed");
        format!("{message}\n\nThe server's log:\n{}", self.server.log()).into()
    }
}

/// Runs what a page has its readers run before their clients, in a folder; returns the variables that are set after it.
fn said_by(page: &str, folder: &Path) -> Result<Vec<(String, String)>, Failed> {
    let blocks = pages::blocks(page)?.into_iter().filter(|block| block.language == "sh");
    let mut script = String::new();
    for line in blocks.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        // Whoever runs a program of theirs passes it these options.
        match line.strip_prefix("java ").and_then(|line| line.strip_suffix(" ...")) {
            Some(options) => writeln!(script, "export JAVA_TOOL_OPTIONS=\"{options}\"")?,
            None => writeln!(script, "{line}")?,
        }
    }
    // Without `keytool` Java trusts nobody, and its test fails where there is Java.
    let output = Command::new("sh")
        .args(["-c", &format!("{script}env -0")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()?;
    let set = String::from_utf8(output.stdout)?;
    let variables = set.split('\0').filter_map(|variable| variable.split_once('='));
    let variables = variables.filter(|(name, _)| !["PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    let variables: Vec<_> =
        variables.map(|(name, value)| (name.to_owned(), absolute(value, folder))).collect();
    same("whether the page sets variables", &variables.is_empty(), &false)?;
    Ok(variables)
}

/// Returns options with the trust store in a folder, for a client that runs elsewhere.
fn absolute(value: &str, folder: &Path) -> String {
    value.replace("trustStore=trust.p12", &format!("trustStore={}", folder.join("trust.p12").display()))
}

/// Logs in with the SDK of Open Telekom Cloud, which finds the service in the catalogue, and finds the instances.
fn look(driver: &[PathBuf], login: &[(&str, &str)]) -> Result<(), Failed> {
    let cloud = Cloud::start("gophertelekomcloud.md")?;
    let variables = [login, &cloud.variables()].concat();
    let looked = Driver::start(OTC, cloud.folder.path(), driver, &variables).and_then(|mut driver| {
        driver.calls()?;
        let told = driver.carry_out("v1_lifecycle_list", &json!([{}]))?;
        if let Some(error) = told.error {
            return Err(error.into());
        }
        let listed: Value = serde_json::from_str(&told.raw)?;
        assert_eq!(listed["instance_num"], 3, "{listed}");
        Ok(())
    });
    looked.map_err(|failed| cloud.log_behind(&failed))
}

/// Makes a backup with an SDK and finds it again.
fn live(driver: &[PathBuf], page: &str) -> Result<(), Failed> {
    let cloud = Cloud::start(page)?;
    let variables = [&KEYS[..], &cloud.variables()].concat();
    let lived = Driver::start(HUAWEI, cloud.folder.path(), driver, &variables).and_then(|mut driver| {
        driver.calls()?;
        let mut call = |name: &str, with: Value| -> Result<Value, Failed> {
            let told = driver.carry_out(name, &with)?;
            match told.error {
                Some(error) => Err(format!("{name}: {error}").into()),
                None => Ok(serde_json::from_str(&told.raw)?),
            }
        };
        let listed = call("list_instances", json!({}))?;
        assert_eq!(listed["instance_num"], 3, "{listed}");
        let made =
            call("copy_instance", json!({"instance_id": MASTER_STANDBY, "body": {"remark": "by HTTPS"}}))?;
        let found = call("list_backup_records", json!({"instance_id": MASTER_STANDBY}))?;
        assert_eq!(found["backup_record_response"][0]["backup_id"], made["backup_id"], "{found}");
        Ok(())
    });
    lived.map_err(|failed| cloud.log_behind(&failed))
}

/// Logs in with the CLI, makes a backup and finds it again.
fn openstack(program: &Path) -> Result<(), Failed> {
    let cloud = Cloud::start("openstack.md")?;
    let run = |words: &[&str]| -> Result<Value, Failed> {
        let output = Command::new(program)
            .args(words)
            .args(["-f", "json"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", cloud.folder.path())
            .env("LANG", "C.UTF-8")
            .envs(Login::Password.variables(OTC))
            .envs(cloud.variables())
            .stdin(Stdio::null())
            .output()?;
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(serde_json::from_slice(&output.stdout)?) } else { Err(said().into()) }
    };
    let lived = run(&["dcs", "instance", "backup", "create", MASTER_STANDBY, "--description", "by HTTPS"])
        .and_then(|_| run(&["dcs", "instance", "backup", "list", MASTER_STANDBY]))
        .and_then(|listed| match listed.as_array().map(Vec::len) {
            Some(1) => Ok(()),
            _ => Err(format!("not one backup: {listed}").into()),
        });
    lived.map_err(|failed| cloud.log_behind(&failed))
}
