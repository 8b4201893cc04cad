//! The table of subcommands: one for each route of the control API, and what each takes.

use crate::cli::control::command::{ControlCommand, Form, Input, Kind, Place, argument, command, option};

const OF_FAULTS: &[&str] = &["id", "match", "effect", "times", "probability", "hits", "expires_at"];
const OF_CHANGES: &[&str] = &["at", "model", "id", "from", "to"];
const OF_REQUESTS: &[&str] = &["number", "at", "method", "path", "status", "error_code"];

/// What the groups of subcommands are about.
pub(super) const GROUPS: [(&str, &str); 6] = [
    ("snapshots", "Copies of everything, and the way back to one"),
    ("clock", "Show, set and advance the clock"),
    ("transitions", "What moves backups, restores and instances on"),
    ("faults", "Answers that go wrong on demand"),
    ("ids", "Ids that follow from a seed"),
    ("requests", "The journal of the calls of the API"),
];

const PROJECT: Input = option("project-id", Place::Member("project_id"), Kind::Text, "Only this project");
const INSTANCE: Input = option("instance-id", Place::Member("instance_id"), Kind::Text, "Only this instance");
const QUERY_PROJECT: Input =
    option("project-id", Place::Query("project_id"), Kind::Text, "Only this project");
const QUERY_INSTANCE: Input =
    option("instance-id", Place::Query("instance_id"), Kind::Text, "Only this instance");
const MODEL: Input = argument(
    "model",
    Place::Path("model"),
    Kind::Text,
    "What the rules are about: backup, restore or instance",
);
const SNAPSHOT: Input =
    argument("name", Place::Path("snapshot_name"), Kind::Text, "The name of the snapshot");
const FAULT_ID: Input = argument("id", Place::Path("fault_id"), Kind::Text, "The id of the fault");

/// The inputs that describe a fault.
const FAULT: [Input; 12] = [
    Input {
        name: "fault",
        form: Form::OptionalArgument,
        place: Place::Body,
        kind: Kind::Json,
        help: "The fault in JSON, such as {\"effect\": {\"cut\": true}}; the options below add to it",
    },
    option(
        "operation",
        Place::Member("match.operation"),
        Kind::Text,
        "Only calls of this operation, such as create_backup",
    ),
    option("api", Place::Member("match.api"), Kind::Text, "Only calls of this version: v1.0 or v2"),
    option("project-id", Place::Member("match.project_id"), Kind::Text, "Only calls in this project"),
    option("instance-id", Place::Member("match.instance_id"), Kind::Text, "Only calls of this instance"),
    option("times", Place::Member("times"), Kind::Number, "On how many calls it has an effect"),
    option("probability", Place::Member("probability"), Kind::Number, "How likely it has one, 0 to 1"),
    option("ttl", Place::Member("ttl"), Kind::Text, "How long it lasts, such as 10m"),
    option("status", Place::Member("effect.status"), Kind::Number, "Answer with this status"),
    option(
        "error-code",
        Place::Member("effect.error_code"),
        Kind::Text,
        "The code of that answer, such as DCS.5000",
    ),
    option(
        "latency",
        Place::Member("effect.latency"),
        Kind::Text,
        "Wait so long before anything else, such as 200ms",
    ),
    option("cut", Place::Member("effect.cut"), Kind::Switch(true), "Cut the connection instead of answering"),
];
/// The same under the id of one that is there.
const CHANGED_FAULT: [Input; 13] = {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = FAULT;
    [FAULT_ID, a, b, c, d, e, f, g, h, i, j, k, l]
};

/// The inputs that filter the journal; each list puts them at other places.
macro_rules! filter {
    ($place:path, $prefix:literal $(, $more:expr)*) => {
        [
            option("operation", $place(concat!($prefix, "operation")), Kind::Text, "Only this operation"),
            option("api", $place(concat!($prefix, "api")), Kind::Text, "Only this version: v1.0 or v2"),
            option("method", $place(concat!($prefix, "method")), Kind::Text, "Only this method"),
            option("project-id", $place(concat!($prefix, "project_id")), Kind::Text, "Only this project"),
            option("instance-id", $place(concat!($prefix, "instance_id")), Kind::Text, "Only this instance"),
            option("status", $place(concat!($prefix, "status")), Kind::Number, "Only answers of this status"),
            option("error-code", $place(concat!($prefix, "error_code")), Kind::Text, "Only answers of this code"),
            option("client", $place(concat!($prefix, "client")), Kind::Text, "Only clients whose name has this in it"),
            option("after", $place(concat!($prefix, "after")), Kind::Number, "Only calls after the one of this number"),
            $($more,)*
        ]
    };
}
const QUERY_FILTER: [Input; 9] = filter!(Place::Query, "");
const FILTER: [Input; 9] = filter!(Place::Member, "");
const WAIT: [Input; 11] = filter!(
    Place::Member,
    "filter.",
    option("count", Place::Member("count"), Kind::Number, "How many calls to wait for; 1 unless given"),
    option(
        "timeout",
        Place::Member("timeout"),
        Kind::Text,
        "How long to wait at most, such as 30s; 5s unless given"
    )
);

/// Every subcommand.
pub(super) const COMMANDS: &[ControlCommand] = &[
    command(&["health"], "GET", "/_emulator/health", "Is it well?", &[]),
    command(&["info"], "GET", "/_emulator/info", "Version, database, uptime, how much it holds", &[]),
    command(
        &["config"],
        "GET",
        "/_emulator/config",
        "Each setting with its value and where that comes from",
        &[],
    ),
    command(
        &["operations"],
        "GET",
        "/_emulator/operations",
        "Every operation by its name, with its routes",
        &[],
    ),
    ControlCommand {
        is_document: true,
        ..command(
            &["openapi"],
            "GET",
            "/_emulator/openapi.json",
            "Describe everything that can be called, as OpenAPI 3.1",
            &[],
        )
    },
    command(
        &["reset"],
        "POST",
        "/_emulator/reset",
        "Empty everything, or one project, and apply the seeds of the start again",
        &[
            PROJECT,
            option(
                "no-seed",
                Place::Member("seed"),
                Kind::Switch(false),
                "Do not apply the seeds of the start again",
            ),
        ],
    ),
    command(
        &["seed"],
        "POST",
        "/_emulator/seed",
        "Apply a seed document",
        &[
            argument("file", Place::File, Kind::Text, "A YAML or JSON file; - reads standard input"),
            option("overwrite", Place::Query("overwrite"), Kind::Switch(true), "Replace what is there"),
        ],
    ),
    ControlCommand {
        is_document: true,
        ..command(
            &["export"],
            "GET",
            "/_emulator/export",
            "Write down the state, or a project's, as a seed document",
            &[QUERY_PROJECT],
        )
    },
    command(&["snapshots", "list"], "GET", "/_emulator/snapshots", "The snapshots there are", &[]),
    command(
        &["snapshots", "show"],
        "GET",
        "/_emulator/snapshots/{snapshot_name}",
        "Show a snapshot",
        &[SNAPSHOT],
    ),
    command(
        &["snapshots", "take"],
        "PUT",
        "/_emulator/snapshots/{snapshot_name}",
        "Copy everything, in place of what has that name",
        &[SNAPSHOT],
    ),
    command(
        &["snapshots", "remove"],
        "DELETE",
        "/_emulator/snapshots/{snapshot_name}",
        "Remove a snapshot",
        &[SNAPSHOT],
    ),
    command(
        &["snapshots", "restore"],
        "POST",
        "/_emulator/snapshots/{snapshot_name}/restore",
        "Go back to a snapshot",
        &[SNAPSHOT],
    ),
    command(&["clock", "show"], "GET", "/_emulator/clock", "Show the clock", &[]),
    command(
        &["clock", "set"],
        "PUT",
        "/_emulator/clock",
        "Set, freeze or pace the clock",
        &[
            option(
                "now",
                Place::Member("now"),
                Kind::Text,
                "What it shows from now on, such as 2026-01-02T03:04:05Z",
            ),
            option("frozen", Place::Member("frozen"), Kind::Boolean, "Whether it stands still"),
            option("rate", Place::Member("rate"), Kind::Number, "How many seconds pass in a real one"),
        ],
    ),
    command(
        &["clock", "advance"],
        "POST",
        "/_emulator/clock/advance",
        "Move the clock forward, and do all that comes due",
        &[argument("duration", Place::Member("duration"), Kind::Text, "How far, such as 2h or 30days")],
    )
    .with_columns(OF_CHANGES),
    command(
        &["transitions", "show"],
        "GET",
        "/_emulator/transitions/{model}",
        "Show the rules about a model",
        &[MODEL],
    ),
    command(
        &["transitions", "set"],
        "PUT",
        "/_emulator/transitions/{model}",
        "Make a rule about everything, a project or an instance",
        &[
            MODEL,
            argument("progression", Place::Member("progression"), Kind::Text, "immediate, time or manual"),
            option(
                "duration",
                Place::Member("durations"),
                Kind::Pairs,
                "How long a state lasts, such as waiting=1s; repeatable",
            ),
            PROJECT,
            INSTANCE,
        ],
    ),
    command(
        &["transitions", "remove"],
        "DELETE",
        "/_emulator/transitions/{model}",
        "Remove the rule about everything, a project or an instance",
        &[MODEL, QUERY_PROJECT, QUERY_INSTANCE],
    ),
    command(
        &["transitions", "step"],
        "POST",
        "/_emulator/transitions/{model}/step",
        "Move open work one step on",
        &[MODEL, PROJECT, INSTANCE],
    )
    .with_columns(OF_CHANGES),
    command(&["faults", "list"], "GET", "/_emulator/faults", "The faults that are not over", &[])
        .with_columns(OF_FAULTS),
    command(&["faults", "add"], "POST", "/_emulator/faults", "Make a fault", &FAULT),
    command(&["faults", "show"], "GET", "/_emulator/faults/{fault_id}", "Show a fault", &[FAULT_ID]),
    command(
        &["faults", "change"],
        "PATCH",
        "/_emulator/faults/{fault_id}",
        "Put another fault in the place of one",
        &CHANGED_FAULT,
    ),
    command(&["faults", "remove"], "DELETE", "/_emulator/faults/{fault_id}", "Remove a fault", &[FAULT_ID])
        .with_columns(OF_FAULTS),
    command(&["faults", "clear"], "DELETE", "/_emulator/faults", "Remove all faults", &[])
        .with_columns(OF_FAULTS),
    command(&["ids", "show"], "GET", "/_emulator/ids", "The seed from which ids follow", &[]),
    command(
        &["ids", "set"],
        "PUT",
        "/_emulator/ids",
        "Let ids follow from a seed, from its beginning",
        &[argument("seed", Place::Member("seed"), Kind::Number, "The seed, a whole number")],
    ),
    ControlCommand {
        body: r#"{"seed": null}"#,
        ..command(&["ids", "clear"], "PUT", "/_emulator/ids", "Let ids follow from no seed any more", &[])
    },
    command(&["requests", "list"], "GET", "/_emulator/requests", "The calls that came lately", &QUERY_FILTER)
        .with_columns(OF_REQUESTS),
    command(&["requests", "find"], "POST", "/_emulator/requests/find", "The same, asked by a body", &FILTER)
        .with_columns(OF_REQUESTS),
    command(&["requests", "count"], "POST", "/_emulator/requests/count", "How many calls came", &FILTER),
    command(
        &["requests", "wait"],
        "POST",
        "/_emulator/requests/wait",
        "Wait until enough calls have come, or the time is over",
        &WAIT,
    )
    .with_columns(OF_REQUESTS),
    command(&["requests", "clear"], "DELETE", "/_emulator/requests", "Forget calls", &QUERY_FILTER),
    command(
        &["requests", "unsupported"],
        "GET",
        "/_emulator/requests/unsupported",
        "The calls for which there is no operation",
        &QUERY_FILTER,
    )
    .with_columns(OF_REQUESTS),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes;

    /// A page for browsers; nobody reads it in a terminal.
    const PAGE: &str = "/_emulator/docs";
    /// Files of snapshots are no JSON: `curl` carries them.
    const SNAPSHOT_FILE: &str = "/_emulator/snapshots/{snapshot_name}/file";

    #[test]
    fn every_route_of_the_control_api_has_a_subcommand_and_each_subcommand_a_route() {
        let mut routes: Vec<(String, &str)> = routes::table()
            .into_iter()
            .filter(|route| route.path.starts_with("/_emulator/"))
            .filter(|route| ![PAGE, SNAPSHOT_FILE].contains(&route.path))
            .map(|route| (route.method.to_string(), route.path))
            .collect();
        let mut commands: Vec<(String, &str)> =
            COMMANDS.iter().map(|command| (command.method.to_owned(), command.path)).collect();
        routes.sort();
        commands.sort();
        commands.dedup();
        assert_eq!(commands, routes);
    }

    #[test]
    fn every_placeholder_of_a_path_has_an_argument() {
        for command in COMMANDS {
            let placeholders =
                command.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            let arguments = command.inputs.iter().filter_map(|input| match input.place {
                Place::Path(name) if input.form == Form::Argument => Some(name),
                _ => None,
            });
            assert!(placeholders.eq(arguments), "{:?}", command.words);
        }
    }

    #[test]
    fn every_group_is_said_what_it_is_about() {
        for command in COMMANDS {
            if let [group, _] = command.words {
                assert!(GROUPS.iter().any(|(name, _)| name == group), "{group}");
            }
        }
    }
}
