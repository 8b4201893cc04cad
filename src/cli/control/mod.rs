//! `control`: subcommands that ask a running server for what the control API offers. `table` has them all.

mod command;
mod table;

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Number, Value};

use crate::cli::CliError;
use crate::domain::identity::Secret;
use command::{ControlCommand, Form, Input, Kind, Place};
use table::{COMMANDS, GROUPS};

/// Where a server is unless something says where.
const DEFAULT_URL: &str = "http://127.0.0.1:8637";

const URL: &str = "url";
const READY_FILE: &str = "ready-file";
const TOKEN: &str = "control-token";
const JSON: &str = "json";

/// A request to the control API of a running server.
#[derive(Debug)]
pub struct ControlRequest {
    /// Where the server is, without a slash at its end.
    pub url: String,
    /// The control token, if there is one.
    pub token: Option<Secret>,
    /// The method.
    pub method: &'static str,
    /// The path and the query.
    pub path: String,
    /// The body, if there is one.
    pub body: Option<ControlBody>,
    /// Whether the answer is shown as it comes, or made short for people.
    pub is_shown_raw: bool,
    /// Which columns of a table are shown to people, and in which order; empty: all.
    pub columns: &'static [&'static str],
}

/// The body of a request to the control API.
#[derive(Debug, PartialEq)]
pub enum ControlBody {
    /// This.
    Json(Value),
    /// What is in a file; `-` is standard input.
    File(PathBuf),
}

/// Returns the group of subcommands.
pub(super) fn command() -> Command {
    let group = Command::new("control")
        .about("Ask a running server: its clock, faults, journal and all else below /_emulator")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(HELP)
        .args(general_arguments());
    let alone = COMMANDS.iter().filter(|command| command.words.len() == 1).map(leaf);
    let grouped = GROUPS.iter().map(|(name, about)| {
        let members = COMMANDS.iter().filter(|command| command.words.len() > 1 && command.words[0] == *name);
        Command::new(*name)
            .about(*about)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(members.map(leaf))
    });
    group.subcommands(alone).subcommands(grouped)
}

const HELP: &str = "The server is the one that --url names, else that of --ready-file, of the variables \
     DCS_EMULATOR_CONTROL_URL and DCS_EMULATOR_URL, of DCS_EMULATOR_READY_FILE, else http://127.0.0.1:8637.\n\n\
     Exit code 0 if it did what it was asked for, 1 if not.";

/// Returns what every subcommand takes.
fn general_arguments() -> [Arg; 4] {
    [
        Arg::new(URL).long(URL).value_name("URL").help("Where the server is"),
        Arg::new(READY_FILE)
            .long(READY_FILE)
            .env("DCS_EMULATOR_READY_FILE")
            .hide_env_values(true)
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("The file in which the server says where it is"),
        Arg::new(TOKEN)
            .long(TOKEN)
            .env("DCS_EMULATOR_CONTROL_TOKEN")
            .hide_env_values(true)
            .value_name("TEXT")
            .help("The control token of the server"),
        Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("Show the answer as it comes, in JSON"),
    ]
    .map(|argument| argument.global(true).help_heading("General options"))
}

fn leaf(command: &ControlCommand) -> Command {
    let name = command.words.last().copied().unwrap_or_default();
    Command::new(name).about(command.about).args(command.inputs.iter().map(argument))
}

fn argument(input: &Input) -> Arg {
    let argument = Arg::new(input.name).help(input.help);
    let argument = match input.form {
        Form::Argument => argument.required(true),
        Form::OptionalArgument => argument,
        Form::Option => argument.long(input.name),
    };
    let argument = argument.value_name(match input.kind {
        Kind::Pairs => "NAME=TEXT".to_owned(),
        Kind::Boolean => "true|false".to_owned(),
        _ => input.name.replace('-', "_").to_uppercase(),
    });
    match input.kind {
        Kind::Text => argument.value_parser(|text: &str| Ok::<_, String>(Value::from(text))),
        Kind::Number => argument.value_parser(number),
        Kind::Boolean => argument.value_parser(boolean),
        Kind::Json => argument.value_parser(|text: &str| serde_json::from_str::<Value>(text)),
        Kind::Pairs => argument.value_parser(pair).action(ArgAction::Append),
        Kind::Switch(_) => argument.action(ArgAction::SetTrue),
    }
}

fn number(text: &str) -> Result<Value, String> {
    serde_json::from_str::<Number>(text).map(Value::Number).map_err(|_| "must be a number".to_owned())
}

fn boolean(text: &str) -> Result<Value, String> {
    text.parse().map(Value::Bool).map_err(|_| "must be true or false".to_owned())
}

fn pair(text: &str) -> Result<Value, String> {
    let (name, value) = text.split_once('=').ok_or("must be a name, an equals sign and a text")?;
    Ok(Value::Object(Map::from_iter([(name.to_owned(), Value::from(value))])))
}

/// Returns the request that was asked for.
pub(super) fn request(matches: &ArgMatches) -> Result<ControlRequest, CliError> {
    let mut words = Vec::new();
    let mut leaf = matches;
    while let Some((word, inner)) = leaf.subcommand() {
        words.push(word);
        leaf = inner;
    }
    let command = COMMANDS.iter().find(|command| command.words == words);
    let command = command.expect("only subcommands of the table are let through");
    let (path, body) = target(command, leaf);
    Ok(ControlRequest {
        url: url(leaf)?,
        token: leaf.get_one::<String>(TOKEN).filter(|token| !token.is_empty()).cloned().map(Secret::new),
        method: command.method,
        path,
        body,
        is_shown_raw: leaf.get_flag(JSON) || command.is_document,
        columns: command.columns,
    })
}

/// Returns path and body of a request.
fn target(command: &ControlCommand, matches: &ArgMatches) -> (String, Option<ControlBody>) {
    let mut path = command.path.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    let mut body = serde_json::from_str(command.body).unwrap_or(Value::Null);
    let mut file = None;
    for input in command.inputs {
        let Some(value) = value(input, matches) else { continue };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match input.place {
            Place::Path(name) => {
                let encoded = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
                path = path.replace(&format!("{{{name}}}"), &encoded);
            }
            Place::Query(name) => {
                query.append_pair(name, &text);
            }
            Place::Member(name) => put(&mut body, name, value),
            Place::Body => body = value,
            Place::File => file = Some(ControlBody::File(text.into())),
        }
    }
    let query = query.finish();
    if !query.is_empty() {
        path = format!("{path}?{query}");
    }
    (path, file.or_else(|| (!body.is_null()).then_some(ControlBody::Json(body))))
}

/// Returns what was given for an input, if anything.
fn value(input: &Input, matches: &ArgMatches) -> Option<Value> {
    match input.kind {
        Kind::Switch(value) => matches.get_flag(input.name).then_some(Value::Bool(value)),
        Kind::Pairs => {
            let pairs = matches.get_many::<Value>(input.name)?;
            let pairs = pairs.filter_map(Value::as_object).flat_map(Map::clone);
            Some(Value::Object(pairs.collect()))
        }
        Kind::Text | Kind::Number | Kind::Boolean | Kind::Json => {
            matches.get_one::<Value>(input.name).cloned()
        }
    }
}

/// Puts a value where dots lead; what is on the way and no object is replaced.
fn put(body: &mut Value, name: &str, value: Value) {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    if !body.is_object() {
        *body = Value::Object(Map::new());
    }
    match rest {
        Some(rest) => put(&mut body[first], rest, value),
        None => body[first] = value,
    }
}

/// Returns where the server is.
fn url(matches: &ArgMatches) -> Result<String, CliError> {
    if let Some(url) = matches.get_one::<String>(URL) {
        return Ok(without_slash(url));
    }
    let ready_file = matches.get_one::<PathBuf>(READY_FILE);
    let is_flag = matches.value_source(READY_FILE) == Some(ValueSource::CommandLine);
    if !is_flag {
        let variables = ["DCS_EMULATOR_CONTROL_URL", "DCS_EMULATOR_URL"];
        if let Some(url) = variables.iter().find_map(|name| std::env::var(name).ok()) {
            return Ok(without_slash(&url));
        }
    }
    match ready_file {
        Some(path) => url_in(path),
        None => Ok(DEFAULT_URL.to_owned()),
    }
}

/// Returns where the server of a ready file is.
fn url_in(path: &std::path::Path) -> Result<String, CliError> {
    let no_server = |source| CliError::ReadyFile { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(no_server)?;
    let ready: Value = serde_json::from_str(&text).map_err(|error| no_server(error.into()))?;
    if ready.get("control_url").is_some_and(Value::is_null) {
        return Err(no_server(std::io::Error::other("its control API is switched off")));
    }
    let url = ready["control_url"].as_str().or(ready["url"].as_str());
    url.map(without_slash).ok_or_else(|| no_server(std::io::Error::other("it names no url")))
}

fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(words: &[&str]) -> Result<ControlRequest, String> {
        let words = ["control", "--url", "http://h:1/"].iter().chain(words);
        let matches = command().try_get_matches_from(words).map_err(|error| error.to_string())?;
        request(&matches).map_err(|error| error.to_string())
    }

    #[test]
    fn inputs_go_where_the_route_wants_them() {
        let no_body = None::<Value>;
        for (words, method, path, body) in [
            (&["health"][..], "GET", "/_emulator/health", no_body.clone()),
            (&["reset"], "POST", "/_emulator/reset", no_body.clone()),
            (
                &["reset", "--no-seed", "--project-id", "p"],
                "POST",
                "/_emulator/reset",
                Some(json!({"seed": false, "project_id": "p"})),
            ),
            (
                &["clock", "advance", "2h"],
                "POST",
                "/_emulator/clock/advance",
                Some(json!({"duration": "2h"})),
            ),
            (
                &["clock", "set", "--frozen", "true", "--rate", "0.5"],
                "PUT",
                "/_emulator/clock",
                Some(json!({"frozen": true, "rate": 0.5})),
            ),
            (
                &[
                    "transitions",
                    "set",
                    "backup",
                    "time",
                    "--duration",
                    "waiting=1s",
                    "--duration",
                    "running=2s",
                ],
                "PUT",
                "/_emulator/transitions/backup",
                Some(json!({"progression": "time", "durations": {"waiting": "1s", "running": "2s"}})),
            ),
            (
                &["transitions", "remove", "a/b", "--project-id", "p&q"],
                "DELETE",
                "/_emulator/transitions/a%2Fb?project_id=p%26q",
                no_body.clone(),
            ),
            (
                &["faults", "add", "--operation", "create_backup", "--status", "503", "--cut"],
                "POST",
                "/_emulator/faults",
                Some(
                    json!({"match": {"operation": "create_backup"}, "effect": {"status": 503, "cut": true}}),
                ),
            ),
            (
                &["faults", "change", "7", r#"{"effect": {"cut": true}}"#, "--times", "1"],
                "PATCH",
                "/_emulator/faults/7",
                Some(json!({"effect": {"cut": true}, "times": 1})),
            ),
            (&["ids", "clear"], "PUT", "/_emulator/ids", Some(json!({"seed": null}))),
            (
                &["requests", "list", "--status", "503"],
                "GET",
                "/_emulator/requests?status=503",
                no_body.clone(),
            ),
            (
                &["requests", "wait", "--api", "v2", "--count", "2"],
                "POST",
                "/_emulator/requests/wait",
                Some(json!({"filter": {"api": "v2"}, "count": 2})),
            ),
        ] {
            let request = parse(words).unwrap();
            assert_eq!((request.method, request.path.as_str()), (method, path));
            assert_eq!(request.url, "http://h:1");
            assert_eq!(request.body, body.map(ControlBody::Json), "{words:?}");
        }
        let seeding = parse(&["seed", "-"]).unwrap();
        assert_eq!(seeding.body, Some(ControlBody::File("-".into())));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for (words, said) in [
            (&["clock", "set", "--rate", "fast"][..], "must be a number"),
            (&["clock", "set", "--frozen", "yes"], "must be true or false"),
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
