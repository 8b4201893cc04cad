//! Random lives of a store compared with a list that is kept by hand.

use std::time::Duration;

use dcs_emulator::domain::backup::BackupStatusKind;
use dcs_emulator::domain::id::BackupId;
use dcs_emulator::domain::page::{PageLimit, TimeWindow};
use dcs_emulator::domain::refusal::Refusal;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::house::{AT_ONCE, House, Kind, after, block_on, instance, refusal};

/// How many random lives each store has.
const LIVES: u32 = 32;

fn check<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: LIVES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&strategy, test).unwrap_or_else(|failure| panic!("{failure}"));
}

/// A window of time and a page of what lies in it, in milliseconds.
#[derive(Clone, Debug)]
struct Question {
    from: Option<i64>,
    until: Option<i64>,
    skip: u64,
    limit: u64,
}

fn question() -> impl Strategy<Value = Question> {
    let end = || proptest::option::weighted(0.8, -3_i64..65);
    (end(), end(), 0_u64..45, prop_oneof![1_u64..6, Just(1000)])
        .prop_map(|(from, until, skip, limit)| Question { from, until, skip, limit })
}

fn pages_of_windows_agree_with_a_filtered_list(kind: Kind) {
    // Close times, so that many are equal, and some that go back.
    let life = (proptest::collection::vec(0_i64..60, 0..40), proptest::collection::vec(question(), 1..30));
    check(life, |(requested, questions)| {
        block_on(async {
            let house = House::open(kind).await;
            // A clock that runs forward mostly: the times are sorted but for every seventh.
            let mut times = requested.clone();
            times.sort_unstable();
            times.iter_mut().skip(6).step_by(7).for_each(|time| *time -= 5.min(*time));
            let mut created = Vec::new();
            for time in times {
                created.push(house.create(instance(1), after(time), AT_ONCE).await.unwrap());
                // Another instance's records lie between them in time.
                house.create(instance(2), after(time), AT_ONCE).await.unwrap();
            }
            for Question { from, until, skip, limit } in questions {
                let window = TimeWindow { from: from.map(after), until: until.map(after) };
                let inside: Vec<_> = created
                    .iter()
                    .rev()
                    .filter(|backup| window.from.is_none_or(|from| backup.created_at >= from))
                    .filter(|backup| window.until.is_none_or(|until| backup.created_at <= until))
                    .cloned()
                    .collect();
                let page = house.page(instance(1), window, skip, PageLimit::clamped(limit).unwrap()).await;
                prop_assert_eq!(page.total, u64::try_from(inside.len()).unwrap(), "{:?}", window);
                let (skip, limit) = (usize::try_from(skip).unwrap(), usize::try_from(limit).unwrap());
                let expected: Vec<_> = inside.into_iter().skip(skip).take(limit).collect();
                prop_assert_eq!(page.items, expected, "{:?} {} {}", window, skip, limit);
            }
            Ok(())
        })
    });
}

#[test]
fn pages_of_windows_agree_with_a_filtered_list_on_a_file() {
    pages_of_windows_agree_with_a_filtered_list(Kind::File);
}

#[test]
fn pages_of_windows_agree_with_a_filtered_list_in_memory() {
    pages_of_windows_agree_with_a_filtered_list(Kind::Memory);
}

/// What happens to a store.
#[derive(Clone, Debug)]
enum Step {
    /// A backup is asked for that takes so many milliseconds.
    Create { instance: u8, duration: u64 },
    /// One of the backups of an instance is to be deleted, the newest being 0.
    Delete { instance: u8, back: usize },
    /// Time passes, in milliseconds, and what is due is done.
    Pass { time: i64 },
    /// The program stops and starts.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u8..=3, prop_oneof![Just(0_u64), 1_u64..200])
            .prop_map(|(instance, duration)| Step::Create { instance, duration }),
        3 => (1_u8..=3, 0_usize..4).prop_map(|(instance, back)| Step::Delete { instance, back }),
        4 => (0_i64..120).prop_map(|time| Step::Pass { time }),
        1 => Just(Step::Restart),
    ]
}

/// A backup as the list by hand has it.
#[derive(Clone, Debug)]
struct Noted {
    id: BackupId,
    created: i64,
    starts: i64,
    finishes: i64,
    deleted: bool,
}

impl Noted {
    fn kind(&self, now: i64) -> BackupStatusKind {
        match self {
            Self { deleted: true, .. } => BackupStatusKind::Deleted,
            Self { starts, .. } if now < *starts => BackupStatusKind::Waiting,
            Self { finishes, .. } if now < *finishes => BackupStatusKind::Backuping,
            Self { .. } => BackupStatusKind::Succeed,
        }
    }

    fn is_open(&self, now: i64) -> bool {
        now < self.finishes
    }
}

fn a_random_life_agrees_with_a_list_kept_by_hand(kind: Kind) {
    check(proptest::collection::vec(step(), 1..60), |steps| {
        block_on(async {
            let mut house = House::open(kind).await;
            let mut notes: [Vec<Noted>; 3] = Default::default();
            let mut now = 0;
            for step in steps {
                match step {
                    Step::Create { instance: number, duration } => {
                        let notes = &mut notes[usize::from(number) - 1];
                        let result =
                            house.create(instance(number), after(now), Duration::from_millis(duration)).await;
                        if notes.last().is_some_and(|note| note.is_open(now)) {
                            prop_assert_eq!(refusal(result), Refusal::InstanceBackingUp);
                        } else {
                            let backup = result.unwrap();
                            let duration = i64::try_from(duration).unwrap();
                            notes.push(Noted {
                                id: backup.id,
                                created: now,
                                starts: now + duration / 10,
                                finishes: now + duration,
                                deleted: false,
                            });
                        }
                    }
                    Step::Delete { instance: number, back } => {
                        let notes = &mut notes[usize::from(number) - 1];
                        let Some(note) = notes.iter_mut().rev().nth(back) else { continue };
                        let result = house.delete(instance(number), note.id, after(now)).await;
                        if note.is_open(now) {
                            prop_assert_eq!(refusal(result), Refusal::InstanceBackingUp);
                        } else {
                            result.unwrap();
                            note.deleted = true;
                        }
                    }
                    Step::Pass { time } => {
                        now += time;
                        house.reconcile(after(now)).await;
                    }
                    Step::Restart if kind == Kind::File => house = house.reopen().await,
                    Step::Restart => {}
                }
                for (number, notes) in (1..).zip(&notes) {
                    let listed = house.list(instance(number)).await;
                    let listed: Vec<_> = listed
                        .iter()
                        .map(|backup| (backup.id, backup.number, backup.created_at, backup.status.kind()))
                        .collect();
                    let expected: Vec<_> = (1_u64..)
                        .zip(notes)
                        .map(|(place, note)| (note.id, place, after(note.created), note.kind(now)))
                        .collect();
                    prop_assert_eq!(listed, expected.into_iter().rev().collect::<Vec<_>>());
                }
                let due = notes
                    .iter()
                    .flatten()
                    .filter(|note| note.is_open(now))
                    .map(|note| if now < note.starts { note.starts } else { note.finishes });
                prop_assert_eq!(house.store.next_due_at(), due.min().map(after));
            }
            Ok(())
        })
    });
}

#[test]
fn a_random_life_agrees_with_a_list_kept_by_hand_on_a_file() {
    a_random_life_agrees_with_a_list_kept_by_hand(Kind::File);
}

#[test]
fn a_random_life_agrees_with_a_list_kept_by_hand_in_memory() {
    a_random_life_agrees_with_a_list_kept_by_hand(Kind::Memory);
}
