//! Faults: make, show, change and remove them.

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::fault::{Fault, SCHEDULED};
use crate::domain::id::{InstanceId, ProjectId};
use crate::domain::time::Timestamp;
use crate::engine::{FaultDocument, MAX_FAULTS};
use crate::http::control::context::{ControlContext, internal, json, optional_id};
use crate::http::error::control::ControlError;
use crate::http::error::{ApiError, Response};
use crate::http::extract::Query;
use crate::http::route::{QueryParameter, RouteEntry, text};

pub(super) const LIMITS: &[QueryParameter] = &[
    text("project_id", "Only faults that hit this project alone."),
    text("instance_id", "Only faults that hit this instance alone."),
];

#[derive(Serialize, ToSchema)]
pub(super) struct FaultsView {
    #[schema(value_type = Vec<FaultDocument>)]
    faults: Vec<Fault>,
}

impl ControlContext {
    /// Changes the faults; what cannot be persisted changes nothing.
    async fn change_faults<T>(
        &self,
        change: impl FnOnce(&mut Vec<Fault>, Timestamp) -> Result<T, ControlError>,
    ) -> Result<T, ApiError> {
        Ok(self.engine()?.change_faults(change).await.map_err(internal)??)
    }

    /// Reads which faults are asked for: those that hit only the project or the instance that the query names; all of them
    /// if it names none.
    fn asked_for(&self) -> Result<impl Fn(&Fault) -> bool + use<>, ControlError> {
        let query = Query::parse(self.request.query_string());
        let project: Option<ProjectId> = optional_id(query.get("project_id"), "project_id")?;
        let instance: Option<InstanceId> = optional_id(query.get("instance_id"), "instance_id")?;
        Ok(move |fault: &Fault| {
            let matcher = &fault.matcher;
            (project.is_none() || matcher.project_id == project)
                && (instance.is_none() || matcher.instance_id == instance)
        })
    }
}

/// Makes sure that a fault names an operation that can fail, if any.
fn check_operation(fault: &Fault, routes: &[RouteEntry]) -> Result<(), ControlError> {
    let is_known = |name: &str| {
        SCHEDULED.contains(&name)
            || routes.iter().any(|route| route.operation.name == name && route.operation.action.is_some())
    };
    match &fault.matcher.operation {
        Some(name) if !is_known(name) => Err(ControlError::Invalid(
            format!(
                "{name:?} is no operation of the service that can fail; {} and those with an api in \
                 /_emulator/operations are",
                SCHEDULED.join(", ")
            )
            .into(),
        )),
        _ => Ok(()),
    }
}

fn invalid(error: impl Display) -> ControlError {
    ControlError::Invalid(error.to_string().into())
}

/// Returns a fault with the changes that a patch names made to it (RFC 7396). What it does not name stays: how many calls are left,
/// and when the fault ends. `ttl` and `expires_at` are two ways to say that, so that each takes the place of the other.
fn patched(
    fault: &Fault,
    patch: &Map<String, Value>,
    now: Timestamp,
    routes: &[RouteEntry],
) -> Result<Fault, ControlError> {
    let mut members = serde_json::to_value(fault).unwrap_or_default();
    merge(&mut members, patch.clone());
    let (ttl, expires_at) = (patch.get("ttl"), patch.get("expires_at"));
    let is_given = |named: Option<&Value>| named.is_some_and(|value| !value.is_null());
    if let Value::Object(members) = &mut members {
        if !is_given(expires_at) && (is_given(ttl) || (ttl.is_some() && fault.ttl.is_some())) {
            members.remove("expires_at");
        }
        if !is_given(ttl) && expires_at.is_some() {
            members.remove("ttl");
        }
    }
    let changed: Fault = serde_path_to_error::deserialize(members).map_err(invalid)?;
    check_operation(&changed, routes)?;
    let changed =
        if ttl.or(expires_at).is_some() { changed.beginning(now).map_err(invalid)? } else { changed };
    Ok(Fault { id: fault.id.clone(), hits: fault.hits, ..changed })
}

/// `GET /_emulator/faults?project_id=&instance_id=`: the faults that are not over.
pub(super) async fn list(context: ControlContext) -> Response {
    let mut faults = context.engine()?.faults();
    faults.retain(context.asked_for()?);
    Ok(json(&FaultsView { faults }))
}

/// `POST /_emulator/faults`: makes a fault.
pub(super) async fn create(context: ControlContext) -> Response {
    let fault = Fault { hits: 0, ..context.json()? };
    check_operation(&fault, context.routes()?)?;
    let id = context.engine()?.new_request_id().to_string();
    let add = |faults: &mut Vec<Fault>, now| {
        let fault = Fault { id, ..fault }.beginning(now).map_err(invalid)?;
        if faults.len() >= MAX_FAULTS {
            return Err(ControlError::TooMany("faults"));
        }
        faults.push(fault.clone());
        Ok(fault)
    };
    Ok(json(&context.change_faults(add).await?))
}

/// `DELETE /_emulator/faults?project_id=&instance_id=`: removes all faults, or those about a project or an instance; returns
/// those that are left.
pub(super) async fn clear(context: ControlContext) -> Response {
    let goes = context.asked_for()?;
    let clear = |faults: &mut Vec<Fault>, _| {
        faults.retain(|fault| !goes(fault));
        Ok(faults.clone())
    };
    Ok(json(&FaultsView { faults: context.change_faults(clear).await? }))
}

fn position(faults: &[Fault], id: &str) -> Result<usize, ControlError> {
    faults.iter().position(|fault| fault.id == id).ok_or(ControlError::NotFound("fault"))
}

/// `GET /_emulator/faults/{fault_id}`: one fault.
pub(super) async fn show(context: ControlContext) -> Response {
    let faults = context.engine()?.faults();
    let position = position(&faults, context.path_part("fault_id"))?;
    Ok(json(&faults[position]))
}

/// Makes the changes that a patch names (RFC 7396). An effect is not patched but replaced: what it was is no part of what it is.
fn merge(target: &mut Value, patch: Map<String, Value>) {
    let Value::Object(members) = target else { return };
    for (name, change) in patch {
        match change {
            Value::Null => {
                members.remove(&name);
            }
            Value::Object(patch) if name == "match" => {
                merge(members.entry(name).or_insert(Value::Null), patch);
            }
            change => {
                members.insert(name, change);
            }
        }
    }
}

/// `PATCH /_emulator/faults/{fault_id}`: changes what the body names of a fault, as the fault is then.
pub(super) async fn change(context: ControlContext) -> Response {
    let patch: Map<String, Value> = context.json()?;
    let routes = context.routes()?;
    let replace = |faults: &mut Vec<Fault>, now| {
        let position = position(faults, context.path_part("fault_id"))?;
        faults[position] = patched(&faults[position], &patch, now, routes)?;
        Ok(faults[position].clone())
    };
    Ok(json(&context.change_faults(replace).await?))
}

/// `DELETE /_emulator/faults/{fault_id}`: removes a fault.
pub(super) async fn remove(context: ControlContext) -> Response {
    let remove = |faults: &mut Vec<Fault>, _| {
        faults.remove(position(faults, context.path_part("fault_id"))?);
        Ok(faults.clone())
    };
    Ok(json(&FaultsView { faults: context.change_faults(remove).await? }))
}
