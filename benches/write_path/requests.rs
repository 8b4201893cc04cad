//! What a request costs: the CPU time of the server a request under load, and how long one caller waits for its answer.
//!
//! CPU time is what travels between machines; it is given in microseconds and in that of a request of the floor, measured in the same
//! round.

use std::time::Duration;

use dcs_emulator::clock::{Clock, SystemClock};
use dcs_emulator::domain::builtin;
use serde_json::json;

use crate::Outcome;
use crate::files::{Files, PAGE, PROJECT, instance};
use crate::floors::Floor;
use crate::load::{Kind, Latencies, Observed, Request, drive};
use crate::report::{Report, median};
use crate::rows::{MANY_CONNECTIONS, Plan, create_script};
use crate::server::Server;
use crate::signer::{Form, ToSign};

/// How long backups are created before they are listed.
const FILLING: Duration = Duration::from_millis(200);

fn of_instance(version: &str) -> String {
    format!("/{version}/{PROJECT}/instances/{}", instance(0))
}

fn list(limit: u32) -> Request {
    Request::get(&format!("{}/backups?limit={limit}", of_instance("v1.0")), &[])
}

/// A login of the built-in user by its password.
fn login() -> Request {
    let password = json!({"user": {"name": builtin::USER_NAME, "password": builtin::PASSWORD, "domain": {"name": builtin::DOMAIN_NAME}}});
    let identity = json!({"methods": ["password"], "password": password});
    Request::post(
        "/v3/auth/tokens",
        &json!({"auth": {"identity": identity, "scope": {"project": {"id": PROJECT}}}}),
    )
}

/// A read that the built-in user signed.
fn signed() -> Request {
    let path = of_instance("v2");
    let date = SystemClock.now().to_utc().format("%Y%m%dT%H%M%SZ").to_string();
    let headers = [("host", "localhost"), ("x-sdk-date", date.as_str())];
    let to_sign = ToSign { method: "GET", path_and_query: &path, headers: &headers, body: b"" };
    let authorization = Form::Access.sign(builtin::ACCESS_KEY, builtin::SECRET_KEY, &to_sign);
    Request::get(&path, &[("X-Sdk-Date", &date), ("Authorization", &authorization)])
}

/// Measures the CPU time of each kind of request.
pub(crate) async fn cpu(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let no_op = Server::floor(Floor::NoOp, None)?;
    let server = Server::real(&files.database("cpu", 0).await?, None)?;
    let strict = Server::strict(&files.path("cpu-strict.db"), files.seed())?;
    drive(server.address, 1, &create_script(1), FILLING).await?;
    let get = |path: &str| Request::get(path, &[]);
    let rows: [(&str, &Server, Kind, Vec<Request>); 8] = [
        ("livez", &server, Kind::List, vec![get("/livez")]),
        ("create", &server, Kind::Create, create_script(1)),
        ("GET of an instance, v1.0", &server, Kind::List, vec![get(&of_instance("v1.0"))]),
        ("GET of an instance, v2", &server, Kind::List, vec![get(&of_instance("v2"))]),
        ("list of 10 backups", &server, Kind::List, vec![list(10)]),
        ("list of 100 backups", &server, Kind::List, vec![list(100)]),
        ("login by password, strict", &strict, Kind::Create, vec![login()]),
        ("signed GET, v2, strict", &strict, Kind::List, vec![signed()]),
    ];
    for (name, server, kind, script) in rows {
        let mut rounds = Vec::new();
        for round in 0..=plan.rounds {
            let floor = spent(plan, &no_op, Kind::Create, &create_script(1)).await?;
            let real = spent(plan, server, kind, &script).await?;
            // The first only warms up.
            if round > 0 {
                rounds.push((floor, real));
            }
        }
        let over = |measured: fn(&(Spent, Spent)) -> f64| median(rounds.iter().map(measured));
        report.push(
            format!("CPU: {name}, {MANY_CONNECTIONS} conn."),
            vec![
                ("us a request", over(|(_, real)| real.micros)),
                ("x no-op", over(|(floor, real)| real.micros / floor.micros)),
                ("requests/s", over(|(_, real)| real.rate)),
                ("of no-op", over(|(floor, real)| real.rate / floor.rate)),
            ],
        );
    }
    let memory = server.memory();
    report.push("  after these requests", vec![("MiB resident", memory.now), ("MiB at most", memory.most)]);
    Ok(())
}

/// What a server spent on a load.
struct Spent {
    /// Microseconds of CPU time a request.
    micros: f64,
    /// Requests a second.
    rate: f64,
}

async fn spent(plan: &Plan, server: &Server, kind: Kind, script: &[Request]) -> Outcome<Spent> {
    let before = server.cpu_time();
    let observed = drive(server.address, MANY_CONNECTIONS, script, plan.period).await?;
    let took = server.cpu_time() - before;
    let requests = f64::from(u32::try_from(observed.of(kind).count())?);
    Ok(Spent { micros: took * 1e6 / requests, rate: observed.rate(kind) })
}

/// Measures how long one caller waits that sends its next request when the last is answered.
pub(crate) async fn one_caller(plan: &Plan, files: &Files, report: &mut Report) -> Outcome<()> {
    let no_op = Server::floor(Floor::NoOp, None)?;
    let on_file = Server::real(&files.database("one", 0).await?, None)?;
    let in_memory = Server::of_seed("sqlite::memory:", files.seed())?;
    for server in [&on_file, &in_memory] {
        drive(server.address, 1, &create_script(1), FILLING).await?;
    }
    let get = |path: &str| vec![Request::get(path, &[])];
    let rows: [(&str, &Server, Kind, Vec<Request>, bool); 5] = [
        ("create on a file", &on_file, Kind::Create, create_script(1), true),
        ("create in memory", &in_memory, Kind::Create, create_script(1), false),
        ("GET of an instance, v1.0", &on_file, Kind::List, get(&of_instance("v1.0")), false),
        ("GET of an instance, v2", &on_file, Kind::List, get(&of_instance("v2")), false),
        ("list of 10 backups", &on_file, Kind::List, vec![list(10)], false),
    ];
    for (name, server, kind, script, is_synced) in rows {
        let (mut floors, mut reals, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=plan.rounds {
            let floor = drive(no_op.address, 1, &create_script(1), plan.period).await?;
            let real = drive(server.address, 1, &script, plan.period).await?;
            let sync = if is_synced { files.syncs(PAGE, plan.period)? } else { Latencies::default() };
            if round > 0 {
                floors.push(floor);
                reals.push(real);
                syncs.push(sync);
            }
        }
        let p50 = |rounds: &[Observed], kind: Kind| {
            Latencies::of_rounds(rounds.iter().map(|round| round.of(kind))).micros(500)
        };
        let (floor, real) = (p50(&floors, Kind::Create), p50(&reals, kind));
        let sync = if is_synced { Latencies::of_rounds(syncs.iter()).micros(500) } else { 0.0 };
        let what = if is_synced { "x no-op + fdatasync" } else { "x no-op" };
        report.push(
            format!("one caller: {name}"),
            vec![
                ("us p50", real),
                (what, real / (floor + sync)),
                ("us no-op", floor),
                ("us fdatasync", sync),
            ],
        );
    }
    Ok(())
}
