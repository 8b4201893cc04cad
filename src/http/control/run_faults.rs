//! Faults of backups that policies make: those with an outcome, and only that part of them.

use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::{InstanceRef, RunFaults};
use crate::http::control::faults::FaultyCall;
use crate::http::server::AppState;

/// The operation by which a fault matches the runs of policies.
pub(super) const SCHEDULED_BACKUP: &str = "scheduled_backup";

#[async_trait]
impl RunFaults for AppState {
    async fn failure(&self, instance: InstanceRef, at: Timestamp) -> Option<FailureCode> {
        let control = &self.control;
        if !control.faults.is_any() {
            return None;
        }
        let call = FaultyCall {
            operation: SCHEDULED_BACKUP,
            api: "",
            project_id: &instance.project_id.to_string(),
            instance_id: &instance.instance_id.to_string(),
            makes_work: true,
            is_answered: false,
        };
        let ruling = control.faults.rule(call, at, || control.control.dice())?;
        // What a fault has used up is used up after a restart too.
        if ruling.uses_up && control.keep_faults().await.is_err() {
            tracing::error!("could not keep what a fault of a policy has used up");
        }
        ruling.outcome
    }
}
