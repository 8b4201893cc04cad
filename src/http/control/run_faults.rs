//! Faults of backups that policies make: those with an outcome, and only that part of them.

use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::{InstanceRef, RunFaults};
use crate::http::control::ruling::FaultyCall;
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
        control.rule_at_once(call, at).await?.outcome
    }
}
