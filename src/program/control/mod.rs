//! `control …`: ask a running server what the control API offers, and show its answer.

mod render;

use std::error::Error;
use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use dcs_emulator::cli::{ControlBody, ControlRequest};
use serde_json::Value;
use ureq::http::Request;

use crate::program::{complain, exit, print};

/// How long a server may take to take a connection. Its answer may take longer: it can be asked to wait.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Carries the control token.
const X_EMULATOR_TOKEN: &str = "X-Emulator-Token";

pub(super) fn control(request: &ControlRequest) -> ExitCode {
    let problem = match ask(request) {
        Ok((status, body)) if (200..300).contains(&status) => return show(request, &body),
        Ok((status, body)) => refusal(status, &body),
        Err(error) => explanation(request, error.as_ref()),
    };
    complain(&problem);
    ExitCode::from(exit::FAILED)
}

/// Sends a request and returns status and body of the answer.
fn ask(request: &ControlRequest) -> Result<(u16, String), Box<dyn Error>> {
    let agent = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT_PATIENCE))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .new_agent();
    let mut message =
        Request::builder().method(request.method).uri(format!("{}{}", request.url, request.path));
    if let Some(token) = &request.token {
        message = message.header(X_EMULATOR_TOKEN, token.expose());
    }
    let body = match &request.body {
        Some(ControlBody::Json(body)) => {
            message = message.header("Content-Type", "application/json");
            body.to_string().into_bytes()
        }
        Some(ControlBody::File(path)) => content(path)?,
        None => Vec::new(),
    };
    let mut answer = agent.run(message.body(body)?)?;
    // However long an export is.
    let text = answer.body_mut().with_config().limit(u64::MAX).read_to_string()?;
    Ok((answer.status().as_u16(), text))
}

fn content(path: &std::path::Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut content = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut content)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut content))
    };
    read.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(content)
}

fn show(request: &ControlRequest, body: &str) -> ExitCode {
    match serde_json::from_str(body) {
        Ok(answer) if !request.is_shown_raw => print(&render::summary(&answer, request.columns)),
        _ if body.ends_with('\n') => print(body),
        _ => print(&format!("{body}\n")),
    }
}

/// Says what a server said that refused.
fn refusal(status: u16, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match (body["error_code"].as_str(), body["error_msg"].as_str()) {
        (Some(code), Some(message)) => format!("{message} ({status}, {code})"),
        _ => format!("the server answered {status}; is it a dcs-emulator?"),
    }
}

/// Says why there is no answer, and what to do.
fn explanation(request: &ControlRequest, error: &(dyn Error + 'static)) -> String {
    let is_refused = match error.downcast_ref() {
        Some(ureq::Error::Io(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Some(ureq::Error::ConnectionFailed) => true,
        _ => false,
    };
    if is_refused {
        let url = &request.url;
        format!(
            "no server answers at {url}: start one with dcs-emulator serve, or say with --url where it is"
        )
    } else {
        format!("{}: {error}", request.url)
    }
}
