//! The rows of the report: which servers, which load, which ratios.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Outcome;
use crate::creates::creates;
use crate::files::{FIRST_RECORD_AT_S, Files, PROJECT, instance};
use crate::floors::Floor;
use crate::https::https;
use crate::instances::instances;
use crate::load::{Kind, Observed, Request, drive};
use crate::reads::reads;
use crate::report::{Report, median};
use crate::requests::{cpu, one_caller};
use crate::server::Server;

/// Rows that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Creates on an empty file against the floors; memory and bytes on disk.
    Create,
    /// Creates with the journal of requests against creates without it.
    Journal,
    /// Creates on a large file against an empty one; memory.
    Large,
    /// Pages of lists.
    List,
    /// Pages of lists of instances.
    Instances,
    /// CPU time a request, in that of the floor.
    Cpu,
    /// How long one caller waits.
    One,
    /// Reads and creates from many connections.
    Reads,
    /// Lists and creates at once.
    Mixed,
    /// From the start of the process to its ready line.
    Start,
    /// Creates by HTTPS against creates by plain HTTP; handshakes.
    Https,
}

impl Family {
    pub(crate) const ALL: [Self; 11] = [
        Self::Create,
        Self::Journal,
        Self::Large,
        Self::List,
        Self::Instances,
        Self::Cpu,
        Self::One,
        Self::Reads,
        Self::Mixed,
        Self::Start,
        Self::Https,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Journal => "journal",
            Self::Large => "large",
            Self::List => "list",
            Self::Instances => "instances",
            Self::Cpu => "cpu",
            Self::One => "one",
            Self::Reads => "reads",
            Self::Mixed => "mixed",
            Self::Start => "start",
            Self::Https => "https",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == text)
    }
}

/// What to measure, and for how long.
pub(crate) struct Plan {
    pub(crate) families: Vec<Family>,
    pub(crate) rounds: usize,
    pub(crate) period: Duration,
    /// Another binary of the server.
    pub(crate) against: Option<PathBuf>,
    pub(crate) large_file_records: u32,
}

impl Plan {
    /// Returns the sizes of files, in records: the least, a middle one, and the largest.
    fn file_sizes(&self, least: u32) -> Vec<u32> {
        let mut sizes = vec![least, MIDDLE_FILE_RECORDS, self.large_file_records];
        sizes.dedup();
        sizes
    }
}

/// The load that the targets speak of.
pub(crate) const MANY_CONNECTIONS: usize = 128;
/// Smaller files, to show whether things cost the same at any size.
const SMALL_FILE_RECORDS: u32 = 100;
const MIDDLE_FILE_RECORDS: u32 = 100_000;
/// How often a server is started; the best counts, because everything else only disturbs.
const STARTS: usize = 5;

/// Measures all that the plan asks for.
pub(crate) async fn measure(plan: &Plan, report: &mut Report) -> Outcome<()> {
    let files = Files::new()?;
    for family in &plan.families {
        match family {
            Family::Create => creates(plan, &files, report).await?,
            Family::Journal => journal(plan, &files, report).await?,
            Family::Large => large(plan, &files, report).await?,
            Family::List => lists(plan, &files, report).await?,
            Family::Instances => instances(plan, &files, report).await?,
            Family::Cpu => cpu(plan, &files, report).await?,
            Family::One => one_caller(plan, &files, report).await?,
            Family::Reads => reads(plan, &files, report).await?,
            Family::Mixed => mixed(plan, &files, report).await?,
            Family::Start => starts(plan, &files, report).await?,
            Family::Https => https(plan, &files, report).await?,
        }
    }
    Ok(())
}

/// Creates on one instance, or on all in turn.
pub(crate) fn create_script(instances: u32) -> Vec<Request> {
    (0..instances).map(|number| Request::create(&backups_of(number))).collect()
}

fn backups_of(number: u32) -> String {
    format!("/v1.0/{PROJECT}/instances/{}/backups", instance(number))
}

/// Loads a server shortly, so that connections, caches and file are as they will be; returns the number of requests.
pub(crate) async fn warm_up(server: &Server, script: &[Request]) -> Outcome<usize> {
    let observed = drive(server.address, 16, script, Duration::from_millis(300)).await?;
    Ok(observed.of(Kind::Create).count() + observed.of(Kind::List).count())
}

async fn journal(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let on = Server::real(&files.database("journal", 0).await?, None)?;
    let off = Server::without_journal(&files.database("journal-off", 0).await?)?;
    let script = create_script(1);
    warm_up(&on, &script).await?;
    warm_up(&off, &script).await?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let with = drive(on.address, MANY_CONNECTIONS, &script, plan.period).await?;
        let without = drive(off.address, MANY_CONNECTIONS, &script, plan.period).await?;
        rounds.push((with.rate(Kind::Create), without.rate(Kind::Create)));
    }
    report.push(
        "create with the journal, 128 conn.",
        vec![
            ("requests/s", median(rounds.iter().map(|(with, _)| *with))),
            ("of without", median(rounds.iter().map(|(with, without)| with / without))),
        ],
    );
    Ok(())
}

async fn large(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let records = plan.large_file_records;
    let large_file = files.database("large", records).await?;
    let small = Server::real(&files.database("large-against", 0).await?, None)?;
    let large = Server::real(&large_file, None)?;
    let script = create_script(1);
    warm_up(&small, &script).await?;
    warm_up(&large, &script).await?;
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        let on_small = drive(small.address, MANY_CONNECTIONS, &script, plan.period).await?;
        let on_large = drive(large.address, MANY_CONNECTIONS, &script, plan.period).await?;
        rounds.push((on_small.rate(Kind::Create), on_large.rate(Kind::Create)));
    }
    let memory = large.memory();
    report.push(
        format!("create, 128 conn., {records} records"),
        vec![
            ("requests/s", median(rounds.iter().map(|(_, large)| *large))),
            ("of empty", median(rounds.iter().map(|(small, large)| large / small))),
            ("MiB resident", memory.now),
            ("MiB at most", memory.most),
        ],
    );
    Ok(())
}

async fn lists(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let mut servers = Vec::new();
    for records in plan.file_sizes(SMALL_FILE_RECORDS) {
        let server = Server::real(&files.database(&format!("list-{records}"), records).await?, None)?;
        servers.push((records, server));
    }
    let path = format!("{}?limit=10", backups_of(0));
    // The middle half of all records.
    let window = |records: u32| {
        let time = |record: u32| compact_utc(FIRST_RECORD_AT_S + i64::from(record));
        format!("begin_time={}&end_time={}", time(records / 4), time(records / 4 * 3))
    };
    let pages: [(&str, &dyn Fn(u32) -> String); 3] = [
        ("first page", &|_| path.clone()),
        ("deep page", &|records| format!("{path}&start={}", records - 20)),
        ("time range", &|records| format!("{path}&{}", window(records))),
    ];
    for (name, page) in pages {
        let mut rounds = Vec::new();
        for round in 0..=plan.rounds {
            let mut observed = Vec::new();
            for (records, server) in &servers {
                let script = [Request::get(&page(*records), &[])];
                observed.push(drive(server.address, 1, &script, plan.period).await?);
            }
            // The first only warms up.
            if round > 0 {
                rounds.push(observed);
            }
        }
        let micros =
            |round: &[Observed], size: usize, per_mille: usize| round[size].of(Kind::List).micros(per_mille);
        for (size, (records, _)) in servers.iter().enumerate() {
            let over = |per_mille| median(rounds.iter().map(|round| micros(round, size, per_mille)));
            let of_small = |round: &Vec<Observed>| micros(round, size, 500) / micros(round, 0, 500);
            report.push(
                format!("list, {name}, {records} records"),
                vec![
                    ("us p50", over(500)),
                    ("us p99", over(990)),
                    ("x p50 at 100", median(rounds.iter().map(of_small))),
                ],
            );
        }
    }
    Ok(())
}

/// Writes a time as queries take it.
fn compact_utc(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.format("%Y%m%d%H%M%S").to_string()
}

async fn repeat(
    plan: &Plan,
    server: &Server,
    connections: usize,
    script: &[Request],
) -> Outcome<Vec<Observed>> {
    let mut rounds = Vec::new();
    for _ in 0..plan.rounds {
        rounds.push(drive(server.address, connections, script, plan.period).await?);
    }
    Ok(rounds)
}

async fn mixed(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let server = Server::real(&files.database("mixed", MIDDLE_FILE_RECORDS).await?, None)?;
    let list = Request::get(&format!("{}?limit=10", backups_of(0)), &[]);
    let create = Request::create(&backups_of(0));
    let script = [create.clone(), list.clone(), list.clone(), list.clone(), list.clone()];
    warm_up(&server, &script).await?;
    let rounds = repeat(plan, &server, MANY_CONNECTIONS, &script).await?;
    let of = |kind: Kind, per_mille: usize| {
        median(rounds.iter().map(move |round| round.of(kind).micros(per_mille)))
    };
    report.push(
        "80 % lists, 20 % creates, 128 conn.",
        vec![
            (
                "requests/s",
                median(rounds.iter().map(|round| round.rate(Kind::List) + round.rate(Kind::Create))),
            ),
            ("us list p50", of(Kind::List, 500)),
            ("us list p99", of(Kind::List, 990)),
            ("us create p50", of(Kind::Create, 500)),
            ("us create p99", of(Kind::Create, 990)),
        ],
    );
    let lists = disturbed(plan, &server, &create, &list).await?;
    lists.push("list while 128 connections create", Kind::List, report);
    // Whatever a request waits for here, it waits for the two cores: nothing is kept, nothing is read.
    let no_op = Server::floor(Floor::NoOp, None)?;
    let no_ops = disturbed(plan, &no_op, &create, &create).await?;
    no_ops.push("  floor: no-op while 128 connections do the same", Kind::Create, report);
    Ok(())
}

/// One connection's requests, alone and beside many others.
struct Disturbed {
    idle: Vec<Observed>,
    busy: Vec<Observed>,
}

/// Measures `request` on one connection, alone and while many connections send `others`.
async fn disturbed(plan: &Plan, server: &Server, others: &Request, request: &Request) -> Outcome<Disturbed> {
    let idle = repeat(plan, server, 1, std::slice::from_ref(request)).await?;
    let mut busy = Vec::new();
    for _ in 0..plan.rounds {
        let (others, one) = (std::slice::from_ref(others), std::slice::from_ref(request));
        let (_, observed) = tokio::try_join!(
            drive(server.address, MANY_CONNECTIONS, others, plan.period),
            drive(server.address, 1, one, plan.period),
        )?;
        busy.push(observed);
    }
    Ok(Disturbed { idle, busy })
}

impl Disturbed {
    fn push(&self, name: &str, kind: Kind, report: &mut Report) {
        let p99 = |rounds: &[Observed]| median(rounds.iter().map(|round| round.of(kind).micros(990)));
        let (busy, idle) = (p99(&self.busy), p99(&self.idle));
        report.push(name, vec![("us p99", busy), ("us p99 idle", idle), ("x", busy / idle)]);
    }
}

async fn starts(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    for records in plan.file_sizes(0) {
        let database = files.database(&format!("start-{records}"), records).await?;
        report.push(
            format!("start to ready, {records} records"),
            vec![("ms best of 5", best_start(&database)?.as_secs_f64() * 1000.0)],
        );
    }
    let fresh = files.path("start-new.db");
    let new = Server::real(&fresh, None)?.took_to_start;
    report.push("start to ready, no file yet", vec![("ms", new.as_secs_f64() * 1000.0)]);
    Ok(())
}

fn best_start(database: &Path) -> Outcome<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..STARTS {
        let server = Server::real(database, None)?;
        best = best.min(server.took_to_start);
        server.stop()?;
    }
    Ok(best)
}
