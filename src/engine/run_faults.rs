//! How the backups of policies are to fail. Nobody calls for them, so that nothing that is said of calls decides it.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::Engine;
use crate::store::InstanceRef;

/// Decides how a backup that a policy makes of an instance ends.
#[async_trait]
pub trait RunFaults: Send + Sync {
    /// Returns the failure that a run at `at` is to run into, if any.
    async fn failure(&self, instance: InstanceRef, at: Timestamp) -> Option<FailureCode>;
}

/// Who decides it, once somebody does, and as long as he is there.
#[derive(Clone, Default)]
pub(super) struct Decider(Arc<OnceLock<Weak<dyn RunFaults>>>);

impl Engine {
    /// Lets `faults` decide how backups of policies end; the first who is named stays.
    pub fn heed(&self, faults: Weak<dyn RunFaults>) {
        // Whoever comes second is another face of the same service.
        let _ = self.run_faults.0.set(faults);
    }

    /// Returns the failure that a run of an instance's policy is to run into, if any.
    pub(super) async fn failure_of_run(&self, instance: InstanceRef, at: Timestamp) -> Option<FailureCode> {
        self.run_faults.0.get()?.upgrade()?.failure(instance, at).await
    }
}
