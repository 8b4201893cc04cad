//! The pinned clients, in a virtual environment of their own.
//!
//! It lies below the target folder, never in the repository, and is used again as long as it was made by the same
//! Python from the same `requirements.txt`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/requirements.txt");

/// The clients, installed.
#[derive(Debug)]
pub(crate) struct Clients {
    environment: PathBuf,
}

impl Clients {
    /// Returns the path of a program of the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.environment.join("bin").join(name)
    }
}

/// Why there are no clients, and what a test does then.
#[derive(Clone, Debug)]
pub(crate) enum NoClients {
    /// This machine cannot have them: ignore the test.
    Skip(String),
    /// They should be there: fail the test.
    Fail(String),
}

/// Returns the clients, installing them the first time. All tests of a run share one attempt.
pub(crate) fn clients() -> Result<&'static Clients, &'static NoClients> {
    static CLIENTS: OnceLock<Result<Clients, NoClients>> = OnceLock::new();
    CLIENTS.get_or_init(find_or_install).as_ref()
}

fn find_or_install() -> Result<Clients, NoClients> {
    let Some(version) = python_version() else {
        return Err(NoClients::Skip("python3 is not installed".to_owned()));
    };
    install(&version).map_err(|error| {
        let explanation = format!("the clients cannot be installed: {error}");
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            return NoClients::Fail(explanation);
        }
        // In full once, then by its last line beside every test.
        eprintln!("{explanation}");
        let last_line = explanation.lines().last().unwrap_or_default();
        NoClients::Skip(format!("the clients cannot be installed, see above: {last_line}"))
    })
}

/// Returns what the Python on the path says it is; `None` if there is none.
fn python_version() -> Option<String> {
    let script = "import sys; print(sys.version, sys.executable)";
    let output = Command::new("python3").args(["-c", script]).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn install(python_version: &str) -> io::Result<Clients> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = folder.join("clients-venv");
    // Two runs at once, of two profiles for example, share the folder.
    let lock = File::create(folder.join("clients-venv.lock"))?;
    lock.lock()?;
    // Written last, so that an environment with it is whole.
    let seal = environment.join("installed.txt");
    let content = format!("{python_version}{}", fs::read_to_string(REQUIREMENTS)?);
    if fs::read_to_string(&seal).is_ok_and(|installed| installed == content) {
        return Ok(Clients { environment });
    }
    if environment.exists() {
        fs::remove_dir_all(&environment)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let clients = Clients { environment };
    // Few and short tries, so that a machine without a registry does not wait for long.
    run(Command::new(clients.program("python"))
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--retries", "2", "--timeout", "30", "--requirement", REQUIREMENTS]))?;
    fs::write(seal, content)?;
    Ok(clients)
}

fn run(command: &mut Command) -> io::Result<()> {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output()?;
    if status.success() {
        return Ok(());
    }
    // venv explains itself on stdout, pip on stderr.
    let words = [stdout, stderr].concat();
    let program = command.get_program().to_string_lossy();
    Err(io::Error::other(format!("{program}: {status}: {}", String::from_utf8_lossy(&words).trim())))
}
