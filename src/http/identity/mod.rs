//! The identity service that clients ask before their first call: versions, tokens, the catalogue, projects, domains, users.
//!
//! Source: docs/contract/clients-and-identity.md, section 7.

pub(super) mod catalog;
pub(super) mod projects;
pub(super) mod tokens;
pub(super) mod versions;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::domain::identity::{Domain, User};
use crate::domain::refusal::Refusal;
use crate::engine::EngineError;
use crate::engine::identity::Identity;
use crate::http::auth::{Caller, Credentials, credentials};
use crate::http::context::state;
use crate::http::error::ApiError;
use crate::http::error::codes;
use crate::http::identity::tokens::LoginBody;
use crate::http::openapi::describe::{Family, describe};
use crate::http::operation;

/// Describes the operations.
pub(super) fn family() -> Family {
    const JSON: &str = "application/json";
    Family {
        name: "Identity",
        about: "What clients ask before their first call.",
        operations: vec![
            describe(&operation::SHOW_IDENTITY_VERSION, "Shows the version").answers_any(200, JSON),
            describe(&operation::SHOW_IDENTITY_VERSION, "Shows the versions").at("/").answers_any(300, JSON),
            describe(&operation::CREATE_TOKEN, "Logs in; the token is in `X-Subject-Token`")
                .takes::<LoginBody>()
                .answers_any(201, JSON),
            describe(&operation::SHOW_TOKEN, "Shows the token in `X-Subject-Token`").answers_any(200, JSON),
            describe(&operation::SHOW_CATALOG, "Shows the catalogue of services").answers_any(200, JSON),
            describe(&operation::LIST_PROJECTS, "Lists the projects of the caller").answers_any(200, JSON),
            describe(&operation::SHOW_PROJECT, "Shows a project").answers_any(200, JSON),
            describe(&operation::LIST_DOMAINS, "Lists the domains of the caller").answers_any(200, JSON),
            describe(&operation::LIST_USERS, "Lists users").answers_any(200, JSON),
        ],
    }
}

/// A domain, as it is named within other things.
#[derive(Serialize)]
struct DomainRef {
    id: String,
    name: String,
}

impl DomainRef {
    fn of(domain: &Domain) -> Self {
        Self { id: domain.id.to_string(), name: domain.name.clone() }
    }
}

/// Where a list stands; it is never cut into pages.
#[derive(Serialize)]
struct ListLinks {
    #[serde(rename = "self")]
    own: String,
    next: Option<String>,
    previous: Option<String>,
}

impl ListLinks {
    fn of(base_url: &str, path: &str) -> Self {
        Self { own: format!("{base_url}{path}"), next: None, previous: None }
    }
}

/// What every call but logins and version documents knows: identity, the caller's user, and where it reached the server.
struct IdentityCall {
    identity: Identity,
    caller: Caller,
    user: User,
    base_url: String,
}

impl IdentityCall {
    /// Learns who calls: whatever the mode, identity answers only those with good credentials.
    async fn receive(request: &HttpRequest, body: &Bytes) -> Result<Self, ApiError> {
        let state = state(request)?;
        let identity = state.identity.clone();
        match credentials(request, &identity).await? {
            Credentials::Ours(claim) => {
                let caller = claim.confirm(request, body, &identity)?;
                let user = caller.user().cloned().ok_or(Refusal::NoCredentials)?;
                Ok(Self { base_url: state.base_url(request), identity, caller, user })
            }
            Credentials::None => Err(Refusal::NoCredentials.into()),
            Credentials::Unknown => Err(Refusal::InvalidCredentials.into()),
        }
    }
}

fn internal(error: EngineError) -> ApiError {
    ApiError::failing_with(&codes::INTERNAL)(error)
}

fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}
