//! Who is behind a call, by which version of the API, and in which request.

use std::fmt;

use crate::domain::id::RequestId;

/// The version of the API that a request speaks. Both are faces of one service; a few rules differ on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiVersion {
    /// `/v1.0`.
    V1,
    /// `/v2`.
    V2,
}

impl ApiVersion {
    /// Returns its word: the first part of its paths, which faults and the journal use, too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::V2 => "v2",
        }
    }

    /// Returns the version that a word stands for, in either case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|api| api.as_str().eq_ignore_ascii_case(word))
    }
}

/// Who is behind a change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A caller who gave no credentials, or whose credentials nobody looked at.
    Anonymous,
    /// A user, by name, who came with a token.
    User(String),
    /// An access key, whose owner signed the request.
    AccessKey(String),
    /// A seed document.
    Seed,
    /// The service itself: a planned change that came due.
    System,
}

/// What stands in front of a user's name.
const USER: &str = "user:";
/// What stands in front of an access key.
const ACCESS_KEY: &str = "key:";

impl Actor {
    /// Returns the actor that is displayed as `text`, if any.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "anonymous" => Some(Self::Anonymous),
            "seed" => Some(Self::Seed),
            "system" => Some(Self::System),
            _ => match (text.strip_prefix(USER), text.strip_prefix(ACCESS_KEY)) {
                (Some(name), _) => Some(Self::User(name.to_owned())),
                (None, Some(access)) => Some(Self::AccessKey(access.to_owned())),
                (None, None) => None,
            },
        }
    }
}

impl fmt::Display for Actor {
    /// Writes the actor as the audit names it; never a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::User(name) => write!(formatter, "{USER}{name}"),
            Self::AccessKey(access) => write!(formatter, "{ACCESS_KEY}{access}"),
            Self::Seed => formatter.write_str("seed"),
            Self::System => formatter.write_str("system"),
        }
    }
}

/// Where a change comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who is behind it.
    pub actor: Actor,
    /// The request it came with; none for seeds and due changes.
    pub request_id: Option<RequestId>,
}

impl Origin {
    /// The origin of what somebody asks for who gives no name, and not by a request.
    pub const ANONYMOUS: Self = Self { actor: Actor::Anonymous, request_id: None };
    /// The origin of planned changes that came due.
    pub const SYSTEM: Self = Self { actor: Actor::System, request_id: None };
    /// The origin of what a seed document brings.
    pub const SEED: Self = Self { actor: Actor::Seed, request_id: None };
}
