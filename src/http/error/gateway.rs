//! How the gateway in front of the cloud refuses what does not get as far as the service.
//!
//! Source: docs/contract/networks.md, section 10.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::SERVER;
use serde::Serialize;

use crate::domain::id::RequestId;
use crate::domain::refusal::Refusal;
use crate::http::error::ApiError;

/// Why credentials are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) enum AuthenticationError {
    /// There are none.
    Nobody,
    /// Nobody was ever given the token.
    Token,
    /// The time of the token is over.
    ExpiredToken,
    /// Nobody was ever given the key.
    Key {
        /// As the request names it.
        access: String,
    },
    /// The signature is of an algorithm that is not emulated.
    Algorithm {
        /// Its name.
        name: &'static str,
    },
    /// A temporary key comes without its security token, or its time is over.
    Session(Refusal),
    /// The signature is not that of the request.
    Signature,
}

/// How much of the name of a key is repeated, in characters.
const MAX_ACCESS: usize = 64;

impl AuthenticationError {
    /// Returns it as the service refuses.
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Nobody => Refusal::NoCredentials,
            Self::Token | Self::Key { .. } | Self::Signature => Refusal::InvalidCredentials,
            Self::ExpiredToken => Refusal::CredentialsExpired,
            Self::Algorithm { name } => Refusal::UnsupportedAlgorithm { name },
            Self::Session(refusal) => refusal.clone(),
        }
    }

    /// Returns what the gateway says of it.
    fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::Token => "decrypt token fail".into(),
            Self::Key { access } => {
                let access: String = access.chars().take(MAX_ACCESS).collect();
                format!("ak {access} not exist").into()
            }
            Self::Signature => "verify aksk signature fail".into(),
            Self::Nobody | Self::ExpiredToken | Self::Algorithm { .. } | Self::Session(_) => {
                "Unauthorized".into()
            }
        }
    }

    /// Returns whether it is about a signature, which the gateway looks at for every service behind it.
    pub(in crate::http) fn is_of_signature(&self) -> bool {
        match self {
            Self::Nobody | Self::Token | Self::ExpiredToken => false,
            Self::Key { .. } | Self::Algorithm { .. } | Self::Session(_) | Self::Signature => true,
        }
    }
}

#[derive(Serialize)]
struct Body {
    error_msg: Cow<'static, str>,
    error_code: &'static str,
    request_id: String,
}

/// Returns the gateway's answer and its code, if it is the one that refuses.
pub(in crate::http) fn render(
    error: &ApiError,
    request_id: RequestId,
) -> Option<(HttpResponse, &'static str)> {
    let (status, error_code, error_msg) = match error {
        ApiError::Unauthenticated(denial) => {
            let detail = denial.detail();
            let text = format!("Incorrect IAM authentication information: {detail}");
            (StatusCode::UNAUTHORIZED, "APIGW.0301", text.into())
        }
        ApiError::UnknownRoute | ApiError::MethodNotAllowed { .. } => {
            let text = "The API does not exist or has not been published in the environment";
            (StatusCode::NOT_FOUND, "APIGW.0101", text.into())
        }
        _ => return None,
    };
    let body = Body { error_msg, error_code, request_id: request_id.to_string() };
    Some((HttpResponse::build(status).insert_header((SERVER, "api-gateway")).json(body), error_code))
}
