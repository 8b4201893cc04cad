//! From a refusal to status, code and body: the only place that knows all three.
//!
//! Rules: public text and logged text are different strings; the body of a 5xx never carries a cause. Which version of
//! the API asked decides the shape of the body, so an error is rendered where the path is known (`answer`).

pub(super) mod codes;
pub(super) mod control;
mod enterprise_projects;
pub(super) mod gateway;
pub(super) mod identity;
pub(super) mod networks;
mod refusals;

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::fault::InjectedError;
use crate::domain::refusal::Refusal;
use crate::engine::{ApiVersion, EngineError};
use crate::http::error::codes::{self as code, ErrorCode};
use crate::http::error::control::ControlError;
use crate::http::error::gateway::AuthenticationError;
use crate::http::error::refusals::refusal_code;
use crate::http::extract::EMULATOR_ID;

/// Seconds after which a client may try again that met a full queue, or a database that another process keeps locked.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// What handlers return.
pub(super) type Response = Result<HttpResponse, ApiError>;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// The service refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The credentials of the caller are refused.
    #[error("credentials refused: {0:?}")]
    Unauthenticated(AuthenticationError),
    /// There is no such path.
    #[error("unknown route")]
    UnknownRoute,
    /// The path does not take that method.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// The methods it takes, separated by commas.
        allowed: String,
    },
    /// The body is longer than it may be.
    #[error("request body too large")]
    BodyTooLarge,
    /// The body did not arrive in time.
    #[error("request body too slow")]
    BodyTooSlow,
    /// Too much is waiting, or another process keeps the database locked.
    #[error("too many changes are waiting, or the database is locked")]
    Unavailable,
    /// The operation failed inside.
    #[error("operation failed")]
    Failed {
        /// The code that the operation answers with.
        code: &'static ErrorCode,
        /// What went wrong.
        #[source]
        source: EngineError,
    },
    /// A download link has expired.
    #[error("link expired")]
    LinkExpired,
    /// A download link was not made here, or has been changed.
    #[error("link refused")]
    LinkRefused,
    /// The file behind a download link is gone.
    #[error("linked file gone")]
    LinkedFileGone,
    /// Identity does not know what is asked for.
    #[error("{what} not found")]
    NotFound {
        /// What it is.
        what: &'static str,
    },
    /// A parameter of the query must be there and is not.
    #[error("query parameter {name} is missing")]
    MissingQuery {
        /// Its name.
        name: &'static str,
    },
    /// The control API refuses.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A fault that a test asked for.
    #[error("injected fault")]
    Injected(InjectedError),
    /// The connection is to be cut, as a test asked for.
    #[error("cut connection")]
    Cut,
    /// A handler panicked.
    #[error("a handler panicked")]
    Panicked,
}

/// Results of the engine, whose failures are answered with a code of the operation.
pub(super) trait OrFail<T> {
    /// Answers a failure inside with `code`, and refusals as what they are.
    ///
    /// # Errors
    /// That of the result.
    fn or_fail(self, code: &'static ErrorCode) -> Result<T, ApiError>;
}

impl<T> OrFail<T> for Result<T, EngineError> {
    fn or_fail(self, code: &'static ErrorCode) -> Result<T, ApiError> {
        self.map_err(ApiError::failing_with(code))
    }
}

impl ApiError {
    /// Returns a function that answers a failure inside with `code`, and refusals as what they are.
    pub(super) fn failing_with(code: &'static ErrorCode) -> impl Fn(EngineError) -> Self {
        move |error| match error {
            EngineError::Refused(refusal) => Self::Refused(refusal),
            EngineError::Unavailable => Self::Unavailable,
            EngineError::Internal(_) | EngineError::Unstorable(_) => Self::Failed { code, source: error },
        }
    }

    pub(super) fn code(&self, api: ApiVersion) -> &'static ErrorCode {
        match self {
            Self::Refused(refusal) => refusal_code(refusal, api),
            Self::Unauthenticated(denial) => refusal_code(&denial.refusal(), api),
            Self::UnknownRoute | Self::NotFound { .. } => &code::UNKNOWN_ROUTE,
            Self::MethodNotAllowed { .. } => &code::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => &code::BODY_TOO_LARGE,
            Self::BodyTooSlow => &code::BODY_TOO_SLOW,
            Self::Unavailable => &code::UNAVAILABLE,
            Self::Failed { code, .. } => code,
            Self::MissingQuery { .. } => &code::INVALID_QUERY,
            Self::LinkExpired => &code::LINK_EXPIRED,
            Self::LinkRefused => &code::LINK_REFUSED,
            Self::LinkedFileGone => &code::LINKED_FILE_GONE,
            // These two have words of their own; where only a code of the service will do, this is it.
            Self::Control(_) | Self::Injected(_) | Self::Cut | Self::Panicked => &code::INTERNAL,
        }
    }

    /// Returns the code that the answer carries.
    pub(super) fn public_code(&self, api: ApiVersion) -> String {
        match self {
            Self::Control(error) => error.parts().1.to_owned(),
            Self::Injected(error) => {
                error.error_code.clone().unwrap_or_else(|| code::INTERNAL.dcs.to_owned())
            }
            _ => self.code(api).dcs.to_owned(),
        }
    }

    /// Puts the name of the parameter that the error is about into a public text.
    pub(super) fn fill(&self, text: &'static str) -> Cow<'static, str> {
        match self {
            Self::Refused(
                Refusal::InvalidQuery { name }
                | Refusal::InvalidParameter { name }
                | Refusal::ActionDenied { action: name }
                | Refusal::UnsupportedAlgorithm { name },
            )
            | Self::Unauthenticated(AuthenticationError::Algorithm { name })
            | Self::MissingQuery { name } => Cow::Owned(text.replace("{0}", name)),
            Self::Refused(Refusal::InvalidConfiguration { name }) => Cow::Owned(text.replace("{0}", name)),
            Self::Refused(Refusal::IdTaken) => Cow::Owned(text.replace("{0}", EMULATOR_ID)),
            _ => Cow::Borrowed(text),
        }
    }

    /// Returns the answer, in the shape that the version of the API has.
    pub(super) fn render(&self, api: ApiVersion, style: ErrorStyle) -> HttpResponse {
        match self {
            Self::Control(error) => {
                let (status, code, text) = error.parts();
                return worded(status, code, &text);
            }
            Self::Injected(error) => return injected(error, api, style),
            Self::Cut => return cut(),
            _ => {}
        }
        let code = self.code(api);
        let fill = |text| self.fill(text);
        let status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        match self {
            Self::Unavailable => {
                response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
            }
            Self::MethodNotAllowed { allowed } => {
                response.insert_header((header::ALLOW, allowed.as_str()));
            }
            _ => {}
        }
        let (legacy_code, legacy_text) = style.of_v1(code);
        let words = Words {
            status,
            code: code.dcs,
            text: fill(code.text),
            v1_code: &legacy_code,
            v1_text: fill(legacy_text),
        };
        words.answer(&mut response, api, style)
    }
}

/// What an error says, as each version has it.
struct Words<'a> {
    status: StatusCode,
    code: &'a str,
    text: Cow<'a, str>,
    v1_code: &'a str,
    v1_text: Cow<'a, str>,
}

impl Words<'_> {
    /// Puts them into the body that the version has.
    fn answer(self, response: &mut HttpResponseBuilder, api: ApiVersion, style: ErrorStyle) -> HttpResponse {
        match api {
            ApiVersion::V1 => response.json(V1Body {
                error: V1Error { code: self.v1_code, message: &self.v1_text },
                error_code: style.add_v2_fields.then_some(self.code),
                error_msg: style.add_v2_fields.then_some(self.text),
                ext_message: style.add_v2_fields.then_some(Nothing),
            }),
            ApiVersion::V2 => response.json(V2Body {
                error_code: self.code,
                error_msg: &self.text,
                error_ext_msg: None,
                encoded_authorization_message: (self.status == StatusCode::FORBIDDEN)
                    .then(|| hex::encode(self.text.as_bytes())),
            }),
        }
    }
}

/// Returns the answer that a fault asks for, as the version would have it: its text follows from its code unless the fault says another
/// one, and what is only for the moment may be tried again.
fn injected(error: &InjectedError, api: ApiVersion, style: ErrorStyle) -> HttpResponse {
    let InjectedError { status, error_code, message } = error;
    let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
    }
    let given = error_code.as_deref().unwrap_or(code::INTERNAL.dcs);
    let known = code::find(given);
    let (v1_code, v1_text) =
        known.as_ref().map_or_else(|| (given.to_owned(), INJECTED), |code| style.of_v1(code));
    let text = |usual| Cow::Borrowed(message.as_deref().unwrap_or(usual));
    let words = Words {
        status,
        code: known.as_ref().map_or(given, |code| code.dcs),
        text: text(known.as_ref().map_or(INJECTED, |code| code.text)),
        v1_code: &v1_code,
        v1_text: text(v1_text),
    };
    words.answer(&mut response, api, style)
}

/// The text of an error that a test asked for with a code that the service does not have.
const INJECTED: &str = "A fault that was asked for.";

/// Returns an answer with its own code and text, in the shape that every client of either version reads.
fn worded(status: u16, code: &str, text: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).json(V1Body {
        error: V1Error { code, message: text },
        error_code: Some(code),
        error_msg: Some(Cow::Borrowed(text)),
        ext_message: None,
    })
}

/// Returns an answer whose body breaks off at once, with which the connection is closed.
fn cut() -> HttpResponse {
    let broken =
        futures_util::stream::once(async { Err::<actix_web::web::Bytes, _>(std::io::Error::other("cut")) });
    HttpResponse::InternalServerError().force_close().streaming(broken)
}

/// How v1.0 writes errors. Settings `errors.code_style` and `errors.add_v2_fields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorStyle {
    /// Which family of codes the `error` object carries.
    pub codes: CodeStyle,
    /// Whether the body carries `error_code` and `error_msg` beside the `error` object.
    pub add_v2_fields: bool,
}

impl ErrorStyle {
    /// Returns code and text of the `error` object.
    fn of_v1(self, code: &ErrorCode) -> (String, &'static str) {
        match self.codes {
            CodeStyle::Legacy => code.legacy(),
            CodeStyle::Dcs => (code.dcs.to_owned(), code.text),
        }
    }
}

/// A family of error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeStyle {
    /// `111400096`.
    Legacy,
    /// `DCS.4096`.
    Dcs,
}

/// An error as v1.0 and the control API show it.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct V1Body<'a> {
    error: V1Error<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_msg: Option<Cow<'a, str>>,
    /// More about the error; the emulator has nothing to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    ext_message: Option<Nothing>,
}

/// A member that is there and null.
#[derive(Serialize)]
struct Nothing;

#[derive(Serialize, ToSchema)]
#[schema(as = ErrorInside)]
pub(super) struct V1Error<'a> {
    code: &'a str,
    message: &'a str,
}

/// An error as v2 shows it.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorOfV2)]
pub(super) struct V2Body<'a> {
    error_code: &'a str,
    error_msg: &'a str,
    /// More about the error; the emulator has nothing to add.
    error_ext_msg: Option<&'static str>,
    /// Only of a refused authorization: `error_msg` in hexadecimal, in place of what the service encodes. Source: docs/decisions/README.md
    /// no. 40.
    #[serde(skip_serializing_if = "Option::is_none")]
    encoded_authorization_message: Option<String>,
}

/// Only a carrier: `answer` renders the error again where it knows who asked.
impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}
