//! Real public clients, unmodified, against the built program: what they print, and how they show its errors.
//!
//! Begin at `main`, then `cli`. The clients are installed once into a virtual environment below the target folder
//! (`python`), each test has a server of its own (`server`), and `session` runs a client against it with nothing of
//! the machine's configuration in sight.
//!
//! Where the clients cannot be had every test reports itself as ignored and says why.

mod catalogue;
mod cli;
mod cli_life;
mod expect;
mod fixtures;
mod https;
mod huawei_sdk;
mod openapi;
mod otc_sdk;
mod pages;
mod poll;
mod proxy;
mod python;
mod sdk_drivers;
mod sdk_life;
mod server;
mod session;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::python::NoClients;
use crate::session::{Login, Session};

const LENIENT: [&str; 2] = ["--auth", "lenient"];
const STRICT: [&str; 2] = ["--auth", "strict"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        trial("cli_backups_with_a_static_token", &[], Login::StaticToken, cli::backups),
        trial("cli_instances_with_a_static_token", &[], Login::StaticToken, cli::instances),
        trial("cli_refusals_with_a_static_token", &[], Login::StaticToken, cli::refusals),
        trial("cli_life_of_an_instance_with_a_static_token", &[], Login::StaticToken, cli_life::instance),
        trial("cli_with_a_password_lenient", &LENIENT, Login::Password, cli::backups_and_restores),
        trial("cli_with_a_password_strict", &STRICT, Login::Password, cli::backups_and_restores),
        trial("cli_logins_refused_strict", &STRICT, Login::Password, cli::refused_logins),
        trial("otc_sdk_with_a_static_token", &[], Login::StaticToken, otc_sdk::backups_and_restores),
        trial("otc_sdk_with_a_password_lenient", &LENIENT, Login::Password, otc_sdk::backups_and_restores),
        trial("otc_sdk_with_a_password_strict", &STRICT, Login::Password, otc_sdk::backups_and_restores),
        trial("huawei_sdk_with_keys_lenient", &LENIENT, Login::Password, huawei_sdk::backups_lenient),
        trial("huawei_sdk_with_keys_strict", &STRICT, Login::Password, huawei_sdk::backups_strict),
        trial("cli_quotas_with_a_static_token", &[], Login::StaticToken, catalogue::cli_quotas),
        trial("otc_sdk_catalogue_with_a_password_strict", &STRICT, Login::Password, catalogue::otc_sdk),
        trial("openapi_validator", &[], Login::StaticToken, openapi::validator),
        trial("schemathesis", &[], Login::StaticToken, openapi::schemathesis),
        trial("huawei_sdk_catalogue_with_keys_strict", &STRICT, Login::Password, catalogue::huawei_sdk),
    ];
    trials.extend(fixtures::trials());
    trials.extend(sdk_life::trials());
    trials.extend(pages::trials());
    trials.extend(https::trials());
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test with a server of its own, started with `--demo` and `flags`.
fn trial(
    name: &str,
    flags: &'static [&'static str],
    login: Login,
    test: fn(&Session) -> Result<(), Failed>,
) -> Trial {
    Trial::ignorable_test(name, move || match python::clients() {
        Ok(clients) => Session::run(clients, flags, login, test).map(|()| Completion::Completed),
        Err(NoClients::Skip(reason)) => Ok(Completion::ignored_with(reason)),
        Err(NoClients::Fail(reason)) => Err(reason.into()),
    })
}
