//! The program and the disk below it: an answer leaves after its sync, and a full disk is survived.
//!
//! What a test needs of the machine it may not get: then it reports itself as ignored and says why.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod full;
#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;
mod shortage;
mod sync;
mod trace;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial("a_trace_tells_right_from_wrong", || None, trace::tells_right_from_wrong),
        trial("an_answer_leaves_after_its_sync", sync::obstacle, sync::an_answer_leaves_after_its_sync),
        trial(
            "a_full_file_system_is_survived",
            shortage::SmallFileSystem::obstacle,
            full::a_full_file_system_is_survived,
        ),
        trial("a_file_that_may_not_grow_is_survived", || None, full::a_file_that_may_not_grow_is_survived),
        trial(
            "reads_go_on_when_what_is_due_cannot_be_stored",
            || None,
            full::reads_go_on_when_what_is_due_cannot_be_stored,
        ),
        trial(
            "it_stops_well_when_nothing_can_be_stored",
            || None,
            full::it_stops_well_when_nothing_can_be_stored,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test that runs where there is no obstacle.
fn trial(name: &str, obstacle: fn() -> Option<String>, test: fn()) -> Trial {
    Trial::ignorable_test(name, move || match obstacle() {
        None => {
            test();
            Ok(Completion::Completed)
        }
        Some(reason) => Ok(Completion::ignored_with(reason)),
    })
}
