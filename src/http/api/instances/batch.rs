//! Calls about several instances at once: which ones, and what became of each.
//!
//! Source: docs/contract/dcs-v1.0.md, sections 2.12 and 2.15; docs/contract/dcs-v2.md, sections 2.3 and 2.4.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::InstanceId;
use crate::domain::refusal::Refusal;
use crate::engine::EngineError;
use crate::http::error::ApiError;
use crate::http::error::codes;

/// The most instances a call may name.
const MOST_INSTANCES: usize = 50;

/// Reads the ids that a body names.
///
/// # Errors
/// `NoInstances`, `TooManyInstances`, `InvalidInstanceId` if any of them is malformed; in this order.
pub(in crate::http) fn instance_ids(named: Option<&[String]>) -> Result<Vec<InstanceId>, Refusal> {
    let named = named.filter(|named| !named.is_empty()).ok_or(Refusal::NoInstances)?;
    if named.len() > MOST_INSTANCES {
        return Err(Refusal::TooManyInstances);
    }
    named.iter().map(|id| id.parse().map_err(|_| Refusal::InvalidInstanceId)).collect()
}

/// What became of each instance, in the order in which they were named.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct BatchView {
    results: Vec<ResultView>,
}

#[derive(Serialize, ToSchema)]
struct ResultView {
    instance: String,
    result: &'static str,
}

impl BatchView {
    /// Shows results; a refusal is a result, any other failure ends the call.
    ///
    /// # Errors
    /// `Unavailable`, `Failed`.
    pub(in crate::http) fn new(
        ids: &[InstanceId],
        results: Vec<Result<(), EngineError>>,
    ) -> Result<Self, ApiError> {
        let results = ids.iter().zip(results).map(|(id, result)| {
            let result = match result {
                Ok(()) => "success",
                Err(EngineError::Refused(_)) => "failed",
                Err(error) => return Err(ApiError::failing_with(&codes::INTERNAL)(error)),
            };
            Ok(ResultView { instance: id.to_string(), result })
        });
        Ok(Self { results: results.collect::<Result<_, _>>()? })
    }

    /// Shows that everything was done to these instances.
    pub(in crate::http) fn all_done(ids: &[InstanceId]) -> Self {
        let results = ids.iter().map(|id| ResultView { instance: id.to_string(), result: "success" });
        Self { results: results.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_one_to_fifty_instances() {
        let id = "5560df16-cebf-4473-95c4-d1b573c16e79".to_owned();
        let read = |named: &[String]| instance_ids(Some(named)).map(|ids| ids.len());
        assert_eq!(instance_ids(None), Err(Refusal::NoInstances));
        assert_eq!(read(&[]), Err(Refusal::NoInstances));
        assert_eq!(read(&vec![id.clone(); 50]), Ok(50));
        assert_eq!(read(&vec!["x".to_owned(); 51]), Err(Refusal::TooManyInstances));
        assert_eq!(read(&[id, "x".to_owned()]), Err(Refusal::InvalidInstanceId));
    }
}
