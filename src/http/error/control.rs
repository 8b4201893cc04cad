//! The codes of the control API's own errors, in the shape of the service's.

use std::borrow::Cow;

/// The code for a caller that `origin_check` refuses.
const FOREIGN: &str = "EMU.4031";
const FOREIGN_ORIGIN: &str = "The control API is not for web pages of other origins; the setting control.allowed_hosts (--control-allowed-hosts) \
                              names hosts whose pages may use it.";
const FOREIGN_HOST: &str = "Neither the control API nor browsers are served by this host name; the setting control.allowed_hosts \
                            (--control-allowed-hosts) names those by which they are. Addresses and names without a dot need not be named.";

/// Why the control API refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ControlError {
    /// The body cannot be used; it is said why.
    #[error("bad request: {0}")]
    Invalid(Cow<'static, str>),
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The control token is missing or wrong.
    #[error("wrong control token")]
    Forbidden,
    /// The control API is switched off, and what goes with it.
    #[error("the control API is off")]
    Off,
    /// A page of another origin asks.
    #[error("a page of another origin asks")]
    ForeignOrigin,
    /// The request is for a host name that somebody else may have pointed here.
    #[error("a host name that is not allowed")]
    ForeignHost,
    /// It cannot be used; it is said why.
    #[error("unusable: {0}")]
    Unusable(String),
    /// There are as many of them as there may be.
    #[error("too many {0}")]
    TooMany(&'static str),
}

impl ControlError {
    /// Returns status, code and public text.
    pub(crate) fn parts(&self) -> (u16, &'static str, Cow<'_, str>) {
        match self {
            Self::Invalid(problem) => (400, "EMU.4000", Cow::Borrowed(problem)),
            Self::Forbidden => (
                401,
                "EMU.4010",
                Cow::Borrowed("The control token is missing or wrong; send it as X-Emulator-Token."),
            ),
            Self::Off => (
                403,
                "EMU.4030",
                Cow::Borrowed("The control API is switched off, and the header X-Emulator-Id goes with it."),
            ),
            Self::ForeignOrigin => (403, FOREIGN, Cow::Borrowed(FOREIGN_ORIGIN)),
            Self::ForeignHost => (403, FOREIGN, Cow::Borrowed(FOREIGN_HOST)),
            Self::NotFound(what) => (404, "EMU.4040", Cow::Owned(format!("There is no such {what}."))),
            Self::Unusable(reason) => {
                (409, "EMU.4091", Cow::Owned(format!("The snapshot cannot be used: {reason}.")))
            }
            Self::TooMany(what) => (409, "EMU.4090", Cow::Owned(format!("There are too many {what}."))),
        }
    }
}
