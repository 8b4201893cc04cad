//! How a Rust test uses the emulator: one of its own for each test, with a clock turned by hand, state made by a seed, and
//! failures on demand.
//!
//! `cargo test --example rust_test`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

fn main() {
    println!("This example is a test: cargo test --example rust_test");
}

/// What is to be tested: it makes a backup and waits until that has succeeded.
#[cfg(test)]
mod nightly {
    use serde_json::{Value, json};

    /// Why there is no backup.
    #[derive(Debug, PartialEq, Eq)]
    pub(crate) enum Failed {
        /// The service is overloaded or broken; it may work later.
        Later,
        /// The service says no, by this code.
        Refused(String),
    }

    /// Asks for a backup of an instance and returns its id.
    pub(crate) async fn backup(service: &str, project: &str, instance: &str) -> Result<String, Failed> {
        let url = format!("{service}/v2/{project}/instances/{instance}/backups");
        let answer = reqwest::Client::new().post(url).json(&json!({"remark": "nightly"})).send().await;
        let answer = answer.map_err(|_| Failed::Later)?;
        let succeeded = answer.status().is_success();
        if answer.status().is_server_error() {
            return Err(Failed::Later);
        }
        let body: Value = answer.json().await.map_err(|_| Failed::Later)?;
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        if succeeded { Ok(text("backup_id")) } else { Err(Failed::Refused(text("error_code"))) }
    }

    /// Returns how the newest backup of an instance stands.
    pub(crate) async fn status(service: &str, project: &str, instance: &str) -> Option<String> {
        let url = format!("{service}/v2/{project}/instances/{instance}/backups?limit=1");
        let body: Value = reqwest::get(url).await.ok()?.json().await.ok()?;
        body["backup_record_response"][0]["status"].as_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use dcs_emulator::Emulator;
    use dcs_emulator::clock::ManualClock;
    use serde_json::json;

    use super::nightly::{self, Failed};

    const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
    const INSTANCE: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";

    /// An emulator of a test's own; it stops when the test ends.
    struct Fixture {
        emulator: Emulator,
        clock: Arc<ManualClock>,
    }

    impl Fixture {
        async fn start() -> Self {
            let clock = Arc::new(ManualClock::new("2026-01-02T03:04:05Z".parse().unwrap()));
            let emulator = Emulator::builder()
                .demo()
                .clock(clock.clone())
                .ids_seed(42)
                .backup_duration(Duration::from_secs(10))
                .start()
                .await
                .unwrap();
            Self { emulator, clock }
        }
    }

    #[tokio::test]
    async fn a_backup_runs_and_succeeds() {
        let fixture = Fixture::start().await;
        let url = fixture.emulator.url();
        let id = nightly::backup(&url, PROJECT, INSTANCE).await.unwrap();
        assert_eq!(nightly::status(&url, PROJECT, INSTANCE).await.as_deref(), Some("waiting"));
        // Ten seconds pass, and nobody waits for them.
        fixture.clock.advance(Duration::from_secs(10));
        assert_eq!(nightly::status(&url, PROJECT, INSTANCE).await.as_deref(), Some("succeed"));
        // Ids follow from the seed: another run has the same.
        let other = Fixture::start().await;
        assert_eq!(nightly::backup(&other.emulator.url(), PROJECT, INSTANCE).await, Ok(id));
    }

    #[tokio::test]
    async fn a_second_backup_at_a_time_is_refused() {
        let fixture = Fixture::start().await;
        let url = fixture.emulator.url();
        nightly::backup(&url, PROJECT, INSTANCE).await.unwrap();
        let second = nightly::backup(&url, PROJECT, INSTANCE).await;
        assert!(matches!(second, Err(Failed::Refused(code)) if code.starts_with("DCS.")));
    }

    #[tokio::test]
    async fn an_overloaded_service_is_tried_again_later() {
        let fixture = Fixture::start().await;
        let url = fixture.emulator.url();
        let fault = json!({
            "match": {"operation": "create_backup"},
            "times": 1,
            "effect": {"status": 503, "error_code": "DCS.5000"},
        });
        let made = reqwest::Client::new().post(format!("{url}/_emulator/faults")).json(&fault).send().await;
        assert!(made.unwrap().status().is_success());
        assert_eq!(nightly::backup(&url, PROJECT, INSTANCE).await, Err(Failed::Later));
        assert!(nightly::backup(&url, PROJECT, INSTANCE).await.is_ok());
    }
}
