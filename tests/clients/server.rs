//! The built program, running.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::poll;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the program on a free port, with its database in `folder`, and returns once it serves.
    pub(crate) fn start(folder: &Path, flags: &[&str]) -> io::Result<Self> {
        let ready_file = folder.join("ready.json");
        let log = folder.join("server.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_dcs-emulator"));
        command
            // The clients are to see every product, whatever is sold where.
            .args(["--demo", "--listen", "127.0.0.1:0", "--cloud-products", "all"])
            .arg("--database")
            .arg(folder.join("records.db"))
            .arg("--ready-file")
            .arg(&ready_file)
            .args(flags)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DCS_EMULATOR_") {
                command.env_remove(name);
            }
        }
        let mut server = Self { process: command.spawn()?, url: String::new(), log };
        server.url = poll::until("start the server", START_LIMIT, || {
            if let Some(status) = server.process.try_wait()? {
                return Err(io::Error::other(format!("the server ended with {status}:\n{}", server.log())));
            }
            read_url(&ready_file)
        })?;
        Ok(server)
    }

    /// Returns where it is reached, such as `http://127.0.0.1:8637`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns what it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the address in the ready file, once it is there. It appears whole.
fn read_url(ready_file: &Path) -> io::Result<Option<String>> {
    let content = match fs::read_to_string(ready_file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        content => content?,
    };
    let content: Value = serde_json::from_str(&content)?;
    let url = content["url"].as_str().ok_or_else(|| io::Error::other("the ready file has no url"))?;
    Ok(Some(url.to_owned()))
}
