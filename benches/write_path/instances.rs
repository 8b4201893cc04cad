//! Lists of instances: of many against few.

use crate::Outcome;
use crate::files::{Files, PROJECT, instance};
use crate::load::{Kind, Observed, Request, drive};
use crate::report::{Report, median};
use crate::rows::Plan;
use crate::server::Server;

/// How many instances the projects have.
const SIZES: [u32; 2] = [10, 10_000];

/// What is asked for behind the path of the list, by how many instances there are.
type Question = (&'static str, fn(u32) -> String);

/// Every way to ask for a page, of the same length of both. What filters finds one instance, half of them, or all.
const QUESTIONS: [Question; 10] = [
    ("first page", |_| "v2?limit=10".to_owned()),
    ("last page", |count| format!("v2?limit=5&offset={}", count - 5)),
    ("behind a marker", |count| format!("v1.0?limit=5&marker={}", instance(count / 2))),
    ("of an id", |count| format!("v2?instance_id={}", instance(count / 2))),
    ("of a name", |count| format!("v2?name_equal=true&name=bench-{}", count / 2)),
    ("with a part of a name", |count| format!("v2?name=nch-{}", count - 1)),
    ("in a state", |_| "v2?status=RUNNING".to_owned()),
    ("of a capacity", |_| "v2?limit=5&capacity=4".to_owned()),
    ("of an address", |_| "v1.0?ip=192.168.0.5".to_owned()),
    ("with a tag", |count| format!("v2?tags=number={}", count / 2)),
];

/// Measures pages of lists of instances, on one connection.
pub(crate) async fn instances(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let mut servers = Vec::new();
    for count in SIZES {
        servers.push((count, Server::real(&files.of_instances(count)?, None)?));
    }
    for (name, question) in QUESTIONS {
        let mut rounds = Vec::new();
        for round in 0..=plan.rounds {
            let mut observed = Vec::new();
            for (count, server) in &servers {
                let question = question(*count);
                let (version, query) = question.split_once('?').ok_or("a question without a query")?;
                let script = [Request::get(&format!("/{version}/{PROJECT}/instances?{query}"), &[])];
                observed.push(drive(server.address, 1, &script, plan.period).await?);
            }
            // The first only warms up.
            if round > 0 {
                rounds.push(observed);
            }
        }
        let micros = |round: &[Observed], size: usize| round[size].of(Kind::List).micros(500);
        report.push(
            format!("instances, {name}"),
            vec![
                ("us p50 of 10", median(rounds.iter().map(|round| micros(round, 0)))),
                ("us p50 of 10,000", median(rounds.iter().map(|round| micros(round, 1)))),
                ("x", median(rounds.iter().map(|round| micros(round, 1) / micros(round, 0)))),
            ],
        );
    }
    Ok(())
}
