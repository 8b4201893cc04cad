//! `control …`: send a request to a running server, and show its answer.

mod render;
mod transfer;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use transfer::Transfer;
use ureq::SendBody;
use ureq::http::Request;

use crate::cli::{ControlBody, ControlRequest, ControlServer};
use crate::program::exit::{self, fail, print};

/// How long a server may take to accept a connection. Its answer may take longer: it can be asked to wait.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
enum ControlError {
    #[error("{message} ({status}, {code})")]
    Refused { status: u16, code: String, message: String },
    #[error("{url} answered {status}; is it a dcs-emulator?")]
    Unexpected { url: String, status: u16 },
    #[error("no server answers at {url}: start one with dcs-emulator serve, or say with --url where it is")]
    NoServer { url: String },
    #[error("{url}")]
    Failed {
        url: String,
        #[source]
        source: ureq::Error,
    },
    #[error("{} cannot be {action}", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

pub(super) fn control(server: &ControlServer, requests: &[ControlRequest]) -> ExitCode {
    let client = Client::new(server);
    let mut shown = None;
    for request in requests {
        match client.send(request) {
            Ok(answer) => shown = answer.map(|answer| (request, answer)).or(shown),
            Err(error) => return fail(&error, exit::FAILED),
        }
    }
    shown.map_or(ExitCode::from(exit::STOPPED), |(request, answer)| show(request, answer))
}

/// A client of the control API of a server.
struct Client<'a> {
    server: &'a ControlServer,
    agent: ureq::Agent,
}

impl<'a> Client<'a> {
    fn new(server: &'a ControlServer) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Self { server, agent: agent.new_agent() }
    }

    /// Sends a request and returns the answer, unless that goes to a file.
    fn send(&self, request: &ControlRequest) -> Result<Option<String>, ControlError> {
        let url = &self.server.url;
        let mut message = Request::builder().method(request.method).uri(format!("{url}{}", request.path));
        if let Some(token) = &self.server.token {
            message = message.header("X-Emulator-Token", token.expose());
        }
        let content = match &request.body {
            Some(ControlBody::Json(body)) => {
                message = message.header("Content-Type", "application/json");
                Some(Transfer::of_text(body.to_string().into_bytes()))
            }
            Some(ControlBody::File(path)) => Some(Transfer::of_file(path).map_err(file_error(path, "read"))?),
            None if matches!(request.method, "GET" | "DELETE") => None,
            None => Some(Transfer::of_text(Vec::new())),
        };
        let body = match content {
            Some(content) => {
                if let Some(length) = content.total {
                    message = message.header("Content-Length", length);
                }
                SendBody::from_owned_reader(content)
            }
            None => SendBody::none(),
        };
        let message = message.body(body).map_err(|error| self.failed(error.into()))?;
        let mut answer = self.agent.run(message).map_err(|error| self.failed(error))?;
        let status = answer.status();
        let length = answer.body().content_length();
        // However long an export is.
        let body = answer.body_mut().with_config().limit(u64::MAX);
        match &request.output {
            Some(path) if status.is_success() => {
                let mut content = Transfer::new(Box::new(body.reader()), length);
                content.save(path).map_err(file_error(path, "written")).map(|()| None)
            }
            _ => {
                let text = body.read_to_string().map_err(|error| self.failed(error))?;
                if status.is_success() { Ok(Some(text)) } else { Err(self.refused(status.as_u16(), &text)) }
            }
        }
    }

    fn failed(&self, source: ureq::Error) -> ControlError {
        let url = self.server.url.clone();
        match source {
            ureq::Error::ConnectionFailed => ControlError::NoServer { url },
            ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
                ControlError::NoServer { url }
            }
            source => ControlError::Failed { url, source },
        }
    }

    fn refused(&self, status: u16, answer: &str) -> ControlError {
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        match (answer["error_code"].as_str(), answer["error_msg"].as_str()) {
            (Some(code), Some(message)) => {
                ControlError::Refused { status, code: code.to_owned(), message: message.to_owned() }
            }
            _ => ControlError::Unexpected { url: self.server.url.clone(), status },
        }
    }
}

fn file_error(path: &Path, action: &'static str) -> impl Fn(std::io::Error) -> ControlError {
    move |source| ControlError::File { action, path: path.to_owned(), source }
}

fn show(request: &ControlRequest, answer: String) -> ExitCode {
    match serde_json::from_str(&answer) {
        Ok(answer) if !request.is_shown_raw => print(&render::summary(&answer, request.columns)),
        _ if answer.ends_with('\n') => print(&answer),
        _ => print(&(answer + "\n")),
    }
}
