//! `check`: is a database sound?

use std::path::Path;
use std::process::ExitCode;

use dcs_emulator::store::sqlite::check;

use crate::program::{complain, exit, fail, print};

pub(super) async fn check_database(database: &Path) -> ExitCode {
    match check(database).await {
        Ok(report) if report.findings.is_empty() => {
            let (backups, events) = (report.backups, report.events);
            print(&format!("{} is sound: {backups} backups, {events} events\n", database.display()))
        }
        Ok(report) => {
            for finding in report.findings {
                complain(&format!("{}: {finding}", database.display()));
            }
            ExitCode::from(exit::DAMAGED)
        }
        Err(error) => fail(&error, exit::of_open(&error)),
    }
}
