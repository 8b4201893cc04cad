//! The emulator inside another program: called directly, without HTTP, and by an HTTP client at the same time.
//!
//! `cargo run --example embed`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use dcs_emulator::Emulator;
use dcs_emulator::clock::ManualClock;
use dcs_emulator::domain::origin::Origin;
use dcs_emulator::domain::remark::Remark;
use dcs_emulator::engine::{ApiVersion, CreateBackupRequest, InstanceRef, RecordsQuery};

const PROJECT: &str = "885cacf2d49d4bb6931ae668e9c07553";
const INSTANCE: &str = "5560df16-cebf-4473-95c4-d1b573c16e79";
const SEED: &str = "
projects:
  - id: 885cacf2d49d4bb6931ae668e9c07553
    instances:
      - {id: 5560df16-cebf-4473-95c4-d1b573c16e79, cache_mode: ha}
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // A backup takes a minute of a time that moves only when it is told to.
    let clock = Arc::new(ManualClock::new("2026-01-02T03:04:05Z".parse()?));
    let emulator = Emulator::builder()
        .ephemeral()
        .seed(SEED)
        .clock(clock.clone())
        .backup_duration(Duration::from_mins(1))
        .start()
        .await?;
    println!("it listens on {}", emulator.url());

    // Directly: what an HTTP request does once it has been understood.
    let engine = emulator.engine();
    let instance = InstanceRef { project_id: PROJECT.parse()?, instance_id: INSTANCE.parse()? };
    let request = CreateBackupRequest {
        remark: Some(Remark::try_from("nightly".to_owned())?),
        ..CreateBackupRequest::default()
    };
    let backup = engine.create_backup(ApiVersion::V2, instance, request, Origin::ANONYMOUS).await?;
    println!("backup {backup} is recorded");

    clock.advance(Duration::from_mins(2));
    let (backups, _) = engine.list_backups(instance, RecordsQuery::default()).await?;
    for backup in &backups.items {
        println!("{} is {}", backup.name(), backup.status.as_str());
    }

    // The same through the front door.
    let url = format!("{}/v2/{PROJECT}/instances/{INSTANCE}/backups", emulator.url());
    let listed: serde_json::Value = reqwest::get(url).await?.json().await?;
    assert_eq!(listed["total_num"], 1);
    assert_eq!(listed["backup_record_response"][0]["status"], "succeed");

    // It would stop when dropped, too; so requests in flight are finished first.
    emulator.stop().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_does_what_it_says() {
        super::main().unwrap();
    }
}
