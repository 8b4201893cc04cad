//! Faults are changed, and decide about calls and what schedules begin.
//!
//! What a call uses up of a fault is persisted before the call goes on, so that it is used up after a restart too, and never
//! twice.

use tracing::Instrument;

use crate::domain::fault::{Call, Fault, FaultDecision, decide};
use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::control::kept::{self, as_json};
use crate::engine::{Engine, EngineError};
use crate::store::{InstanceRef, StoreError};

impl Engine {
    /// Returns the faults that are not over.
    pub fn faults(&self) -> Vec<Fault> {
        self.faults.present(self.clock.now())
    }

    /// Changes the faults that are not over and persists them; returns what `change`, called with the present time, makes of them.
    /// An error of it changes nothing.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` if they cannot be persisted; then nothing has changed.
    pub async fn change_faults<T, E>(
        &self,
        change: impl FnOnce(&mut Vec<Fault>, Timestamp) -> Result<T, E>,
    ) -> Result<Result<T, E>, EngineError> {
        let _guard = self.faults.lock().await;
        let now = self.clock.now();
        let mut faults = self.faults.present(now);
        match change(&mut faults, now) {
            Ok(changed) => self.persist_faults(faults).await.map(|()| Ok(changed)),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Decides what faults do to a call, and counts it. What it uses up is persisted although its caller may go away.
    ///
    /// # Errors
    /// `Unavailable` or `Internal` if that cannot be persisted.
    pub async fn decide_faults(&self, call: Call) -> Result<Option<FaultDecision>, EngineError> {
        let now = self.clock.now();
        if !self.faults.any(|fault| fault.may_hit(call, now)) {
            return Ok(None);
        }
        let guard = self.faults.lock().await;
        let mut faults = self.faults.present(now);
        let Some(decision) = decide(&faults, call, now, || self.dice()) else { return Ok(None) };
        decision.count(&mut faults);
        if !decision.uses_up {
            self.faults.replace(faults);
            return Ok(Some(decision));
        }
        let engine = self.clone();
        let persist = async move {
            let _guard = guard;
            engine.persist_faults(faults).await.map(|()| Some(decision))
        };
        tokio::spawn(persist.in_current_span()).await.map_err(|_| StoreError::Closed)?
    }

    /// Returns whether anything that a schedule begins at `at` by an operation may fail. If not, nobody asks about each.
    pub(in crate::engine) fn may_fail_schedules(&self, operation: &str, at: Timestamp) -> bool {
        self.faults.any(|fault| fault.may_hit_schedule(operation, at))
    }

    /// Decides how what a schedule of an instance begins at `at` fails, if it does; returns the faults as they are once it has begun.
    pub(in crate::engine) fn decide_schedule(
        &self,
        operation: &'static str,
        instance: InstanceRef,
        at: Timestamp,
    ) -> Option<(Option<FailureCode>, Vec<Fault>)> {
        let (project_id, instance_id) = (Some(instance.project_id), Some(instance.instance_id));
        let call = Call { operation, api: None, project_id, instance_id };
        let mut faults = self.faults.present(at);
        let decision = decide(&faults, call, at, || self.dice())?;
        decision.count(&mut faults);
        Some((decision.failure, faults))
    }

    async fn persist_faults(&self, faults: Vec<Fault>) -> Result<(), EngineError> {
        self.guarded.settings().store_setting(kept::FAULTS, Some(as_json(&faults)?)).await?;
        self.faults.replace(faults);
        Ok(())
    }

    /// Returns a number from 0 to below 1, from the bits that ids are made of.
    fn dice(&self) -> f64 {
        let [a, b, c, d, ..] = self.ids.random_bits();
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }
}
