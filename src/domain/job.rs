//! Jobs: what an answer names when the work it began is to be asked after.
//!
//! Source: wire contract v2, section 2.17.

use crate::domain::id::JobId;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Changes configuration parameters.
    Configure,
    /// Sets who may connect.
    SetWhitelist,
    /// Switches encryption.
    SwitchEncryption,
}

impl JobKind {
    /// Returns the word that the API shows.
    ///
    /// The pages name two of them only; the others are in their manner.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configure => "modifyConfigJob",
            Self::SetWhitelist => "modifyWhitelistJob",
            Self::SwitchEncryption => "modifySslJob",
        }
    }
}

/// A job that is about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
}
