//! What can happen, and how it is chosen.

use proptest::prelude::*;

/// How many instances there are; see [`crate::contract::MODES`].
pub(crate) const INSTANCES: usize = 4;

/// A version of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    V1,
    V2,
}

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Backup,
    Restore,
}

/// Which records a list is asked for. Times are in seconds after the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) from: Option<i64>,
    pub(crate) until: Option<i64>,
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

/// Something that happens. `back` names a backup of the instance, the newest being 0.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Create {
        instance: usize,
        api: Api,
        remark: Option<String>,
    },
    Delete {
        instance: usize,
        api: Api,
        back: usize,
    },
    Restore {
        instance: usize,
        api: Api,
        back: usize,
        remark: Option<String>,
    },
    List {
        instance: usize,
        api: Api,
        kind: Kind,
        question: Question,
    },
    /// A link is made to a backup's file, and followed.
    Link {
        instance: usize,
        api: Api,
        back: usize,
    },
    /// The clock moves by so many milliseconds, backwards too.
    Pass {
        millis: i64,
    },
    /// The program stops and starts.
    Restart,
}

/// A life: how long backups and restores take, in milliseconds, and what happens.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) backup_ms: u64,
    pub(crate) restore_ms: u64,
    pub(crate) steps: Vec<Step>,
}

pub(crate) fn life() -> impl Strategy<Value = Life> {
    (duration(), duration(), proptest::collection::vec(step(), 1..50))
        .prop_map(|(backup_ms, restore_ms, steps)| Life { backup_ms, restore_ms, steps })
}

fn duration() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1_u64..5, 5_u64..5000]
}

fn step() -> impl Strategy<Value = Step> {
    let instance =
        || prop_oneof![4 => Just(0_usize), 3 => Just(1_usize), 2 => Just(2_usize), 1 => Just(3_usize)];
    let back = || prop_oneof![3 => Just(0_usize), 2 => 0_usize..6];
    prop_oneof![
        8 => (instance(), api(), remark()).prop_map(|(instance, api, remark)| Step::Create { instance, api, remark }),
        3 => (instance(), api(), back()).prop_map(|(instance, api, back)| Step::Delete { instance, api, back }),
        4 => (instance(), api(), back(), remark())
            .prop_map(|(instance, api, back, remark)| Step::Restore { instance, api, back, remark }),
        4 => (instance(), api(), kind(), question())
            .prop_map(|(instance, api, kind, question)| Step::List { instance, api, kind, question }),
        2 => (instance(), api(), back()).prop_map(|(instance, api, back)| Step::Link { instance, api, back }),
        6 => prop_oneof![6 => 0_i64..3000, 2 => Just(0), 1 => -5000_i64..0].prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Restart),
    ]
}

fn api() -> impl Strategy<Value = Api> {
    prop_oneof![Just(Api::V1), Just(Api::V2)]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![3 => Just(Kind::Backup), 1 => Just(Kind::Restore)]
}

fn remark() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![6 => "[a-zé\"'\\\\ ]{0,8}", 1 => "[äb]{128}"])
}

fn question() -> impl Strategy<Value = Question> {
    let end = || proptest::option::weighted(0.6, -5_i64..30);
    (end(), end(), 0_usize..8, prop_oneof![1_usize..6, Just(1000)])
        .prop_map(|(from, until, skip, limit)| Question { from, until, skip, limit })
}
