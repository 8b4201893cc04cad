//! What every store promises, whatever it keeps its records in: one suite, run on each.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod backups;
mod connections;
mod due;
mod house;
mod instance_lists;
mod instances;
mod model;
mod schedule;

/// Runs each test on every store.
macro_rules! on_every_store {
    ($($test:ident),+ $(,)?) => {
        mod on_a_file {
            $(#[test] fn $test() { crate::house::run(crate::house::Kind::File, super::$test); })+
        }
        mod in_memory {
            $(#[test] fn $test() { crate::house::run(crate::house::Kind::Memory, super::$test); })+
        }
    };
}
pub(crate) use on_every_store;
