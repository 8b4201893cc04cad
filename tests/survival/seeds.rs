//! Long seeds: they cost by their length, and nobody who reads waits for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::process_support::wire::DEMO_INSTANCE;
use crate::server::Demo;

const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
/// How many instances the demo has.
const DEMO_INSTANCES: usize = 3;
/// Four times as many instances take at most so many times as long. What is quadratic takes sixteen times.
const MAX_GROWTH: f64 = 6.0;
/// How often it may take longer, because the machine was busy with something else.
const TRIES: usize = 3;

/// Returns a seed of that many instances.
fn seed(count: usize) -> String {
    let instance = |number: usize| {
        json!({
            "id": format!("0a000000-0000-4000-8000-{number:012x}"), "name": format!("seeded-{number}"), "cache_mode": "ha",
            "tags": [{"key": "number", "value": number.to_string()}], "backups": [{}],
        })
    };
    let instances: Vec<_> = (0..count).map(instance).collect();
    json!({"projects": [{"id": PROJECT, "instances": instances}]}).to_string()
}

/// Returns how long a server takes to apply a seed of that many instances, and then to replace them.
fn times(count: usize) -> [Duration; 2] {
    let demo = Demo::start(&[]);
    let seed = seed(count);
    let times =
        [("", "instances_created"), ("?overwrite=true", "instances_replaced")].map(|(query, counted)| {
            let began = Instant::now();
            let answer =
                demo.server.connect().ask("POST", &format!("/_emulator/seed{query}"), &seed).unwrap();
            assert_eq!((answer.status, &answer.json()[counted]), (200, &json!(count)), "{answer:?}");
            began.elapsed()
        });
    demo.stop();
    times
}

#[test]
fn four_times_as_many_instances_take_about_four_times_as_long() {
    for attempt in 1.. {
        let (few, many) = (times(1_000), times(4_000));
        let growth = [0, 1].map(|at| many[at].as_secs_f64() / few[at].as_secs_f64());
        eprintln!("1,000 and 4,000 instances: {few:?} and {many:?}, {growth:?} times");
        if growth.iter().all(|growth| *growth <= MAX_GROWTH) {
            return;
        }
        assert!(attempt < TRIES, "a seed takes more than its length: {growth:?}");
    }
}

#[test]
fn reads_and_probes_are_answered_while_a_long_seed_is_written() {
    const COUNT: usize = 4_000;
    let demo = Demo::start(&[]);
    let seed = seed(COUNT);
    for query in ["", "?overwrite=true"] {
        let before = if query.is_empty() { DEMO_INSTANCES } else { DEMO_INSTANCES + COUNT };
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let seeding = scope.spawn(|| {
                let path = format!("/_emulator/seed{query}");
                let answer = demo.server.connect().ask("POST", &path, &seed).unwrap();
                is_over.store(true, Ordering::Release);
                answer.status
            });
            let (mut client, mut slowest, mut seen_before) = (demo.server.connect(), Duration::ZERO, 0);
            let began = Instant::now();
            while !is_over.load(Ordering::Acquire) {
                let asked = Instant::now();
                let listed = client.get(&format!("/v1.0/{PROJECT}/instances?limit=1")).unwrap();
                let total = listed.json()["instance_num"].as_u64().unwrap();
                let total = usize::try_from(total).unwrap();
                assert!(
                    [before, DEMO_INSTANCES + COUNT].contains(&total),
                    "{total} of a seed that is not whole"
                );
                seen_before += usize::from(total == before);
                for probe in ["/livez", "/readyz"] {
                    assert_eq!(client.get(probe).unwrap().status, 200, "{probe}");
                }
                slowest = slowest.max(asked.elapsed());
            }
            assert_eq!(seeding.join().unwrap(), 200);
            eprintln!(
                "{query}: {seen_before} reads of before, the slowest {slowest:?} of {:?}",
                began.elapsed()
            );
            assert!(seen_before > 1, "nothing was read meanwhile");
        });
        // Whoever changes something has waited.
        assert_eq!(demo.server.connect().create(DEMO_INSTANCE, "after it").unwrap().status, 200);
    }
    demo.stop();
}
