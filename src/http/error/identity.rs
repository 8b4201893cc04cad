//! How the identity service refuses.
//!
//! Source: docs/contract/networks.md, section 7.6; docs/contract/clients-and-identity.md, section 7.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use serde::Serialize;

use crate::domain::refusal::Refusal;
use crate::engine::ApiVersion;
use crate::http::error::ApiError;
use crate::http::error::gateway::AuthenticationError;

#[derive(Serialize)]
struct IdentityBody<'a> {
    error: IdentityError<'a>,
}

#[derive(Serialize)]
struct IdentityError<'a> {
    code: u16,
    title: &'a str,
    message: &'a str,
}

/// A bad request as the paths below `/v3.0` show it.
#[derive(Serialize)]
struct IamBody<'a> {
    error_code: &'static str,
    error_msg: &'a str,
}

/// Returns the answer to an error on a path of the identity service; `is_iam` if that is below `/v3.0`.
pub(in crate::http) fn render(error: &ApiError, is_iam: bool) -> HttpResponse {
    let code = error.code(ApiVersion::V2);
    let mut status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text;
    let message = match error {
        ApiError::Unauthenticated(AuthenticationError::Nobody) => {
            "The request you have made requires authentication."
        }
        ApiError::Unauthenticated(AuthenticationError::Token) => "The X-Auth-Token is invalid!",
        // Also for a scope in which the user has no role: nobody learns which projects there are.
        ApiError::Refused(Refusal::InvalidCredentials) => "The username or password is wrong.",
        ApiError::Refused(Refusal::AgencyNotFound) => "Could not find the agency or its domain.",
        ApiError::Refused(Refusal::EmptyBody | Refusal::InvalidBody) if is_iam => "Request body is invalid.",
        ApiError::NotFound { what } => {
            text = format!("Could not find {what}.");
            &text
        }
        ApiError::Control(error) => {
            let (code, _, message) = error.parts();
            status = StatusCode::from_u16(code).unwrap_or(status);
            text = message.into_owned();
            &text
        }
        _ => {
            text = error.fill(code.text).into_owned();
            &text
        }
    };
    if is_iam && status == StatusCode::BAD_REQUEST {
        return HttpResponse::BadRequest().json(IamBody { error_code: "IAM.0011", error_msg: message });
    }
    let title = status.canonical_reason().unwrap_or("Error");
    let mut response = HttpResponse::build(status);
    if let ApiError::MethodNotAllowed { allowed } = error {
        response.insert_header((header::ALLOW, allowed.as_str()));
    }
    response.json(IdentityBody { error: IdentityError { code: status.as_u16(), title, message } })
}
