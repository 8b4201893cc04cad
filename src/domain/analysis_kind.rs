//! What analyses of keys look for.

use serde::{Deserialize, Serialize};

/// What an analysis looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnalysisKind {
    /// Big keys.
    Big,
    /// Hot keys.
    Hot,
    /// Expired keys, which it removes.
    Expired,
    /// The keys of a backup.
    Offline,
}

impl AnalysisKind {
    /// Returns the word in which it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Big => "big",
            Self::Hot => "hot",
            Self::Expired => "expired",
            Self::Offline => "offline",
        }
    }
}
