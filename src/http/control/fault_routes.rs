//! Faults: make, show, change and remove them.

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::http::control::error::ControlError;
use crate::http::control::faults::{Fault, MOST_FAULTS};
use crate::http::control::seeded_faults::faults_as_text;
use crate::http::control::{ControlCall, ControlState, controlled, internal, json};
use crate::http::error::ApiError;
use crate::http::routes;

#[derive(Serialize)]
struct FaultsView {
    faults: Vec<Fault>,
}

impl ControlState {
    pub(in crate::http::control) fn present_faults(&self) -> Vec<Fault> {
        self.faults.all(self.control.clock().0)
    }

    /// Keeps the faults as they are now; a change of theirs is answered once this is done.
    pub(in crate::http) async fn keep_faults(&self) -> Result<(), ApiError> {
        // One after the other, so that what is kept last is what there was last.
        let _turn = self.faults_kept.lock().await;
        let text = faults_as_text(&self.present_faults())?;
        self.control.keep_faults(text).await.map_err(internal)
    }

    /// Changes the faults: kept first, then held. What cannot be kept changes nothing.
    async fn change_faults(
        &self,
        change: impl Fn(&mut Vec<Fault>) -> Result<(), ControlError>,
    ) -> Result<(), ApiError> {
        let _turn = self.faults_kept.lock().await;
        let mut wanted = self.present_faults();
        change(&mut wanted)?;
        self.control.keep_faults(faults_as_text(&wanted)?).await.map_err(internal)?;
        self.faults.edit(|faults| {
            // Calls go on using faults up. Where the change does not fit what they have left, what is kept holds.
            if change(faults).is_err() {
                *faults = wanted;
            }
        });
        Ok(())
    }
}

impl ControlCall {
    /// Reads a fault and gives it its id and the time of its end.
    fn fault(&self, id: String) -> Result<Fault, ApiError> {
        let mut fault: Fault = self.json()?;
        if let Some(problem) = fault.problem() {
            return Err(ControlError::Invalid(problem.into()).into());
        }
        if let Some(name) = &fault.matcher.operation
            && !routes::table()
                .iter()
                .any(|route| route.operation.name == name && route.operation.action.is_some())
        {
            let problem = format!(
                "{name:?} is no operation of the service that can fail; those with an api in /_emulator/operations are"
            );
            return Err(ControlError::Invalid(problem.into()).into());
        }
        fault.id = id;
        fault.hits = 0;
        let now = self.state()?.control.clock().0;
        fault.expires_at = fault.ttl.map(|ttl| now.saturating_add(ttl.0));
        Ok(fault)
    }
}

/// `GET /_emulator/faults`: the faults that are not over.
pub(in crate::http) async fn list(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| Ok(json(&FaultsView { faults: call.state()?.present_faults() })))
        .await
}

/// `POST /_emulator/faults`: makes a fault.
pub(in crate::http) async fn create(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let state = call.state()?;
        let fault = call.fault(state.control.new_id())?;
        let now = state.control.clock().0;
        let add = |faults: &mut Vec<Fault>| {
            faults.retain(|fault| !fault.is_over(now));
            if faults.len() >= MOST_FAULTS {
                return Err(ControlError::TooMany("faults"));
            }
            faults.push(fault.clone());
            Ok(())
        };
        state.change_faults(add).await?;
        Ok(json(&fault))
    })
    .await
}

/// `DELETE /_emulator/faults`: removes all faults.
pub(in crate::http) async fn clear(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let clear = |faults: &mut Vec<Fault>| {
            faults.clear();
            Ok(())
        };
        call.state()?.change_faults(clear).await?;
        Ok(json(&FaultsView { faults: Vec::new() }))
    })
    .await
}

fn position(faults: &[Fault], id: &str) -> Result<usize, ControlError> {
    faults.iter().position(|fault| fault.id == id).ok_or(ControlError::NotFound("fault"))
}

/// `GET /_emulator/faults/{fault_id}`: one fault.
pub(in crate::http) async fn show(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let faults = call.state()?.present_faults();
        let position = position(&faults, call.path_part("fault_id"))?;
        Ok(json(&faults[position]))
    })
    .await
}

/// `PATCH /_emulator/faults/{fault_id}`: puts another fault in the place of one, under the same id.
pub(in crate::http) async fn change(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let id = call.path_part("fault_id");
        let fault = call.fault(id.to_owned())?;
        let replace = |faults: &mut Vec<Fault>| {
            let position = position(faults, id)?;
            faults[position] = fault.clone();
            Ok(())
        };
        call.state()?.change_faults(replace).await?;
        Ok(json(&fault))
    })
    .await
}

/// `DELETE /_emulator/faults/{fault_id}`: removes a fault.
pub(in crate::http) async fn remove(request: HttpRequest, body: Bytes) -> Result<HttpResponse, ApiError> {
    controlled(request, body, async |call| {
        let state = call.state()?;
        let remove = |faults: &mut Vec<Fault>| {
            faults.remove(position(faults, call.path_part("fault_id"))?);
            Ok(())
        };
        state.change_faults(remove).await?;
        Ok(json(&FaultsView { faults: state.present_faults() }))
    })
    .await
}
