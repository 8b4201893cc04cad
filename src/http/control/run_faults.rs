//! Faults of backups that policies make: those with an outcome, and only that part of them.

use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::engine::{InstanceRef, RunDecision, RunFaults};
use crate::http::control::fault_decision::FaultyCall;
use crate::http::server::AppState;

/// The operation by which a fault matches the runs of policies.
pub(super) const SCHEDULED_BACKUP: &str = "scheduled_backup";

#[async_trait]
impl RunFaults for AppState {
    fn may_fail(&self, at: Timestamp) -> bool {
        self.control.faults.may_fail(SCHEDULED_BACKUP, at)
    }

    async fn rule(&self, instance: InstanceRef, at: Timestamp) -> Option<RunDecision<'_>> {
        let call = FaultyCall {
            operation: SCHEDULED_BACKUP,
            api: "",
            project_id: &instance.project_id.to_string(),
            instance_id: &instance.instance_id.to_string(),
            makes_work: true,
            is_answered: false,
        };
        self.control.rule_run(call, at).await
    }
}
