//! The program and the disk below it: an answer leaves after its sync, a full disk is survived, and so is an end at any moment, of
//! the program or of the power.
//!
//! What a test needs of the machine it may not get: then it reports itself as ignored and says why.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod full;
mod kills;
mod power;
#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;
mod shortage;
mod sync;
mod temporary;
mod trace;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![
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
        trial(
            "nothing_answered_is_lost_when_the_power_fails",
            sync::obstacle,
            power::nothing_answered_is_lost_when_the_power_fails,
        ),
        trial("a_disk_that_lies_is_noticed", sync::obstacle, power::a_disk_that_lies_is_noticed),
        trial(
            "an_upgrade_survives_the_power_failing",
            sync::obstacle,
            power::an_upgrade_survives_the_power_failing,
        ),
        trial(
            "what_undoes_a_transaction_is_reported_as_itself",
            || None,
            full::what_undoes_a_transaction_is_reported_as_itself,
        ),
        trial("a_snapshot_that_fails_leaves_nothing", || None, full::a_snapshot_that_fails_leaves_nothing),
        trial("no_temporary_folder_is_needed", temporary::obstacle, temporary::no_temporary_folder_is_needed),
    ];
    let is_observable = sync::obstacle().is_none();
    trials.extend(kills::SCENARIOS.iter().map(|(name, scenario)| {
        let (how, test): (_, fn(&kills::Scenario)) = if is_observable {
            ("killed_at_every_change", kills::killed_at_every_change)
        } else {
            ("killed_after_delays_as_there_is_no_strace", kills::killed_after_delays)
        };
        Trial::test(format!("{name}_starts_again_{how}"), move || {
            test(scenario);
            Ok(())
        })
    }));
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
