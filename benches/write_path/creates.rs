//! The rows of creates on an empty file, against the floors.

use crate::Outcome;
use crate::files::{self, COMMIT, Files, INSTANCES, PAGE};
use crate::floors::Floor;
use crate::load::{Kind, Latencies, Observed, drive};
use crate::report::{Report, median};
use crate::rows::{MANY_CONNECTIONS, Plan, create_script, warm_up};
use crate::server::Server;

/// Measures creates at several loads; then memory and disk.
pub(crate) async fn creates(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let database = files.database("create", 0).await?;
    let empty_bytes = files::length(&database)?;
    let compared = Compared {
        no_op: Server::floor(Floor::NoOp, None)?,
        alone: Server::floor(Floor::OneTransaction, Some(&files.database("one-transaction", 0).await?))?,
        real: Server::real(&database, None)?,
    };
    let mut created = compared.warm_up().await?;
    for (connections, instances) in [(1, 1), (16, 1), (MANY_CONNECTIONS, 1), (MANY_CONNECTIONS, INSTANCES)] {
        let rounds = compared.measure(plan, files, connections, instances).await?;
        created += rounds.iter().map(|round| round.real.of(Kind::Create).count()).sum::<usize>();
        report_creates(&rounds, connections, instances, report);
    }
    let memory = compared.real.memory();
    compared.real.stop()?;
    let bytes = f64::from(u32::try_from(files::length(&database)? - empty_bytes)?);
    let records = f64::from(u32::try_from(created)?);
    report.push(
        "after these creates",
        vec![
            ("records", records),
            ("bytes a record", bytes / records),
            ("MiB resident", memory.now),
            ("MiB at most", memory.most),
        ],
    );
    Ok(())
}

/// The servers whose creates are compared.
struct Compared {
    no_op: Server,
    /// One transaction a request.
    alone: Server,
    real: Server,
}

/// What one round of creates showed of each server, and of the disk.
struct Round {
    no_op: Observed,
    alone: Observed,
    real: Observed,
    page_syncs: Latencies,
    commit_syncs: Latencies,
}

impl Compared {
    async fn warm_up(&self) -> Outcome<usize> {
        let script = create_script(1);
        for server in [&self.no_op, &self.alone] {
            warm_up(server, &script).await?;
        }
        warm_up(&self.real, &script).await
    }

    async fn measure(
        &self,
        plan: &Plan,
        files: &Files,
        connections: usize,
        instances: u32,
    ) -> Outcome<Vec<Round>> {
        let script = create_script(instances);
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds {
            rounds.push(Round {
                no_op: drive(self.no_op.address, connections, &script, plan.period).await?,
                alone: drive(self.alone.address, connections, &script, plan.period).await?,
                real: drive(self.real.address, connections, &script, plan.period).await?,
                page_syncs: files.syncs(PAGE, plan.period)?,
                commit_syncs: files.syncs(COMMIT, plan.period)?,
            });
        }
        Ok(rounds)
    }
}

fn report_creates(rounds: &[Round], connections: usize, instances: u32, report: &mut Report) {
    let over = |measured: fn(&Round) -> f64| median(rounds.iter().map(measured));
    let (p50, p99) = (
        over(|round| round.real.of(Kind::Create).micros(500)),
        over(|round| round.real.of(Kind::Create).micros(990)),
    );
    // Names are the keys of the JSON object, so each says which load it speaks of.
    let load = format!("{connections} conn., {instances} inst.");
    report.push(
        format!("create, {load}"),
        vec![
            ("requests/s", over(|round| round.real.rate(Kind::Create))),
            ("of no-op", over(|round| round.real.rate(Kind::Create) / round.no_op.rate(Kind::Create))),
            (
                "x one transaction",
                over(|round| round.real.rate(Kind::Create) / round.alone.rate(Kind::Create)),
            ),
            ("us p50", p50),
            ("us p99", p99),
            ("p99/p50", p99 / p50),
        ],
    );
    report.push(
        format!("  floors, {load}"),
        vec![
            ("no-op/s", over(|round| round.no_op.rate(Kind::Create))),
            ("one transaction/s", over(|round| round.alone.rate(Kind::Create))),
        ],
    );
    if connections == 1 {
        // All rounds together, because the disk may be another in each: by the number of their samples, all three then
        // speak of the same moments.
        let p50 = |of_round: fn(&Round) -> &Latencies| {
            Latencies::of_rounds(rounds.iter().map(of_round)).micros(500)
        };
        let no_op = p50(|round| round.no_op.of(Kind::Create));
        let sync = p50(|round| &round.page_syncs);
        let commit = p50(|round| &round.commit_syncs);
        let create = p50(|round| round.real.of(Kind::Create));
        report.push(
            "  p50 against no-op + fdatasync",
            vec![
                ("x", create / (no_op + sync)),
                ("us create", create),
                ("us no-op", no_op),
                ("us fdatasync", sync),
                ("us fdatasync of a whole commit", commit),
                ("x with that", create / (no_op + commit)),
            ],
        );
    }
}
