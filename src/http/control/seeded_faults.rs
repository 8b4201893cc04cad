//! Faults in seeds, and in the form in which they are kept.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::http::control::faults::{Fault, MOST_FAULTS};
use crate::http::error::control::ControlError;

/// Writes faults as they are kept.
pub(in crate::http) fn faults_as_text(faults: &[Fault]) -> Result<String, ControlError> {
    serde_json::to_string(faults)
        .map_err(|_| ControlError::Invalid("the fault cannot be written as JSON".into()))
}

/// Checks a fault of a seed and gives it its usual form.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn form(fault: Value) -> Result<Value, String> {
    let mut fault: Fault = serde_json::from_value(fault).map_err(|error| error.to_string())?;
    if let Some(problem) = fault.problem() {
        return Err(problem.to_owned());
    }
    if fault.ttl.is_some() && fault.expires_at.is_none() {
        return Err("ttl needs expires_at in a seed".to_owned());
    }
    if fault.id.is_empty() {
        // The same fault is the same when the seed is applied again.
        let text = serde_json::to_string(&fault).map_err(|error| error.to_string())?;
        fault.id = hex::encode(&Sha256::digest(text.as_bytes())[..16]);
    }
    serde_json::to_value(fault).map_err(|error| error.to_string())
}

/// Reads faults in their usual form.
pub(in crate::http) fn read(faults: &[Value]) -> Result<Vec<Fault>, ControlError> {
    let read = |fault: &Value| serde_json::from_value(fault.clone());
    let faults: Result<Vec<Fault>, _> = faults.iter().map(read).collect();
    faults.map_err(|error| ControlError::Invalid(error.to_string().into()))
}

/// Adds faults that are not there; those that are stay as they are, or give way. What would be too many is left out.
pub(in crate::http) fn merge(faults: &mut Vec<Fault>, seeded: &[Fault], overwrite: bool) {
    if overwrite {
        faults.retain(|fault| seeded.iter().all(|seeded| seeded.id != fault.id));
    }
    for seeded in seeded {
        if faults.len() < MOST_FAULTS && faults.iter().all(|fault| fault.id != seeded.id) {
            faults.push(seeded.clone());
        }
    }
}

/// Adds the faults of the seeds of the start to those that were kept, as text; returns the text only if any are added.
///
/// # Errors
/// If the faults that were kept cannot be read.
pub fn at_start(kept: Option<&str>, seeded: &[Value]) -> Result<Option<String>, serde_json::Error> {
    if seeded.is_empty() {
        return Ok(None);
    }
    let mut faults: Vec<Fault> = serde_json::from_str(kept.unwrap_or("[]"))?;
    let seeded: Result<Vec<Fault>, _> =
        seeded.iter().map(|fault| serde_json::from_value(fault.clone())).collect();
    merge(&mut faults, &seeded?, false);
    serde_json::to_string(&faults).map(Some)
}
