//! The subcommands and what they take.

#![expect(clippy::doc_markdown, reason = "the comments are the help, which is no markdown")]

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};
use serde::{Serialize, Serializer};
use serde_json::Value;

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum ControlCommand {
    /// Whether the server is ready, and its version
    Health,
    /// Version, database, uptime, how much it holds
    Info,
    /// Each setting with its value and origin
    Config,
    /// The certificate of the authority that makes the certificates of HTTPS, in PEM
    Ca,
    /// Every operation by its name, with its routes
    Operations,
    /// The description of all routes, as OpenAPI 3.1
    Openapi,
    /// Empty everything, or one project, and apply the seeds of the start again
    Reset {
        /// Only this project
        #[arg(long)]
        project_id: Option<String>,
        /// Do not apply the seeds of the start again
        #[arg(long = "no-seed", action = ArgAction::SetFalse)]
        seed: bool,
    },
    /// Apply a seed document
    Seed {
        /// A YAML or JSON file; - reads standard input
        #[serde(skip)]
        file: PathBuf,
        /// Replace existing instances that it names
        #[arg(long, num_args = 0, default_missing_value = "true")]
        overwrite: Option<bool>,
    },
    /// Write the state, or a project's, as a seed document
    Export {
        /// Only this project
        #[arg(long)]
        project_id: Option<String>,
    },
    /// Copies of everything, which can be restored
    #[command(subcommand, arg_required_else_help = true)]
    Snapshots(SnapshotsCommand),
    /// What instances hold: keys, sessions, rows of their logs
    #[command(subcommand, arg_required_else_help = true)]
    Contents(ContentsCommand),
    /// Show, set and advance the clock
    #[command(subcommand, arg_required_else_help = true)]
    Clock(ClockCommand),
    /// When backups, restores, instances and other work change their status
    #[command(subcommand, arg_required_else_help = true)]
    Transitions(TransitionsCommand),
    /// Errors, delays and failures on demand
    #[command(subcommand, arg_required_else_help = true)]
    Faults(FaultsCommand),
    /// Ids that are derived from a seed
    #[command(subcommand, arg_required_else_help = true)]
    Ids(IdsCommand),
    /// The journal of the calls of the API
    #[command(subcommand, arg_required_else_help = true)]
    Requests(RequestsCommand),
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum ContentsCommand {
    /// Show what an instance holds
    Show {
        /// The instance
        instance_id: String,
    },
    /// Declare what an instance holds
    Set {
        /// The instance
        instance_id: String,
        /// A JSON file; - reads standard input
        #[serde(skip)]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum SnapshotsCommand {
    /// List the snapshots
    List,
    /// Show a snapshot
    Show(SnapshotArg),
    /// Copy everything, in place of the snapshot of that name
    Take(SnapshotArg),
    /// Remove a snapshot
    Remove(SnapshotArg),
    /// Restore a snapshot
    Restore(SnapshotArg),
    /// Take a snapshot and write it to a file, which `load` takes to any server
    Save {
        /// The file; it has this name once it is complete
        #[serde(skip)]
        file: PathBuf,
        /// The name of the snapshot; that of the file without its ending unless given
        #[arg(long = "name", value_name = "NAME")]
        snapshot_name: Option<String>,
        /// Replace the file if it exists
        #[arg(long)]
        #[serde(skip)]
        force: bool,
    },
    /// Store the snapshot in a file, in place of the one of that name, and restore it
    Load {
        /// The file that `save` has written
        #[serde(skip)]
        file: PathBuf,
        /// The name of the snapshot; that of the file without its ending unless given
        #[arg(long = "name", value_name = "NAME")]
        snapshot_name: Option<String>,
        /// Store it only
        #[arg(long)]
        #[serde(skip)]
        no_restore: bool,
    },
}

#[derive(Debug, Args, Serialize)]
pub(super) struct SnapshotArg {
    /// The name of the snapshot
    #[arg(value_name = "NAME")]
    pub(super) snapshot_name: String,
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum ClockCommand {
    /// Show the clock
    Show,
    /// Set, freeze or pace the clock
    Set {
        /// The time from now on, such as 2026-01-02T03:04:05Z
        #[arg(long)]
        now: Option<String>,
        /// Whether it stands still
        #[arg(long, value_name = "true|false", hide_possible_values = true)]
        frozen: Option<bool>,
        /// How many seconds pass in a real one
        #[arg(long)]
        rate: Option<f64>,
    },
    /// Move the clock forward, and do all that comes due
    Advance {
        /// How far, such as 2h or 30days
        duration: String,
    },
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum TransitionsCommand {
    /// Show the rules of a model
    Show {
        /// backup, restore, instance, account, analysis, diagnosis, migration or task
        model: String,
    },
    /// Set the rule of everything, a project or an instance
    Set {
        /// backup, restore, instance, account, analysis, diagnosis, migration or task
        model: String,
        /// immediate, time or manual
        progression: String,
        /// How long a state lasts, such as waiting=1s; repeatable
        #[arg(long = "duration", value_name = "NAME=TEXT", value_parser = pair)]
        #[serde(serialize_with = "as_object")]
        durations: Vec<(String, String)>,
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
    /// Remove the rule of everything, a project or an instance
    Remove {
        /// backup, restore, instance, account, analysis, diagnosis, migration or task
        model: String,
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
    /// Move open work one step on
    Step {
        /// backup, restore, instance, account, analysis, diagnosis, migration or task
        model: String,
        #[command(flatten)]
        #[serde(flatten)]
        scope: Scope,
    },
}

#[derive(Debug, Args, Serialize)]
pub(super) struct Scope {
    /// Only this project
    #[arg(long)]
    project_id: Option<String>,
    /// Only this instance
    #[arg(long)]
    instance_id: Option<String>,
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum FaultsCommand {
    /// The faults that have not ended
    List,
    /// Add a fault
    Add(FaultArgs),
    /// Show a fault
    Show(FaultArg),
    /// Replace a fault
    Change {
        #[command(flatten)]
        #[serde(flatten)]
        replaced: FaultArg,
        #[command(flatten)]
        #[serde(flatten)]
        fault: FaultArgs,
    },
    /// Remove a fault
    Remove(FaultArg),
    /// Remove all faults
    Clear,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct FaultArg {
    /// The id of the fault
    #[arg(value_name = "ID")]
    fault_id: String,
}

#[derive(Debug, Args, Serialize)]
pub(super) struct FaultArgs {
    /// The fault in JSON, such as {"effect": {"cut": true}}; the options below add to it
    #[arg(value_parser = |text: &str| serde_json::from_str::<Value>(text))]
    #[serde(skip)]
    pub(super) fault: Option<Value>,
    #[command(flatten)]
    r#match: FaultMatch,
    /// On how many calls it has an effect
    #[arg(long)]
    times: Option<u64>,
    /// How likely it has one, 0 to 1
    #[arg(long)]
    probability: Option<f64>,
    /// How long it lasts, such as 10m
    #[arg(long)]
    ttl: Option<String>,
    #[command(flatten)]
    effect: FaultEffect,
}

#[derive(Debug, Args, Serialize)]
struct FaultMatch {
    /// Only calls of this operation, such as create_backup
    #[arg(long)]
    operation: Option<String>,
    /// Only calls of this version: v1.0 or v2
    #[arg(long)]
    api: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    scope: Scope,
}

#[derive(Debug, Args, Serialize)]
struct FaultEffect {
    /// Answer with this status
    #[arg(long)]
    status: Option<u16>,
    /// The code of that answer, such as DCS.5000
    #[arg(long)]
    error_code: Option<String>,
    /// What that answer says, in place of the text of the code
    #[arg(long)]
    message: Option<String>,
    /// Wait so long before anything else, such as 200ms
    #[arg(long)]
    latency: Option<String>,
    /// Cut the connection instead of answering
    #[arg(long, num_args = 0, default_missing_value = "true")]
    cut: Option<bool>,
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum IdsCommand {
    /// Show the seed of ids
    Show,
    /// Derive ids from a seed, from its beginning
    Set {
        /// The seed, a whole number
        seed: u64,
    },
    /// Take random ids again
    Clear,
}

#[derive(Debug, Subcommand, Serialize)]
#[serde(untagged)]
pub(super) enum RequestsCommand {
    /// The latest calls
    List(Filter),
    /// The same, with the filter in the body
    Find(Filter),
    /// How many calls came
    Count(Filter),
    /// Wait until enough calls have come, or the time is over
    Wait {
        #[command(flatten)]
        filter: Filter,
        /// How many calls to wait for; 1 unless given
        #[arg(long)]
        count: Option<u64>,
        /// How long to wait at most, such as 30s; 5s unless given
        #[arg(long)]
        timeout: Option<String>,
    },
    /// Forget calls
    Clear(Filter),
    /// The calls for which there is no operation
    Unsupported(Filter),
}

#[derive(Debug, Args, Serialize)]
pub(super) struct Filter {
    /// Only this operation
    #[arg(long)]
    operation: Option<String>,
    /// Only this version: v1.0 or v2
    #[arg(long)]
    api: Option<String>,
    /// Only this method
    #[arg(long)]
    method: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    scope: Scope,
    /// Only answers of this status
    #[arg(long)]
    status: Option<u16>,
    /// Only answers of this code
    #[arg(long)]
    error_code: Option<String>,
    /// Only clients whose name has this in it
    #[arg(long)]
    client: Option<String>,
    /// Only calls that took longer, such as 200ms
    #[arg(long)]
    slower_than: Option<String>,
    /// Only calls after the one of this number
    #[arg(long)]
    after: Option<u64>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be a name, an equals sign and a text")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn as_object<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}
