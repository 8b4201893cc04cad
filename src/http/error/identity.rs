//! Errors in the shape of the identity service.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::domain::refusal::Refusal;
use crate::engine::ApiVersion;
use crate::http::error::ApiError;

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: u16,
    title: &'a str,
    message: &'a str,
}

/// Returns the answer to an error on a path of the identity service.
pub(in crate::http) fn render(error: &ApiError) -> HttpResponse {
    let code = error.code(ApiVersion::V2);
    let mut status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text;
    let message = match error {
        // Also for a scope in which the user has no role: nobody learns which projects there are.
        ApiError::Refused(Refusal::InvalidCredentials) => "The username or password is wrong.",
        ApiError::Refused(Refusal::NoCredentials) => "The request you have made requires authentication.",
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
    let title = status.canonical_reason().unwrap_or("Error");
    HttpResponse::build(status).json(Body { error: Inner { code: status.as_u16(), title, message } })
}
