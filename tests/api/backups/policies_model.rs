//! Random lives of an instance with a policy, compared minute by minute with what the pages say of policies (wire contract v1.0,
//! section 3.2), as a list kept by hand. How time passes does not matter: in one step, in many, or while nothing runs.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};

use crate::backups::policies::auto;
use crate::support::seed::HA;
use crate::support::{Api, TestServer, text};

const DAY: i64 = 24 * 60;
/// A Monday, half past midnight.
const BEGINNING: &str = "2026-01-05T00:30:00Z";
const BEGINNING_MINUTE: i64 = 29_459_550;

/// How time passes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Advance,
    ClockRuns,
    NothingRuns,
}

#[derive(Clone, Debug)]
struct Policy {
    days: Vec<u8>,
    hour: i64,
    /// Half hours east of UTC.
    half_hours: i64,
    save_days: i64,
}

#[derive(Clone, Debug)]
enum Step {
    /// An automatic policy, or a manual one.
    Set(Option<Policy>),
    Pass(i64, Way),
    Create,
    /// Deletes a record, the newest being 0.
    Delete(usize),
}

fn policy() -> impl Strategy<Value = Policy> {
    let days = prop::collection::btree_set(1_u8..=7, 1..=7);
    (days, 0_i64..24, -24_i64..=24, 1_i64..=4).prop_map(|(days, hour, half_hours, save_days)| Policy {
        days: days.into_iter().collect(),
        hour,
        half_hours,
        save_days,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let way = prop_oneof![4 => Just(Way::Advance), 2 => Just(Way::ClockRuns), 1 => Just(Way::NothingRuns)];
    prop_oneof![
        3 => prop::option::weighted(0.8, policy()).prop_map(Step::Set),
        6 => (prop_oneof![0..2 * DAY, 0..20 * DAY], way).prop_map(|(minutes, way)| Step::Pass(minutes, way)),
        3 => Just(Step::Create),
        2 => (0_usize..4).prop_map(Step::Delete),
    ]
}

#[derive(Debug)]
struct Record {
    is_automatic: bool,
    created: i64,
    finished: Option<i64>,
    save_days: i64,
    status: &'static str,
    is_held: bool,
}

/// What the pages say.
#[derive(Debug)]
struct Model {
    now: i64,
    duration: i64,
    policy: Option<Policy>,
    /// The minute at which it was set.
    set_at: i64,
    /// The next try of a run that was skipped: when, and how many there were.
    retry: Option<(i64, u8)>,
    records: Vec<Record>,
}

impl Model {
    fn is_busy(&self) -> bool {
        self.records.iter().any(|record| record.status == "open")
    }

    fn begin(&mut self, is_automatic: bool, save_days: i64) {
        let created = self.now;
        let status = "open";
        self.records.push(Record {
            is_automatic,
            created,
            finished: None,
            save_days,
            status,
            is_held: false,
        });
        self.finish();
    }

    fn finish(&mut self) {
        let (now, duration) = (self.now, self.duration);
        let done = |record: &Record| record.status == "open" && record.created + duration == now;
        let Some(place) = self.records.iter().position(done) else { return };
        self.records[place].status = "succeed";
        self.records[place].finished = Some(now);
        if self.records[place].is_automatic {
            let held = self.records[..place]
                .iter_mut()
                .filter(|record| record.is_held && record.status == "succeed");
            held.for_each(|record| record.status = "expired");
        }
    }

    fn run(&mut self) {
        let Some(policy) = self.policy.clone() else { return };
        let local = BEGINNING_MINUTE + self.now + policy.half_hours * 30;
        // The first day was a Thursday.
        let day_of_week = u8::try_from((local.div_euclid(DAY) + 3).rem_euclid(7) + 1).expect("a day");
        let begins = local.rem_euclid(DAY) == policy.hour * 60 && policy.days.contains(&day_of_week);
        let tries = match self.retry {
            Some((at, tries)) if at == self.now => tries,
            _ if begins && self.now > self.set_at => 0,
            _ => return,
        };
        self.retry = None;
        if self.is_busy() {
            let (created, finished) = (self.now, Some(self.now));
            let (save_days, status, is_held) = (policy.save_days, "failed", false);
            self.records.push(Record { is_automatic: true, created, finished, save_days, status, is_held });
            self.retry = (tries < 2).then_some((self.now + 60, tries + 1));
        } else {
            self.begin(true, policy.save_days);
        }
    }

    fn end_days(&mut self) {
        for place in 0..self.records.len() {
            let record = &self.records[place];
            let is_over = record.finished.is_some_and(|at| at + record.save_days * DAY == self.now);
            if !record.is_automatic || record.status != "succeed" || !is_over {
                continue;
            }
            let newer = |record: &Record| record.is_automatic && record.status == "succeed";
            if self.records[place + 1..].iter().any(newer) {
                self.records[place].status = "expired";
            } else {
                self.records[place].is_held = true;
            }
        }
    }

    fn pass(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.now += 1;
            self.finish();
            self.run();
            self.end_days();
        }
    }

    /// As the server's list is looked at.
    fn shown(&self) -> Vec<Value> {
        let shown = |record: &Record| {
            json!([
                if record.is_automatic { "auto" } else { "manual" },
                record.status,
                record.created,
                record.finished
            ])
        };
        self.records.iter().map(shown).collect()
    }
}

async fn take(server: &mut TestServer, model: &mut Model, step: Step) {
    match step {
        Step::Set(wanted) => {
            let body = match &wanted {
                None => json!({"backup_type": "manual"}),
                Some(Policy { days, hour, half_hours, save_days }) => {
                    let sign = if *half_hours < 0 { '-' } else { '+' };
                    let (hours, minutes) = (half_hours.abs() / 2, half_hours.abs() % 2 * 30);
                    let zone = format!("{sign}{hours:02}{minutes:02}");
                    let window = format!("{hour:02}:00-{:02}:00", (hour + 1) % 24);
                    auto(days, &window, &zone, u8::try_from(*save_days).expect("few days"))
                }
            };
            server.set_policy(HA, body).await;
            (model.policy, model.set_at, model.retry) = (wanted, model.now, None);
        }
        Step::Pass(minutes, way) => {
            model.pass(minutes);
            let millis = u64::try_from(minutes * 60_000).expect("no time passes backwards");
            match way {
                Way::Advance => server.advance(&format!("{minutes}m")).await,
                Way::ClockRuns => server.advance_ms(millis),
                Way::NothingRuns => {
                    server.stop().await;
                    server.advance_ms(millis);
                    server.restart().await;
                }
            }
        }
        Step::Create => {
            let answer = server.post(&Api::V1.backups(HA), &json!({})).await;
            let is_refused = model.is_busy();
            assert_eq!(answer.status, if is_refused { 400 } else { 200 }, "{answer:?}");
            if !is_refused {
                model.begin(false, 0);
            }
        }
        Step::Delete(back) => {
            let Some(place) = model.records.len().checked_sub(back + 1) else { return };
            let id = server.listed_ids(HA, "limit=1000").await[back].clone();
            let answer = server.delete(&Api::V1.backup(HA, &id)).await;
            let is_open = model.records[place].status == "open";
            assert_eq!(answer.status, if is_open { 400 } else { 200 }, "{answer:?}");
            if !is_open {
                model.records[place].status = "deleted";
            }
        }
    }
}

/// Returns the minute after the beginning that a time is, if it is one.
fn minute(time: &Value) -> Option<i64> {
    let time: chrono::DateTime<chrono::Utc> =
        text(Some(time).filter(|time| !time.is_null())?).parse().expect("a time");
    assert_eq!(time.timestamp_millis() % 60_000, 0, "{time}");
    Some(time.timestamp() / 60 - BEGINNING_MINUTE)
}

async fn live(duration: i64, steps: Vec<Step>) {
    let mut server = TestServer::with(&[("backup.duration", &format!("{duration}m"))]).await;
    server.put("/_emulator/clock", &json!({ "now": BEGINNING })).await.ok();
    let mut model = Model { now: 0, duration, policy: None, set_at: 0, retry: None, records: Vec::new() };
    for step in steps {
        take(&mut server, &mut model, step).await;
        let records = server.records(HA, &["backup_type", "status", "created_at", "updated_at"]).await;
        let look = |record: &Value| {
            let is_open = record[1] == "waiting" || record[1] == "backuping";
            let status = if is_open { json!("open") } else { record[1].clone() };
            json!([record[0], status, minute(&record[2]), minute(&record[3])])
        };
        assert_eq!(records.iter().map(look).collect::<Vec<_>>(), model.shown());
    }
    server.stop_soundly().await;
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/regressions/policies.txt"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_random_life_with_policies_is_what_the_pages_say(
        duration in prop_oneof![Just(0_i64), 1_i64..5 * 60, 20 * 60..3 * DAY], steps in prop::collection::vec(step(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(live(duration, steps));
    }
}
