//! Reads and creates from many connections, of this server and, in turn with it, of another binary.

use std::time::Duration;

use crate::Outcome;
use crate::files::{Files, PROJECT, instance};
use crate::load::{Kind, Request, drive};
use crate::report::{Report, median};
use crate::rows::{MANY_CONNECTIONS, Plan, create_script};
use crate::server::Server;

/// How long backups are created before they are listed.
const FILLING: Duration = Duration::from_millis(200);

/// Measures each kind of request on one server after the other, round by round.
pub(crate) async fn reads(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let this = Server::real(&files.database("reads", 0).await?, None)?;
    let other = match &plan.against {
        Some(binary) => Some(Server::of(binary, &files.path("reads-against.db"), files.seed())?),
        None => None,
    };
    let backups = format!("/v1.0/{PROJECT}/instances/{}/backups", instance(0));
    for server in [Some(&this), other.as_ref()].into_iter().flatten() {
        // More than a page, so that each list has as many.
        drive(server.address, 1, &create_script(1), FILLING).await?;
    }
    let of_instance =
        |version: &str| Request::get(&format!("/{version}/{PROJECT}/instances/{}", instance(0)), &[]);
    let scripts = [
        ("GET of an instance, v1.0", Kind::List, vec![of_instance("v1.0")]),
        ("GET of an instance, v2", Kind::List, vec![of_instance("v2")]),
        ("list of 10 backups", Kind::List, vec![Request::get(&format!("{backups}?limit=10"), &[])]),
        ("create", Kind::Create, create_script(1)),
    ];
    for (name, kind, script) in scripts {
        let mut rounds = Vec::new();
        for round in 0..=plan.rounds {
            let rate = drive(this.address, MANY_CONNECTIONS, &script, plan.period).await?.rate(kind);
            let against = match &other {
                Some(other) => drive(other.address, MANY_CONNECTIONS, &script, plan.period).await?.rate(kind),
                None => f64::NAN,
            };
            // The first only warms up.
            if round > 0 {
                rounds.push((rate, against));
            }
        }
        let mut measured = vec![("requests/s", median(rounds.iter().map(|(rate, _)| *rate)))];
        if other.is_some() {
            measured.push(("of the other", median(rounds.iter().map(|(_, against)| *against))));
            measured.push(("x", median(rounds.iter().map(|(rate, against)| rate / against))));
        }
        report.push(format!("{name}, {MANY_CONNECTIONS} conn."), measured);
    }
    Ok(())
}
