//! Jobs: what an answer names when the work it began is to be asked after.
//!
//! Source: docs/contract/dcs-v2.md, section 2.17.

use crate::domain::id::JobId;
use crate::domain::task::Course;
use crate::domain::time::Timestamp;

/// A job that has begun. It outlives its instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does, in the API's word.
    pub kind: String,
    /// Whether it waits for the window of maintenance.
    pub waits: bool,
    /// When it was begun, or asked for if it waits.
    pub begun_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// Why it failed, if it did.
    pub fail_reason: Option<String>,
}

impl Job {
    /// Returns where it is.
    pub fn course(&self) -> Course {
        match (self.ended_at, &self.fail_reason) {
            (None, _) if self.waits => Course::Waiting,
            (None, _) => Course::Running,
            (Some(_), None) => Course::Succeeded,
            (Some(_), Some(_)) => Course::Failed,
        }
    }
}
