//! `control`: a subcommand for each route of the control API, and the request that it makes.

mod commands;
mod requests;

use std::path::{Path, PathBuf};

use clap::Args;
use dcs_emulator::domain::identity::Secret;
use serde_json::Value;

use crate::cli::settings::CliError;
use commands::{ControlCommand, SnapshotsCommand};
pub(crate) use requests::{ControlBody, ControlRequest};

/// Where a server is unless something says where.
const DEFAULT_URL: &str = "http://127.0.0.1:8637";
const READY_FILE: &str = "DCS_EMULATOR_READY_FILE";
const GENERAL: &str = "General options";

/// A server whose control API is asked.
#[derive(Debug)]
pub(crate) struct ControlServer {
    /// Where it is, without a slash at the end.
    pub(crate) url: String,
    /// Its control token, if it has one.
    pub(crate) token: Option<Secret>,
}

const HELP: &str = "The server is the one that --url names, else that of --ready-file, of the variables \
     DCS_EMULATOR_CONTROL_URL and DCS_EMULATOR_URL, of DCS_EMULATOR_READY_FILE, else http://127.0.0.1:8637.\n\n\
     Examples:\n  \
     dcs-emulator control clock advance 2h\n  \
     dcs-emulator control faults add --operation create_backup --times 1 --status 503\n  \
     dcs-emulator control requests list --status 503 --json\n\n\
     Exit code 0 if it did what it was asked for, 1 if not.";

/// The arguments of `control`.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, after_help = HELP)]
pub(crate) struct ControlArgs {
    /// Where the server is
    #[arg(long, global = true, help_heading = GENERAL)]
    url: Option<String>,
    /// The file in which the server says where it is
    // Named unlike the setting, since what is global is passed on to all commands above.
    #[arg(long = "ready-file", global = true, help_heading = GENERAL, value_name = "FILE")]
    server_file: Option<PathBuf>,
    /// The control token of the server
    #[arg(long = "control-token", global = true, help_heading = GENERAL, value_name = "TEXT")]
    #[arg(env = "DCS_EMULATOR_CONTROL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Show the answer as it comes, in JSON
    #[arg(long, global = true, help_heading = GENERAL)]
    json: bool,
    #[command(subcommand)]
    command: ControlCommand,
}

impl ControlArgs {
    /// Returns the server and the requests that it is sent.
    pub(crate) fn invocation(self) -> Result<(ControlServer, Vec<ControlRequest>), CliError> {
        if let ControlCommand::Snapshots(SnapshotsCommand::Save { file, force: false, .. }) = &self.command
            && file.exists()
        {
            return Err(CliError::FileExists { path: file.clone() });
        }
        let token = self.token.filter(|token| !token.is_empty()).map(Secret::new);
        let server = ControlServer { url: server_url(self.url, self.server_file)?, token };
        let mut requests = self.command.requests();
        for request in &mut requests {
            request.is_shown_raw |= self.json;
        }
        Ok((server, requests))
    }
}

/// Returns where the server is.
fn server_url(url: Option<String>, ready_file: Option<PathBuf>) -> Result<String, CliError> {
    let variable = |name| std::env::var(name).ok();
    let in_environment = || variable("DCS_EMULATOR_CONTROL_URL").or_else(|| variable("DCS_EMULATOR_URL"));
    let url = match (url, ready_file) {
        (Some(url), _) => url,
        (None, Some(path)) => url_in(&path)?,
        (None, None) => match (in_environment(), variable(READY_FILE)) {
            (Some(url), _) => url,
            (None, Some(path)) => url_in(Path::new(&path))?,
            (None, None) => DEFAULT_URL.to_owned(),
        },
    };
    Ok(url.trim_end_matches('/').to_owned())
}

/// Returns where the server of a ready file is.
fn url_in(path: &Path) -> Result<String, CliError> {
    let no_server = |source| CliError::ReadyFile { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(no_server)?;
    let ready: Value = serde_json::from_str(&text).map_err(|error| no_server(error.into()))?;
    if ready.get("control_url").is_some_and(Value::is_null) {
        return Err(no_server(std::io::Error::other("its control API is switched off")));
    }
    let url = ready["control_url"].as_str().or(ready["url"].as_str());
    url.map(str::to_owned).ok_or_else(|| no_server(std::io::Error::other("it names no url")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;
    use dcs_emulator::http::routes;

    use super::*;

    #[derive(Parser)]
    struct TestCli {
        #[command(flatten)]
        control: ControlArgs,
    }

    fn command(words: &[&str]) -> Result<ControlArgs, String> {
        let words = ["control", "--url", "http://h:1/"].iter().chain(words);
        let cli = TestCli::try_parse_from(words).map_err(|error| error.to_string())?;
        Ok(cli.control)
    }

    fn parse(words: &[&str]) -> Result<ControlRequest, String> {
        let (server, mut requests) = command(words)?.invocation().map_err(|error| error.to_string())?;
        assert_eq!((server.url.as_str(), requests.len()), ("http://h:1", 1));
        Ok(requests.remove(0))
    }

    /// Subcommands, and the requests that they make.
    const COMMANDS: [(&str, &str, &str, &str); 46] = [
        ("health", "GET", "health", ""),
        ("info", "GET", "info", ""),
        ("config", "GET", "config", ""),
        ("ca", "GET", "ca", ""),
        ("operations", "GET", "operations", ""),
        ("openapi", "GET", "openapi.json", ""),
        ("reset", "POST", "reset", r#"{"seed": true}"#),
        ("reset --no-seed --project-id p", "POST", "reset", r#"{"seed": false, "project_id": "p"}"#),
        ("export --project-id p", "GET", "export?project_id=p", ""),
        ("snapshots list", "GET", "snapshots", ""),
        ("snapshots show a", "GET", "snapshots/a", ""),
        ("snapshots take a", "PUT", "snapshots/a", ""),
        ("snapshots remove a", "DELETE", "snapshots/a", ""),
        ("snapshots restore a", "POST", "snapshots/a/restore", ""),
        ("clock show", "GET", "clock", ""),
        ("clock set --frozen true --rate 0.5", "PUT", "clock", r#"{"frozen": true, "rate": 0.5}"#),
        ("clock advance 2h", "POST", "clock/advance", r#"{"duration": "2h"}"#),
        ("transitions show backup", "GET", "transitions/backup", ""),
        ("transitions set backup manual", "PUT", "transitions/backup", r#"{"progression": "manual"}"#),
        (
            "transitions set backup time --duration waiting=1s --duration running=2s --instance-id i",
            "PUT",
            "transitions/backup",
            r#"{"progression": "time", "durations": {"waiting": "1s", "running": "2s"}, "instance_id": "i"}"#,
        ),
        ("transitions remove a/b --project-id p&q", "DELETE", "transitions/a%2Fb?project_id=p%26q", ""),
        ("transitions remove backup", "DELETE", "transitions/backup", ""),
        ("transitions step backup", "POST", "transitions/backup/step", ""),
        (
            "transitions step backup --project-id p",
            "POST",
            "transitions/backup/step",
            r#"{"project_id": "p"}"#,
        ),
        ("faults list", "GET", "faults", ""),
        ("faults add", "POST", "faults", ""),
        (
            "faults add --operation create_backup --status 503 --cut",
            "POST",
            "faults",
            r#"{"match": {"operation": "create_backup"}, "effect": {"status": 503, "cut": true}}"#,
        ),
        ("faults show 7", "GET", "faults/7", ""),
        (
            r#"faults change 7 {"effect":{"cut":true}} --times 1 --latency 1s"#,
            "PATCH",
            "faults/7",
            r#"{"effect": {"cut": true, "latency": "1s"}, "times": 1}"#,
        ),
        ("faults remove 7", "DELETE", "faults/7", ""),
        ("faults clear", "DELETE", "faults", ""),
        ("ids show", "GET", "ids", ""),
        ("ids set 42", "PUT", "ids", r#"{"seed": 42}"#),
        ("ids clear", "PUT", "ids", r#"{"seed": null}"#),
        ("contents show i", "GET", "instances/i/contents", ""),
        ("requests list --status 503", "GET", "requests?status=503", ""),
        ("requests find", "POST", "requests/find", ""),
        ("requests find --method PUT", "POST", "requests/find", r#"{"method": "PUT"}"#),
        ("requests count --client go", "POST", "requests/count", r#"{"client": "go"}"#),
        ("requests wait", "POST", "requests/wait", ""),
        (
            "requests wait --api v2 --count 2",
            "POST",
            "requests/wait",
            r#"{"filter": {"api": "v2"}, "count": 2}"#,
        ),
        ("requests clear", "DELETE", "requests", ""),
        ("requests clear --after 7", "DELETE", "requests?after=7", ""),
        ("requests unsupported", "GET", "requests/unsupported", ""),
        ("requests unsupported --slower-than 1s", "GET", "requests/unsupported?slower_than=1s", ""),
        ("requests list --project-id p", "GET", "requests?project_id=p", ""),
    ];

    #[test]
    fn each_subcommand_makes_its_request() {
        for (words, method, path, body) in COMMANDS {
            let request = parse(&words.split(' ').collect::<Vec<_>>()).unwrap();
            assert_eq!((request.method, request.path), (method, format!("/_emulator/{path}")), "{words}");
            let body = (!body.is_empty()).then(|| ControlBody::Json(serde_json::from_str(body).unwrap()));
            assert_eq!(request.body, body, "{words}");
        }
        let seeding = parse(&["seed", "-", "--overwrite"]).unwrap();
        assert_eq!((seeding.method, seeding.path.as_str()), ("POST", "/_emulator/seed?overwrite=true"));
        assert_eq!(seeding.body, Some(ControlBody::File("-".into())));
    }

    #[test]
    fn a_snapshot_is_saved_and_loaded_by_several_requests() {
        let sent = |words: &str| -> Vec<(&'static str, String)> {
            let words: Vec<&str> = words.split(' ').collect();
            let (_, requests) = command(&words).unwrap().invocation().unwrap();
            requests.into_iter().map(|request| (request.method, request.path)).collect()
        };
        let path = |path: &str| format!("/_emulator/snapshots{path}");
        assert_eq!(sent("snapshots save x/a.db"), [("PUT", path("/a")), ("GET", path("/a/file"))]);
        assert_eq!(sent("snapshots save a.db --name b"), [("PUT", path("/b")), ("GET", path("/b/file"))]);
        let (list, upload) = (("GET", path("")), ("PUT", path("/a/file")));
        assert_eq!(sent("snapshots load a.db --no-restore"), [list.clone(), upload.clone()]);
        assert_eq!(sent("snapshots load a.db"), [list, upload, ("POST", path("/a/restore"))]);
    }

    #[test]
    fn every_route_of_the_control_api_has_a_subcommand_and_each_subcommand_a_route() {
        let others = ["seed -", "contents set i -", "snapshots save a.db", "snapshots load a.db"];
        let words = COMMANDS.iter().map(|(words, ..)| *words).chain(others);
        let subcommands: BTreeSet<(String, String)> = words
            .map(|words| {
                let words: Vec<&str> = words.split(' ').collect();
                let (method, path) = command(&words).unwrap().command.route();
                (method.to_owned(), path.to_owned())
            })
            .collect();
        // The page of the documentation is for browsers.
        let routes: BTreeSet<(String, String)> = routes::table()
            .iter()
            .filter_map(|route| {
                Some((route.method.to_string(), route.path.strip_prefix("/_emulator/")?.to_owned()))
            })
            .filter(|(_, path)| path != "docs")
            .collect();
        assert_eq!(subcommands, routes);
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for (words, said) in [
            (&["clock", "set", "--rate", "fast"][..], "invalid float"),
            (&["clock", "set", "--frozen", "yes"], "invalid value 'yes'"),
            (&["transitions", "set", "backup", "time", "--duration", "1s"], "must be a name, an equals sign"),
            (&["faults", "add", "{"], "invalid value"),
            (&["faults", "show"], "required"),
            (&["clock"], "Usage"),
        ] {
            let error = parse(words).unwrap_err();
            assert!(error.contains(said), "{words:?}: {error}");
        }
    }
}
