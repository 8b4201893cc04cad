//! `healthcheck`: is a server ready?

use std::process::ExitCode;
use std::time::Duration;

use crate::program::{complain, exit, print};

/// How long a health check waits for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn healthcheck(url: &str) -> ExitCode {
    let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build().new_agent();
    match agent.get(format!("{url}/readyz")).call() {
        Ok(_) => print(&format!("{url} is ready\n")),
        Err(error) => {
            complain(&format!("{url} is not ready: {error}"));
            ExitCode::from(exit::FAILED)
        }
    }
}
