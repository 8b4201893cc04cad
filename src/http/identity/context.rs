//! Requests to the identity service: their caller, and parts of answers.

use std::fmt::Display;

use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::domain::identity::{Domain, User};
use crate::engine::EngineError;
use crate::engine::identity::{Identity, Principal};
use crate::http::auth::{Caller, Credentials, credentials};
use crate::http::error::gateway::AuthenticationError;
use crate::http::error::{ApiError, codes};
use crate::http::state::{BaseUrl, state};

/// A domain, as it is named within other things.
#[derive(Serialize)]
pub(super) struct DomainRef {
    id: String,
    name: String,
}

impl DomainRef {
    pub(super) fn of(domain: &Domain) -> Self {
        Self { id: domain.id.to_string(), name: domain.name.clone() }
    }
}

/// Where a thing stands.
#[derive(Serialize)]
pub(super) struct SelfLink {
    #[serde(rename = "self")]
    own: String,
}

impl SelfLink {
    /// Makes the link to a thing in a list of the service, such as `projects`.
    pub(super) fn to(base_url: &str, list: &str, id: impl Display) -> Self {
        Self { own: format!("{base_url}/v3/{list}/{id}") }
    }
}

/// Where a list stands; it is never cut into pages.
#[derive(Serialize)]
pub(super) struct ListLinks {
    #[serde(rename = "self")]
    own: String,
    next: Option<String>,
    previous: Option<String>,
}

impl ListLinks {
    pub(super) fn of(base_url: &str, path: &str) -> Self {
        Self { own: format!("{base_url}{path}"), next: None, previous: None }
    }
}

/// What every call but logins and version documents knows: identity, the caller's user, and where it reached the server.
pub(super) struct IdentityContext {
    pub(super) identity: Identity,
    pub(super) caller: Caller,
    pub(super) user: User,
    pub(super) base_url: BaseUrl,
}

impl IdentityContext {
    /// Learns who calls: whatever the mode, identity answers only those with good credentials.
    pub(super) async fn receive(request: &HttpRequest, body: &Bytes) -> Result<Self, ApiError> {
        let state = state(request)?;
        let identity = state.identity.clone();
        match credentials(request, &identity).await? {
            Credentials::Ours(authentication) => {
                let caller = authentication.verify(request, body, &identity)?;
                let user =
                    caller.user().cloned().ok_or(ApiError::Unauthenticated(AuthenticationError::Nobody))?;
                Ok(Self { base_url: state.base_url(request), identity, caller, user })
            }
            Credentials::NotOurs(denial) => Err(ApiError::Unauthenticated(denial)),
        }
    }

    /// Returns the caller as somebody who asks for other credentials.
    pub(super) fn holder(&self) -> Result<Principal, ApiError> {
        self.caller.holder().ok_or(ApiError::Unauthenticated(AuthenticationError::Nobody))
    }

    /// Returns the account of the caller.
    pub(super) async fn account(&self) -> Result<Domain, ApiError> {
        self.identity.account(&self.user).await.map_err(internal)
    }
}

pub(super) fn internal(error: EngineError) -> ApiError {
    ApiError::failing_with(&codes::INTERNAL)(error)
}

pub(super) fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}
