//! Why a use case did not come to its end.

use crate::domain::refusal::Refusal;
use crate::store::StoreError;

/// Why a use case did not come to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The service refuses.
    #[error(transparent)]
    Refused(Refusal),
    /// Too much is waiting; nothing was changed and the caller may try again.
    #[error("too many changes are waiting")]
    Unavailable,
    /// The schema does not take what a seed wants to be stored; nothing was changed.
    #[error("the seed cannot be stored: {0}")]
    Unstorable(String),
    /// Something is wrong with the service itself.
    #[error("internal error")]
    Internal(#[source] StoreError),
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self::Refused(refusal),
            StoreError::Busy => Self::Unavailable,
            StoreError::Unstorable { what } => Self::Unstorable(what),
            StoreError::OutcomeUnknown { .. }
            | StoreError::Failed { .. }
            | StoreError::Inconsistent { .. }
            | StoreError::Closed => Self::Internal(error),
        }
    }
}

impl From<Refusal> for EngineError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
