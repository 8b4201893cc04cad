//! Random lives of the whole emulator, over HTTP and across restarts, compared with a contract that is kept by hand.
//!
//! A life that fails is made as short as possible and kept by its seed in `tests/regressions/model.txt`; those are lived
//! again first. `PROPTEST_CASES` asks for more lives than usual.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod contract;
mod house;
#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;
mod step;

use std::cell::RefCell;
use std::collections::BTreeMap;

use house::House;
use process_support::rules::look_through;
use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use step::INSTANCES;

/// How many lives are lived usually.
const LIVES: u32 = 24;
/// How many attempts there are to make a life that fails shorter.
const SHRINKS: u32 = 200;
const SEEDS: &str = "tests/regressions/model.txt";

#[test]
fn a_random_life_is_as_the_contract_has_it() {
    let usual = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { usual.cases } else { LIVES };
    let config = Config {
        cases,
        max_shrink_iters: SHRINKS,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        ..usual
    };
    let seen: RefCell<BTreeMap<&str, usize>> = RefCell::default();
    let lived = TestRunner::new(config).run(&step::life(), |life| {
        let mut house = House::new(&life);
        for step in life.steps {
            house.step(step)?;
            for (status, count) in house.contract.counts() {
                *seen.borrow_mut().entry(status).or_default() += count;
            }
        }
        for instance in 0..INSTANCES {
            house.look_at(instance)?;
        }
        house.stop();
        look_through(&house.database());
        Ok(())
    });
    lived.unwrap_or_else(|failure| panic!("{failure}"));
    let seen = seen.into_inner();
    eprintln!("records seen after a step: {seen:?}");
    if cases < LIVES {
        // So few lives need not have seen everything.
        return;
    }
    for status in ["waiting", "backuping", "restoring", "succeed", "deleted"] {
        assert!(seen.contains_key(status), "no life had a record that is {status}: {seen:?}");
    }
}
