//! Faults carried out on requests: what is to happen to a call, and to a backup that a policy makes.

use actix_web::{HttpRequest, web};
use async_trait::async_trait;

use crate::domain::time::Timestamp;
use crate::domain::work::FailureCode;
use crate::engine::{InstanceRef, RunDecision, RunFaults};
use crate::http::control::fault_decision::{FaultDecision, FaultyCall, decide};
use crate::http::control::faults::{Fault, faults_as_text};
use crate::http::error::codes::INTERNAL;
use crate::http::error::{ApiError, OrFail};
use crate::http::route::{RouteName, api_word};
use crate::http::state::{AppState, ControlState, to_its_end};

/// The operations whose work can be made to fail after its normal time.
const WORK: [&str; 2] = ["create_backup", "create_restore"];

/// Injects the faults that match a call; returns how the work that it creates is to fail.
pub(crate) async fn inject_faults(
    request: &HttpRequest,
    state: &web::Data<AppState>,
) -> Result<Option<FailureCode>, ApiError> {
    let Some(route) = RouteName::of(request).filter(|_| state.control.faults.is_any()) else {
        return Ok(None);
    };
    let now = state.control.control.clock().0;
    let decided =
        state.control.faults.decide(faulty_call(request, route), now, || state.control.control.dice());
    let decision = if let Ok(decision) = decided {
        decision
    } else {
        let (request, state) = (request.clone(), state.clone());
        let decision = async move { state.control.decide_exclusively(faulty_call(&request, route)).await };
        to_its_end(decision).await?
    };
    let Some(decision) = decision else { return Ok(None) };
    if !decision.latency.is_zero() {
        tokio::time::sleep(decision.latency).await;
    }
    if decision.cut {
        return Err(ApiError::Cut);
    }
    match decision.error {
        Some((status, error_code)) => {
            let error_code = error_code.unwrap_or_else(|| INTERNAL.dcs.to_owned());
            Err(ApiError::Injected { status, error_code })
        }
        None => Ok(decision.outcome),
    }
}

/// Returns a call as faults look at it.
fn faulty_call(request: &HttpRequest, route: RouteName) -> FaultyCall<'_> {
    let path_part = |name| request.match_info().get(name).unwrap_or_default();
    FaultyCall {
        operation: route.operation.name,
        api: route.api.map_or("", api_word),
        project_id: path_part("project_id"),
        instance_id: path_part("instance_id"),
        makes_work: WORK.contains(&route.operation.name),
        is_answered: true,
    }
}

impl ControlState {
    /// Returns the faults that are not over.
    pub(crate) fn present_faults(&self) -> Vec<Fault> {
        self.faults.all(self.control.clock().0)
    }

    /// Decides what happens to a call that may use up a fault.
    async fn decide_exclusively(&self, call: FaultyCall<'_>) -> Result<Option<FaultDecision>, ApiError> {
        let _guard = self.faults_kept.lock().await;
        let mut faults = self.present_faults();
        let Some(decision) = decide(&faults, call, || self.control.dice()) else { return Ok(None) };
        if decision.uses_up {
            decision.count(&mut faults);
            self.control.keep_faults(faults_as_text(&faults)?).await.or_fail(&INTERNAL)?;
        }
        // Others go on hitting faults that have no end.
        self.faults.edit(|faults| decision.count(faults));
        Ok(Some(decision))
    }

    /// Decides what happens to work that comes due at `at`.
    async fn decide_run(&self, call: FaultyCall<'_>, at: Timestamp) -> Option<RunDecision<'_>> {
        let guard = self.faults_kept.lock().await;
        let mut faults = self.faults.all(at);
        let decision = decide(&faults, call, || self.control.dice())?;
        let failure = decision.outcome?;
        decision.count(&mut faults);
        let faults = if decision.uses_up { Some(faults_as_text(&faults).ok()?) } else { None };
        let begun = move || {
            let _guard = guard;
            self.faults.edit(|faults| decision.count(faults));
        };
        Some(RunDecision { failure, faults, begun: Box::new(begun) })
    }
}

/// The operation by which a fault matches the runs of policies.
pub(crate) const SCHEDULED_BACKUP: &str = "scheduled_backup";

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
        self.control.decide_run(call, at).await
    }
}
