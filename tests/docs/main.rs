//! README and `docs/` tell the truth about the settings, their commands do what they say, their links lead
//! somewhere, and what comments cite is in `docs/`.
//!
//! Where a tool that the commands use is missing, their test reports itself as ignored and names the tool.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod commands;
mod links;
#[expect(dead_code, reason = "shared with tests that use other parts of it")]
#[path = "../process_support/mod.rs"]
mod process_support;
mod tables;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

/// Returns a page, by its path from the top of the project.
fn page(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial(
            "the_table_of_settings_is_the_programs",
            || None,
            tables::the_table_of_settings_is_the_programs,
        ),
        trial("the_readme_is_read_in_a_few_minutes", || None, links::the_readme_is_read_in_a_few_minutes),
        trial("every_link_leads_somewhere", || None, links::every_link_leads_somewhere),
        trial(
            "every_path_of_the_architecture_is_in_the_repository",
            || None,
            links::every_path_of_the_architecture_is_in_the_repository,
        ),
        trial("every_source_is_in_the_repository", || None, links::every_source_is_in_the_repository),
        trial("every_curl_is_among_the_commands", || None, commands::every_curl_is_among_the_commands),
        trial("the_commands_do_what_it_says", commands::obstacle, commands::the_commands_do_what_it_says),
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
