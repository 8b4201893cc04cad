//! Many writers and a database in memory, where reads and writes take turns: reads have theirs.
//!
//! Without HTTP, so that nothing else is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dcs_emulator::Emulator;
use dcs_emulator::domain::origin::Origin;
use dcs_emulator::engine::{ApiVersion, CreateBackupRequest, InstanceRef, RecordsQuery};

const WRITERS: usize = 128;
/// How many backups each of them creates.
const CREATES: usize = 300;
/// So often at most each writer is served while a list waits. It is once, in the transaction that is under way; the tasks that count
/// run a little before or after that.
const ROUNDS_PER_LIST: usize = 6;

/// A list that was waited for.
struct Waited {
    /// How many backups were created meanwhile.
    creates: usize,
    time: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_their_turn_beside_many_writers_in_memory() {
    let emulator = Emulator::builder().ephemeral().demo().start().await.unwrap();
    let instance = InstanceRef {
        project_id: "885cacf2d49d4bb6931ae668e9c07553".parse().unwrap(),
        instance_id: "5560df16-cebf-4473-95c4-d1b573c16e79".parse().unwrap(),
    };
    let created = Arc::new(AtomicUsize::new(0));
    for _ in 0..WRITERS {
        let (engine, created) = (emulator.engine().clone(), Arc::clone(&created));
        tokio::spawn(async move {
            for _ in 0..CREATES {
                let request = CreateBackupRequest::default();
                engine.create_backup(ApiVersion::V2, instance, request, Origin::ANONYMOUS).await.unwrap();
                created.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let mut lists = Vec::new();
    while created.load(Ordering::Relaxed) < WRITERS * CREATES {
        let (before, started) = (created.load(Ordering::Relaxed), Instant::now());
        emulator.engine().list_backups(instance, RecordsQuery::default()).await.unwrap();
        let meanwhile = created.load(Ordering::Relaxed) - before;
        lists.push(Waited { creates: meanwhile, time: started.elapsed() });
    }
    tell(&lists);
    let most = lists.iter().map(|list| list.creates).max().unwrap();
    assert!(
        most <= ROUNDS_PER_LIST * WRITERS,
        "while one list waited, {WRITERS} writers created {most} backups"
    );
}

/// Prints how long the lists took; nothing is asserted about it.
fn tell(lists: &[Waited]) {
    let mut times: Vec<Duration> = lists.iter().map(|list| list.time).collect();
    let mut creates: Vec<usize> = lists.iter().map(|list| list.creates).collect();
    times.sort_unstable();
    creates.sort_unstable();
    for percent in [50, 90, 99, 100] {
        let place = (lists.len() * percent / 100).min(lists.len() - 1);
        let (time, creates) = (times[place], creates[place]);
        eprintln!("{percent} % of {} lists took at most {time:?} and {creates} creates", lists.len());
    }
}
