//! `serve`: run the server until it is told to stop.

use std::process::ExitCode;

use dcs_emulator::config::{self, Config};
use dcs_emulator::emulator::{Dependencies, Emulator, ReadyFile};
use dcs_emulator::telemetry;

use crate::program::exit::{self, fail, print};
use crate::program::signals::{Signals, StopSignal};

pub(super) async fn serve(config: &Config) -> ExitCode {
    let (mut emulator, mut signals) = match start(config, |_| exit::STOPPED).await {
        Ok(started) => started,
        Err(code) => return code,
    };
    let url = emulator.url();
    let and_https = emulator.tls_url().map(|url| format!(" and {url}")).unwrap_or_default();
    print(&format!("dcs-emulator ready on {url}{and_https}\n"));
    let ready_file = config.ready_file.as_deref().map(|path| ReadyFile::write(path, &emulator));
    let ready_file = match ready_file.transpose() {
        Ok(ready_file) => ready_file,
        Err(error) => {
            emulator.stop().await;
            return fail(&error, exit::FAILED);
        }
    };
    if config.demo {
        show_demo_request(&url);
    }
    tokio::select! {
        error = emulator.failed() => return fail(&error, exit::FAILED),
        _ = signals.next() => {}
    }
    tracing::info!("stopping: requests in flight are finished; a second signal ends at once");
    tokio::select! {
        () = emulator.stop() => {}
        // Nobody waits for the emulator to be dropped.
        _ = signals.next() => {
            telemetry::flush();
            std::process::exit(exit::FAILED.into());
        }
    }
    drop(ready_file);
    ExitCode::from(exit::STOPPED)
}

/// Starts an emulator and listens to signals; returns the exit code if that fails or a signal comes first.
pub(super) async fn start(
    config: &Config,
    code_of: fn(StopSignal) -> u8,
) -> Result<(Emulator, Signals), ExitCode> {
    start_log(config);
    // The program may have as many connections as the system lets one have.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(error = %error, "the limit to open files stays as it is");
    }
    let mut signals = Signals::listen().map_err(|error| fail(&error, exit::FAILED))?;
    if let Some(path) = &config.ready_file {
        ReadyFile::remove_stale(path).map_err(|error| fail(&error, exit::FAILED))?;
    }
    let emulator = tokio::select! {
        started = Emulator::start(config, Dependencies::system()) => started,
        signal = signals.next() => return Err(ExitCode::from(code_of(signal))),
    };
    let emulator = emulator.map_err(|error| fail(&error, exit::of_start(&error)))?;
    Ok((emulator, signals))
}

/// Starts to write logs, and says which variables look like settings and are none.
fn start_log(config: &Config) {
    telemetry::start(config.log_format, &config.log_level);
    telemetry::log_panics();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
    for (variable, nearest) in config::unknown_variables(variables) {
        let hint = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
        tracing::warn!("there is no setting of the variable {variable}, which has no effect{hint}");
    }
}

fn show_demo_request(url: &str) {
    telemetry::write_line(&format!(
        "\nTry it: record a backup of the demo's master/standby instance, then list its backups:\n\n  \
         curl -X POST {url}/v1.0/885cacf2d49d4bb6931ae668e9c07553/instances/5560df16-cebf-4473-95c4-d1b573c16e79/backups \
         -H 'Content-Type: application/json' -d '{{\"remark\": \"nightly\"}}'\n  \
         curl {url}/v1.0/885cacf2d49d4bb6931ae668e9c07553/instances/5560df16-cebf-4473-95c4-d1b573c16e79/backups\n"
    ));
}
