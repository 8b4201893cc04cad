//! One server, and clients run against it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;
use tempfile::TempDir;

use crate::poll;
use crate::python::Clients;
use crate::server::Server;

/// The project of the demo.
pub(crate) const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
/// The demo's master/standby instance, `dcs-ha`.
pub(crate) const MASTER_STANDBY: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";
/// The demo's single-node instance, `dcs-single`.
pub(crate) const SINGLE: &str = "0f3c2b6a-54f1-4a9d-8a7e-2d1f6c9b0e11";
/// The demo's cluster, `dcs-cluster`.
pub(crate) const CLUSTER: &str = "6d1f3f0a-8f0e-4ad8-9d0b-3f0b1d0c9a77";

/// How long a client may take. A second or two is usual.
const CLIENT_LIMIT: Duration = Duration::from_secs(100);
/// How long the client may take that makes thousands of calls. A minute is usual.
const LONG_LIMIT: Duration = Duration::from_mins(10);

/// The keys of the built-in user, where huaweicloudsdkcore looks for them.
pub(crate) const KEYS: [(&str, &str); 2] =
    [("HUAWEICLOUD_SDK_AK", "EMULATORACCESSKEY000"), ("HUAWEICLOUD_SDK_SK", "emulator-secret-key")];

/// How the OpenStack clients log in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Login {
    /// A token that nobody issued, sent as it is; no identity service is asked.
    StaticToken,
    /// The built-in user's name and password.
    Password,
    /// The built-in user's name, and another password.
    WrongPassword,
}

impl Login {
    pub(crate) fn variables(self, url: &str) -> Vec<(&'static str, String)> {
        let with_password = |password: &str| {
            vec![
                ("OS_AUTH_URL", format!("{url}/v3")),
                ("OS_USERNAME", "emulator".to_owned()),
                ("OS_PASSWORD", password.to_owned()),
                ("OS_USER_DOMAIN_NAME", "emulator-domain".to_owned()),
                ("OS_PROJECT_ID", PROJECT.to_owned()),
                ("OS_REGION_NAME", "eu-de".to_owned()),
                ("OS_IDENTITY_API_VERSION", "3".to_owned()),
            ]
        };
        match self {
            Self::Password => with_password("emulator-password"),
            Self::WrongPassword => with_password("wrong"),
            Self::StaticToken => vec![
                ("OS_AUTH_TYPE", "admin_token".to_owned()),
                ("OS_ENDPOINT", format!("{url}/v1.0/{PROJECT}")),
                ("OS_TOKEN", "a-token-nobody-issued".to_owned()),
            ],
        }
    }
}

/// A server, and the clients that talk to it.
#[derive(Debug)]
pub(crate) struct Session {
    clients: &'static Clients,
    login: Login,
    server: Server,
    folder: TempDir,
}

/// What a client printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Session {
    /// Runs a test against a server of its own. A failure carries the server's log.
    pub(crate) fn run(
        clients: &'static Clients,
        flags: &[&str],
        login: Login,
        test: fn(&Self) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(folder.path(), flags)?;
        let session = Self { clients, login, server, folder };
        test(&session).map_err(|failed| {
            let message = failed.message().unwrap_or("failed");
            format!("{message}\n\nThe server's log:\n{}", session.server.log()).into()
        })
    }

    /// Returns where the server is reached.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Returns what the API itself answers where it asks for no login.
    ///
    /// # Errors
    /// If it answers with anything but success and JSON.
    pub(crate) fn api(&self, path: &str) -> Result<Value, Failed> {
        answer_of(&format!("{}{path}", self.url()))
    }

    /// Runs a command of the `openstack` CLI and returns the JSON it prints.
    ///
    /// # Errors
    /// If it fails or prints something else.
    pub(crate) fn openstack(&self, words: &[&str]) -> Result<Value, Failed> {
        let printed = self.openstack_printed(&[words, &["-f", "json"]].concat())?;
        json_of(&words.join(" "), &printed)
    }

    /// Runs a command of the `openstack` CLI, which may fail.
    pub(crate) fn openstack_printed(&self, words: &[&str]) -> io::Result<Printed> {
        self.openstack_printed_as(self.login, words)
    }

    /// Runs a command of the `openstack` CLI with another login.
    pub(crate) fn openstack_printed_as(&self, login: Login, words: &[&str]) -> io::Result<Printed> {
        self.run_client(login, Command::new(self.clients.program("openstack")).args(words))
    }

    /// Runs a script of this folder and returns the JSON document it prints.
    ///
    /// # Errors
    /// If it fails or prints something else.
    pub(crate) fn script(&self, name: &str, arguments: &[&str]) -> Result<Value, Failed> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name);
        let mut command = Command::new(self.clients.program("python"));
        json_of(name, &self.run_client(self.login, command.arg(path).args(arguments))?)
    }

    /// Runs schemathesis over the operations of the API that `filter` lets through, about the demo's project and its master/standby
    /// instance, always with the same examples.
    pub(crate) fn schemathesis(&self, filter: &[&str]) -> io::Result<Printed> {
        const CHECKS: &str =
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
        let settings = self.folder.path().join("schemathesis.toml");
        let text = format!(
            "[parameters]\n\"path.project_id\" = \"{PROJECT}\"\n\"path.instance_id\" = \"{MASTER_STANDBY}\"\n"
        );
        fs::write(&settings, text)?;
        let mut command = Command::new(self.clients.program("schemathesis"));
        command
            .arg("--config-file")
            .arg(settings)
            .args(["run", &format!("{}/_emulator/openapi.json", self.url()), "--url", self.url()])
            .args(["--include-path-regex", "^/v(1.0|2)/", "--checks", CHECKS])
            .args(["--phases", "coverage,fuzzing", "--max-examples", "10", "--generation-deterministic"])
            .args(["--continue-on-failure", "--warnings", "off", "--no-color"])
            .args(filter);
        self.run_client_for(LONG_LIMIT, self.login, &mut command)
    }

    /// Runs a client with an environment that holds its login and nothing of this machine's.
    fn run_client(&self, login: Login, command: &mut Command) -> io::Result<Printed> {
        self.run_client_for(CLIENT_LIMIT, login, command)
    }

    fn run_client_for(&self, limit: Duration, login: Login, command: &mut Command) -> io::Result<Printed> {
        // Of its own, as a test may run clients at once.
        let home = tempfile::tempdir_in(self.folder.path())?;
        let (stdout, stderr) = (home.path().join("stdout"), home.path().join("stderr"));
        let mut client = command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .envs(login.variables(self.url()))
            .envs(KEYS)
            .env("HUAWEICLOUD_SDK_IAM_ENDPOINT", self.url())
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(File::create(&stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn()?;
        let status = poll::until("run a client", limit, || client.try_wait());
        if status.is_err() {
            client.kill()?;
            client.wait()?;
        }
        Ok(Printed {
            succeeded: status?.success(),
            stdout: fs::read_to_string(stdout)?,
            stderr: fs::read_to_string(stderr)?,
        })
    }
}

/// Returns the JSON at a URL that asks for no login.
///
/// # Errors
/// If it answers with anything but success and JSON.
pub(crate) fn answer_of(url: &str) -> Result<Value, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = runtime.block_on(async { reqwest::get(url).await?.error_for_status()?.bytes().await })?;
    Ok(serde_json::from_slice(&body)?)
}

fn json_of(what: &str, printed: &Printed) -> Result<Value, Failed> {
    let Printed { succeeded, stdout, stderr } = printed;
    if !succeeded {
        return Err(format!("{what} failed:\n{stdout}{stderr}").into());
    }
    serde_json::from_str(stdout)
        .map_err(|error| format!("{what} printed no JSON: {error}:\n{stdout}{stderr}").into())
}
