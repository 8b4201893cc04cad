//! `check`: is a database sound?

use std::path::Path;
use std::process::ExitCode;

use dcs_emulator::store::sqlite::check;

use crate::program::{complain, exit, fail, print};

pub(super) async fn check_database(database: &Path) -> ExitCode {
    match check(database).await {
        Ok(report) if report.findings.is_empty() => {
            let (backups, events) = (report.backups, report.events);
            let as_far_as = report.older_version.map_or_else(String::new, |version| {
                format!("; its schema is of version {version}: only pages and keys were looked through")
            });
            print(&format!(
                "{} is sound: {backups} backups, {events} events{as_far_as}\n",
                database.display()
            ))
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
