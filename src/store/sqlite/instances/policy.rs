//! When an instance is backed up by itself: kept as it was sent, with its next run planned. Its id stays when it is replaced.

use sqlx::SqliteConnection;

use crate::domain::backup::BackupKind;
use crate::domain::instance::policy::{BackupPlan, BackupPolicy};
use crate::domain::schedule::Schedule;
use crate::domain::time::Timestamp;
use crate::store::StoreError;

pub(super) async fn set(
    connection: &mut SqliteConnection,
    instance_key: i64,
    policy: &BackupPolicy,
    policy_id: [u8; 16],
    now: Timestamp,
) -> Result<(), StoreError> {
    let plan = policy.plan.as_ref();
    let next = Schedule::of(policy).and_then(|schedule| schedule.first_after(now));
    sqlx::query(
        "INSERT INTO backup_policies (instance_key, policy_id, backup_type, save_days, begin_at, period_type, backup_at,
                                      timezone_offset, created_at, updated_at, next_run_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)
         ON CONFLICT (instance_key) DO UPDATE
         SET backup_type = excluded.backup_type, save_days = excluded.save_days, begin_at = excluded.begin_at,
             period_type = excluded.period_type, backup_at = excluded.backup_at, timezone_offset = excluded.timezone_offset,
             updated_at = max(excluded.updated_at, created_at), next_run_at = excluded.next_run_at, failed_tries = 0",
    )
    .bind(instance_key)
    .bind(&policy_id[..])
    .bind(match policy.kind {
        BackupKind::Automatic => "auto",
        BackupKind::Manual => "manual",
    })
    .bind(policy.save_days.map(i64::from))
    .bind(plan.map(|plan| plan.window().as_str()))
    .bind(plan.map(|_| BackupPlan::PERIOD))
    .bind(plan.map(|plan| serde_json::to_string(plan.days()).unwrap_or_default()))
    .bind(plan.map(BackupPlan::timezone_offset))
    .bind(now.as_millis())
    .bind(next.map(|run| run.at.as_millis()))
    .execute(connection)
    .await
    .map_err(StoreError::during("keep a backup policy"))?;
    Ok(())
}
