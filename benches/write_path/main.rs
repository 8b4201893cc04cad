//! The write path, measured: `cargo bench --bench write_path` (`-- --help` for its options).
//!
//! The real release server runs on a real file and is driven over HTTP, side by side in the same run with the floors of
//! `floors.rs`: each round measures all of them one after the other, and the ratios reported are medians over the rounds,
//! so that a busy machine disturbs both sides alike. Server and load share the machine. Nothing here asserts a time.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

mod creates;
mod files;
mod floors;
mod https;
mod instances;
mod load;
mod reads;
mod report;
mod requests;
mod rows;
mod server;
#[expect(dead_code, unused_imports, reason = "shared with tests, and has some of its own")]
#[path = "../../tests/support/signer.rs"]
mod signer;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use floors::Floor;
use report::Report;
use rows::{Family, Plan};

/// What all of the benchmark returns: it has no caller that treats failures differently.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("write_path: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &ArgMatches) -> Outcome<()> {
    if let Some(floor) = options.get_one::<String>("floor") {
        let floor = Floor::parse(floor).ok_or("no such floor")?;
        return floors::serve(floor, options.get_one::<PathBuf>("database").map(PathBuf::as_path));
    }
    let plan = plan(options)?;
    // The load must not spread over the processors: one thread, as a lean load tool has.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let json = options.get_flag("json");
    let mut report = Report::new(json);
    runtime.block_on(rows::measure(&plan, &mut report))?;
    if json {
        println!("{}", report.to_json());
    }
    Ok(())
}

fn plan(options: &ArgMatches) -> Outcome<Plan> {
    let quick = options.get_flag("quick");
    let seconds = options.get_one::<f64>("seconds").copied().unwrap_or(if quick { 0.5 } else { 2.0 });
    let families = match options.get_one::<String>("rows") {
        None => Family::ALL.to_vec(),
        Some(list) => list
            .split(',')
            .map(|name| Family::parse(name).ok_or_else(|| format!("no rows are called {name}")))
            .collect::<Result<_, _>>()?,
    };
    Ok(Plan {
        families,
        rounds: if quick { 3 } else { 5 },
        period: Duration::try_from_secs_f64(seconds)?,
        against: options.get_one::<PathBuf>("against").cloned(),
        large_file_records: if quick { 100_000 } else { 5_000_000 },
    })
}

fn command() -> Command {
    let hidden = |name: &'static str| Arg::new(name).long(name).hide(true);
    Command::new("write_path")
        .about("Measures durable creates, lists, start-up, memory and disk of the real server")
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object; the table goes to standard error"),
        )
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("Fewer and shorter rounds; large files have 100,000 records instead of 5,000,000"),
        )
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .value_parser(clap::value_parser!(f64))
                .help("How long each measurement of a round takes [default: 2, quick 0.5]"),
        )
        .arg(Arg::new("rows").long("rows").help(format!(
            "Which rows to measure, separated by commas [default: {}]",
            Family::ALL.map(Family::as_str).join(",")
        )))
        .arg(
            Arg::new("against")
                .long("against")
                .value_name("BINARY")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Another dcs-emulator, such as one of an older version, that the rows `reads` measure in turn with this one"),
        )
        // Given by cargo.
        .arg(hidden("bench").action(ArgAction::SetTrue))
        // How the benchmark calls itself to serve as a floor.
        .arg(hidden("floor"))
        .arg(hidden("database").value_parser(clap::value_parser!(PathBuf)))
}
