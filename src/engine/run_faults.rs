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
    /// Returns whether any run at `at` may fail. If not, nobody asks about each.
    fn may_fail(&self, at: Timestamp) -> bool;

    /// Decides about a run at `at`; returns nothing if it ends as usual. Until what is returned is dropped nobody else decides.
    async fn rule(&self, instance: InstanceRef, at: Timestamp) -> Option<RunDecision<'_>>;
}

/// What is decided about a run, should it begin its backup. If it does not, nothing is used up.
pub struct RunDecision<'f> {
    /// The failure that the backup is to run into.
    pub failure: FailureCode,
    /// The faults that there are then, as text, if the run uses one of them up a little. Kept together with the backup.
    pub faults: Option<String>,
    /// Called once the backup is kept.
    pub begun: Box<dyn FnOnce() + Send + 'f>,
}

/// Who decides it, once somebody does, and as long as he is there.
#[derive(Clone, Default)]
pub(super) struct RunFaultSource(Arc<OnceLock<Weak<dyn RunFaults>>>);

impl Engine {
    /// Lets `faults` decide how backups of policies end; the first who is named stays.
    pub fn decide_runs_by(&self, faults: Weak<dyn RunFaults>) {
        // Whoever comes second is another face of the same service.
        let _ = self.run_faults.0.set(faults);
    }

    /// Returns who is to be asked about each run, if any of them may fail.
    pub(super) fn faults_of_runs(&self, at: Timestamp) -> Option<Arc<dyn RunFaults>> {
        self.run_faults.0.get()?.upgrade().filter(|faults| faults.may_fail(at))
    }
}
